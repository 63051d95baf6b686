//! ECS as it stands: services, task definitions, tasks that stopped.

use std::collections::BTreeMap;

use aws::call_error::CallError;
use aws::clients::SdkConfig;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    ContainerDefinition, Deployment, DeploymentStrategy, DesiredStatus, Service, Task, TaskStopCode,
};
use promotion::stop_reason::{StoppedContainer, StoppedTask};

use super::bounded;
use crate::core::readers::SeenContainer;
use crate::core::services::{SeenDeployment, SeenService};
use crate::core::why::Stopped;

/// So many services one call describes (API reference, `DescribeServices`).
const DESCRIBED_MAX: usize = 10;
/// So many tasks that stopped are looked at, for each Service.
const STOPPED_MAX: i32 = 5;

/// Looks at ECS.
#[derive(Debug)]
pub struct Ecs(Client);

impl Ecs {
    /// With these credentials.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    pub(super) fn client(&self) -> &Client {
        &self.0
    }

    /// The services of these names or ARNs that are there.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn services(
        &self,
        cluster: &str,
        names: &[String],
    ) -> Result<Vec<SeenService>, CallError> {
        let mut by_cluster: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for name in names {
            let cluster = cluster_of(name).unwrap_or(cluster);
            by_cluster.entry(cluster).or_default().push(name.clone());
        }
        let chunks = by_cluster.iter().flat_map(|(cluster, names)| {
            names
                .chunks(DESCRIBED_MAX)
                .map(move |names| (*cluster, names))
        });
        let calls = chunks.map(async |(cluster, names)| {
            let request = self.0.describe_services().cluster(cluster);
            let answer = request.set_services(Some(names.to_vec())).send().await;
            answer.map_err(|err| CallError::new(format!("look at ECS services of {cluster}"), &err))
        });
        let answers = bounded::try_all(calls).await?;
        let services = answers
            .into_iter()
            .flat_map(|answer| answer.services.unwrap_or_default());
        let there = services.filter(|service| service.status() != Some("INACTIVE"));
        Ok(there.map(seen).collect())
    }

    /// The containers of a revision.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn containers(&self, arn: &str) -> Result<Vec<SeenContainer>, CallError> {
        let answer = self
            .0
            .describe_task_definition()
            .task_definition(arn)
            .send()
            .await;
        let answer = answer
            .map_err(|err| CallError::new(format!("read the task definition {arn}"), &err))?;
        let definition = answer
            .task_definition
            .unwrap_or_else(|| aws_sdk_ecs::types::TaskDefinition::builder().build());
        Ok(definition
            .container_definitions()
            .iter()
            .map(container)
            .collect())
    }

    /// The tasks of a Service that stopped, as far as ECS still knows them.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn stopped(
        &self,
        cluster: &str,
        (service, runs_as): (&str, &str),
    ) -> Result<Vec<Stopped>, CallError> {
        let attempted = || format!("look at stopped tasks of {runs_as}");
        let cluster = cluster_of(runs_as).unwrap_or(cluster);
        let request = self.0.list_tasks().cluster(cluster).service_name(runs_as);
        let request = request
            .desired_status(DesiredStatus::Stopped)
            .max_results(STOPPED_MAX);
        let listed = request
            .send()
            .await
            .map_err(|err| CallError::new(attempted(), &err))?;
        let arns = listed.task_arns.unwrap_or_default();
        if arns.is_empty() {
            return Ok(Vec::new());
        }
        let request = self
            .0
            .describe_tasks()
            .cluster(cluster)
            .set_tasks(Some(arns));
        let answer = request
            .send()
            .await
            .map_err(|err| CallError::new(attempted(), &err))?;
        let failed = answer
            .tasks()
            .iter()
            .filter_map(|task| stopped(service, task));
        Ok(failed.collect())
    }
}

/// A service that is named by its ARN may be in another cluster: `arn:aws:ecs:…:service/{cluster}/{name}`.
pub(super) fn cluster_of(name: &str) -> Option<&str> {
    let (_, path) = name.strip_prefix("arn:")?.split_once(":service/")?;
    path.split_once('/').map(|(cluster, _)| cluster)
}

fn seen(service: Service) -> SeenService {
    let breaker = service
        .deployment_configuration()
        .and_then(|it| it.deployment_circuit_breaker());
    let goes_back = breaker.is_some_and(|breaker| breaker.enable() && breaker.rollback());
    let strategy = service.deployment_configuration();
    let strategy = strategy.and_then(|configuration| configuration.strategy());
    let shifts = strategy.is_some_and(|strategy| *strategy != DeploymentStrategy::Rolling);
    SeenService {
        goes_back,
        shifts,
        paused: None,
        desired: service.desired_count(),
        running: service.running_count(),
        deployments: service.deployments().iter().map(deployment).collect(),
        name: service.service_name.unwrap_or_default(),
    }
}

fn deployment(deployment: &Deployment) -> SeenDeployment {
    SeenDeployment {
        is_primary: deployment.status() == Some("PRIMARY"),
        task_definition: deployment.task_definition().unwrap_or_default().to_owned(),
        rollout: deployment
            .rollout_state()
            .map(|state| state.as_str().to_owned()),
        reason: deployment.rollout_state_reason().map(str::to_owned),
        desired: deployment.desired_count(),
        running: deployment.running_count(),
        failed: deployment.failed_tasks(),
    }
}

fn container(container: &ContainerDefinition) -> SeenContainer {
    let secrets = container.secrets().iter();
    let environment = container.environment().iter();
    SeenContainer {
        name: container.name().unwrap_or_default().to_owned(),
        secrets: secrets
            .map(|secret| (secret.name().to_owned(), secret.value_from().to_owned()))
            .collect(),
        environment: environment
            .filter_map(|pair| Some((pair.name()?.to_owned(), pair.value()?.to_owned())))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// A task that failed; what a deployment, somebody or Spot stopped did not (API reference, `Task`, `stopCode`).
fn stopped(service: &str, task: &Task) -> Option<Stopped> {
    let reason = task.stopped_reason().unwrap_or_default();
    let by_itself = [
        TaskStopCode::TaskFailedToStart,
        TaskStopCode::EssentialContainerExited,
    ];
    let by_itself = task
        .stop_code()
        .is_some_and(|code| by_itself.contains(code));
    // `Task failed ELB health checks in …` is the scheduler's.
    if !by_itself && !reason.starts_with("Task failed") {
        return None;
    }
    let containers = task.containers().iter();
    let containers = containers.map(|container| StoppedContainer {
        reason: container.reason().unwrap_or_default().to_owned(),
        exit_code: container.exit_code(),
    });
    Some(Stopped {
        service: service.to_owned(),
        task_definition: task.task_definition_arn().unwrap_or_default().to_owned(),
        task: StoppedTask {
            reason: reason.to_owned(),
            containers: containers.collect(),
        },
    })
}
