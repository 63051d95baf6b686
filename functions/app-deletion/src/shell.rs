//! The clients, built once.

use std::time::Duration;

use aws::clients::{self, CallLimits, SdkConfig};
use aws::ecs::Cluster;
use aws::event_bus::EventBus;
use aws::event_rules::EventRules;
use aws::schedules::Schedules;
use aws::secrets::Secrets;
use aws::settings_bucket::SettingsBucket;
use aws::stacks::Stacks;
use chrono::{DateTime, Utc};
use lambda::owners::Owners;
use lambda::rack_settings::RackSettings;
use lambda::unwanted::Places;

use crate::config::Config;
use crate::known::Known;

/// ECS takes one `DeregisterTaskDefinition` a second after a burst of 20 that it shares with promote, so a throttled call
/// gets more tries than usual.
const LIMITS: CallLimits = CallLimits {
    connect: Duration::from_secs(3),
    attempt: Duration::from_secs(5),
    operation: Duration::from_secs(30),
    max_attempts: 6,
    pause: clients::FIRST_PAUSE,
};
/// Nobody waits for the end of a deletion, so Secrets Manager gets as much time as the others.
const SECRETS_MANAGER_LIMIT: Duration = Duration::from_secs(15);

/// Everything outside that app-deletion talks to.
pub struct Shell {
    /// The Rack's settings.
    pub config: RackSettings,
    /// The role that CloudFormation has for the Apps' own stacks.
    pub app_stack_role_arn: String,
    /// Whether the Rack has a load balancer.
    pub has_entrance: bool,
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
    /// What is known of other ECS services' definitions.
    pub known: Known,
    /// The names of this process's invocations.
    pub owners: Owners,
    /// The time.
    pub clock: fn() -> DateTime<Utc>,
}

impl Shell {
    /// Builds the clients, with limits of its own; `sdk` says where AWS is.
    #[must_use]
    pub fn new(
        config: Config,
        sdk: &SdkConfig,
        owners: Owners,
        clock: fn() -> DateTime<Utc>,
    ) -> Self {
        let Config {
            of_rack: config,
            app_stack_role_arn,
            has_entrance,
        } = config;
        let sdk = clients::limited(sdk, LIMITS.scaled(config.time_scale));
        let limit = SECRETS_MANAGER_LIMIT.mul_f64(config.time_scale);
        Self {
            bucket: SettingsBucket::new(&sdk, &config.bucket),
            cluster: Cluster::new(&sdk, &config.cluster),
            rules: EventRules::new(&sdk),
            schedules: Schedules::new(&sdk, config.rack.as_str()),
            bus: EventBus::new(&sdk, clock),
            secrets: Secrets::new(&sdk, None, limit),
            stacks: Stacks::new(&sdk),
            known: Known::default(),
            owners,
            clock,
            config,
            app_stack_role_arn,
            has_entrance,
        }
    }

    /// Where to look for what an App has.
    #[must_use]
    pub fn places(&self) -> Places<'_> {
        Places {
            cluster: &self.cluster,
            rules: &self.rules,
            schedules: &self.schedules,
        }
    }
}
