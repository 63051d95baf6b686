//! Seconds of target groups.

use super::words::Unroutable;
use manifest::{Health, Service};

/// Bounds of a target group (API reference of Elastic Load Balancing, `CreateTargetGroup`, `TargetGroupAttribute`), in seconds.
const INTERVAL: (u32, u32) = (5, 300);
const TIMEOUT: (u32, u32) = (2, 120);
const DRAIN_MAX: u32 = 3600;

/// What of a Service no target group takes: the part of it, and what is wrong.
pub(super) fn wrong(service: &Service) -> Vec<(&'static str, Unroutable)> {
    let mut wrong = Vec::new();
    let (interval, timeout) = (service.health.interval, timeout(&service.health));
    let (least, most) = INTERVAL;
    if !(least..=most).contains(&interval) {
        let interval = Unroutable::HealthInterval {
            interval,
            least,
            most,
        };
        wrong.push((".health.interval", interval));
    } else if !(TIMEOUT.0..=TIMEOUT.1.min(interval.saturating_sub(1))).contains(&timeout) {
        let (least, most) = TIMEOUT;
        let timeout = Unroutable::HealthTimeout {
            timeout,
            least,
            most,
            interval,
        };
        wrong.push((".health.timeout", timeout));
    }
    if service.drain > DRAIN_MAX {
        wrong.push((".drain", Unroutable::Drain { max: DRAIN_MAX }));
    }
    wrong
}

/// The default of Convox, one second less than the interval, can be more than a target group takes.
pub(super) fn timeout(health: &Health) -> u32 {
    let is_default = health.timeout == health.interval.saturating_sub(1);
    if is_default {
        health.timeout.min(TIMEOUT.1)
    } else {
        health.timeout
    }
}
