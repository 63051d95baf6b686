//! What an EventBridge rule of a Timer says: when, and which task.

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

/// Where tasks of this Rack run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// On AWS's machines, in these subnets.
    Fargate {
        /// At least one.
        subnets: Vec<String>,
        /// Empty = the VPC's default group.
        security_groups: Vec<String>,
        /// Whether tasks get public addresses.
        assign_public_ip: bool,
    },
    /// On the cluster's own instances.
    Ec2,
}
