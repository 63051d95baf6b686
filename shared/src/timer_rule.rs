//! What an EventBridge rule of a Timer says: when, and which task.

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// At least one.
    pub subnets: Vec<String>,
    /// Empty = the VPC's default group.
    pub security_groups: Vec<String>,
    /// Whether tasks get public addresses.
    pub assign_public_ip: bool,
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
