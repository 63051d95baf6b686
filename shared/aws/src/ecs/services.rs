//! ECS services of ours: created, removed, and found by name.

use aws_sdk_ecs::error::ProvideErrorMetadata as _;
use aws_sdk_ecs::types::{PropagateTags, SchedulingStrategy, Tag};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use super::placement::Launched;
use super::{Cluster, balancing, deployments, gateways, rebalancing};
use crate::call_error::CallError;
use manifest::Deployment;
use names::hex;
use release::entrance::{Balancing, Connector};
use release::timer_rule::Placement;

/// `ListServices` answers no more names at once.
const NAMES_PER_PAGE: i32 = 100;

/// An ECS service that does not exist yet.
#[derive(Debug, Clone)]
pub struct NewService<'a> {
    /// Its name.
    pub name: &'a str,
    /// The revision that it runs.
    pub definition: &'a str,
    /// How many tasks it starts with.
    pub count: u32,
    /// Whether it runs once on every instance instead.
    pub is_daemon: bool,
    /// How its tasks are replaced.
    pub deployment: &'a Deployment,
    /// Where its tasks run.
    pub placement: &'a Placement,
    /// Whether people get into its containers by ECS Exec.
    pub exec: bool,
    /// The load balancers that send to it.
    pub balancing: &'a Balancing,
    /// What attaches it to gateways.
    pub connectors: &'a [Connector],
    /// The request that it is created for.
    pub request_id: &'a str,
    /// Its tags.
    pub tags: &'a BTreeMap<String, String>,
}

impl Cluster {
    /// Creates a service whose deployments ECS rolls back by itself.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn create_service(&self, service: &NewService<'_>) -> Result<(), CallError> {
        let attempted = || format!("create ECS service `{}`", service.name);
        let launched =
            Launched::new(service.placement).map_err(|_| CallError::unbuilt(attempted()))?;
        let deployment = deployments::told(service.deployment);
        let deployment = deployment.map_err(|_| CallError::unbuilt(attempted()))?;
        let connectors = gateways::told(service.connectors);
        let connectors = connectors.map_err(|_| CallError::unbuilt(attempted()))?;
        let grace = balancing::grace(service.balancing);
        let tags = service
            .tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        // A daemon has as many tasks as there are instances (API reference, `CreateService`, `desiredCount`).
        let (strategy, desired) = if service.is_daemon {
            (SchedulingStrategy::Daemon, None)
        } else {
            (SchedulingStrategy::Replica, Some(count(service.count)))
        };
        let is_balanced = !service.balancing.attachments.is_empty();
        let request = self
            .client
            .create_service()
            .cluster(&self.name)
            .service_name(service.name);
        let answer = request
            .task_definition(service.definition)
            .set_desired_count(desired)
            .scheduling_strategy(strategy)
            .set_platform_version(launched.platform_version)
            .set_launch_type(launched.launch_type)
            .set_capacity_provider_strategy(launched.strategy)
            .set_network_configuration(launched.network)
            .deployment_configuration(deployment)
            .availability_zone_rebalancing(rebalancing::created(
                service.deployment,
                service.is_daemon,
            ))
            .set_load_balancers(is_balanced.then(|| balancing::load_balancers(service.balancing)))
            .set_gateway_connectors(Some(connectors).filter(|it| !it.is_empty()))
            .set_health_check_grace_period_seconds(
                grace.or_else(|| gateways::grace(service.connectors)),
            )
            .propagate_tags(PropagateTags::Service)
            .set_enable_execute_command(service.exec.then_some(true))
            .set_tags(Some(tags.collect()))
            .client_token(token(service))
            .send()
            .await;
        answer
            .map(drop)
            .map_err(|err| CallError::new(attempted(), &err))
    }

    /// Removes a service; its tasks stop while it drains.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails; a service that is gone is none.
    pub async fn delete_service(&self, name: &str) -> Result<(), CallError> {
        let request = self
            .client
            .delete_service()
            .cluster(&self.name)
            .service(name);
        match request.force(true).send().await {
            Ok(_) => Ok(()),
            Err(err)
                if matches!(
                    err.code(),
                    Some("ServiceNotFoundException" | "ServiceNotActiveException")
                ) =>
            {
                Ok(())
            }
            Err(err) => Err(CallError::new(format!("remove ECS service `{name}`"), &err)),
        }
    }

    /// The names of all services of the cluster that start with `prefix`.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn names_of_services(&self, prefix: &str) -> Result<Vec<String>, CallError> {
        let mut pages = self
            .client
            .list_services()
            .cluster(&self.name)
            .max_results(NAMES_PER_PAGE)
            .into_paginator()
            .send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|err| {
                CallError::new(format!("list the ECS services of `{}`", self.name), &err)
            })?;
            let of_page = page
                .service_arns()
                .iter()
                .filter_map(|arn| arn.rsplit('/').next());
            names.extend(
                of_page
                    .filter(|name| name.starts_with(prefix))
                    .map(str::to_owned),
            );
        }
        Ok(names)
    }
}

/// A repeated creation for the same request is one creation; at most 36 characters (API reference, `CreateService`).
fn token(service: &NewService<'_>) -> String {
    let parts = [service.name, service.definition, service.request_id];
    let digest = hex(Sha256::digest(parts.join("\n")));
    digest.chars().take(32).collect()
}

/// A number of tasks as ECS is told it.
pub(super) fn count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
