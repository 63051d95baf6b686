//! The Release that runs, and what has to be known of it to go back to it.

use std::collections::BTreeMap;

use manifest::Deployment;
use manifest::capacity::Capacity;
use manifest::precedence::EnvDelivery;
use names::{ReleaseId, SecretArn};
use release::app_stack::StackNeeds;
use release::timer_rule::Network;
use serde::{Deserialize, Serialize};

/// The Release that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// The Release.
    pub release: ReleaseId,
    /// The request that made it live.
    pub request_id: String,
    /// The S3 version of its environment object.
    pub env_version_id: String,
    /// How its tasks get the environment.
    pub delivery: EnvDelivery,
    /// The secret, where it is delivered by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretVersion>,
    /// By Service.
    pub services: BTreeMap<String, Definition>,
    /// By Timer.
    pub timers: BTreeMap<String, Definition>,
    /// What it needs of the App's own stack; none where it was promoted before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<StackNeeds>,
    /// The ARN of the cluster that its ECS services are in; none where it was promoted before that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The network of what is the App's own; none as above, or where nothing has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// [`release::stack_state::SeenStack::digest`] of the App's stack as it was then; none as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_digest: Option<String>,
}

/// A version of the App's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretVersion {
    /// The ARN that Secrets Manager returned.
    pub arn: SecretArn,
    /// The version.
    pub version_id: String,
}

/// A registered task definition and who runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// The revision's ARN.
    pub arn: String,
    /// [`release::task_definition::TaskDefinition::digest`] of what was registered.
    pub digest: String,
    /// The ECS service or EventBridge rule that runs it.
    pub runs_as: String,
    /// When a Timer's rule fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// What its tasks run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// How its tasks are replaced; of the App's own ECS services, none where it was promoted before that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
    /// How what runs it was set when a later request began that takes it away; nothing else tells that afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Setting>,
    /// What stood in its place when a later request began, where that was something else: ECS itself had gone back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<OriginalDefinition>,
}

/// What an ECS service ran that nobody of ours had moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginalDefinition {
    /// The revision's ARN.
    pub arn: String,
    /// Its network, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// How its tasks were replaced; of an ECS service that nobody of ours can have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
}

/// What belongs to the user of what runs a definition: no promote changes it, but a removal ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum Setting {
    /// An ECS service that runs a number of tasks.
    Replica {
        /// How many.
        desired_count: u32,
    },
    /// One that runs a task on every instance.
    Daemon,
    /// A rule.
    Rule {
        /// Whether it does not fire.
        is_disabled: bool,
    },
}
