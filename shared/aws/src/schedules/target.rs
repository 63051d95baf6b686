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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use release::timer_rule::TimerRule;

    use super::*;

    fn network() -> impl Strategy<Value = Network> {
        let names = || proptest::collection::vec("[a-z]{1,8}", 0..3);
        let subnets = proptest::collection::vec("subnet-[a-z]{1,8}", 1..3);
        (subnets, names(), any::<bool>()).prop_map(|(subnets, security_groups, public)| Network {
            subnets,
            security_groups,
            assign_public_ip: public,
        })
    }

    fn placements() -> impl Strategy<Value = Placement> {
        let fargate = (network(), any::<bool>());
        let fargate = fargate.prop_map(|(network, spot)| Placement::Fargate { network, spot });
        prop_oneof![Just(Placement::Ec2), fargate]
    }

    fn schedule(placement: Placement) -> TimerSchedule {
        TimerSchedule {
            rule: TimerRule {
                schedule: "rate(1 day)".to_owned(),
                target: TimerTarget {
                    cluster_arn: "cluster".to_owned(),
                    role_arn: "role".to_owned(),
                    task_definition: "cleanup:1".to_owned(),
                    placement,
                },
            },
            timezone: "UTC".to_owned(),
            dead_letter_arn: "queue".to_owned(),
        }
    }

    fn in_a_network(spot: bool) -> TimerSchedule {
        let network = Network {
            subnets: vec!["subnet".to_owned()],
            security_groups: Vec::new(),
            assign_public_ip: true,
        };
        schedule(Placement::Fargate { network, spot })
    }

    proptest! {
        #[test]
        fn what_is_put_is_seen_as_it_was_wanted(placement in placements()) {
            let schedule = schedule(placement);
            let target = wanted(&schedule, None).unwrap();
            prop_assert_eq!(seen(&target), Some(schedule.rule.target));
        }
    }

    #[test]
    fn a_task_has_a_launch_type_or_a_strategy_and_a_network_where_it_needs_one() {
        for (schedule, launch_type, strategy, has_network) in [
            (schedule(Placement::Ec2), Some(LaunchType::Ec2), None, false),
            (in_a_network(false), Some(LaunchType::Fargate), None, true),
            (in_a_network(true), None, Some("FARGATE_SPOT"), true),
        ] {
            let target = wanted(&schedule, None).unwrap();
            let ecs = target.ecs_parameters().unwrap();
            assert_eq!(ecs.task_count(), Some(1));
            assert_eq!(ecs.launch_type(), launch_type.as_ref());
            let providers = ecs.capacity_provider_strategy().first();
            let provider = providers.map(|only| (only.capacity_provider(), only.weight()));
            assert_eq!(provider, strategy.map(|name| (name, 1)));
            let vpc = ecs.network_configuration();
            let vpc = vpc.and_then(NetworkConfiguration::awsvpc_configuration);
            assert_eq!(vpc.is_some(), has_network);
            // AWS takes no empty list where it is to pick the group itself.
            assert!(vpc.is_none_or(|vpc| vpc.security_groups.is_none()));
        }
    }

    #[test]
    fn what_could_not_start_is_kept_and_tried_again_as_often_as_was_set_by_hand() {
        let schedule = in_a_network(false);
        let target = wanted(&schedule, None).unwrap();
        let retries = target.retry_policy().unwrap();
        assert_eq!(retries.maximum_retry_attempts(), Some(185));
        assert_eq!(retries.maximum_event_age_in_seconds(), Some(86_400));
        let dead_letters = target.dead_letter_config().unwrap();
        assert_eq!(dead_letters.arn(), Some("queue"));
        let own = RetryPolicy::builder().maximum_retry_attempts(0).build();
        let target = wanted(&schedule, Some(own.clone())).unwrap();
        assert_eq!(target.retry_policy(), Some(&own));
    }

    #[test]
    fn what_no_timer_has_is_seen_as_no_target() {
        let target = wanted(&in_a_network(true), None).unwrap();
        let changed = |change: &dyn Fn(&mut EcsParameters)| {
            let mut changed = target.clone();
            change(changed.ecs_parameters.as_mut().unwrap());
            changed
        };
        let mut lambda = target.clone();
        lambda.ecs_parameters = None;
        for (what, target) in [
            ("a function", lambda),
            (
                "no strategy",
                changed(&|ecs| ecs.capacity_provider_strategy = None),
            ),
            (
                "both",
                changed(&|ecs| ecs.launch_type = Some(LaunchType::Fargate)),
            ),
            (
                "no network",
                changed(&|ecs| ecs.network_configuration = None),
            ),
        ] {
            assert_eq!(seen(&target), None, "{what}");
        }
        // Either way of saying it is Fargate.
        let of_provider = changed(&|ecs| {
            let provider = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE");
            ecs.capacity_provider_strategy = Some(vec![provider.build().unwrap()]);
        });
        assert_eq!(seen(&of_provider), Some(in_a_network(false).rule.target));
    }
}
