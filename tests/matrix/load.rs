//! Many promotes of many Apps at once, under ECS's published rates: none is lost, none is applied out of order.
//!
//! Time runs ten times as fast, for the rates and for the function's own limits, so that the ratios are kept. `make test` runs
//! a tenth; `make load` the whole: `LOAD_APPS=200`.

use std::collections::{BTreeMap, VecDeque};
use std::env;

use double::EcsRates;
use rig::{Function, Invocation, World, proof};
use serde_json::Value;
use tokio::sync::Mutex;

use super::app::App;

/// How often each App is promoted.
const PROMOTES: usize = 5;
/// Copies of promote: the mapping's `MaximumConcurrency` (template.yaml).
const COPIES: usize = 3;
/// Receives after which SQS gives a message up (template.yaml).
const RECEIVES_MAX: u32 = 5;
/// All Apps, and the share that a run without `LOAD_APPS` has.
const APPS: usize = 200;
const APPS_OF_A_TENTH: usize = APPS / 10;
const FASTER: f64 = 10.0;

struct Queued {
    event: Value,
    receives: u32,
}

/// What became of all messages.
#[derive(Debug, Default)]
struct Counts {
    promoted: usize,
    superseded: usize,
    queued: usize,
    waiting: usize,
    redelivered: usize,
    given_up: usize,
}

struct Load {
    world: World,
    queue: Mutex<VecDeque<Queued>>,
    counts: Mutex<Counts>,
}

#[test]
fn under_load_none_is_lost_and_none_is_applied_out_of_order() {
    let _alone = super::alone();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(promote_many());
}

async fn promote_many() {
    let apps = env::var("LOAD_APPS")
        .ok()
        .and_then(|apps| apps.parse().ok());
    let apps: usize = apps.unwrap_or(APPS_OF_A_TENTH);
    let world = World::new().await;
    let settings = [("SECRETS_MANAGER_ENV", "Yes"), ("TIME_SCALE", "0.1")];
    let copies: Vec<Function> = (0..COPIES)
        .map(|_| world.start("promote", &settings))
        .collect();
    #[allow(clippy::cast_precision_loss, reason = "a few hundred")]
    let share = apps as f64 / APPS as f64;
    world
        .proxy
        .limit_ecs(EcsRates::published().faster(FASTER).smaller(share));
    let load = Load {
        queue: Mutex::new(written(&world, apps).await),
        counts: Mutex::default(),
        world,
    };
    futures_util::future::join_all(copies.iter().map(|copy| load.work(copy))).await;

    let counts = load.counts.into_inner();
    let throttled = load.world.proxy.calls();
    let throttled = throttled
        .iter()
        .filter(|call| call.answer["__type"] == "ThrottlingException")
        .count();
    assert_eq!(counts.given_up, 0, "{counts:?}");
    assert!(throttled > 0, "it was no load: {counts:?}");
    let promoted = promoted(&load.world);
    for number in 0..apps {
        let app = app(number);
        let state = app.state(&load.world, "promotion").await;
        let newest = format!("R{PROMOTES}");
        for (what, release) in [
            ("desired", &state["desired"]),
            ("applied", &state["applied"]),
        ] {
            assert_eq!(release["release"], newest.as_str(), "{}: {what}", app.name);
        }
        assert_eq!(state["unsent"], serde_json::json!([]), "{}", app.name);
        let order = &promoted[&app.name];
        assert!(
            order.is_sorted(),
            "{} was promoted in the order {order:?}",
            app.name
        );
        assert_eq!(order.last(), Some(&newest), "{}", app.name);
    }
    let requests = apps * PROMOTES;
    proof::covered(&format!(
        "load: {requests} promotes of {apps} Apps, {} promoted, {} superseded, {} taken over by another copy, {} left \
         to who hears of the stack, {} redelivered, {throttled} calls throttled, none lost",
        counts.promoted, counts.superseded, counts.queued, counts.waiting, counts.redelivered
    ));
}

fn app(number: usize) -> App {
    App::named(&format!("load-{number}"))
}

/// All Apps' writes, one Release after the other; messages that are close come in any order, as SQS has it.
async fn written(world: &World, apps: usize) -> VecDeque<Queued> {
    let mut events = Vec::new();
    for release in 1..=PROMOTES {
        for number in 0..apps {
            events.push(app(number).write(world, &format!("R{release}")).await);
        }
    }
    for place in (7..events.len()).step_by(3) {
        events.swap(place, place - 7);
        // Now and then a newer Release of the same App comes before an older one.
        if place % 9 == 0 && place >= apps {
            events.swap(place, place - apps);
        }
    }
    let queued = events
        .into_iter()
        .map(|event| Queued { event, receives: 0 });
    queued.collect()
}

/// The Releases of each App, in the order in which `Release Promoted` told of them.
fn promoted(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut promoted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in world.events() {
        if event.detail_type == "Release Promoted" {
            let text = |name: &str| event.detail[name].as_str().unwrap().to_owned();
            promoted
                .entry(text("app"))
                .or_default()
                .push(text("release"));
        }
    }
    promoted
}

impl Load {
    /// One copy of the function and its share of the queue.
    async fn work(&self, function: &Function) {
        loop {
            let Some(mut message) = self.queue.lock().await.pop_front() else {
                return;
            };
            message.receives += 1;
            let ended = function.invoke(&message.event).await;
            let mut counts = self.counts.lock().await;
            match ended {
                Invocation::Answer(answer) => match answer["status"].as_str() {
                    Some("promoted") => counts.promoted += 1,
                    Some("superseded") => counts.superseded += 1,
                    Some("queued") => counts.queued += 1,
                    // Whichever copy hears of the stack goes on with it.
                    Some("waiting") => counts.waiting += 1,
                    _ => panic!("{answer:#}"),
                },
                Invocation::Error { .. } if message.receives < RECEIVES_MAX => {
                    counts.redelivered += 1;
                    self.queue.lock().await.push_back(message);
                }
                Invocation::Error { .. } => counts.given_up += 1,
            }
        }
    }
}
