//! The function's process killed before and after every call: delivered again, it ends in the same state, nothing is left
//! that nobody wants, and nothing that was decided is lost.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use double::Fault;
use rig::{Invocation, proof};

use super::calls::{Place, places};
use super::pool;
use super::rack::Rack;
use super::scenario::{End, settle};
use super::situation::{Situation, of_functions};

#[derive(Clone)]
pub struct Case {
    situation: Situation,
    place: Place,
    kill: Fault,
    /// Whether the call changes something.
    pub changes: bool,
    want: Arc<End>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {:?}", self.situation, self.place, self.kill)
    }
}

/// Before and after every call: what changes something is met in every scenario, what only reads in the first that makes it.
pub async fn cases(rack: &Rack, situations: &[Situation]) -> Vec<Case> {
    let (mut cases, mut covered) = (Vec::new(), BTreeSet::new());
    for &situation in situations {
        let Situation { scenario, change } = situation;
        let baseline = situation.baseline(rack).await;
        let want = Arc::new(baseline.end);
        for (place, call) in places(&baseline.calls).into_iter().zip(&baseline.calls) {
            let first = covered.insert((scenario.function(), change, place.clone()));
            if !first && !call.changes_something() {
                continue;
            }
            cases.extend([Fault::KillBefore, Fault::KillAfter].map(|kill| Case {
                situation,
                place: place.clone(),
                kill,
                changes: call.changes_something(),
                want: Arc::clone(&want),
            }));
        }
    }
    cases
}

/// What dies really too: at the first call that changes something, of each function at each service, and around the calls that
/// begin what goes on outside.
fn sample(cases: &[Case]) -> Vec<Case> {
    let begin = ["RunTask", "CreateStack", "PutTargets", "DeleteSecret"];
    let mut covered = BTreeSet::new();
    let picks = |case: &&Case| {
        let Place {
            service, operation, ..
        } = &case.place;
        let begins = begin.contains(&operation.as_str());
        let what = if begins { operation } else { service };
        let kill = format!("{:?}", case.kill);
        let kind = (case.situation.scenario.function(), what.clone(), kill);
        case.changes && covered.insert(kind)
    };
    cases.iter().filter(picks).cloned().collect()
}

#[test]
fn wherever_it_dies_the_next_delivery_finishes_the_work() {
    prove(&["promote", "app-deletion", "failure-count"]);
}

#[test]
fn wherever_it_dies_a_process_is_started_once() {
    prove(&["process-run"]);
}

fn prove(functions: &[&str]) {
    let _alone = super::alone();
    let cases = pool::once(async |rack| cases(rack, &of_functions(functions)).await);
    let on_processes = if super::all_on_processes() {
        cases.clone()
    } else {
        sample(&cases)
    };
    let what = format!("kills of {}", functions.join(", "));
    let count = pool::each(pool::Place::Memory, &what, cases, &run);
    let what_dies = format!("{what}, on processes");
    let dead = pool::each(pool::Place::Processes, &what_dies, on_processes, &run);
    proof::covered(&format!(
        "{what}: {count} cases, each recovered; {dead} of them on processes too"
    ));
}

pub async fn run(rack: &Rack, number: usize, case: Case) {
    let said = case.to_string();
    let Case {
        situation,
        place,
        kill,
        want,
        ..
    } = case;
    let scenario = situation.scenario;
    let (app, event) = rack.situation(situation, number).await;
    let injection = kill.clone().on(&place.service, &place.operation);
    rack.world.inject(injection.after(place.before).times(1));
    let ended = rack.usual(scenario.function()).invoke(&event).await;
    rack.world.proxy.lift();
    // Calls that run at the same time come in any order, so a place can be met by another call of its operation, but it is met.
    assert!(
        matches!(&ended, Invocation::Error { error_type, .. } if error_type == "Runtime.ExitError"),
        "{said}: it was not killed: {ended:?}"
    );
    scenario.assert_served(rack, &said);
    settle(rack, &app, scenario, &event).await;
    assert_eq!(End::of(rack, &app).await, *want, "{said}");
}
