//! What is told while somebody waits: to standard error, so that the answer alone is on standard output.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _, stderr};

/// A line longer than the terminal is cut, not wrapped: it is one row when it is taken back (DECAWM of the VT100).
const CUT: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// Lines about what is under way.
#[derive(Debug, Default)]
pub struct Progress {
    shown: Vec<String>,
    is_terminal: bool,
}

impl Progress {
    /// On this process's standard error.
    #[must_use]
    pub fn new() -> Self {
        let is_terminal = stderr().is_terminal();
        Self {
            shown: Vec::new(),
            is_terminal,
        }
    }

    /// Shows how it stands. On a terminal the lines replace those before; elsewhere only what is new is written.
    pub fn show(&mut self, lines: Vec<String>) {
        if lines == self.shown {
            return;
        }
        let text = self.update(&lines);
        let _ = stderr().write_all(text.as_bytes()); // whoever reads it may be gone
        self.shown = lines;
    }

    /// What brings the lines before to `lines`.
    fn update(&self, lines: &[String]) -> String {
        if !self.is_terminal {
            let new = lines.iter().filter(|line| !self.shown.contains(line));
            return new.flat_map(|line| [line.as_str(), "\n"]).collect();
        }
        let mut text = String::new();
        let rows: usize = self.shown.iter().map(|shown| shown.lines().count()).sum();
        if rows > 0 {
            let _ = write!(text, "\x1b[{rows}A\x1b[J");
        }
        text.push_str(CUT);
        text.extend(lines.iter().flat_map(|line| [line.as_str(), "\n"]));
        text.push_str(WRAP);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_terminal_the_rows_before_are_taken_back() {
        let long = "x".repeat(200);
        let lines = vec![format!("{long}\nreason"), "web: live".to_owned()];
        let on = |is_terminal| Progress {
            shown: lines.clone(),
            is_terminal,
        };
        let next = ["web: live".to_owned(), "worker: live".to_owned()];
        assert_eq!(on(false).update(&next), "worker: live\n");
        assert_eq!(
            on(true).update(&next),
            format!("\x1b[3A\x1b[J{CUT}web: live\nworker: live\n{WRAP}")
        );
    }
}
