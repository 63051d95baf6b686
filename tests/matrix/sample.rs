//! A sample of the schedules with the real functions on the emulator: promotes, rollbacks, deletions and refusals that come
//! twice, in any order, two at a time, while functions die and calls break off.

use std::collections::BTreeSet;

use double::Fault;
use rig::chance::Chance;
use rig::proof;
use serde_json::{Value, json};

use super::app::{App, LACKING};
use super::pool;
use super::rack::Rack;

const SAMPLES: u64 = 40;
const WISHES: usize = 5;
/// Rounds of redelivery after which everything must be at rest.
const ROUNDS_MAX: usize = 12;

/// What somebody wants, and the event that says so.
#[derive(Debug, Clone)]
struct Wish {
    /// The Release; none: the App is deleted.
    release: Option<&'static str>,
    event: Value,
}

impl Wish {
    fn function(&self) -> &'static str {
        match self.release {
            Some(_) => "promote",
            None => "app-deletion",
        }
    }
}

#[test]
fn a_sample_of_schedules_holds_on_the_emulator() {
    let _alone = super::alone();
    let count = pool::each(
        pool::Place::Processes,
        "schedules on the emulator",
        (0..SAMPLES).collect(),
        &run,
    );
    proof::covered(&format!("schedules on the emulator: {count} samples"));
}

async fn run(rack: &Rack, number: usize, seed: u64) {
    let mut chance = Chance::new(seed);
    let app = App::named(&format!("s{number}"));
    for release in ["R1", "R2", LACKING] {
        app.write(&rack.world, release).await;
    }
    let wishes = wishes(rack, &app, &mut chance);
    let mut deliveries: Vec<&Wish> = wishes.iter().collect();
    for _ in 0..3 {
        deliveries.push(&wishes[chance.below(wishes.len())]);
    }
    for place in 1..deliveries.len() {
        let other = place - chance.below(3).min(place);
        deliveries.swap(place, other);
    }
    for pair in deliveries.chunks(2) {
        trouble(rack, &mut chance);
        let ended = pair
            .iter()
            .map(async |wish| rack.usual(wish.function()).invoke(&wish.event).await);
        futures_util::future::join_all(ended).await;
        rack.world.proxy.lift();
        if chance.once_in(2) {
            app.pass_time(&rack.world).await;
        }
    }
    come_to_rest(rack, &app, &wishes, seed).await;
    assert_newest_won(rack, &app, &wishes, seed).await;
    assert_counted(rack, &app, seed).await;
}

/// A second after one another, so that the last is the newest.
fn wishes(rack: &Rack, app: &App, chance: &mut Chance) -> Vec<Wish> {
    (0..WISHES)
        .map(|number| {
            let seconds = i64::try_from(number).unwrap() + 5;
            let id = format!("wish-{number}");
            let release = chance.one_of(&[Some("R1"), Some("R2"), Some("R2"), Some(LACKING), None]);
            let event = match release {
                Some(release) => app.requested(&rack.world, release, &id, seconds),
                None => app.deleted(&rack.world, &id, seconds),
            };
            Wish { release, event }
        })
        .collect()
}

/// One of the next calls goes wrong, mostly.
fn trouble(rack: &Rack, chance: &mut Chance) {
    let kinds = [
        Fault::KillBefore,
        Fault::KillAfter,
        Fault::LostAnswer,
        Fault::Throttle,
    ];
    if chance.once_in(4) {
        return;
    }
    let fault = kinds[chance.below(kinds.len())].clone();
    let after = chance.below(45);
    rack.world.inject(fault.on_any_call().after(after).times(1));
}

/// Everything is delivered once more, then what the schedule would ask for.
async fn come_to_rest(rack: &Rack, app: &App, wishes: &[Wish], seed: u64) {
    for wish in wishes {
        app.pass_time(&rack.world).await;
        rack.usual(wish.function()).invoke(&wish.event).await;
    }
    for _ in 0..ROUNDS_MAX {
        let state = app.state(&rack.world, "promotion").await;
        let open = ["pending", "waiting"]
            .iter()
            .any(|status| state["desired"]["status"] == *status);
        if !open && state["unsent"] == json!([]) {
            return;
        }
        app.pass_time(&rack.world).await;
        let kind = state["desired"]["kind"].as_str().unwrap();
        let function = if kind == "delete" {
            "app-deletion"
        } else {
            "promote"
        };
        let next = app.continued(&rack.world, kind);
        rack.usual(function).invoke(&next).await;
    }
    panic!(
        "sample {seed} does not come to rest: {:#}",
        app.state(&rack.world, "promotion").await
    );
}

async fn assert_newest_won(rack: &Rack, app: &App, wishes: &[Wish], seed: u64) {
    let newest = wishes.last().unwrap();
    let outside = app.seen(&rack.world).await;
    let state = app.state(&rack.world, "promotion").await;
    let said = format!("sample {seed}: {wishes:#?}\n{outside:#}");
    assert_eq!(state["desired"]["requestId"], newest.event["id"], "{said}");
    match newest.release {
        None => {
            assert_eq!(state["desired"]["status"], "done", "{said}");
            let secret = &outside["secret"];
            assert!(
                secret.is_null() || *secret == "scheduled for deletion",
                "{said}"
            );
            assert_eq!(
                (&outside["services"], &outside["rules"]),
                (&json!({}), &json!({})),
                "{said}"
            );
        }
        Some(LACKING) => assert_eq!(state["desired"]["status"], "failed", "{said}"),
        Some(release) => {
            assert_eq!(state["desired"]["status"], "done", "{said}");
            let value = format!("value of {release}");
            // How many tasks it has, and what it is attached to, is the business of others.
            let web = &outside["services"]["web"];
            assert_eq!(json!([web[0], web[3]]), json!(["ACTIVE", value]), "{said}");
            assert_eq!(outside["rules"]["cleanup"][1], json!([value]), "{said}");
        }
    }
}

/// failure-count comes to what the rows say, and every row was told.
async fn assert_counted(rack: &Rack, app: &App, seed: u64) {
    rack.usual("failure-count")
        .invoke(&app.hint(&rack.world))
        .await;
    let state = app.state(&rack.world, "promotion").await;
    let rows = state["outcomes"].as_array().cloned().unwrap_or_default();
    let failures = app.state(&rack.world, "failures").await;
    let in_a_row = rows
        .iter()
        .rev()
        .take_while(|row| row["result"] == "failed")
        .count();
    if let Some(last) = rows.last() {
        assert_eq!(failures["countedSeq"], last["seq"], "sample {seed}");
        assert_eq!(failures["consecutiveFailures"], in_a_row, "sample {seed}");
    }
    let told: BTreeSet<String> = rack
        .world
        .events()
        .into_iter()
        .filter(|event| event.detail["app"] == app.name.as_str() && event.detail["seq"].is_u64())
        .map(|event| event.detail["seq"].to_string())
        .collect();
    let rows: BTreeSet<String> = rows.iter().map(|row| row["seq"].to_string()).collect();
    assert_eq!(told, rows, "sample {seed}: the outcomes that were told");
}
