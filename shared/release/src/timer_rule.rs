//! What an EventBridge rule of a Timer says, or a schedule of EventBridge Scheduler: when, and which task.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use manifest::capacity::Capacity;

/// A Timer's rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerRule {
    /// `cron(…)` or `rate(…)`.
    pub schedule: String,
    /// What it runs.
    pub target: TimerTarget,
}

/// A Timer's schedule of EventBridge Scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerSchedule {
    /// What a rule in its place would say.
    pub rule: TimerRule,
    /// The time zone in which it says when, by its IANA name.
    pub timezone: String,
    /// The queue of what it could not start.
    pub dead_letter_arn: String,
}

/// The task that a rule or a schedule starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerTarget {
    /// The cluster.
    pub cluster_arn: String,
    /// The role that the task is started with.
    pub role_arn: String,
    /// The revision.
    pub task_definition: String,
    /// Where the task runs.
    pub placement: Placement,
}

/// Where tasks run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// On AWS's machines, in this network.
    Fargate {
        /// Of the Rack.
        network: Network,
        /// Whether only on those that are spare.
        spot: bool,
    },
    /// On the cluster's own instances.
    Ec2,
}

/// The network of tasks that have interfaces of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// At least one.
    pub subnets: Vec<String>,
    /// Empty = the VPC's default group.
    pub security_groups: Vec<String>,
    /// Whether tasks get public addresses.
    pub assign_public_ip: bool,
}

/// How many security groups a task can have (ECS API reference, `AwsVpcConfiguration`).
const SECURITY_GROUPS_MAX: usize = 5;

impl Network {
    /// The same network, and in it the App's own group, where there is one and it [has room](Network::has_room).
    #[must_use]
    pub fn with(&self, own: Option<&str>) -> Self {
        let mut network = self.clone();
        let groups = &mut network.security_groups;
        let own = own.filter(|own| self.has_room() && groups.iter().all(|group| group != own));
        groups.extend(own.map(str::to_owned));
        network
    }

    /// Whether another group fits. Where none is named AWS picks the VPC's own, whose place another one would take.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let groups: BTreeSet<&String> = self.security_groups.iter().collect();
        (1..SECURITY_GROUPS_MAX).contains(&groups.len())
    }

    /// Whether what stands in `seen` has to be moved to be in this network. Order counts for nothing. Without a group in
    /// the settings AWS picks the VPC's own, which may be what is seen: only the groups of `before`, where it had some, have
    /// to be left.
    #[must_use]
    pub fn differs_from(&self, seen: &Network, before: Option<&Network>) -> bool {
        let all = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
        let same = |a: &[String], b: &[String]| all(a) == all(b);
        let groups = if self.security_groups.is_empty() {
            let left = before.map(|before| &before.security_groups);
            let seen = all(&seen.security_groups);
            left.is_none_or(|left| left.is_empty() || !all(left).is_subset(&seen))
        } else {
            same(&self.security_groups, &seen.security_groups)
        };
        let subnets = same(&self.subnets, &seen.subnets);
        !(groups && subnets && self.assign_public_ip == seen.assign_public_ip)
    }
}

impl Placement {
    /// On `capacity`, in the Rack's network where it has need of one.
    #[must_use]
    pub fn on(capacity: Capacity, network: &Network) -> Self {
        match capacity {
            Capacity::Ec2 => Self::Ec2,
            Capacity::Fargate | Capacity::FargateSpot => Self::Fargate {
                network: network.clone(),
                spot: capacity == Capacity::FargateSpot,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(subnets: &[&str], groups: &[&str], assign_public_ip: bool) -> Network {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Network {
            subnets: owned(subnets),
            security_groups: owned(groups),
            assign_public_ip,
        }
    }

    #[test]
    fn a_network_is_another_one_by_what_is_in_it_not_by_its_order() {
        let wanted = network(&["a", "b"], &["sg-1", "sg-2"], false);
        for (seen, differs) in [
            (network(&["b", "a"], &["sg-2", "sg-1"], false), false),
            (network(&["a"], &["sg-1", "sg-2"], false), true),
            (network(&["a", "b"], &["sg-1"], false), true),
            (network(&["a", "b"], &["sg-1", "sg-2"], true), true),
        ] {
            assert_eq!(wanted.differs_from(&seen, None), differs, "{seen:?}");
        }
    }

    #[test]
    fn an_apps_own_group_comes_in_beside_others_as_long_as_there_is_room() {
        let own = Some("sg-own");
        for (groups, want) in [
            (vec!["sg-1"], vec!["sg-1", "sg-own"]),
            (
                vec!["sg-1", "sg-2", "sg-3", "sg-4"],
                vec!["sg-1", "sg-2", "sg-3", "sg-4", "sg-own"],
            ),
            (vec!["1", "2", "3", "4", "5"], vec!["1", "2", "3", "4", "5"]),
            (vec!["sg-own", "sg-1"], vec!["sg-own", "sg-1"]),
            (vec![], vec![]),
        ] {
            let rack = network(&["a"], &groups, true);
            assert_eq!(rack.with(own), network(&["a"], &want, true));
            assert_eq!(rack.with(None), rack);
        }
        let twice = network(&["a"], &["1", "2", "3", "4", "4"], false);
        assert!(twice.has_room(), "each counts once");
    }

    #[test]
    fn what_was_moved_into_the_groups_of_before_and_one_more_is_moved_out_again() {
        let wanted = network(&["a"], &[], false);
        let moved = network(&["a"], &["sg-1", "sg-own"], false);
        assert!(wanted.differs_from(&moved, Some(&network(&["a"], &["sg-1"], false))));
    }

    #[test]
    fn the_group_that_aws_picks_where_there_is_none_is_no_other_network() {
        let wanted = network(&["a"], &[], false);
        let picked = network(&["a"], &["sg-of-the-vpc"], false);
        for (before, differs) in [
            (None, false),
            (Some(network(&["a"], &[], false)), false),
            (Some(network(&["a"], &["sg-1"], false)), false),
            (Some(network(&["a"], &["sg-of-the-vpc"], false)), true),
            (
                Some(network(&["a"], &["sg-of-the-vpc", "sg-1"], false)),
                false,
            ),
        ] {
            assert_eq!(
                wanted.differs_from(&picked, before.as_ref()),
                differs,
                "{before:?}"
            );
        }
    }
}
