//! `task-sees <task-definition-arn>`: which variables each container of a task would see, and where each comes from.
//!
//! Names only, never values. Endpoint, region and credentials come from the usual `AWS_*` variables; `convox-env` is
//! the one built next to this program.

use std::env;
use std::error::Error;

use aws_config::BehaviorVersion;
use integration_tests::agent::{Agent, Containers, Variable};
use integration_tests::binaries;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let task_definition = env::args()
        .nth(1)
        .ok_or("usage: task-sees <task-definition-arn>")?;
    let http_client = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client)
        .load()
        .await;
    let agent = Agent {
        ecs: aws_sdk_ecs::Client::new(&config),
        secrets_manager: aws_sdk_secretsmanager::Client::new(&config),
        s3: aws_sdk_s3::Client::new(&config),
        access: env::vars()
            .filter(|(name, _)| name.starts_with("AWS_"))
            .collect(),
        convox_env: binaries::beside("convox-env"),
    };
    print(&agent.launch(&task_definition).await?);
    Ok(())
}

fn print(containers: &Containers<Variable>) {
    for (container, variables) in containers {
        println!("{container}");
        let width = variables.keys().map(String::len).max().unwrap_or_default();
        for (name, variable) in variables {
            println!("  {name:width$}  {}", variable.origin);
        }
    }
}
