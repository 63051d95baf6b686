//! ECS Gateways: which of them services of the cluster can use, and what attaches an ECS service to them. `DescribeServices` says nothing
//! of the latter: it stands in the service revision that the newest deployment brings.
//!
//! Source: ECS API reference, `ListGatewayClusterAssociations`, `DescribeGateway`, `GatewayConnector`, `ListServiceDeployments`,
//! `DescribeServiceRevisions`, `GatewayConnection`.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::error::BuildError;
use aws_sdk_ecs::primitives::DateTime as AwsDateTime;
use aws_sdk_ecs::types::{
    AccessType, EcsManagedResources, GatewayClusterAssociationStatus, GatewayConnector,
    GatewayConnectorFilters, GatewayConnectorHealthCheck, GatewayConnectorHealthCheckMatcher,
    GatewayConnectorHealthCheckProtocol, ServiceDeploymentBrief, ServiceDeploymentStatus,
    ServiceRevision,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use release::entrance::{Access, Connector};

use super::{Cluster, EcsService, LOOKS_AT_ONCE};
use crate::call_error::CallError;

/// What counts as well, and how often in a row: as of target groups that Apps have themselves.
const CODES: &str = "200-399";
const THRESHOLD: i32 = 2;

/// A gateway that services of the cluster can be attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenGateway {
    /// Its ARN.
    pub arn: String,
    /// Who reaches it; none where ECS says something that nobody knows here.
    pub access: Option<Access>,
    /// The subnets of its load balancers.
    pub subnets: BTreeSet<String>,
}

/// How an ECS service is attached to gateways.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AtGateways {
    /// What attaches it; at most one.
    pub connectors: Vec<Connector>,
    /// The addresses that gateways have given it, sorted.
    pub urls: Vec<String>,
}

impl Cluster {
    /// The gateways that are associated with the cluster, and stay so.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn gateways(&self) -> Result<Vec<SeenGateway>, CallError> {
        let request = self.client.list_gateway_cluster_associations();
        let request = request.cluster(&self.name);
        let request = request.status(GatewayClusterAssociationStatus::Active);
        let listed = request.send().await.map_err(|err| {
            CallError::new(
                format!("list the gateways of cluster `{}`", self.name),
                &err,
            )
        })?;
        // A cluster has at most five, and a page a hundred (API reference, `AssociateGatewayWithCluster`).
        let arns = listed.gateway_cluster_associations().iter();
        let arns = arns.filter_map(|association| association.gateway_arn());
        stream::iter(arns.map(str::to_owned))
            .map(async |arn| self.gateway(arn).await)
            .buffered(LOOKS_AT_ONCE)
            .try_collect()
            .await
    }

    async fn gateway(&self, arn: String) -> Result<SeenGateway, CallError> {
        let described = self.client.describe_gateway().gateway(&arn).send().await;
        let described =
            described.map_err(|err| CallError::new(format!("look up gateway {arn}"), &err))?;
        let gateway = described.gateway();
        let access = gateway.and_then(|gateway| gateway.access_type());
        let access = access.and_then(|access| Access::of(access.as_str()));
        let configuration = gateway.and_then(|gateway| gateway.configuration());
        let balancers = configuration.and_then(|it| it.as_host_shared_alb().ok());
        let network = balancers.and_then(|balancers| balancers.network_configuration());
        let subnets = network.map_or(&[][..], |network| network.subnets());
        let subnets = subnets.iter().cloned().collect();
        Ok(SeenGateway {
            arn,
            access,
            subnets,
        })
    }

    /// How each of these ECS services is attached to gateways, by name.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn at_gateways(
        &self,
        services: &[&EcsService],
    ) -> Result<BTreeMap<String, AtGateways>, CallError> {
        let revisions: Vec<Option<(String, &EcsService)>> = stream::iter(services)
            .map(async |service| {
                let revision = self.newest_revision(service).await?;
                Ok::<_, CallError>(revision.map(|revision| (revision, *service)))
            })
            .buffered(LOOKS_AT_ONCE)
            .try_collect()
            .await?;
        let by_revision: BTreeMap<String, &EcsService> = revisions.into_iter().flatten().collect();
        let arns: Vec<String> = by_revision.keys().cloned().collect();
        let attempted = "look up what attaches ECS services to gateways";
        let described = self.service_revisions(&arns, attempted).await?;
        let attached = described.iter().filter_map(|revision| {
            let service = by_revision.get(revision.service_revision_arn()?)?;
            Some((service.name.clone(), seen(revision, service.grace)))
        });
        Ok(attached.collect())
    }

    /// The service revision that an ECS service has, or moves to.
    async fn newest_revision(&self, service: &EcsService) -> Result<Option<String>, CallError> {
        let name = &service.name;
        let request = self.client.list_service_deployments().cluster(&self.name);
        let listed = request.service(name).send().await;
        let listed = listed.map_err(|err| {
            CallError::new(
                format!("list the deployments of ECS service `{name}`"),
                &err,
            )
        })?;
        // Without a deployment that ECS remembers, it is the one that its tasks are of.
        let only = <[String; 1]>::try_from(service.revisions.clone()).ok();
        let only = only.map(|[only]| only);
        Ok(revision_brought_by(listed.service_deployments()).or(only))
    }
}

