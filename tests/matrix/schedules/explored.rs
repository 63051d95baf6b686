//! How often a schedule met what can happen.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;

/// How often what was met.
#[derive(Debug, Default, Clone)]
pub struct Explored(BTreeMap<&'static str, u64>);

impl Explored {
    /// Counts one.
    pub fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// How often that was met.
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or_default()
    }

    /// That each of this was met more often than that.
    pub fn assert_met(&self, all: &[&str], times: u64) {
        for what in all {
            assert!(self.of(what) > times, "{what}: {self}");
        }
    }

    /// That nothing that a schedule can do was left out.
    pub fn assert_met_everything(&self) {
        self.assert_met(
            &[
                "ECS goes back",
                "changed settings",
                "changed settings of the Rack",
                "crashes",
                "dead letters",
                "deployments end",
                "deletions at the end",
                "duplicates",
                "eight versions",
                "failures at the end",
                "forgotten versions",
                "hand-overs",
                "hints",
                "ids of versions that are gone",
                "kept revisions",
                "labels of somebody else",
                "labels taken away",
                "looks",
                "lost events",
                "lost stack events",
                "moves to what names no version",
                "next ids",
                "no room for a label",
                "promotes at the end",
                "reconciliations",
                "redeliveries",
                "several versions",
                "stack events",
                "superseded",
                "time limits",
                "versions of somebody else",
                "versions vanish",
                "waiting",
            ],
            5,
        );
    }
}

impl Sum for Explored {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, explored| {
            for (what, count) in explored.0 {
                *sum.0.entry(what).or_default() += count;
            }
            sum
        })
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self
            .0
            .iter()
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        f.write_str(&counts.join(", "))
    }
}
