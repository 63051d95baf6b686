//! ECS: what runs on the cluster, and what it is moved to.

mod balancing;
mod deployments;
mod gateways;
mod instances;
mod placement;
mod rebalancing;
mod register;
mod revisions;
mod rollouts;
mod run;
mod seen_definition;
mod seen_service;
mod service_deployments;
mod services;
mod tasks;
mod ties;

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_ecs::operation::describe_task_definition::{
    DescribeTaskDefinitionError, DescribeTaskDefinitionOutput,
};
use aws_sdk_ecs::types::{
    ContainerDefinition, LogConfiguration, RepositoryCredentials, Secret, ServiceField, Tag,
    TaskDefinitionField, TaskDefinitionStatus,
};
use aws_sdk_ecs::{Client, config};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::call_error::CallError;
use crate::clients::{self, OnDemand};
use manifest::Deployment;
use release::entrance::{Balancing, Connector};
use release::timer_rule::{Network, Placement};

use placement::Launched;

pub use gateways::{AtGateways, SeenGateway, revision_brought_by};
pub use instances::Instance;
pub use revisions::SeenRevisions;
pub use rollouts::Rollout;
pub use run::{OneOff, Ran, Refusal, Started, client_token, override_characters};
pub use seen_definition::{SeenContainer, SeenDefinition, SeenPort};
pub use seen_service::EcsService;
pub use services::NewService;
pub use ties::Ties;

/// `DescribeServices` takes no more names at once.
const SERVICES_PER_CALL: usize = 10;
/// `DescribeServices` calls under way at once: a cluster can have thousands of services.
const LOOKS_AT_ONCE: usize = 16;
/// The tag that holds a definition's digest, so that a promote that died can find what it registered.
const DIGEST_TAG: &str = "convox:definition";

/// One cluster.
#[derive(Debug)]
pub struct Cluster {
    client: OnDemand<Client>,
    name: String,
}

/// What of an ECS service changes beside its task definition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change<'a> {
    /// How its tasks are replaced.
    pub deployment: Option<&'a Deployment>,
    /// Where its tasks run: anywhere but on instances, to which ECS moves no service that is not theirs.
    pub placement: Option<&'a Placement>,
    /// The network of its tasks, where that alone changes.
    pub network: Option<&'a Network>,
    /// Whether people get into its containers by ECS Exec.
    pub exec: Option<bool>,
    /// The load balancers that send to it.
    pub balancing: Option<&'a Balancing>,
    /// What attaches it to gateways; none of them ends that.
    pub connectors: Option<&'a [Connector]>,
    /// How many tasks it runs.
    pub count: Option<u32>,
}

/// The cluster, as far as a promote cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenCluster {
    /// Its ARN.
    pub arn: String,
    /// The capacity providers that are associated with it.
    pub capacity_providers: Vec<String>,
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
    /// Whether a port of it has the name by which gateways find one.
    pub has_gateway_port: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// Whether two names or ARNs are those of one cluster. Either ends in the name, and there is one account and region.
#[must_use]
pub fn is_same_cluster(one: &str, other: &str) -> bool {
    other.rsplit('/').next() == one.rsplit('/').next()
}

impl Cluster {
    /// The cluster called `name` (a name or an ARN).
    #[must_use]
    pub fn new(sdk: &SdkConfig, name: impl Into<String>) -> Self {
        let sdk = sdk.clone();
        let client = OnDemand::new(move || {
            let config = config::Builder::from(&sdk);
            Client::from_conf(config.retry_partition(clients::without_budget()).build())
        });
        Self {
            client,
            name: name.into(),
        }
    }

    /// The name or ARN that was configured.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether another name or ARN is that of this cluster.
    #[must_use]
    pub fn is_called(&self, other: &str) -> bool {
        is_same_cluster(&self.name, other)
    }

