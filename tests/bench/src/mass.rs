//! 10,000 Apps that promote at once, and that go back at once, in simulated time: against ECS's published rates.
//!
//! Each App has one Service and no Timer. What is throttled is tried again as the SDK does with promote's own limits; what fails
//! for now comes back through the queue. The function's own time limit is not simulated.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use promote::LIMITS;
use rig::chance::Chance;

use crate::row::{Figure, Goal, Row};

const PART: &str = "mass promote";
const APPS: usize = 10_000;
const SEEDS: [u64; 3] = [1, 2, 3];
/// `MaximumConcurrency` of promote's queue in template.yaml, and others beside it.
const OURS: usize = 3;
const OTHERS: [usize; 5] = [2, 5, 10, 20, 50];
/// template.yaml: how long a message that was received stays out of sight, and how often it is received.
const VISIBILITY: u64 = 300_000;
const RECEIVES: u32 = 5;
/// One AWS call, in ms.
const CALL: u64 = 50;
/// `aws-smithy-types`, `RetryConfig`: the longest pause is 20 times promote's first, as `aws::clients` sets it.
const LONGEST_PAUSE: u64 = 20_000;

/// Burst and calls a second: `RegisterTaskDefinition`, `UpdateService`, `DescribeTaskDefinition` (ECS API reference, "Request
/// throttling"). `DescribeServices` and `PutSecretValue` are beside these, and come more often.
const RATES: [(f64, f64); 3] = [(20.0, 1.0), (50.0, 5.0), (50.0, 20.0)];
const REGISTER: usize = 0;
const MOVE: usize = 1;
const LOOK: usize = 2;
/// The round trips of a promote, with the rate that each is under.
type Trips = &'static [Option<usize>];
/// Those of a changed promote of such an App.
const CHANGED: Trips = &[None, None, Some(REGISTER), Some(MOVE), None, None, None];
/// Those of one that goes back to a Release whose version of the secret is kept.
const BACK: Trips = &[None, Some(LOOK), Some(MOVE), None, None, None];

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    /// When the last App was promoted, in s.
    seconds: f64,
    promoted: usize,
    lost: usize,
    throttled: usize,
}

struct Bucket {
    size: f64,
    rate: f64,
    left: f64,
    at: u64,
}

/// A promote under way.
#[derive(Clone, Copy)]
struct Work {
    app: usize,
    received: u64,
    trip: usize,
    began: u64,
    tries: u32,
}

struct Simulation {
    chance: Chance,
    trips: Trips,
    buckets: [Bucket; 3],
    /// Messages by the time from which they can be received.
    queue: BinaryHeap<Reverse<(u64, usize)>>,
    receives: Vec<u32>,
    registered: Vec<bool>,
    outcome: Outcome,
}

/// The lines of this part.
#[must_use]
pub fn rows() -> Vec<Row> {
    let minimum = least_seconds(APPS);
    let mut rows = Vec::new();
    for copies in [OURS].into_iter().chain(OTHERS) {
        let runs = SEEDS.map(|seed| simulate(seed, copies, APPS, CHANGED));
        // What is lost has taken no time.
        let ratio = |run: &Outcome| run.seconds / least_seconds(run.promoted);
        let ratio = Figure::of(runs.iter().map(ratio).collect());
        let what = format!("MaximumConcurrency {copies}: time ÷ the rates' minimum");
        let row = Row::new(PART, what, ratio, "×").beside(format!("{minimum:.0} s"));
        let ours = copies == OURS;
        rows.push(if ours {
            row.goal(Goal::AtMost(1.1))
        } else {
            row
        });
        let lost = Figure::of(runs.iter().map(|run| count(run.lost)).collect());
        let row = Row::new(
            PART,
            format!("MaximumConcurrency {copies}: promotes lost"),
            lost,
            "",
        );
        rows.push(if ours {
            row.goal(Goal::AtMost(0.0))
        } else {
            row
        });
        let throttled = runs.iter().map(|run| count(run.throttled) / count(APPS));
        let what = format!("MaximumConcurrency {copies}: throttled calls a promote");
        rows.push(Row::new(PART, what, Figure::of(throttled.collect()), ""));
        if ours {
            rows.extend(back(&runs));
        }
    }
    rows
}

/// All Apps go back at once, beside all that are promoted at once.
fn back(promoted: &[Outcome]) -> [Row; 2] {
    let runs = SEEDS.map(|seed| simulate(seed, OURS, APPS, BACK));
    let ratios = runs.iter().zip(promoted);
    let ratios = ratios.map(|(back, promoted)| back.seconds / promoted.seconds);
    let what = format!("MaximumConcurrency {OURS}: all go back ÷ all are promoted");
    let lost = Figure::of(runs.iter().map(|run| count(run.lost)).collect());
    let of_lost = format!("MaximumConcurrency {OURS}: that go back, lost");
    [
        Row::new(PART, what, Figure::of(ratios.collect()), "×").goal(Goal::AtMost(0.2)),
        Row::new(PART, of_lost, lost, "").goal(Goal::AtMost(0.0)),
    ]
}