/// The service revision that the newest of these deployments brings, by its ARN; where that is taken back, the one that was brought
/// before it.
#[must_use]
pub fn revision_brought_by(deployments: &[ServiceDeploymentBrief]) -> Option<String> {
    let mut deployments: Vec<&ServiceDeploymentBrief> = deployments.iter().collect();
    deployments.sort_by_key(|brief| brief.created_at().map(AwsDateTime::as_nanos));
    let mut newest = deployments.into_iter().rev();
    let first = newest.next()?;
    let mut before =
        newest.filter(|brief| brief.status() == Some(&ServiceDeploymentStatus::Successful));
    let brought = match first.status() {
        Some(
            ServiceDeploymentStatus::RollbackRequested
            | ServiceDeploymentStatus::RollbackInProgress
            | ServiceDeploymentStatus::RollbackSuccessful,
        ) => before.next()?,
        _ => first,
    };
    brought.target_service_revision_arn().map(str::to_owned)
}

fn seen(revision: &ServiceRevision, grace: u32) -> AtGateways {
    let connectors = revision.gateway_connectors().iter();
    let managed = revision.ecs_managed_resources();
    let connections = managed
        .into_iter()
        .flat_map(EcsManagedResources::gateway_connections);
    let urls: BTreeSet<&str> = connections.filter_map(|it| it.service_url()).collect();
    AtGateways {
        connectors: connectors.map(|it| connector(it, grace)).collect(),
        urls: urls.into_iter().map(str::to_owned).collect(),
    }
}

/// One that somebody else made may lack what is always said here; it differs then.
fn connector(connector: &GatewayConnector, grace: u32) -> Connector {
    let health = connector.health_check();
    let seconds = |seconds: Option<i32>| {
        let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
        seconds.unwrap_or_default()
    };
    let path = health.and_then(GatewayConnectorHealthCheck::health_check_path);
    let filters = connector.filters().into_iter();
    let access = filters.flat_map(GatewayConnectorFilters::access_types);
    Connector {
        port_name: connector.port_name().to_owned(),
        access_types: access.filter_map(|it| Access::of(it.as_str())).collect(),
        path: path.unwrap_or_default().to_owned(),
        interval: seconds(
            health.and_then(GatewayConnectorHealthCheck::health_check_interval_seconds),
        ),
        timeout: seconds(
            health.and_then(GatewayConnectorHealthCheck::health_check_timeout_seconds),
        ),
        grace,
    }
}

