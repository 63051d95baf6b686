//! Where tasks run, in the SDK's types.

use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, LaunchType,
    NetworkConfiguration,
};

use manifest::capacity::Capacity;
use release::timer_rule::{Network, Placement};

/// A [`Placement`] as ECS is told it.
pub(super) struct Launched {
    /// Absent where a capacity provider launches the tasks: ECS takes one of the two.
    pub launch_type: Option<LaunchType>,
    /// The one capacity provider, if one launches the tasks.
    pub strategy: Option<Vec<CapacityProviderStrategyItem>>,
    /// The network of Fargate's tasks.
    pub network: Option<NetworkConfiguration>,
    /// The platform of Fargate's tasks.
    pub platform_version: Option<String>,
}

impl Launched {
    /// For what is started. Every cluster has the launch type `FARGATE`; the capacity provider `FARGATE_SPOT` has to be
    /// associated with it (API reference, `PutClusterCapacityProviders`).
    pub(super) fn new(placement: &Placement) -> Result<Self, aws_sdk_ecs::error::BuildError> {
        let (launch_type, strategy) = match placement {
            Placement::Ec2 => (Some(LaunchType::Ec2), None),
            Placement::Fargate { spot: false, .. } => (Some(LaunchType::Fargate), None),
            Placement::Fargate { spot: true, .. } => (None, strategy(Capacity::FargateSpot)?),
        };
        Ok(Self {
            launch_type,
            strategy,
            network: network(placement)?,
            platform_version: platform_version(placement),
        })
    }

    /// For an ECS service that exists: `UpdateService` changes capacity providers, never the launch type.
    pub(super) fn moved(placement: &Placement) -> Result<Self, aws_sdk_ecs::error::BuildError> {
        let capacity = match placement {
            Placement::Ec2 => Capacity::Ec2,
            Placement::Fargate { spot: false, .. } => Capacity::Fargate,
            Placement::Fargate { spot: true, .. } => Capacity::FargateSpot,
        };
        Ok(Self {
            launch_type: None,
            strategy: strategy(capacity)?,
            network: network(placement)?,
            platform_version: platform_version(placement),
        })
    }
}

fn strategy(
    capacity: Capacity,
) -> Result<Option<Vec<CapacityProviderStrategyItem>>, aws_sdk_ecs::error::BuildError> {
    let Some(provider) = capacity.provider() else {
        return Ok(None);
    };
    let item = CapacityProviderStrategyItem::builder().capacity_provider(provider);
    Ok(Some(vec![item.weight(1).build()?]))
}

/// JSON keys and environment files need 1.4.0 (ECS developer guide, "Pass Secrets Manager secrets …"). `LATEST` has been
/// no older since 2021, and a pinned version would keep every service on it when AWS retires it; it is also the default,
/// stated here since tasks depend on it.
fn platform_version(placement: &Placement) -> Option<String> {
    matches!(placement, Placement::Fargate { .. }).then(|| "LATEST".to_owned())
}

fn network(
    placement: &Placement,
) -> Result<Option<NetworkConfiguration>, aws_sdk_ecs::error::BuildError> {
    match placement {
        Placement::Ec2 => Ok(None),
        Placement::Fargate { network, .. } => configuration(network).map(Some),
    }
}

/// A network as ECS is told it.
pub(super) fn configuration(
    network: &Network,
) -> Result<NetworkConfiguration, aws_sdk_ecs::error::BuildError> {
    let public = if network.assign_public_ip {
        AssignPublicIp::Enabled
    } else {
        AssignPublicIp::Disabled
    };
    let groups = Some(network.security_groups.clone()).filter(|groups| !groups.is_empty());
    let vpc = AwsVpcConfiguration::builder().set_subnets(Some(network.subnets.clone()));
    let vpc = vpc
        .set_security_groups(groups)
        .assign_public_ip(public)
        .build()?;
    let configuration = NetworkConfiguration::builder().awsvpc_configuration(vpc);
    Ok(configuration.build())
}

/// A network as ECS tells it; `None` where tasks have no interfaces of their own.
pub(super) fn seen(configuration: &NetworkConfiguration) -> Option<Network> {
    let vpc = configuration.awsvpc_configuration()?;
    Some(Network {
        subnets: vpc.subnets().to_vec(),
        security_groups: vpc.security_groups().to_vec(),
        assign_public_ip: vpc.assign_public_ip() == Some(&AssignPublicIp::Enabled),
    })
}