/// As fast as the registrations let it.
fn least_seconds(apps: usize) -> f64 {
    let (burst, rate) = RATES[REGISTER];
    (count(apps) - burst).max(0.0) / rate
}

#[expect(clippy::cast_precision_loss, reason = "there are few")]
fn count(of: usize) -> f64 {
    of as f64
}

#[expect(clippy::cast_precision_loss, reason = "a simulation ends within days")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1e3
}

fn simulate(seed: u64, copies: usize, apps: usize, trips: Trips) -> Outcome {
    let mut simulation = Simulation {
        trips,
        chance: Chance::new(seed),
        buckets: RATES.map(|(size, rate)| Bucket {
            size,
            rate,
            left: size,
            at: 0,
        }),
        queue: (0..apps).map(|app| Reverse((0, app))).collect(),
        receives: vec![0; apps],
        registered: vec![false; apps],
        outcome: Outcome::default(),
    };
    let mut working: Vec<Option<Work>> = vec![None; copies];
    let mut turns: BinaryHeap<Reverse<(u64, usize)>> =
        (0..copies).map(|copy| Reverse((0, copy))).collect();
    while let Some(Reverse((now, copy))) = turns.pop() {
        let next = match working[copy] {
            None => simulation.receive(now, &mut working[copy]),
            Some(_) => Some(simulation.go_on(now, &mut working[copy])),
        };
        // A copy without anything to do looks again when something may have come back.
        let idle = || {
            (simulation.outcome.promoted + simulation.outcome.lost < apps).then_some(now + 1_000)
        };
        if let Some(next) = next.or_else(idle) {
            turns.push(Reverse((next, copy)));
        }
    }
    simulation.outcome
}

impl Simulation {
    fn receive(&mut self, now: u64, working: &mut Option<Work>) -> Option<u64> {
        let (visible, app) = self.queue.peek()?.0;
        if visible > now {
            return Some(visible);
        }
        self.queue.pop();
        self.receives[app] += 1;
        *working = Some(Work {
            app,
            received: now,
            trip: 0,
            began: now,
            tries: 0,
        });
        Some(now)
    }

    /// One try of the next call; answers when the copy is free for the one after it.
    fn go_on(&mut self, now: u64, working: &mut Option<Work>) -> u64 {
        let Some(mut work) = *working else {
            return now;
        };
        let rate =
            self.trips[work.trip].filter(|rate| *rate != REGISTER || !self.registered[work.app]);
        if rate.is_none_or(|rate| self.buckets[rate].take(now)) {
            self.registered[work.app] |= rate == Some(REGISTER);
            work = Work {
                trip: work.trip + 1,
                began: now + CALL,
                tries: 0,
                ..work
            };
            *working = Some(work).filter(|work| work.trip < self.trips.len());
            if working.is_none() {
                self.outcome.promoted += 1;
                self.outcome.seconds = seconds(now + CALL);
            }
            return now + CALL;
        }
        self.outcome.throttled += 1;
        work.tries += 1;
        let pause = self.pause(work.tries);
        let over = seconds(now + CALL + pause - work.began) > LIMITS.operation.as_secs_f64();
        if over || work.tries == LIMITS.max_attempts {
            self.give_up(work);
            *working = None;
            return now + CALL;
        }
        *working = Some(work);
        now + CALL + pause
    }

    /// A random part of a pause that doubles, as the SDK's standard retries make it.
    fn pause(&mut self, tries: u32) -> u64 {
        let first = u64::try_from(LIMITS.pause.as_millis()).unwrap_or(u64::MAX);
        let most = first.saturating_mul(1 << (tries - 1)).min(LONGEST_PAUSE);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        self.chance.below(most) as u64
    }

    fn give_up(&mut self, work: Work) {
        if self.receives[work.app] >= RECEIVES {
            self.outcome.lost += 1;
        } else {
            self.queue
                .push(Reverse((work.received + VISIBILITY, work.app)));
        }
    }
}

impl Bucket {
    fn take(&mut self, now: u64) -> bool {
        self.left = self
            .size
            .min(self.left + seconds(now - self.at) * self.rate);
        self.at = now;
        let passes = self.left >= 1.0;
        self.left -= f64::from(u8::from(passes));
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::{BACK, Bucket, CHANGED, least_seconds, simulate};

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket {
            size: 20.0,
            rate: 1.0,
            left: 20.0,
            at: 0,
        };
        let taken = |bucket: &mut Bucket, now| (0..100).filter(|_| bucket.take(now)).count();
        assert_eq!(taken(&mut bucket, 0), 20);
        assert_eq!(taken(&mut bucket, 10_000), 10);
    }

    #[test]
    fn every_app_is_promoted_or_lost_and_none_before_the_rates_allow_it() {
        let outcome = simulate(1, 5, 300, CHANGED);
        assert_eq!(outcome.promoted + outcome.lost, 300);
        assert!(outcome.seconds >= least_seconds(300), "{outcome:?}");
        let back = simulate(1, 5, 300, BACK);
        assert_eq!(back.promoted + back.lost, 300);
        assert!(back.seconds < outcome.seconds, "{back:?}");
    }
}