/// As ECS is told them; none takes away what attaches a service.
///
/// # Errors
///
/// [`BuildError`] where the SDK misses a part.
pub(super) fn told(connectors: &[Connector]) -> Result<Vec<GatewayConnector>, BuildError> {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let told = connectors.iter().map(|connector| {
        let matcher = GatewayConnectorHealthCheckMatcher::builder().http_code(CODES);
        let health = GatewayConnectorHealthCheck::builder()
            .health_check_protocol(GatewayConnectorHealthCheckProtocol::Http)
            .health_check_path(&connector.path)
            .health_check_interval_seconds(number(connector.interval))
            .health_check_timeout_seconds(number(connector.timeout))
            .healthy_threshold_count(THRESHOLD)
            .unhealthy_threshold_count(THRESHOLD)
            .matcher(matcher.build());
        let access = connector.access_types.iter();
        let access = access.map(|access| AccessType::from(access.name()));
        let filters = GatewayConnectorFilters::builder().set_access_types(Some(access.collect()));
        GatewayConnector::builder()
            .port_name(&connector.port_name)
            .health_check(health.build())
            .filters(filters.build())
            .build()
    });
    told.collect()
}

/// The grace period that belongs to them.
pub(super) fn grace(connectors: &[Connector]) -> Option<i32> {
    let connector = connectors.first()?;
    Some(i32::try_from(connector.grace).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::GatewayConnection;

    use super::*;

    #[test]
    fn what_ecs_is_told_is_what_it_answers() {
        let both = Connector {
            port_name: "gateway".to_owned(),
            access_types: Access::ALL.into_iter().collect(),
            path: "/up".to_owned(),
            interval: 10,
            timeout: 4,
            grace: 60,
        };
        let private = Connector {
            access_types: [Access::Private].into(),
            ..both.clone()
        };
        for wanted in [vec![], vec![both], vec![private]] {
            let told = told(&wanted).unwrap();
            let connection = |url: &str| GatewayConnection::builder().service_url(url).build();
            let managed = EcsManagedResources::builder()
                .gateway_connections(connection("https://b.example"))
                .gateway_connections(connection("https://a.example"))
                .gateway_connections(connection("https://a.example"));
            let revision = ServiceRevision::builder()
                .set_gateway_connectors(Some(told))
                .ecs_managed_resources(managed.build());
            let grace = grace(&wanted).map_or(7, |grace| u32::try_from(grace).unwrap());
            let seen = seen(&revision.build(), grace);
            assert_eq!(seen.connectors, wanted);
            assert_eq!(seen.urls, ["https://a.example", "https://b.example"]);
        }
        let bare = GatewayConnector::builder().port_name("theirs").build();
        let seen = connector(&bare.unwrap(), 0);
        assert_eq!(
            (seen.port_name.as_str(), seen.access_types.len()),
            ("theirs", 0)
        );
    }

    #[test]
    fn a_deployment_that_is_taken_back_brings_what_was_there_before_it() {
        use ServiceDeploymentStatus as Status;
        let brief = |at: i64, status: Status| {
            ServiceDeploymentBrief::builder()
                .created_at(AwsDateTime::from_secs(at))
                .target_service_revision_arn(format!("revision-{at}"))
                .status(status)
                .build()
        };
        for (deployments, want) in [
            (vec![], None),
            (vec![(1, Status::Successful)], Some("revision-1")),
            (
                vec![(2, Status::InProgress), (1, Status::Successful)],
                Some("revision-2"),
            ),
            (
                vec![
                    (1, Status::Successful),
                    (2, Status::Stopped),
                    (3, Status::RollbackSuccessful),
                ],
                Some("revision-1"),
            ),
            (
                vec![(1, Status::Successful), (2, Status::RollbackInProgress)],
                Some("revision-1"),
            ),
            (
                vec![(1, Status::Successful), (2, Status::RollbackFailed)],
                Some("revision-2"),
            ),
            (vec![(1, Status::RollbackSuccessful)], None),
        ] {
            let said = format!("{deployments:?}");
            let deployments = deployments
                .into_iter()
                .map(|(at, status)| brief(at, status));
            let deployments: Vec<ServiceDeploymentBrief> = deployments.collect();
            assert_eq!(revision_brought_by(&deployments).as_deref(), want, "{said}");
        }
    }
}
