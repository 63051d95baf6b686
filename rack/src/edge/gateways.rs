//! The addresses that ECS Gateways give to services.
//!
//! Source: ECS API reference, `ListServiceDeployments`, `DescribeServiceRevisions`, `GatewayConnection` (`serviceUrl`).

use std::collections::BTreeSet;

use aws::call_error::CallError;
use aws::ecs::revision_brought_by;
use aws_sdk_ecs::types::EcsManagedResources;

use super::ecs::{Ecs, cluster_of};

impl Ecs {
    /// The addresses that gateways have given an ECS service, sorted; none while they are at it.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn gateway_urls(
        &self,
        cluster: &str,
        runs_as: &str,
    ) -> Result<Vec<String>, CallError> {
        let attempted = || format!("look at the gateways of {runs_as}");
        let cluster = cluster_of(runs_as).unwrap_or(cluster);
        let request = self.client().list_service_deployments();
        let listed = request.cluster(cluster).service(runs_as).send().await;
        let listed = listed.map_err(|err| CallError::new(attempted(), &err))?;
        let Some(revision) = revision_brought_by(listed.service_deployments()) else {
            return Ok(Vec::new());
        };
        let request = self.client().describe_service_revisions();
        let described = request.service_revision_arns(revision).send().await;
        let described = described.map_err(|err| CallError::new(attempted(), &err))?;
        let managed = described.service_revisions().iter();
        let managed = managed.filter_map(|revision| revision.ecs_managed_resources());
        let connections = managed.flat_map(EcsManagedResources::gateway_connections);
        let urls: BTreeSet<&str> = connections.filter_map(|it| it.service_url()).collect();
        Ok(urls.into_iter().map(str::to_owned).collect())
    }
}
