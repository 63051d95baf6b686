//! One-off tasks: started once for each client token.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_ecs::operation::run_task::RunTaskError;
use aws_sdk_ecs::types::{ContainerOverride, PropagateTags, Tag, TaskField, TaskOverride};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::placement::Launched;
use super::{Cluster, tags};
use crate::call_error::CallError;
use names::{AppId, hex};
use release::timer_rule::Placement;

/// As many characters of a command in a message are a quotation.
const QUOTED_CHARACTERS: usize = 6;

/// One task to start. A command can hold a secret, so there is no `Debug`.
pub struct OneOff<'a> {
    /// The revision.
    pub task_definition: &'a str,
    /// The container, where it gets a command of its own.
    pub container: &'a str,
    /// `["sh", "-c", …]`; `None` = the definition's.
    pub command: Option<&'a [String]>,
    /// Where it runs.
    pub placement: &'a Placement,
    /// Who started it: at most 128 letters, digits, `-`, `/` and `_` (API reference, `RunTask`).
    pub started_by: &'a str,
    /// At most 64 characters; a second call with the same one starts nothing (API reference, "Ensuring idempotency").
    pub client_token: &'a str,
    /// Whether people get into its container by ECS Exec.
    pub exec: bool,
    /// Tags beside those of the definition.
    pub tags: &'a BTreeMap<String, String>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// It runs, started by this call or by an earlier one that asked for the same.
    Started(String),
    /// An earlier call with the same token asked for something else; this is its task.
    StartedOtherwise(String),
    /// ECS could not place it: nothing runs.
    Refused(Refusal),
}

/// Why ECS did not place a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// ECS's word for it: `RESOURCE:MEMORY`, `AGENT`, `MISSING`.
    pub reason: String,
    /// More, where ECS says more.
    pub detail: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

/// A task as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Its revision.
    pub task_definition: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Refusal {
    /// Whether room can be found later: instances that are full or whose agent is away for now, and Fargate without
    /// capacity (ECS developer guide, "Amazon ECS API failure reasons messages").
    #[must_use]
    pub fn can_pass(&self) -> bool {
        let reason = self.reason.to_ascii_lowercase();
        ["resource", "agent"].contains(&reason.split(':').next().unwrap_or_default())
            || reason.contains("capacity")
    }
}

