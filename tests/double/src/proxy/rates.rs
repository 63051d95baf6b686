//! ECS's request rates: token buckets that several operations share.

use std::collections::BTreeMap;
use std::time::Instant;

/// A bucket: its operations, how many calls it holds, and how many come back each second.
type Bucket = (&'static [&'static str], f64, f64);

/// Per account and Region. Source: facts/aws.md 1.9 (ECS API reference, "Request throttling").
const BUCKETS: [Bucket; 8] = [
    (
        &["RegisterTaskDefinition", "DeregisterTaskDefinition"],
        20.0,
        1.0,
    ),
    (
        &[
            "DescribeTaskDefinition",
            "ListTaskDefinitions",
            "ListTaskDefinitionFamilies",
        ],
        50.0,
        20.0,
    ),
    (&["DeleteTaskDefinitions"], 5.0, 1.0),
    (
        &["CreateService", "UpdateService", "DeleteService"],
        50.0,
        5.0,
    ),
    (&["DescribeServices", "ListServices"], 100.0, 20.0),
    (&["RunTask", "StartTask", "StopTask"], 100.0, 40.0),
    (&["DescribeTasks", "ListTasks"], 100.0, 20.0),
    (&["TagResource", "UntagResource"], 20.0, 10.0),
];

/// ECS's published rates, or the same scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EcsRates {
    speed: f64,
    size: f64,
}

/// The buckets while the proxy runs.
#[derive(Debug)]
pub(super) struct Buckets {
    rates: EcsRates,
    /// By the bucket's place in the table: what is left, and when that was true.
    left: BTreeMap<usize, (f64, Instant)>,
}

impl EcsRates {
    /// As AWS gives them to every account.
    #[must_use]
    pub fn published() -> Self {
        Self {
            speed: 1.0,
            size: 1.0,
        }
    }

    /// As if time ran `times` as fast: calls come back faster, what a bucket holds stays.
    #[must_use]
    pub fn faster(self, times: f64) -> Self {
        Self {
            speed: self.speed * times,
            ..self
        }
    }

    /// Buckets that hold `share` of this, for a load that is as much smaller; at least one call.
    #[must_use]
    pub fn smaller(self, share: f64) -> Self {
        Self {
            size: self.size * share,
            ..self
        }
    }
}

impl Buckets {
    pub(super) fn full(rates: EcsRates) -> Self {
        let left = BTreeMap::new();
        Self { rates, left }
    }

    /// Takes a call out of its bucket; false when that is empty. Operations without a bucket always pass.
    pub(super) fn take(&mut self, operation: &str, now: Instant) -> bool {
        let place = BUCKETS
            .iter()
            .position(|(operations, ..)| operations.contains(&operation));
        let Some(place) = place else {
            return true;
        };
        let (_, burst, sustained) = BUCKETS[place];
        let size = (burst * self.rates.size).max(1.0);
        let (left, since) = *self.left.get(&place).unwrap_or(&(size, now));
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        let left = size.min(left + seconds * sustained * self.rates.speed);
        let passes = left >= 1.0;
        let after = if passes { left - 1.0 } else { left };
        self.left.insert(place, (after, now));
        passes
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Buckets, EcsRates};

    /// How many of `calls` pass at one moment.
    fn passing(buckets: &mut Buckets, operation: &str, calls: usize, now: Instant) -> usize {
        let calls = 0..calls;
        calls.filter(|_| buckets.take(operation, now)).count()
    }

    #[test]
    fn a_burst_passes_and_then_the_sustained_rate() {
        let published = EcsRates::published();
        for (rates, burst, after_ten_seconds) in [
            (published, 20, 10),
            (published.faster(1.5), 20, 15),
            (published.smaller(0.5).faster(0.5), 10, 5),
            (published.smaller(0.001), 1, 1),
        ] {
            let (mut buckets, start) = (Buckets::full(rates), Instant::now());
            let register = "RegisterTaskDefinition";
            let mut pass = |operation, seconds| {
                let now = start + Duration::from_secs(seconds);
                passing(&mut buckets, operation, 100, now)
            };
            assert_eq!(pass(register, 0), burst, "{rates:?}");
            assert_eq!(
                pass("DeregisterTaskDefinition", 0),
                0,
                "{rates:?}: one bucket"
            );
            assert_eq!(pass(register, 10), after_ten_seconds, "{rates:?}");
            assert_eq!(pass("UnknownOperation", 10), 100, "{rates:?}");
        }
    }
}
