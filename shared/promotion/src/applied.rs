//! The Release that runs, and what has to be known of it to go back to it.

use std::collections::{BTreeMap, BTreeSet};

use manifest::capacity::Capacity;
use manifest::precedence::EnvDelivery;
use manifest::{Count, Deployment};
use names::{ReleaseId, SecretArn};
use release::app_stack::StackNeeds;
use release::entrance::{Balancing, Connector};
use release::timer_rule::Network;
use serde::{Deserialize, Serialize};

use crate::verdict::Watch;
use crate::versions::KeptVersion;

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
    /// The versions of the secret that are kept, newest first; none where it was promoted before they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<KeptVersion>,
    /// Revisions older than these that a later request may have moved to: what stands at any other older one, ECS has gone back to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub going_back_to: BTreeSet<String>,
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
    /// What of it is not known to be live; none where all is, or where it was promoted before anybody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
}

/// The revisions of a Release once it was live: going back to it needs no new ones, while they and the versions of the secret
/// that they name are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The S3 version of its environment object.
    pub env_version_id: String,
    /// By Service.
    pub services: BTreeMap<String, Definition>,
    /// By Timer.
    pub timers: BTreeMap<String, Definition>,
}

impl Applied {
    /// What is recorded of it.
    #[must_use]
    pub fn record(&self) -> Record {
        Record {
            env_version_id: self.env_version_id.clone(),
            services: self.services.clone(),
            timers: self.timers.clone(),
        }
    }

    /// The definitions of its Services and Timers.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.services.values().chain(self.timers.values())
    }

    /// Whether a schedule of EventBridge Scheduler runs any of its Timers.
    #[must_use]
    pub fn has_schedules(&self) -> bool {
        self.timers.values().any(|known| known.timezone.is_some())
    }

    /// Whether gateways reach any of its Services.
    #[must_use]
    pub fn has_connectors(&self) -> bool {
        let mut services = self.services.values();
        services.any(|known| !known.connectors.is_empty())
    }

    /// Whether it is written down that a version of the secret is encrypted with another key than this one; `None` is the
    /// account's own.
    #[must_use]
    pub fn is_under_another_key(&self, version_id: &str, key_arn: Option<&str>) -> bool {
        let mut versions = self.versions.iter();
        let version = versions.find(|version| version.id == version_id);
        version.is_some_and(|version| version.key_arn.as_deref() != key_arn)
    }

    /// The Releases that can be gone back to without a write of a value: their versions of the secret are kept.
    #[must_use]
    pub fn kept_releases(&self) -> BTreeSet<String> {
        let releases = self.versions.iter();
        let releases = releases.filter_map(|version| version.release.as_ref());
        releases.map(ReleaseId::to_string).collect()
    }

    /// The versions of the secret that its definitions name.
    #[must_use]
    pub fn named_versions(&self) -> BTreeSet<&str> {
        let definitions = self.definitions();
        let named = definitions.filter_map(|known| known.secret_version_id.as_deref());
        named.collect()
    }
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
    /// The digest of what of it is the same in every Release that changes nothing for it; none where it was registered before
    /// that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<String>,
    /// The Release that it is of: the one in which it last changed. None as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// The version of the App's secret that its references name, if they name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_version_id: Option<String>,
    /// The ECS service, EventBridge rule or schedule of EventBridge Scheduler that runs it.
    pub runs_as: String,
    /// When a Timer runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The time zone of a Timer that a schedule of EventBridge Scheduler runs; none of one that a rule runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What its tasks run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// How its tasks are replaced; of the App's own ECS services, none where it was promoted before that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
    /// Whether convox.yml switches ECS Exec on for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exec: bool,
    /// How many tasks convox.yml says, of the App's own; none where it was promoted before that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
    /// What a later request changes of its ECS service, as it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Was>,
    /// The load balancers that send to it; of the App's own ECS services, none as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancing: Option<Balancing>,
    /// What attaches its ECS service to gateways; of the App's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connectors: Vec<Connector>,
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
    /// The load balancers that sent to it, as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancing: Option<Balancing>,
    /// What attached it to gateways, where that was looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connectors: Option<Vec<Connector>>,
}

/// What is the user's to set of an ECS service as long as convox.yml says the same of it: as it was before a request that changes
/// it, each where it does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Was {
    /// Whether people got into its containers by ECS Exec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<bool>,
    /// How many tasks it was to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// How its tasks were replaced, whole, where more than the percentages changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
    /// What it was attached to, where that was not the App's to say: most often to nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balancing: Option<Balancing>,
}

impl Was {
    /// The same, with what `other` knows beside it.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            exec: self.exec.or(other.exec),
            count: self.count.or(other.count),
            deployment: self.deployment.or(other.deployment),
            balancing: self.balancing.or(other.balancing),
        }
    }

    /// Whether a request changes nothing of it.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
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
    /// A rule or a schedule.
    Rule {
        /// Whether it does not fire.
        is_disabled: bool,
    },
}
