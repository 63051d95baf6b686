//! The clients, built once.

use aws::call_error::CallError;
use aws::clients::{self, CallLimits, SdkConfig};
use aws::ecs::Cluster;
use aws::event_bus::EventBus;
use aws::settings_bucket::SettingsBucket;
use chrono::{DateTime, Utc};
use lambda::rack_settings::RackSettings;
use lambda::work::Outbox;
use promotion::events::Event;

use crate::metrics;
use crate::trigger::Unheard;

/// Everything outside that failure-count talks to.
pub struct Shell {
    /// The Rack's settings.
    pub config: RackSettings,
    /// The settings bucket.
    pub bucket: SettingsBucket,
    /// The ECS cluster.
    pub cluster: Cluster,
    /// Where events are sent.
    bus: EventBus,
    /// The time.
    clock: fn() -> DateTime<Utc>,
}

impl Shell {
    /// Builds the clients, with limits of its own; `sdk` says where AWS is.
    #[must_use]
    pub fn new(config: RackSettings, sdk: &SdkConfig, clock: fn() -> DateTime<Utc>) -> Self {
        let limits = CallLimits::default().scaled(config.time_scale);
        let sdk = clients::limited(sdk, limits);
        Self {
            bucket: SettingsBucket::new(&sdk, &config.bucket),
            cluster: Cluster::new(&sdk, &config.cluster),
            bus: EventBus::new(&sdk, clock),
            clock,
            config,
        }
    }
}

impl Shell {
    /// Measures an event that nobody takes; what is to be said of it.
    #[must_use]
    pub fn unheard(&self, unheard: &Unheard) -> String {
        metrics::count_unheard(&self.config.rack, (self.clock)());
        unheard.in_words(&self.config.rack)
    }
}

impl Outbox for Shell {
    /// Sends, then logs and measures at once: whatever becomes of the run, what the Rack was told is known.
    async fn send(&self, events: &[Event]) -> Result<(), CallError> {
        self.bus.send(events).await?;
        metrics::tell(&self.config.rack, events, (self.clock)());
        Ok(())
    }
}
