//! A rule's ECS target in the SDK's types, and back.

use aws_sdk_eventbridge::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, EcsParameters, LaunchType,
    NetworkConfiguration, Target,
};

use super::TARGET_ID;
use manifest::capacity::Capacity;
use release::timer_rule::{Network, Placement, TimerTarget};

/// What a target runs; `None` for one that runs no task, or not as a Timer's target does.
pub(super) fn seen(target: &Target) -> Option<TimerTarget> {
    let ecs = target.ecs_parameters()?;
    Some(TimerTarget {
        cluster_arn: target.arn().to_owned(),
        role_arn: target.role_arn()?.to_owned(),
        task_definition: ecs.task_definition_arn().to_owned(),
        placement: placement(ecs)?,
    })
}

fn placement(ecs: &EcsParameters) -> Option<Placement> {
    let spot = match (ecs.capacity_provider_strategy(), ecs.launch_type()) {
        ([], Some(LaunchType::Ec2)) => return Some(Placement::Ec2),
        ([], Some(LaunchType::Fargate)) => false,
        ([only], None) => Some(only.capacity_provider()) == Capacity::FargateSpot.provider(),
        _ => return None,
    };
    let network = ecs.network_configuration()?.awsvpc_configuration()?;
    let network = Network {
        subnets: network.subnets().to_vec(),
        security_groups: network.security_groups().to_vec(),
        assign_public_ip: network.assign_public_ip() == Some(&AssignPublicIp::Enabled),
    };
    Some(Placement::Fargate { network, spot })
}

/// The target to put: `PutTargets` replaces the whole target, so what stands there is the base.
pub(super) fn wanted(wanted: &TimerTarget, raw: Option<&Target>) -> Option<Target> {
    let mut ecs = raw.and_then(Target::ecs_parameters).cloned().or_else(|| {
        EcsParameters::builder()
            .task_definition_arn(&wanted.task_definition)
            .task_count(1)
            .build()
            .ok()
    })?;
    ecs.task_definition_arn.clone_from(&wanted.task_definition);
    place(&mut ecs, &wanted.placement)?;
    let mut target = match raw {
        Some(raw) => raw.clone(),
        None => Target::builder()
            .id(TARGET_ID)
            .arn(&wanted.cluster_arn)
            .build()
            .ok()?,
    };
    target.arn.clone_from(&wanted.cluster_arn);
    target.role_arn = Some(wanted.role_arn.clone());
    target.ecs_parameters = Some(ecs);
    Some(target)
}

/// A launch type or a strategy, never both (API reference, `EcsParameters`).
fn place(ecs: &mut EcsParameters, placement: &Placement) -> Option<()> {
    (ecs.launch_type, ecs.capacity_provider_strategy) = match placement {
        Placement::Ec2 => (Some(LaunchType::Ec2), None),
        Placement::Fargate { spot: false, .. } => (Some(LaunchType::Fargate), None),
        Placement::Fargate { spot: true, .. } => {
            let spot = CapacityProviderStrategyItem::builder()
                .set_capacity_provider(Capacity::FargateSpot.provider().map(str::to_owned))
                .weight(1);
            (None, Some(vec![spot.build().ok()?]))
        }
    };
    ecs.network_configuration = match placement {
        Placement::Ec2 => None,
        Placement::Fargate { network, .. } => Some(configuration(network)?),
    };
    Some(())
}

fn configuration(network: &Network) -> Option<NetworkConfiguration> {
    let public = if network.assign_public_ip {
        AssignPublicIp::Enabled
    } else {
        AssignPublicIp::Disabled
    };
    let groups = Some(network.security_groups.clone()).filter(|groups| !groups.is_empty());
    let vpc = AwsVpcConfiguration::builder().set_subnets(Some(network.subnets.clone()));
    let vpc = vpc.set_security_groups(groups).assign_public_ip(public);
    let configuration = NetworkConfiguration::builder();
    Some(
        configuration
            .awsvpc_configuration(vpc.build().ok()?)
            .build(),
    )
}
