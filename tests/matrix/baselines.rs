//! The same scenario in memory and on real processes: the same calls with the same answers' status, and the same end. It is what
//! lets the other proofs stay in memory.

use double::Call;
use rig::proof;

use super::pool;
use super::scenario::{Baseline, SCENARIOS};
use super::situation::Situation;

/// Calls that are under way at the same time come in any order.
fn calls(baseline: &Baseline) -> Vec<String> {
    let line = |call: &Call| {
        let status = call.status.unwrap_or_default();
        format!("{} {} {status}", call.service, call.operation)
    };
    let mut calls: Vec<String> = baseline.calls.iter().map(line).collect();
    calls.sort_unstable();
    calls
}

#[test]
fn memory_and_processes_make_the_same_calls_and_come_to_the_same_end() {
    let _alone = super::alone();
    let mut count = 0;
    for scenario in SCENARIOS.map(Situation::from) {
        let here = pool::once(async |rack| scenario.baseline(rack).await);
        if super::every().is_some() {
            continue;
        }
        let there = pool::once_on_processes(async |rack| scenario.baseline(rack).await);
        assert_eq!(calls(&here), calls(&there), "{scenario}");
        assert_eq!(here.end, there.end, "{scenario}");
        count += here.calls.len();
    }
    if super::every().is_some() {
        return;
    }
    let scenarios = SCENARIOS.len();
    proof::covered(&format!(
        "{scenarios} scenarios with {count} calls are the same in memory and on processes"
    ));
}
