//! ECS: what runs on the cluster, and what it is moved to.

mod instances;
mod register;
mod run;
mod services;

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    ContainerDefinition, DeploymentConfiguration, SchedulingStrategy, ServiceField, Tag,
    TaskDefinitionField, TaskDefinitionStatus,
};
use futures_util::future::try_join_all;

use crate::call_error::CallError;
use crate::manifest::Deployment;
use crate::task_definition::LaunchType;

pub use instances::Instance;
pub use run::{OneOff, Ran, Refusal, Started, client_token, override_characters};
pub use services::NewService;

/// `DescribeServices` takes no more names at once.
const SERVICES_PER_CALL: usize = 10;
/// The tag that holds a definition's digest, so that a promote that died can find what it registered.
const DIGEST_TAG: &str = "convox:definition";

/// One cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    client: Client,
    name: String,
}

/// An ECS service, as far as a promote cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcsService {
    /// Its name.
    pub name: String,
    /// `ACTIVE` or `DRAINING`; one that is `INACTIVE` is not there any more.
    pub status: String,
    /// The revision that it runs or moves to.
    pub task_definition: String,
    /// What its tasks run on.
    pub launch_type: LaunchType,
    /// The platform that it is pinned to, or `LATEST`; Fargate only.
    pub platform_version: String,
    /// Whether its tasks have network interfaces of their own.
    pub awsvpc: bool,
    /// How its tasks are replaced.
    pub deployment: Deployment,
    /// Whether it runs once on every instance.
    pub is_daemon: bool,
    /// Who deploys it: `ECS`, `CODE_DEPLOY` or `EXTERNAL`.
    pub controller: String,
    /// Container name and port that each load balancer sends to.
    pub load_balancers: Vec<(String, i32)>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl EcsService {
    /// Whether it is on its way out: it starts no tasks any more, and those that run stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.status == "DRAINING"
    }
}

/// A registered revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its ARN.
    pub arn: String,
    /// Whether services and tasks can still be started with it.
    pub is_active: bool,
    /// What its containers' `secrets` refer to.
    pub secret_references: BTreeSet<String>,
    /// The digest of what was registered, where it is ours.
    pub digest: Option<String>,
    /// `awsvpc`, `bridge`, `host` or `none`.
    pub network_mode: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Cluster {
    /// The cluster called `name` (a name or an ARN).
    #[must_use]
    pub fn new(config: &SdkConfig, name: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            name: name.into(),
        }
    }

    /// The name or ARN that was configured.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether another name or ARN is that of this cluster. Either ends in the name, and there is one account and region.
    #[must_use]
    pub fn is_called(&self, other: &str) -> bool {
        other.rsplit('/').next() == self.name.rsplit('/').next()
    }

    /// The cluster's ARN, `None` where there is no active one of that name.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn arn(&self) -> Result<Option<String>, CallError> {
        let answer = self
            .client
            .describe_clusters()
            .clusters(&self.name)
            .send()
            .await;
        let answer = answer
            .map_err(|err| CallError::new(format!("look up ECS cluster `{}`", self.name), &err))?;
        let active = answer
            .clusters()
            .iter()
            .find(|cluster| cluster.status() == Some("ACTIVE"));
        Ok(active
            .and_then(|cluster| cluster.cluster_arn())
            .map(str::to_owned))
    }

    /// Those of `names` that exist, by name.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn services(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, EcsService>, CallError> {
        let found = try_join_all(
            names
                .chunks(SERVICES_PER_CALL)
                .map(|names| self.some_services(names)),
        )
        .await?;
        Ok(found
            .into_iter()
            .flatten()
            .map(|service| (service.name.clone(), service))
            .collect())
    }

    async fn some_services(&self, names: &[String]) -> Result<Vec<EcsService>, CallError> {
        let request = self
            .client
            .describe_services()
            .cluster(&self.name)
            .include(ServiceField::Tags);
        let answer = request.set_services(Some(names.to_vec())).send().await;
        let answer = answer.map_err(|err| {
            CallError::new(format!("look up ECS services {}", names.join(", ")), &err)
        })?;
        Ok(answer
            .services()
            .iter()
            .map(ecs_service)
            .filter(|service| service.status != "INACTIVE")
            .collect())
    }

    /// One revision, or the newest active one of a family; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn definition(&self, name: &str) -> Result<Option<Registered>, CallError> {
        let request = self.client.describe_task_definition().task_definition(name);
        let answer = match request.include(TaskDefinitionField::Tags).send().await {
            Ok(answer) => answer,
            // ECS has no error of its own for a family that is not there.
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(aws_sdk_ecs::operation::describe_task_definition::DescribeTaskDefinitionError::is_client_exception) =>
            {
                return Ok(None);
            }
            Err(err) => {
                return Err(CallError::new(
                    format!("read task definition `{name}`"),
                    &err,
                ));
            }
        };
        let tags = tags(answer.tags());
        Ok(answer.task_definition().and_then(|definition| {
            let network_mode = definition
                .network_mode()
                .map_or("bridge", |mode| mode.as_str());
            let arn = definition.task_definition_arn()?.to_owned();
            let containers = definition.container_definitions().iter();
            let secrets = containers.flat_map(ContainerDefinition::secrets);
            let inactive = TaskDefinitionStatus::Inactive;
            Some(Registered {
                arn,
                is_active: definition.status().is_none_or(|status| *status != inactive),
                secret_references: secrets
                    .map(|secret| secret.value_from().to_owned())
                    .collect(),
                digest: tags.get(DIGEST_TAG).cloned(),
                network_mode: network_mode.to_owned(),
                tags,
            })
        }))
    }

    /// Deregisters a revision: no service or task can be started with it any more, what runs goes on.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn deregister(&self, definition: &str) -> Result<(), CallError> {
        let request = self.client.deregister_task_definition();
        let answer = request.task_definition(definition).send().await;
        answer
            .map(drop)
            .map_err(|err| CallError::new(format!("deregister {definition}"), &err))
    }

    /// Moves an ECS service to a revision, and sets how its tasks are replaced where that is given; nothing else of it
    /// changes.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn move_service(
        &self,
        service: &str,
        definition: &str,
        deployment: Option<Deployment>,
    ) -> Result<(), CallError> {
        let request = self
            .client
            .update_service()
            .cluster(&self.name)
            .service(service)
            .set_deployment_configuration(deployment.map(services::rolling));
        let answer = request.task_definition(definition).send().await;
        answer.map(drop).map_err(|err| {
            CallError::new(
                format!("move ECS service `{service}` to {definition}"),
                &err,
            )
        })
    }
}

