//! A rule's ECS target in the SDK's types, and back.

use aws_sdk_eventbridge::types::{
    AssignPublicIp, AwsVpcConfiguration, EcsParameters, LaunchType, NetworkConfiguration, Target,
};

use super::TARGET_ID;
use crate::timer_rule::{Placement, TimerTarget};

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
    match ecs.launch_type()? {
        LaunchType::Ec2 => Some(Placement::Ec2),
        LaunchType::Fargate => {
            let network = ecs.network_configuration()?.awsvpc_configuration()?;
            Some(Placement::Fargate {
                subnets: network.subnets().to_vec(),
                security_groups: network.security_groups().to_vec(),
                assign_public_ip: network.assign_public_ip() == Some(&AssignPublicIp::Enabled),
            })
        }
        _ => None,
    }
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
    (ecs.launch_type, ecs.network_configuration) = match &wanted.placement {
        Placement::Ec2 => (Some(LaunchType::Ec2), None),
        Placement::Fargate {
            subnets,
            security_groups,
            assign_public_ip,
        } => {
            let public = if *assign_public_ip {
                AssignPublicIp::Enabled
            } else {
                AssignPublicIp::Disabled
            };
            let groups = Some(security_groups.clone()).filter(|groups| !groups.is_empty());
            let vpc = AwsVpcConfiguration::builder().set_subnets(Some(subnets.clone()));
            let vpc = vpc
                .set_security_groups(groups)
                .assign_public_ip(public)
                .build()
                .ok()?;
            (
                Some(LaunchType::Fargate),
                Some(
                    NetworkConfiguration::builder()
                        .awsvpc_configuration(vpc)
                        .build(),
                ),
            )
        }
    };
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
