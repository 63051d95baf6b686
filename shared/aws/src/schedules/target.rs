//! A schedule's ECS target in the SDK's types, and back.

use aws_sdk_scheduler::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, DeadLetterConfig,
    EcsParameters, LaunchType, NetworkConfiguration, RetryPolicy, Target,
};

use manifest::capacity::Capacity;
use release::timer_rule::{Network, Placement, TimerSchedule, TimerTarget};

/// How long, and how often, Scheduler tries to start a task: as long and as often as a rule (user guide, "Retry policy"; its
/// defaults, said since an update that says nothing would set them anyway).
const EVENT_AGE_SECONDS: i32 = 86_400;
const ATTEMPTS: i32 = 185;

/// What a target runs; `None` for one that runs no task, or not as a Timer's target does.
pub(super) fn seen(target: &Target) -> Option<TimerTarget> {
    let ecs = target.ecs_parameters()?;
    Some(TimerTarget {
        cluster_arn: target.arn().to_owned(),
        role_arn: target.role_arn().to_owned(),
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

/// The target to put, with the retries that stand.
pub(super) fn wanted(wanted: &TimerSchedule, retries: Option<RetryPolicy>) -> Option<Target> {
    let task = &wanted.rule.target;
    let ecs = EcsParameters::builder()
        .task_definition_arn(&task.task_definition)
        .task_count(1);
    let mut ecs = ecs.build().ok()?;
    place(&mut ecs, &task.placement)?;
    let retries = retries.unwrap_or_else(|| {
        let policy = RetryPolicy::builder().maximum_event_age_in_seconds(EVENT_AGE_SECONDS);
        policy.maximum_retry_attempts(ATTEMPTS).build()
    });
    let dead_letters = DeadLetterConfig::builder().arn(&wanted.dead_letter_arn);
    let target = Target::builder()
        .arn(&task.cluster_arn)
        .role_arn(&task.role_arn);
    let target = target.retry_policy(retries).ecs_parameters(ecs);
    target.dead_letter_config(dead_letters.build()).build().ok()
}

/// A launch type or a strategy, never both (ECS API reference, `RunTask`).
fn place(ecs: &mut EcsParameters, placement: &Placement) -> Option<()> {
    match placement {
        Placement::Ec2 => ecs.launch_type = Some(LaunchType::Ec2),
        Placement::Fargate { network, spot } => {
            ecs.network_configuration = Some(configuration(network)?);
            if *spot {
                let provider = Capacity::FargateSpot.provider()?;
                let spot = CapacityProviderStrategyItem::builder().capacity_provider(provider);
                ecs.capacity_provider_strategy = Some(vec![spot.weight(1).build().ok()?]);
            } else {
                ecs.launch_type = Some(LaunchType::Fargate);
            }
        }
    }
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
    let configuration = configuration.awsvpc_configuration(vpc.build().ok()?);
    Some(configuration.build())
}
