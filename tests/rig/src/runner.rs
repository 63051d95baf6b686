//! Starts a registered task definition on this machine as ECS would: the container is a process, its image whatever is
//! installed here.
//!
//! Variables are the agent's ([`crate::agent`]); a failed launch is worded as ECS words it; the task metadata endpoint and the
//! credentials of the task role are served on the loopback. Values are never printed. Without root nothing can be mounted: a
//! file system is a folder of this machine that the metadata names, and the container's path to it is empty.

mod metadata;
mod process;
mod server;
mod volumes;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use aws_sdk_ecs::types::{ContainerDefinition, TaskDefinition};

use crate::agent::{Agent, LaunchFailure};

pub use process::run;

/// A container that can be started.
#[derive(Debug)]
pub struct Container {
    task: TaskDefinition,
    definition: ContainerDefinition,
    /// What ECS gives it. Not shown: they are values.
    variables: Hidden<BTreeMap<String, String>>,
    /// How it reaches AWS.
    access: Hidden<BTreeMap<String, String>>,
    convox_env: PathBuf,
}

/// Something that has no business in a message.
struct Hidden<T>(T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Why a task stopped before it ran (ECS API reference, `Task`, `stopCode`, `stoppedReason`).
#[derive(Debug, PartialEq, Eq)]
pub struct Stopped {
    /// In the agent's words.
    pub reason: String,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskFailedToStart: {}", self.reason)
    }
}

impl std::error::Error for Stopped {}

impl Container {
    /// Resolves what the container `name` of a task definition is given; without a name the only one.
    ///
    /// # Errors
    ///
    /// [`Stopped`] where ECS could not start the task.
    pub async fn prepare(
        agent: &Agent,
        task_definition: &str,
        name: Option<&str>,
    ) -> Result<Self, Stopped> {
        let plainly = |failure: LaunchFailure| Stopped { reason: failure.0 };
        let task = agent.describe(task_definition).await.map_err(plainly)?;
        let mut containers = task.container_definitions().iter();
        let definition = match name {
            Some(name) => containers.find(|container| container.name() == Some(name)),
            None => containers.next(),
        };
        let definition = definition.cloned().ok_or_else(|| Stopped {
            reason: format!("{task_definition} has no such container"),
        })?;
        let given = agent.given(&task).await;
        let mut given = given.map_err(|failure| stopped(&task, failure))?;
        let variables = given.remove(definition.name().unwrap_or_default());
        let variables = variables.unwrap_or_default().into_iter();
        Ok(Self {
            variables: Hidden(
                variables
                    .map(|(name, variable)| (name, variable.value))
                    .collect(),
            ),
            access: Hidden(agent.access.clone()),
            convox_env: agent.convox_env.program().to_owned(),
            task,
            definition,
        })
    }

    /// The variables that ECS gives it, by name; for tests.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.variables.0.keys().map(String::as_str).collect()
    }

    fn is_on_fargate(&self) -> bool {
        is_on_fargate(&self.task)
    }
}

fn is_on_fargate(task: &TaskDefinition) -> bool {
    let compatibilities = task.requires_compatibilities().iter();
    compatibilities
        .map(aws_sdk_ecs::types::Compatibility::as_str)
        .any(|launch| launch == "FARGATE")
}

/// Fargate puts what its agent says into a sentence of its own; on EC2 the agent speaks for itself. Source: facts/aws.md 1.8.
fn stopped(task: &TaskDefinition, failure: LaunchFailure) -> Stopped {
    let LaunchFailure(said) = failure;
    if !is_on_fargate(task) {
        return Stopped { reason: said };
    }
    let reason = if said.contains("env file") {
        format!("ResourceInitializationError: failed to download env files: {said}")
    } else {
        format!(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to \
             retrieve secret from asm: service call has been retried 1 time(s): {said}"
        )
    };
    Stopped { reason }
}
