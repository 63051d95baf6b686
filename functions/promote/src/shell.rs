//! The clients of one process, built once.

use std::time::Duration;

use aws::clients::{self, CallLimits, SdkConfig};
use aws::data_keys::DataKeys;
use aws::ecs::Cluster;
use aws::event_bus::EventBus;
use aws::event_rules::EventRules;
use aws::schedules::Schedules;
use aws::secrets::Secrets;
use aws::settings_bucket::SettingsBucket;
use aws::stacks::Stacks;
use chrono::{DateTime, Utc};
use lambda::owners::Owners;
use lambda::unwanted::Places;

use crate::config::Config;

/// ECS registers one definition a second after a burst of 20, so a throttled call gets more tries than usual.
///
/// Five seconds are short for a call that creates something and is answered late. That is on purpose: an attempt that is given up
/// costs nothing, since the next one carries the same client token (`CreateStack`, `UpdateStack`, `DeleteStack`, `CreateService`,
/// `CreateSecret`, `PutSecretValue`) and finds its work done. The others write the same once more, and a task definition that is
/// registered twice leaves a revision that nobody runs. A longer wait would take the time of the whole operation from the tries
/// that follow.
pub const LIMITS: CallLimits = CallLimits {
    connect: Duration::from_secs(3),
    attempt: Duration::from_secs(5),
    operation: Duration::from_secs(30),
    max_attempts: 6,
    pause: clients::FIRST_PAUSE,
};

/// Everything outside that promote talks to.
pub struct Shell {
    /// The Rack's settings.
    pub config: Config,
    /// The settings bucket.
    pub bucket: SettingsBucket,
    /// The ECS cluster.
    pub cluster: Cluster,
    /// The rules of Timers.
    pub rules: EventRules,
    /// The schedules of Timers.
    pub schedules: Schedules,
    /// Where events are sent.
    pub bus: EventBus,
    /// Secrets Manager.
    pub secrets: Secrets,
    /// The Apps' own stacks.
    pub stacks: Stacks,
    /// What opens envelopes, where the Rack has a key.
    pub data_keys: Option<DataKeys>,
    /// The names of this process's invocations.
    pub owners: Owners,
    /// The time.
    pub clock: fn() -> DateTime<Utc>,
}

impl Shell {
    /// Where to look for what an App left.
    #[must_use]
    pub fn places(&self) -> Places<'_> {
        Places {
            cluster: &self.cluster,
            rules: &self.rules,
            schedules: &self.schedules,
        }
    }

    /// Builds the clients, with limits of its own; `sdk` says where AWS is.
    #[must_use]
    pub fn new(
        config: Config,
        sdk: &SdkConfig,
        owners: Owners,
        clock: fn() -> DateTime<Utc>,
    ) -> Self {
        let sdk = clients::limited(sdk, LIMITS.scaled(config.release.time_scale));
        let key = config.release.environment_key_arn.as_ref();
        Self {
            bucket: SettingsBucket::new(&sdk, &config.release.bucket),
            cluster: Cluster::new(&sdk, &config.release.cluster),
            rules: EventRules::new(&sdk),
            schedules: Schedules::new(&sdk, config.release.rack.as_str()),
            bus: EventBus::new(&sdk, clock),
            secrets: Secrets::new(
                &sdk,
                config.secret_key_arn.clone(),
                config
                    .release
                    .secrets_manager_timeout
                    .mul_f64(config.release.time_scale),
            ),
            stacks: Stacks::new(&sdk),
            data_keys: key.map(|key| DataKeys::new(&sdk, key)),
            owners,
            clock,
            config,
        }
    }
}
