//! The function's process killed before and after every call: delivered again, it ends in the same state, nothing is left
//! that nobody wants, and nothing that was decided is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use integration_tests::{Fault, Invocation, emulator, proof};
use serde_json::Value;

use super::app::App;
use super::calls::{Place, places};
use super::pool;
use super::rig::Rig;
use super::scenario::{Scenario, of_functions, settle};

#[derive(Clone)]
struct Case {
    scenario: Scenario,
    place: Place,
    kill: Fault,
    want: Arc<End>,
}

/// What must be the same with and without a kill.
#[derive(Debug, PartialEq)]
struct End {
    seen: Value,
    revisions: BTreeMap<String, usize>,
    told: BTreeSet<String>,
    results: Vec<Value>,
}

impl End {
    async fn of(rig: &Rig, app: &App) -> Self {
        let state = app.state(&rig.world, "promotion").await;
        let rows = state["outcomes"].as_array().into_iter().flatten();
        Self {
            seen: app.seen(&rig.world).await,
            revisions: app.revisions(&rig.world).await,
            told: app.told(&rig.world),
            results: rows.map(|row| row["result"].clone()).collect(),
        }
    }
}

async fn cases(functions: &[&str]) -> Vec<Case> {
    let rig = Rig::new(emulator::shared()).await;
    let (mut cases, mut covered) = (Vec::new(), BTreeSet::new());
    for scenario in of_functions(functions) {
        let app = App {
            name: format!("{scenario:?}").to_lowercase(),
        };
        let (calls, _) = scenario.baseline(&rig, &app).await;
        let want = Arc::new(End::of(&rig, &app).await);
        for (place, call) in places(&calls).into_iter().zip(&calls) {
            // What changes something is met in every scenario, what only reads in the first that makes it.
            let first = covered.insert((scenario.function(), place.clone()));
            if !first && !call.changes_something() {
                continue;
            }
            cases.extend([Fault::KillBefore, Fault::KillAfter].map(|kill| Case {
                scenario,
                place: place.clone(),
                kill,
                want: Arc::clone(&want),
            }));
        }
    }
    cases
}

#[tokio::test]
async fn wherever_it_dies_the_next_delivery_finishes_the_work() {
    prove(&["promote", "app-deletion", "failure-count"]).await;
}

#[tokio::test]
async fn wherever_it_dies_a_process_is_started_once() {
    prove(&["process-run"]).await;
}

async fn prove(functions: &[&str]) {
    let _alone = super::alone().await;
    let count = pool::each(cases(functions).await, &run);
    let functions = functions.join(", ");
    proof::tell(&format!(
        "kills of {functions}: {count} cases, each recovered"
    ));
}

async fn run(rig: &Rig, number: usize, case: Case) {
    let app = App {
        name: format!("a{number}"),
    };
    let Case {
        scenario,
        place,
        kill,
        want,
    } = case;
    let event = scenario.prepare(rig, &app).await;
    let injection = kill.clone().on(&place.service, &place.operation);
    rig.world
        .proxy
        .inject(injection.after(place.before).times(1));
    let ended = rig.usual(scenario.function()).invoke(&event).await;
    rig.world.proxy.lift();
    let said = format!("{scenario:?}, {place}, {kill:?}");
    // Calls that run at the same time come in any order, so a place can be met by another call of its operation, but it is met.
    assert!(
        matches!(&ended, Invocation::Error { error_type, .. } if error_type == "Runtime.ExitError"),
        "{said}: it was not killed: {ended:?}"
    );
    settle(rig, &app, scenario, &event).await;
    assert_eq!(End::of(rig, &app).await, *want, "{said}");
}
