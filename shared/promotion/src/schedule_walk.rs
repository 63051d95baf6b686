//! `reconcile.json`: the schedule's walk through all Apps of a Rack, slice by slice. Pure, without a clock.
//!
//! A Rack can have more Apps than one invocation can look at. So a slice ends at an App, writes down which, and asks to go on
//! behind it; the write is conditional, so one walk is under way at a time, however often a message comes. A walk that nobody
//! goes on with is taken up by the next tick, where it stood.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use names::AppName;

/// Seconds between two ticks of the schedule (template.yaml, `PromotionReconcileRule`).
const TICK_SECONDS: i64 = 900;
/// The ticks of a day. Each App's environments are searched at one of them.
const TICKS_A_DAY: i64 = 96;
/// A walk that did not move for longer is nobody's any more: a slice takes two minutes, and its message may have to wait.
const STALLED_MINUTES: i64 = 10;

/// What is known of the schedule's walks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Walk {
    /// The walk that is under way.
    under_way: Option<UnderWay>,
    /// The last tick whose Apps were all searched for lost writes.
    searched_tick: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UnderWay {
    /// The last App that was looked at.
    after: String,
    /// When that was.
    moved_at: DateTime<Utc>,
    ticks: Ticks,
}

/// The ticks whose Apps a walk searches for lost writes; more than one after a walk that took longer than a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticks {
    first: i64,
    last: i64,
}

/// A piece of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The App behind which it begins; `None`: at the first.
    pub after: Option<String>,
    /// Whose lost writes are searched.
    pub ticks: Ticks,
}

impl Ticks {
    /// Whether this App's environments are searched in them. That spreads the Apps over the day.
    #[must_use]
    pub fn include(self, app: &AppName) -> bool {
        self.include_tick(tick_of(app))
    }

    fn include_tick(self, of_day: i64) -> bool {
        (of_day - self.first).rem_euclid(TICKS_A_DAY) <= self.last - self.first
    }

    /// The newest of them.
    #[must_use]
    pub fn last(self) -> i64 {
        self.last
    }
}

fn tick_of(app: &AppName) -> i64 {
    let digest = Sha256::digest(app.as_str());
    let share = i64::from(digest.first().copied().unwrap_or_default());
    share * TICKS_A_DAY / 256
}

impl Walk {
    /// What a tick of the schedule begins, or takes up where it was left; `None` while a walk is under way.
    #[must_use]
    pub fn tick(&self, now: DateTime<Utc>) -> Option<Slice> {
        let tick = now.timestamp().div_euclid(TICK_SECONDS);
        let Some(walk) = &self.under_way else {
            let first = self.searched_tick.map_or(tick, |last| last + 1).min(tick);
            let ticks = Ticks { first, last: tick };
            return Some(Slice { after: None, ticks });
        };
        (walk.moved_at + TimeDelta::minutes(STALLED_MINUTES) <= now).then(|| walk.slice())
    }

    /// What is left behind `after`; `None` where the walk is elsewhere, so that a message that comes twice or late is no second
    /// walk.
    #[must_use]
    pub fn go_on(&self, after: &str) -> Option<Slice> {
        let walk = self.under_way.as_ref()?;
        (walk.after == after).then(|| walk.slice())
    }

    /// A slice came as far as `after`, or to the end. Whether the walk is still its own, so that it is the one to go on.
    pub fn reached(&mut self, slice: &Slice, after: Option<&str>, now: DateTime<Utc>) -> bool {
        let stands = self.under_way.as_ref().map(|walk| &walk.after);
        if stands != slice.after.as_ref() {
            return false;
        }
        let ticks = slice.ticks;
        self.under_way = after.map(|after| UnderWay {
            after: after.to_owned(),
            moved_at: now,
            ticks,
        });
        if after.is_none() {
            self.searched_tick = Some(ticks.last);
        }
        true
    }
}