/// The client token of a request's task: 64 hexadecimal digits.
#[must_use]
pub fn client_token(id: &AppId, request_id: &str) -> String {
    let mut digest = Sha256::new();
    for part in [id.rack.as_str(), id.app.as_str(), request_id] {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    hex(digest.finalize())
}

/// The characters of the overrides that give a container a command; ECS counts them with their JSON.
#[must_use]
pub fn override_characters(container: &str, command: &[String]) -> usize {
    let overrides = json!({"containerOverrides": [{"name": container, "command": command}]});
    overrides.to_string().chars().count()
}

impl Cluster {
    /// Starts a task, unless its token has started one.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails; without ECS's message, where that quotes the command.
    pub async fn run(&self, one: &OneOff<'_>) -> Result<Ran, CallError> {
        let attempted = || format!("run a task of {}", one.task_definition);
        let launched = Launched::new(one.placement).map_err(|_| CallError::unbuilt(attempted()))?;
        let command = one.command.map(|command| {
            let container = ContainerOverride::builder().name(one.container);
            let container = container.set_command(Some(command.to_vec())).build();
            TaskOverride::builder()
                .container_overrides(container)
                .build()
        });
        let pair = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
        let request = self.client.run_task().cluster(&self.name);
        let answer = request
            .task_definition(one.task_definition)
            .count(1)
            .set_launch_type(launched.launch_type)
            .set_capacity_provider_strategy(launched.strategy)
            .set_network_configuration(launched.network)
            .set_platform_version(launched.platform_version)
            .set_overrides(command)
            .set_enable_execute_command(one.exec.then_some(true))
            .started_by(one.started_by)
            .client_token(one.client_token)
            .propagate_tags(PropagateTags::TaskDefinition)
            .set_tags(Some(one.tags.iter().map(pair).collect()))
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(err) => {
                if let Some(RunTaskError::ConflictException(conflict)) = err.as_service_error()
                    && let Some(task) = conflict.resource_ids().first()
                {
                    return Ok(Ran::StartedOtherwise(task.clone()));
                }
                let err = CallError::new(attempted(), &err);
                let message = err.message().unwrap_or_default();
                let quotes = one.command.is_some_and(|command| quotes(message, command));
                return Err(if quotes { err.without_message() } else { err });
            }
        };
        if let Some(arn) = answer.tasks().iter().find_map(|task| task.task_arn()) {
            return Ok(Ran::Started(arn.to_owned()));
        }
        let failure = answer.failures().first().ok_or_else(|| {
            CallError::incomplete(attempted(), "task and no reason why there is none")
        })?;
        Ok(Ran::Refused(Refusal {
            reason: failure.reason().unwrap_or("unknown").to_owned(),
            detail: failure.detail().map(str::to_owned),
        }))
    }

    /// A task of the cluster; `None` where ECS knows it no more: it forgets tasks an hour after they stopped.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn task(&self, arn: &str) -> Result<Option<Started>, CallError> {
        let request = self.client.describe_tasks().cluster(&self.name).tasks(arn);
        let answer = request.include(TaskField::Tags).send().await;
        let answer =
            answer.map_err(|err| CallError::new(format!("look up the task {arn}"), &err))?;
        Ok(answer.tasks().first().map(|task| Started {
            task_definition: task.task_definition_arn().unwrap_or_default().to_owned(),
            tags: tags(task.tags()),
        }))
    }
}

/// Whether a message repeats a piece of the command's last part, which is the user's.
fn quotes(message: &str, command: &[String]) -> bool {
    let script: Vec<char> = command
        .last()
        .into_iter()
        .flat_map(|it| it.chars())
        .collect();
    let length = QUOTED_CHARACTERS.min(script.len()).max(1);
    let mut pieces = script.windows(length);
    pieces.any(|piece| message.contains(&piece.iter().collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_repeats_a_piece_of_the_command_is_told_from_others() {
        let command = |script: &str| ["sh", "-c", script].map(str::to_owned);
        for (message, script, want) in [
            (
                "No Container Instances were found in your cluster.",
                "bin/login --password hidden",
                false,
            ),
            (
                "overrides: [sh, -c, bin/login --password hidden]",
                "bin/login --password hidden",
                true,
            ),
            (
                "overrides: ... word hidden]",
                "bin/login --password hidden",
                true,
            ),
            (r#"overrides: echo \"hidden\""#, "echo \"hidden\"", true),
            ("not found: ls", "ls", true),
            ("No Container Instances", "pwd", false),
            ("", "", false),
        ] {
            assert_eq!(quotes(message, &command(script)), want, "{message}");
        }
    }

    #[test]
    fn only_what_time_can_mend_is_tried_again() {
        for (reason, passes) in [
            ("RESOURCE:MEMORY", true),
            ("RESOURCE:CPU", true),
            ("AGENT", true),
            (
                "Capacity is unavailable at this time. Please try again later or in a different availability zone",
                true,
            ),
            ("MISSING", false),
            ("INACTIVE", false),
            ("ATTRIBUTE", false),
            ("LOCATION", false),
            ("unknown", false),
        ] {
            let refusal = Refusal {
                reason: reason.to_owned(),
                detail: None,
            };
            assert_eq!(refusal.can_pass(), passes, "{reason}");
        }
    }

    #[test]
    fn overrides_are_counted_as_ecs_counts_them_in_characters_of_their_json() {
        let command = ["sh", "-c", "echo \"ü\""].map(str::to_owned);
        let json = r#"{"containerOverrides":[{"command":["sh","-c","echo \"ü\""],"name":"web"}]}"#;
        assert_eq!(override_characters("web", &command), json.chars().count());
    }
}
