//! How the program ends: what a script asks of it.

use std::process::ExitCode;

/// With which number the program ends. The numbers are a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It is done, or what was waited for is live.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// It was asked for in a wrong way, or about what is not there.
    WrongUse = 2,
    /// ECS went back to what ran before.
    RolledBack = 3,
    /// The time was up before the end was seen.
    TimedOut = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_number_once() {
        let page = include_str!("../../docs/rack.md");
        let (_, ends) = page.split_once("\n## How it ends\n").unwrap();
        let rows = ends.split("\n## ").next().unwrap().lines();
        let rows = rows.filter_map(|row| row.strip_prefix("| ")?.split(" |").next());
        let told: Vec<u8> = rows.filter_map(|first| first.parse().ok()).collect();
        let all = [
            Exit::Done,
            Exit::Failed,
            Exit::WrongUse,
            Exit::RolledBack,
            Exit::TimedOut,
        ];
        assert_eq!(told, all.map(|exit| exit as u8));
    }
}
