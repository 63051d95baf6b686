//! Schedules: the real way through the state and promote's own attempt on it, stepped call by call by a scheduler that
//! crashes, delays, duplicates and drops as it likes, over a model of S3, the queues and what promote and app-deletion change.
//!
//! A schedule is a seed: the same seed makes the same steps. When one fails, its message has the seed, and
//! `SCHEDULES_FROM=<seed> SCHEDULES=1` runs it alone.

mod commands;
mod counting;
mod dry_runs;
mod edge;
mod explore;
mod explored;
mod invariants;
mod message;
mod model;
mod others;
mod outside;
mod releases;
mod stack;
mod store;

use std::env;
use std::thread;

use explored::Explored;
use rig::proof;

/// How many schedules a run explores.
const SCHEDULES: u64 = 12_000;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// How many of them have Releases with release commands.
const WITH_COMMANDS: u64 = 2_500;

#[test]
fn whatever_the_schedule_a_release_command_runs_once_before_anything_moves() {
    let _alone = crate::alone();
    let (first, count) = (
        number("SCHEDULES_FROM").unwrap_or(0),
        number("SCHEDULES")
            .unwrap_or(WITH_COMMANDS)
            .min(WITH_COMMANDS),
    );
    let seeds = first..first + count;
    let sum: Explored = seeds.map(explore::with_commands).sum();
    println!("{sum}");
    proof::covered(&format!(
        "schedules with release commands: {count} explored"
    ));
    if count >= WITH_COMMANDS {
        sum.assert_met(
            &[
                "crashes",
                "deletions at the end",
                "ends of release commands",
                "failures at the end",
                "lost ends of release commands",
                "promotes at the end",
                "release commands",
                "superseded",
                "time limits",
                "waiting",
            ],
            5,
        );
    }
}

#[test]
fn whatever_the_schedule_the_newest_request_wins_and_nothing_is_lost() {
    let _alone = crate::alone();
    let (first, count) = (
        number("SCHEDULES_FROM").unwrap_or(0),
        number("SCHEDULES").unwrap_or(SCHEDULES),
    );
    let explore = |remainder| {
        let seeds = (first..first + count).filter(move |seed| seed % 2 == remainder);
        thread::spawn(move || seeds.map(explore::schedule).sum::<Explored>())
    };
    let threads = [0, 1].map(explore);
    let ended = threads.map(thread::JoinHandle::join);
    let sum: Explored = ended
        .into_iter()
        .map(|ended| ended.expect("a schedule breaks an invariant: see above"))
        .sum();
    println!("{sum}");
    proof::covered(&format!("schedules: {count} explored"));
    if count >= SCHEDULES {
        sum.assert_met_everything();
    }
}
