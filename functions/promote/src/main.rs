//! The entry point: settings, clients, then events.

use chrono::Utc;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use promote::{Config, Shell, handle};
use serde_json::Value;
use tracing_subscriber::EnvFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
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
    let lookup = |name: &str| std::env::var(name).ok();
    let shell = Shell::new(Config::from_lookup(lookup)?, lookup, Utc::now).await;
    let shell = &shell; // built once, shared by every invocation
    run(service_fn(move |event: LambdaEvent<Value>| {
        Box::pin(handle(shell, event))
    }))
    .await
}
