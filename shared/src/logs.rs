//! What a function logs: one JSON object a line, from `info` on unless Lambda's own setting says otherwise.

use tracing_subscriber::EnvFilter;

/// Starts logging. Called once, first.
pub fn start() {
    let level = EnvFilter::builder()
        .with_env_var("AWS_LAMBDA_LOG_LEVEL")
        .try_from_env();
    let level = level.unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(level)
        .with_target(false)
        .init();
}
