//! What a function logs: one JSON object a line, from `info` on unless Lambda's own setting says otherwise.

use tracing_subscriber::filter::LevelFilter;

/// Lambda's setting of a function's application log level.
const LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";

/// Starts logging. Called once, first. `lookup` reads the process environment.
pub fn start(lookup: impl Fn(&str) -> Option<String>) {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(level(lookup(LEVEL).as_deref()))
        .with_target(false)
        .init();
}

/// Lambda's levels are those of `tracing`, and `FATAL` (Lambda developer guide, "Log-level filtering").
fn level(setting: Option<&str>) -> LevelFilter {
    match setting {
        Some("FATAL") => LevelFilter::ERROR,
        Some(level) => level.parse().unwrap_or(LevelFilter::INFO),
        None => LevelFilter::INFO,
    }
}

#[cfg(test)]
mod tests {
    use super::{LevelFilter, level};

    #[test]
    fn lambdas_levels_are_followed_and_anything_else_is_info() {
        for (setting, wanted) in [
            (None, LevelFilter::INFO),
            (Some("TRACE"), LevelFilter::TRACE),
            (Some("DEBUG"), LevelFilter::DEBUG),
            (Some("WARN"), LevelFilter::WARN),
            (Some("ERROR"), LevelFilter::ERROR),
            (Some("FATAL"), LevelFilter::ERROR),
            (Some("loud"), LevelFilter::INFO),
        ] {
            assert_eq!(level(setting), wanted, "{setting:?}");
        }
    }
}