fn ecs_service(service: &aws_sdk_ecs::types::Service) -> EcsService {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let fargate_provider = service
        .capacity_provider_strategy()
        .iter()
        .any(|item| item.capacity_provider().starts_with("FARGATE"));
    let fargate = fargate_provider
        || service
            .launch_type()
            .is_some_and(|launch| launch.as_str() == "FARGATE");
    let controller = service
        .deployment_controller()
        .map_or("ECS", |controller| controller.r#type().as_str());
    let target = |balancer: &aws_sdk_ecs::types::LoadBalancer| {
        Some((
            balancer.container_name()?.to_owned(),
            balancer.container_port()?,
        ))
    };
    EcsService {
        name: text(service.service_name()),
        status: text(service.status()),
        task_definition: text(service.task_definition()),
        launch_type: if fargate {
            LaunchType::Fargate
        } else {
            LaunchType::Ec2
        },
        platform_version: text(service.platform_version()),
        awsvpc: service
            .network_configuration()
            .is_some_and(|network| network.awsvpc_configuration().is_some()),
        deployment: deployment(service.deployment_configuration()),
        is_daemon: service.scheduling_strategy() == Some(&SchedulingStrategy::Daemon),
        controller: controller.to_owned(),
        load_balancers: service.load_balancers().iter().filter_map(target).collect(),
        tags: tags(service.tags()),
    }
}

/// ECS's own percentages where it answers none (API reference, `DeploymentConfiguration`).
fn deployment(configuration: Option<&DeploymentConfiguration>) -> Deployment {
    let percent = |percent: Option<i32>| percent.and_then(|percent| u32::try_from(percent).ok());
    let minimum = configuration.and_then(|it| percent(it.minimum_healthy_percent()));
    let maximum = configuration.and_then(|it| percent(it.maximum_percent()));
    Deployment {
        minimum: minimum.unwrap_or(100),
        maximum: maximum.unwrap_or(200),
    }
}

fn tags(tags: &[Tag]) -> BTreeMap<String, String> {
    let tags = tags.iter();
    tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
        .collect()
}
