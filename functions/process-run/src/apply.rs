//! All writes: a revision where none says the same, and the task. Each can be repeated.

use std::collections::BTreeMap;

use aws::call_error::ErrorClass;
use aws::ecs::{OneOff, Ran, Started, client_token};
use manifest::precedence::EnvDelivery;
use names::ReleaseId;
use names::error_chain::Chain;
use release::task_definition::TaskDefinition;
use serde_json::Value;

use crate::error::RunError;
use crate::plan::Plan;
use crate::request::{RunRequest, started_by};
use crate::shell::Shell;

/// The tag of a task that says how it gets the environment.
const DELIVERY_TAG: &str = "convox:delivery";

/// The task of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum StartedTask {
    /// It runs what was planned.
    AsPlanned {
        /// The task.
        task: String,
        /// Its revision.
        task_definition: String,
    },
    /// An earlier delivery of the request started it, and what would be started now is something else.
    Before {
        /// The task.
        task: String,
        /// What ECS still knows of it.
        known: Option<Started>,
    },
}

/// Applies the plan.
///
/// # Errors
///
/// [`RunError::NoRoom`] and [`RunError::Refused`] where ECS does not place the task, others for calls that failed.
pub async fn apply(
    shell: &Shell,
    request: &RunRequest,
    release: &ReleaseId,
    plan: &Plan,
    request_id: &str,
) -> Result<StartedTask, RunError> {
    let task_definition = revision(shell, &plan.definition).await?;
    let mut tags = request.id.tags();
    tags.insert("convox:release".to_owned(), release.to_string());
    tags.insert(DELIVERY_TAG.to_owned(), in_a_word(plan.delivery));
    let ran = shell
        .cluster
        .run(&OneOff {
            task_definition: &task_definition,
            container: request.service.as_str(),
            command: request.command.as_deref(),
            placement: &plan.placement,
            exec: plan.exec,
            started_by: &started_by(&request.id.app),
            client_token: &client_token(&request.id, request_id),
            tags: &tags,
        })
        .await?;
    match ran {
        Ran::Started(task) => Ok(StartedTask::AsPlanned {
            task,
            task_definition,
        }),
        Ran::StartedOtherwise(task) => {
            let known = known(shell, &task).await?;
            Ok(StartedTask::Before { task, known })
        }
        Ran::Refused(refusal) => Err(RunError::refused(refusal)),
    }
}

/// A task runs, whatever cannot be learned of it.
async fn known(shell: &Shell, task: &str) -> Result<Option<Started>, RunError> {
    match shell.cluster.task(task).await {
        Ok(known) => Ok(known),
        Err(err) if err.class() == ErrorClass::Transient => Err(err.into()),
        Err(err) => {
            tracing::warn!(error.kind = err.code(), "{}", Chain(&err));
            Ok(None)
        }
    }
}

/// The newest revision where it says the same, else a new one: ECS registers one a second.
async fn revision(shell: &Shell, definition: &TaskDefinition) -> Result<String, RunError> {
    let newest = shell.cluster.definition(&definition.family).await?;
    let digest = definition.digest();
    let same =
        newest.filter(|newest| newest.is_active && newest.digest.as_deref() == Some(&*digest));
    match same {
        Some(same) => Ok(same.arn),
        None => Ok(shell.cluster.register(definition).await?),
    }
}

fn in_a_word(delivery: EnvDelivery) -> String {
    match delivery {
        EnvDelivery::SecretsManager => "SecretsManager",
        EnvDelivery::S3 => "S3",
    }
    .to_owned()
}

/// How a task gets the environment, as its tags say.
#[must_use]
pub fn delivery_of(tags: &BTreeMap<String, String>) -> Option<EnvDelivery> {
    let tag = tags.get(DELIVERY_TAG)?;
    serde_json::from_value(Value::from(tag.as_str())).ok()
}
