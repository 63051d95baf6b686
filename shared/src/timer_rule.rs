//! What an EventBridge rule of a Timer says: when, and which task.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::capacity::Capacity;

/// A Timer's rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerRule {
    /// `cron(…)` or `rate(…)`.
    pub schedule: String,
    /// What it runs.
    pub target: TimerTarget,
}

/// The task that a rule starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerTarget {
    /// The cluster.
    pub cluster_arn: String,
    /// The role that EventBridge starts the task with.
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

impl Network {
    /// Whether what stands in `seen` has to be moved to be in this network. Order counts for nothing. Without a group in
    /// the settings AWS picks the VPC's own, which may be what is seen: only the groups of `before`, where it had some, have
    /// to be left.
    #[must_use]
    pub fn differs_from(&self, seen: &Network, before: Option<&Network>) -> bool {
        let all = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
        let same = |a: &[String], b: &[String]| all(a) == all(b);
        let groups = if self.security_groups.is_empty() {
            let left = before.map(|before| &before.security_groups);
            left.is_none_or(|left| left.is_empty() || !same(left, &seen.security_groups))
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
    fn the_group_that_aws_picks_where_there_is_none_is_no_other_network() {
        let wanted = network(&["a"], &[], false);
        let picked = network(&["a"], &["sg-of-the-vpc"], false);
        for (before, differs) in [
            (None, false),
            (Some(network(&["a"], &[], false)), false),
            (Some(network(&["a"], &["sg-1"], false)), false),
            (Some(network(&["a"], &["sg-of-the-vpc"], false)), true),
        ] {
            assert_eq!(
                wanted.differs_from(&picked, before.as_ref()),
                differs,
                "{before:?}"
            );
        }
    }
}