impl UnderWay {
    fn slice(&self) -> Slice {
        Slice {
            after: Some(self.after.clone()),
            ticks: self.ticks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn names(count: usize) -> Vec<AppName> {
        let mut names: Vec<String> = (0..count).map(|n| format!("app-{n}")).collect();
        names.sort_unstable(); // as S3 lists them
        names
            .iter()
            .map(|name| AppName::new(name).unwrap())
            .collect()
    }

    /// A Rack's schedule, with a chance of its own.
    struct Rack {
        apps: Vec<AppName>,
        walk: Walk,
        /// Messages: `None` is a tick, others ask to go on behind an App.
        queue: Vec<Option<String>>,
        /// Of each App: its tick of the day, how often it was looked at, and whether it was searched.
        seen: Vec<(i64, u32, bool)>,
        random: u64,
    }

    /// What one slice of this model manages.
    const SLICE: usize = 4_000;

    impl Rack {
        fn below(&mut self, end: u64) -> u64 {
            self.random = self
                .random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.random >> 33) % end
        }

        /// Takes a message; it may come twice, and an invocation may die before or after it wrote down how far it came.
        fn deliver(&mut self, message: Option<&str>, now: i64) {
            let slice = match message {
                None => self.walk.tick(at(now)),
                Some(after) => self.walk.go_on(after),
            };
            let Some(slice) = slice else { return };
            let behind = |after: &String| {
                self.apps
                    .partition_point(|app| app.as_str() <= after.as_str())
            };
            let first = slice.after.as_ref().map_or(0, behind);
            let end = (first + SLICE).min(self.apps.len());
            for (tick, looked, searched) in &mut self.seen[first..end] {
                *looked += 1;
                *searched |= slice.ticks.include_tick(*tick);
            }
            if self.below(20) == 0 {
                return; // it dies
            }
            let after = (end < self.apps.len()).then(|| self.apps[end - 1].to_string());
            let own = self.walk.reached(&slice, after.as_deref(), at(now + 60));
            if own && after.is_some() && self.below(20) != 0 {
                self.queue.push(after);
            }
        }
    }

    #[test]
    fn a_hundred_thousand_apps_are_all_looked_at_and_searched_whatever_is_lost_or_comes_twice() {
        let apps = names(100_000);
        let mut rack = Rack {
            seen: apps.iter().map(|app| (tick_of(app), 0, false)).collect(),
            apps,
            walk: Walk::default(),
            queue: Vec::new(),
            random: 7,
        };
        let days = 2;
        for tick in 0..TICKS_A_DAY * days {
            rack.queue.push(None);
            // At most 13 slices of a minute find their time in one tick.
            for minute in 0..13 {
                if rack.queue.is_empty() {
                    break;
                }
                let message = rack.queue.remove(0);
                let now = tick * TICK_SECONDS + minute * 60;
                rack.deliver(message.as_deref(), now);
                if rack.below(10) == 0 {
                    rack.deliver(message.as_deref(), now + 30);
                }
            }
            assert!(
                rack.queue.len() <= 3,
                "messages do not pile up: {:?}",
                rack.queue
            );
        }
        let looked = rack.seen.iter().map(|(_, looked, _)| *looked);
        let (least, most) = (looked.clone().min().unwrap(), looked.max().unwrap());
        assert!(
            least >= 24,
            "each App is looked at again and again: {least} times"
        );
        assert!(most < 200, "and not for nothing: {most} times");
        let searched = rack.seen.iter().all(|(_, _, searched)| *searched);
        assert!(searched, "each is searched");
    }

    #[test]
    fn a_tick_begins_takes_up_or_leaves_alone() {
        let mut walk = Walk::default();
        let first = walk.tick(at(0)).unwrap();
        assert_eq!(first.after, None);
        assert!(walk.reached(&first, Some("b"), at(60)));
        assert_eq!(walk.tick(at(659)), None, "it is under way");
        let left = walk.tick(at(660)).unwrap();
        assert_eq!(left.after.as_deref(), Some("b"), "nobody went on");
        assert_eq!(left.ticks, first.ticks);
        assert_eq!(walk.go_on("a"), None);
        assert_eq!(walk.go_on("b"), Some(left.clone()));
        assert!(walk.reached(&left, None, at(700)));
        assert!(!walk.reached(&left, None, at(701)), "it has ended");
        let next = walk.tick(at(3 * TICK_SECONDS)).unwrap();
        assert_eq!(
            next.ticks.last - next.ticks.first,
            2,
            "the ticks in between too"
        );
    }

    #[test]
    fn every_app_has_one_of_the_ticks_of_a_day() {
        for app in names(1_000) {
            let ticks = (5_000..5_000 + TICKS_A_DAY).map(|tick| Ticks {
                first: tick,
                last: tick,
            });
            let own = ticks.filter(|ticks| ticks.include(&app));
            assert_eq!(own.count(), 1, "{app}");
            let day = Ticks {
                first: 5_000,
                last: 5_000 + TICKS_A_DAY,
            };
            assert!(day.include(&app), "{app}");
        }
    }
}
