//! Every pair of faults on one promote, at the calls that change something: the first befalls the first delivery, the second that
//! one, where it goes on, or the next. Then all is well again, and the promote comes to the same end as without any.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use double::Fault;
use rig::{Invocation, proof};
use serde_json::Value;

use super::calls::{Place, places};
use super::pool;
use super::rack::Rack;
use super::scenario::{End, Scenario, settle};
use super::situation::Situation;

/// One of each kind: dead after the call, dead before it, failed for now, failed for good, the answer lost.
const KINDS: [Fault; 4] = [
    Fault::KillAfter,
    Fault::LostAnswer,
    Fault::Error {
        status: 500,
        code: "InternalFailure",
    },
    Fault::Throttle,
];

struct Case {
    situation: Situation,
    blows: [(Place, Fault); 2],
    want: Arc<End>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(first, one), (second, other)] = &self.blows;
        write!(
            f,
            "{}, {first}, {one:?}, then {second}, {other:?}",
            self.situation
        )
    }
}

async fn cases(rack: &Rack, scenario: Scenario) -> Vec<Case> {
    let situation = Situation::from(scenario);
    let baseline = situation.baseline(rack).await;
    let want = Arc::new(baseline.end);
    let all = places(&baseline.calls).into_iter().zip(&baseline.calls);
    let writes = all.filter(|(_, call)| call.changes_something());
    let writes: Vec<Place> = writes.map(|(place, _)| place).collect();
    let mut cases = Vec::new();
    for (number, first) in writes.iter().enumerate() {
        for second in &writes[number..] {
            for one in KINDS {
                cases.extend(KINDS.map(|other| Case {
                    situation,
                    blows: [(first.clone(), one.clone()), (second.clone(), other)],
                    want: Arc::clone(&want),
                }));
            }
        }
    }
    cases
}

#[test]
fn two_faults_on_one_promote_are_recovered_from_as_one_is() {
    let _alone = super::alone();
    let scenarios = [Scenario::Changed, Scenario::Shifted];
    let cases = pool::once(async |rack| {
        let mut all = Vec::new();
        for scenario in scenarios {
            all.extend(cases(rack, scenario).await);
        }
        all
    });
    let what = "pairs of faults on one promote";
    let count = pool::each(pool::Place::Memory, what, cases, &run);
    proof::covered(&format!("{what}: {count} cases, each recovered"));
}

async fn run(rack: &Rack, number: usize, case: Case) {
    let said = case.to_string();
    let scenario = case.situation.scenario;
    let (app, event) = rack.situation(case.situation, number).await;
    let [first, second] = &case.blows;
    strike(rack, first);
    strike(rack, second);
    let quick = rack.quick(scenario.function());
    let mut ended = vec![quick.invoke(&event).await];
    rack.world.proxy.lift();
    app.pass_time(&rack.world).await;
    strike(rack, second);
    ended.push(quick.invoke(&event).await);
    rack.world.proxy.lift();
    for ended in &ended {
        assert_outcome(ended, &said);
    }
    scenario.assert_served(rack, &said);
    settle(rack, &app, scenario, &event).await;
    let mut end = End::of(rack, &app).await;
    let state = app.state(&rack.world, "promotion").await;
    let for_good = state["desired"]["status"] == "failed";
    if for_good || state["applied"]["delivery"] == "S3" {
        let again = scenario.again(rack, &app);
        settle(rack, &app, scenario, &again).await;
        end = End::of(rack, &app).await;
    }
    assert_eq!(end.seen, case.want.seen, "{said}: {ended:#?}");
    let kills = case
        .blows
        .iter()
        .all(|(_, fault)| *fault == Fault::KillAfter);
    if kills {
        assert_eq!(end, *case.want, "{said}");
    }
    let told: BTreeSet<&String> = case.want.told.difference(&end.told).collect();
    assert!(told.is_empty(), "{said}: nobody was told {told:?}");
}

/// From now on the call fails each time; a process dies once, and an answer is lost once.
fn strike(rack: &Rack, (place, fault): &(Place, Fault)) {
    let injection = fault.clone().on(&place.service, &place.operation);
    let injection = injection.after(place.before);
    rack.world.inject(match fault {
        Fault::KillAfter | Fault::LostAnswer => injection.times(1),
        _ => injection,
    });
}

fn assert_outcome(ended: &Invocation, said: &str) {
    match ended {
        Invocation::Error { error_type, .. } => {
            let killed = error_type == "Runtime.ExitError";
            let of_runtime =
                error_type.starts_with("Runtime.") || error_type.starts_with("Sandbox.");
            assert!(killed || !of_runtime, "{said}: {ended:?}");
        }
        Invocation::Answer(answer) => {
            let status = answer["status"].as_str().unwrap_or_default();
            let known = ["promoted", "failed", "idle", "queued", "waiting"].contains(&status);
            assert!(known, "{said}: {ended:?}");
            assert_ne!(answer["status"], Value::Null, "{said}");
        }
    }
}
