//! The entry point: settings, clients, then events.

use chrono::Utc;
use failure_count::{Shell, handle};
use lambda::rack_settings::RackSettings;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let lookup = |name: &str| std::env::var(name).ok();
    lambda::logs::start(lookup);
    let sdk = aws::clients::load();
    let shell = Shell::new(RackSettings::from_lookup(lookup)?, &sdk, Utc::now);
    let shell = &shell; // built once, shared by every invocation
    run(service_fn(move |event: LambdaEvent<Value>| {
        Box::pin(handle(shell, event))
    }))
    .await
}
