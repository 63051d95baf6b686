//! `run-task TASK_DEFINITION [--container NAME] [-- PROGRAM [ARGUMENT...]]`: starts a registered task definition on this
//! machine as ECS would; `PROGRAM` stands for what its image would run.
//!
//! Endpoint, region and credentials come from the usual `AWS_*` variables. Variables of the container are what ECS would give
//! it, and nothing else of this process reaches it. A launch that fails ends with 1 and the reason in ECS's words. File systems
//! are folders below `run-task-volumes` in `TMPDIR`, and are not mounted.

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use rig::agent::Agent;
use rig::runner::{self, Container};

const USAGE: &str = "usage: run-task TASK_DEFINITION [--container NAME] [-- PROGRAM [ARGUMENT...]]";

struct Arguments {
    task_definition: String,
    container: Option<String>,
    command: Vec<OsString>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(arguments) = parse(env::args_os().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let agent = Agent::from_environment().await;
    let (task, name) = (&arguments.task_definition, arguments.container.as_deref());
    let container = match Container::prepare(&agent, task, name).await {
        Ok(container) => container,
        Err(stopped) => {
            eprintln!("{stopped}");
            return ExitCode::FAILURE;
        }
    };
    match runner::run(&container, &arguments.command).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("run-task: {task}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<Arguments> {
    let mut parsed = Arguments {
        task_definition: arguments.next()?.into_string().ok()?,
        container: None,
        command: Vec::new(),
    };
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--container") => parsed.container = Some(arguments.next()?.into_string().ok()?),
            Some("--") => parsed.command = arguments.by_ref().collect(),
            _ => return None,
        }
    }
    Some(parsed)
}