    /// The cluster, `None` where there is no active one of that name.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn see(&self) -> Result<Option<SeenCluster>, CallError> {
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
        Ok(active.and_then(|cluster| {
            Some(SeenCluster {
                arn: cluster.cluster_arn()?.to_owned(),
                capacity_providers: cluster.capacity_providers().to_vec(),
            })
        }))
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
        self.services_in(&self.name, names).await
    }

    /// The same in another cluster.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn services_in(
        &self,
        cluster: &str,
        names: &[String],
    ) -> Result<BTreeMap<String, EcsService>, CallError> {
        let found: Vec<_> = stream::iter(names.chunks(SERVICES_PER_CALL))
            .map(async |names| self.some_services(cluster, names).await)
            .buffer_unordered(LOOKS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(found
            .into_iter()
            .flatten()
            .map(|service| (service.name.clone(), service))
            .collect())
    }

    async fn some_services(
        &self,
        cluster: &str,
        names: &[String],
    ) -> Result<Vec<EcsService>, CallError> {
        let request = self
            .client
            .describe_services()
            .cluster(cluster)
            .include(ServiceField::Tags);
        let answer = request.set_services(Some(names.to_vec())).send().await;
        let answer = answer.map_err(|err| {
            CallError::new(format!("look up ECS services {}", names.join(", ")), &err)
        })?;
        Ok(answer
            .services()
            .iter()
            .map(seen_service::ecs_service)
            .filter(|service| service.status != "INACTIVE")
            .collect())
    }

    /// One revision, or the newest active one of a family; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn definition(&self, name: &str) -> Result<Option<Registered>, CallError> {
        let Some(answer) = self.describe_definition(name).await? else {
            return Ok(None);
        };
        let tags = tags(answer.tags());
        Ok(answer.task_definition().and_then(|definition| {
            let arn = definition.task_definition_arn()?.to_owned();
            let containers = definition.container_definitions().iter();
            let ports = containers
                .clone()
                .flat_map(ContainerDefinition::port_mappings);
            let mut names = ports.filter_map(|port| port.name());
            let inactive = TaskDefinitionStatus::Inactive;
            Some(Registered {
                arn,
                is_active: definition.status().is_none_or(|status| *status != inactive),
                secret_references: containers.flat_map(references).collect(),
                digest: tags.get(DIGEST_TAG).cloned(),
                has_gateway_port: names.any(Connector::is_called),
                tags,
            })
        }))
    }

    /// The same revision, as far as a definition made from convox.yml may lack something of it.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn whole_definition(&self, name: &str) -> Result<Option<SeenDefinition>, CallError> {
        let answer = self.describe_definition(name).await?;
        Ok(answer.and_then(|answer| {
            let tags = tags(answer.tags());
            let definition = answer.task_definition()?;
            Some(seen_definition::seen(definition, tags))
        }))
    }

    async fn describe_definition(
        &self,
        name: &str,
    ) -> Result<Option<DescribeTaskDefinitionOutput>, CallError> {
        let request = self.client.describe_task_definition().task_definition(name);
        match request.include(TaskDefinitionField::Tags).send().await {
            Ok(answer) => Ok(Some(answer)),
            // ECS has no error of its own for a family that is not there.
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(DescribeTaskDefinitionError::is_client_exception) =>
            {
                Ok(None)
            }
            Err(err) => Err(CallError::new(
                format!("read task definition `{name}`"),
                &err,
            )),
        }
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

    /// Moves an ECS service to a revision and makes `change`; nothing else of it changes.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn move_service(
        &self,
        service: &EcsService,
        definition: &str,
        change: Change<'_>,
    ) -> Result<(), CallError> {
        let name = &service.name;
        let attempted = || format!("move ECS service `{name}` to {definition}");
        let deployment = change.deployment.map(deployments::told).transpose();
        let deployment = deployment.map_err(|_| CallError::unbuilt(attempted()))?;
        let connectors = change.connectors.map(gateways::told).transpose();
        let connectors = connectors.map_err(|_| CallError::unbuilt(attempted()))?;
        let grace = change.balancing.and_then(balancing::grace);
        let mut request = self
            .client
            .update_service()
            .cluster(&self.name)
            .service(name)
            .availability_zone_rebalancing(rebalancing::moved(service, change.deployment))
            .set_deployment_configuration(deployment)
            .set_enable_execute_command(change.exec)
            .set_load_balancers(change.balancing.map(balancing::load_balancers))
            .set_gateway_connectors(connectors)
            .set_health_check_grace_period_seconds(
                grace.or_else(|| change.connectors.and_then(gateways::grace)),
            )
            .set_desired_count(change.count.map(services::count));
        if service.gone_back_from.as_deref() == Some(definition) {
            // Perhaps ECS compares with what it was told, and not with what it runs.
            request = request.force_new_deployment(true);
        }
        if change.exec.is_some() {
            // By itself it is of later tasks alone (API reference, `UpdateService`, `enableExecuteCommand`).
            request = request.force_new_deployment(true);
        }
        if let Some(placement) = change.placement {
            let launched =
                Launched::moved(placement).map_err(|_| CallError::unbuilt(attempted()))?;
            // Another capacity alone would be that of later tasks (API reference, `UpdateService`).
            request = request
                .set_capacity_provider_strategy(launched.strategy)
                .set_network_configuration(launched.network)
                .set_platform_version(launched.platform_version)
                .force_new_deployment(true);
        }
        if let Some(network) = change.network {
            // ECS starts its tasks anew by itself then (API reference, `UpdateService`, `networkConfiguration`).
            let network =
                placement::configuration(network).map_err(|_| CallError::unbuilt(attempted()))?;
            request = request.network_configuration(network);
        }
        let answer = request.task_definition(definition).send().await;
        answer
            .map(drop)
            .map_err(|err| CallError::new(attempted(), &err))
    }
}

/// All that ECS reads for a container: its `secrets`, what its log driver is given, what opens its registry.
fn references(container: &ContainerDefinition) -> impl Iterator<Item = String> {
    let secrets = container.secrets().iter();
    let logs = container.log_configuration().into_iter();
    let logs = logs.flat_map(LogConfiguration::secret_options);
    let registry = container.repository_credentials().into_iter();
    let registry = registry.map(RepositoryCredentials::credentials_parameter);
    let secrets = secrets.chain(logs).map(Secret::value_from);
    secrets.chain(registry).map(str::to_owned)
}

fn tags(tags: &[Tag]) -> BTreeMap<String, String> {
    let tags = tags.iter();
    tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
        .collect()
}
