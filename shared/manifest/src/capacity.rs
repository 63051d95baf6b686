//! What tasks run on. Source: ECS API reference, `CreateService` (`launchType`, `capacityProviderStrategy`).

use serde::{Deserialize, Serialize};

/// What runs the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchType {
    /// AWS's machines.
    Fargate,
    /// The cluster's own instances.
    Ec2,
}

/// What the tasks of a Service or Timer run on, by the names of ECS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Capacity {
    /// AWS's machines.
    Fargate,
    /// AWS's machines, as long as they are spare.
    FargateSpot,
    /// The cluster's own instances.
    Ec2,
}

impl Capacity {
    /// The launch type that a task definition has to fit.
    #[must_use]
    pub fn launch_type(self) -> LaunchType {
        match self {
            Self::Fargate | Self::FargateSpot => LaunchType::Fargate,
            Self::Ec2 => LaunchType::Ec2,
        }
    }

    /// Its name in ECS.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fargate => "FARGATE",
            Self::FargateSpot => "FARGATE_SPOT",
            Self::Ec2 => "EC2",
        }
    }

    /// The capacity provider of that name; instances have none that everybody has.
    #[must_use]
    pub fn provider(self) -> Option<&'static str> {
        match self {
            Self::Fargate => Some("FARGATE"),
            Self::FargateSpot => Some("FARGATE_SPOT"),
            Self::Ec2 => None,
        }
    }
}

impl From<LaunchType> for Capacity {
    fn from(launch_type: LaunchType) -> Self {
        match launch_type {
            LaunchType::Fargate => Self::Fargate,
            LaunchType::Ec2 => Self::Ec2,
        }
    }
}
