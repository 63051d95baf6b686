//! `task-sees <task-definition-arn>`: which variables each container of a task would see, and where each comes from.
//!
//! Names only, never values. Endpoint, region and credentials come from the usual `AWS_*` variables; `convox-env` is
//! the one built next to this program.

use std::env;
use std::error::Error;

use rig::agent::{Agent, Containers, Variable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let task_definition = env::args()
        .nth(1)
        .ok_or("usage: task-sees <task-definition-arn>")?;
    let agent = Agent::from_environment().await;
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
