//! What somebody changed between two promotes does not matter to the second: it comes to the same end as without the change,
//! and so it does where it dies, or a call fails, in the midst of it.

use rig::proof;

use super::edit::EDITS;
use super::scenario::Scenario;
use super::situation::{Change, SETTINGS, Situation};
use super::{faults, kills, pool};

fn edited() -> Vec<Situation> {
    let changes = EDITS.into_iter().map(Change::Edited);
    changes.map(situation).collect()
}

fn reconfigured() -> Vec<Situation> {
    let changes = (0..SETTINGS.len()).map(Change::Settings);
    changes.map(situation).collect()
}

fn situation(change: Change) -> Situation {
    let scenario = Scenario::Changed;
    Situation { scenario, change }
}

#[test]
fn what_somebody_edited_is_put_right_by_the_next_promote() {
    let _alone = super::alone();
    pool::once(async |rack| {
        let want = Situation::from(Scenario::Changed)
            .baseline(rack)
            .await
            .end
            .seen;
        for situation in edited() {
            let end = situation.baseline(rack).await.end;
            assert_eq!(end.seen, want, "{situation}");
        }
    });
    prove("outside edits", &edited());
}

#[test]
fn other_settings_of_the_rack_take_effect_with_the_next_promote() {
    let _alone = super::alone();
    prove("changed settings of the Rack", &reconfigured());
}

fn prove(what: &str, situations: &[Situation]) {
    let (dies, fails) = pool::once(async |rack| {
        let mut dies = kills::cases(rack, situations).await;
        dies.retain(|case| case.changes);
        let mut fails = faults::cases(rack, situations).await;
        fails.retain(|case| case.changes && case.is_common);
        (dies, fails)
    });
    let dies = pool::each(
        pool::Place::Memory,
        &format!("{what}, kills"),
        dies,
        &kills::run,
    );
    let fails = pool::each(
        pool::Place::Memory,
        &format!("{what}, faults"),
        fails,
        &faults::run,
    );
    let count = situations.len();
    proof::covered(&format!(
        "{what}: {count}, with {dies} kills and {fails} faults in the promote after them, each recovered"
    ));
}
