//! The entry point: settings, clients, then events.

use app_deletion::{Config, Shell, handle};
use chrono::Utc;
use lambda::owners::Owners;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let lookup = |name: &str| std::env::var(name).ok();
    lambda::logs::start(lookup);
    let sdk = aws::clients::load();
    let shell = Shell::new(
        Config::from_lookup(lookup)?,
        &sdk,
        Owners::draw()?,
        Utc::now,
    );
    let shell = &shell; // built once, shared by every invocation
    run(service_fn(move |event: LambdaEvent<Value>| {
        Box::pin(handle(shell, event))
    }))
    .await
}
