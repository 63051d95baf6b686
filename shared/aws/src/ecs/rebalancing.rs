//! Availability Zone rebalancing, which ECS refuses for a service that may not run a task more than it wants for a while.
//!
//! It is always sent: a creation that says nothing gets it where it is possible, an update that says nothing keeps what stands,
//! and then the percentages that exclude it are what ECS refuses.
//!
//! Source: ECS API reference, `CreateService` and `UpdateService`, `availabilityZoneRebalancing`; ECS developer guide,
//! "Balancing an Amazon ECS service across Availability Zones" (not with `DAEMON`, a `maximumPercent` of 100 or less, Classic
//! Load Balancers).

use aws_sdk_ecs::types::AvailabilityZoneRebalancing;

use super::EcsService;
use manifest::Deployment;

/// That of a service that does not exist yet: what ECS gives by itself, where it can.
pub(super) fn created(deployment: &Deployment, is_daemon: bool) -> AvailabilityZoneRebalancing {
    said(is_possible(deployment, is_daemon))
}

/// That of a service whose percentages stay, or become `changed`: what stands, unless ECS would refuse that beside them. One
/// that could not have it, and now can, gets what a new one has.
pub(super) fn moved(
    found: &EcsService,
    changed: Option<&Deployment>,
) -> AvailabilityZoneRebalancing {
    let could = is_possible(&found.deployment, found.is_daemon);
    let can = is_possible(changed.unwrap_or(&found.deployment), found.is_daemon);
    said(can && (found.is_rebalanced || !could))
}

fn is_possible(deployment: &Deployment, is_daemon: bool) -> bool {
    deployment.maximum > 100 && !is_daemon
}

fn said(wanted: bool) -> AvailabilityZoneRebalancing {
    if wanted {
        AvailabilityZoneRebalancing::Enabled
    } else {
        AvailabilityZoneRebalancing::Disabled
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{DeploymentConfiguration, SchedulingStrategy, Service};

    use super::*;
    use crate::ecs::seen_service::ecs_service;

    fn percentages(maximum: u32) -> Deployment {
        Deployment::rolling(0, maximum)
    }

    #[test]
    fn a_new_service_has_it_where_ecs_takes_it() {
        for (maximum, is_daemon, want) in [
            (200, false, true),
            (101, false, true),
            (100, false, false),
            (100, true, false),
        ] {
            let got = created(&percentages(maximum), is_daemon);
            assert_eq!(got, said(want), "{maximum} {is_daemon}");
        }
    }

    #[test]
    fn a_standing_one_keeps_what_it_has_unless_that_is_impossible() {
        for (stands, maximum, is_daemon, changed, want) in [
            (true, 200, false, None, true),
            (false, 200, false, None, false),
            (true, 200, false, Some(100), false),
            (true, 200, false, Some(150), true),
            (false, 200, false, Some(150), false),
            (false, 100, false, Some(200), true),
            (false, 100, false, None, false),
            (false, 100, true, None, false),
        ] {
            let configuration = DeploymentConfiguration::builder().maximum_percent(maximum);
            let strategy = if is_daemon {
                SchedulingStrategy::Daemon
            } else {
                SchedulingStrategy::Replica
            };
            let service = Service::builder()
                .availability_zone_rebalancing(said(stands))
                .deployment_configuration(configuration.build())
                .scheduling_strategy(strategy);
            let found = ecs_service(&service.build());
            let got = moved(&found, changed.map(percentages).as_ref());
            let case = format!("{stands} {maximum} {is_daemon} {changed:?}");
            assert_eq!(got, said(want), "{case}");
        }
    }
}
