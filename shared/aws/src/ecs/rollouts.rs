//! How far ECS is with the deployment of services, and why their tasks stop.

use std::collections::BTreeMap;

use aws_sdk_ecs::primitives::DateTime as AwsDateTime;
use aws_sdk_ecs::types::{DeploymentRolloutState, DesiredStatus, Service, Task};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use promotion::stop_reason::{StopCause, StoppedContainer, StoppedTask};
use release::timer_rule::Network;

use super::{Cluster, LOOKS_AT_ONCE, SERVICES_PER_CALL, placement};
use crate::call_error::CallError;

/// Stopped tasks of one service that are looked at.
const TASKS_MAX: i32 = 20;

/// The deployment that ECS is at, or was last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// The revision that it brings.
    pub revision: String,
    /// Whether all tasks run it.
    pub is_complete: bool,
    /// When it began.
    pub began_at: Option<DateTime<Utc>>,
    /// The network of the service's tasks, where it has one.
    pub network: Option<Network>,
    /// The alarms that went off meanwhile, where it has any.
    pub alarms: Vec<String>,
    /// What ECS says of the service, newest first.
    pub events: Vec<(DateTime<Utc>, String)>,
}

impl Rollout {
    /// Why tasks are not placed, in what ECS has said since then.
    #[must_use]
    pub fn cause_since(&self, since: DateTime<Utc>) -> Option<StopCause> {
        let mut said = self.events.iter().filter(|(at, _)| *at >= since);
        said.find_map(|(_, words)| StopCause::of_words(words))
    }
}

impl Cluster {
    /// The deployments of those of the services that exist, by name.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn rollouts(&self, names: &[String]) -> Result<BTreeMap<String, Rollout>, CallError> {
        let found: Vec<Vec<(String, Rollout)>> = stream::iter(names.chunks(SERVICES_PER_CALL))
            .map(async |names| {
                let request = self.client.describe_services().cluster(&self.name);
                let answer = request.set_services(Some(names.to_vec())).send().await;
                let answer = answer.map_err(|err| {
                    CallError::new(format!("look up ECS services {}", names.join(", ")), &err)
                })?;
                let active = answer.services().iter();
                let active = active.filter(|service| service.status() == Some("ACTIVE"));
                let mut by_name = Vec::new();
                for service in active {
                    let rollout = self.with_deployment(service, seen(service)).await?;
                    let name = service.service_name().map(str::to_owned);
                    by_name.extend(name.map(|name| (name, rollout)));
                }
                Ok::<_, CallError>(by_name)
            })
            .buffer_unordered(LOOKS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Why the newest of a service's stopped tasks of that revision failed; `None` where ECS shows none that did. It shows them for
    /// an hour (developer guide, "Viewing stopped task errors").
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn stop_cause(
        &self,
        service: &str,
        revision: &str,
    ) -> Result<Option<StopCause>, CallError> {
        let attempted = || format!("look up the stopped tasks of ECS service `{service}`");
        let listed = self
            .client
            .list_tasks()
            .cluster(&self.name)
            .service_name(service)
            .desired_status(DesiredStatus::Stopped)
            .max_results(TASKS_MAX)
            .send()
            .await;
        let listed = listed.map_err(|err| CallError::new(attempted(), &err))?;
        if listed.task_arns().is_empty() {
            return Ok(None);
        }
        let described = self
            .client
            .describe_tasks()
            .cluster(&self.name)
            .set_tasks(listed.task_arns)
            .send()
            .await;
        let described = described.map_err(|err| CallError::new(attempted(), &err))?;
        let tasks = described.tasks().iter();
        let mut tasks: Vec<&Task> = tasks
            .filter(|task| task.task_definition_arn() == Some(revision))
            .collect();
        tasks.sort_by_key(|task| std::cmp::Reverse(task.stopped_at().map(AwsDateTime::secs)));
        let mut causes = tasks.into_iter().map(stopped);
        Ok(causes.find_map(|task| StopCause::of_task(&task)))
    }
}

pub(super) fn time(at: Option<&AwsDateTime>) -> Option<DateTime<Utc>> {
    at.and_then(|at| DateTime::from_timestamp(at.secs(), 0))
}

fn seen(service: &Service) -> Rollout {
    let mut deployments = service.deployments().iter();
    let primary = deployments.find(|deployment| deployment.status() == Some("PRIMARY"));
    let revision = primary.and_then(|primary| primary.task_definition());
    let revision = revision.or(service.task_definition());
    // ECS says no state of what it does not deploy itself (API reference, `Deployment`).
    let state = primary.and_then(|primary| primary.rollout_state());
    let has_all = service.running_count() == service.desired_count();
    let is_complete = state.map_or(has_all, |state| *state == DeploymentRolloutState::Completed);
    let events = service.events().iter();
    let events = events.filter_map(|event| {
        let at = time(event.created_at())?;
        Some((at, event.message()?.to_owned()))
    });
    Rollout {
        revision: revision.unwrap_or_default().to_owned(),
        is_complete,
        began_at: time(primary.and_then(|primary| primary.created_at())),
        network: service.network_configuration().and_then(placement::seen),
        alarms: Vec::new(),
        events: events.collect(),
    }
}

fn stopped(task: &Task) -> StoppedTask {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let containers = task.containers().iter();
    let containers = containers.map(|container| StoppedContainer {
        reason: text(container.reason()),
        exit_code: container.exit_code(),
    });
    StoppedTask {
        reason: text(task.stopped_reason()),
        containers: containers.collect(),
    }
}
