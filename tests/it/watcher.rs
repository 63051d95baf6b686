//! A watcher starts tasks of random revisions beside running promotes, while people edit the secret, ECS goes back, functions
//! die and calls fail: each sees the environment of its own Release.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use double::Fault;
use double::proxy::DeletedIds;
use futures_util::future::join;
use rig::chance::Chance;
use rig::{Function, World, agent, proof};
use serde_json::Value;

use crate::app::{self, APP};

const STARTS: usize = 1_000;
/// Tasks that are started at once.
const WATCHERS: usize = 3;
const PROMOTES: usize = 24;
/// Environments; with those of two deliveries of one request fewer than versions are kept.
const RELEASES: usize = 12;
/// Deliveries of one request, as the queue makes them.
const DELIVERIES: usize = 8;

/// `web` reads `A` and `OLD_KEY`, `worker` reads `B`, the Timer reads what `worker` does.
const MANIFEST: &str = "services:\n  web:\n    image: a\n    environment:\n      - A\n      - OLD_KEY=\n  worker:\n    \
                        image: a\n    environment:\n      - B\ntimers:\n  nightly:\n    schedule: \"0 3 * * ?\"\n    \
                        command: c\n    service: worker\n";

/// What a container is given.
type Given = BTreeMap<String, String>;

/// What the watchers know.
struct Known {
    world: World,
    /// The environments of Releases.
    environments: RefCell<BTreeMap<String, Given>>,
    /// Every revision that anything was moved to.
    revisions: RefCell<BTreeSet<String>>,
    starts: Cell<usize>,
    /// Those of revisions that do not run any more.
    starts_of_before: Cell<usize>,
    is_over: Cell<bool>,
}

#[tokio::test]
async fn a_task_of_any_revision_sees_its_own_release_whenever_it_is_started() {
    let world = app::world_with(MANIFEST, &["web", "worker"]).await;
    let function = world.start("promote", &[("SECRETS_MANAGER_ENV", "Yes")]);
    let known = Known {
        world,
        environments: RefCell::default(),
        revisions: RefCell::default(),
        starts: Cell::default(),
        starts_of_before: Cell::default(),
        is_over: Cell::default(),
    };
    let mut chance = Chance::new(1);
    known.promote_new(&function, &mut chance, 0).await;
    let promotes = async {
        for number in 1..PROMOTES {
            known.disturb(&mut chance).await;
            let is_new = number < 3 || !chance.once_in(3);
            let count = known.environments.borrow().len();
            if is_new && count < RELEASES {
                known.promote_new(&function, &mut chance, number).await;
            } else {
                known.go_back(&function, &mut chance, number).await;
            }
        }
        known.is_over.set(true);
    };
    let watchers = (0..WATCHERS).map(|seed| known.watch(Chance::new(seed as u64)));
    join(promotes, futures_util::future::join_all(watchers)).await;
    let outcomes = app::outcomes(&known.world).await;
    assert_eq!(outcomes.len(), PROMOTES, "{outcomes:?}");
    let (starts, before) = (known.starts.get(), known.starts_of_before.get());
    let revisions = known.revisions.borrow().len();
    assert!(
        before * 4 > starts,
        "{before} of {starts} do not run any more"
    );
    proof::covered(&format!(
        "a watcher: {starts} tasks of {revisions} revisions started beside {PROMOTES} promotes, {before} of them of \
         revisions of before, each with its own Release's environment"
    ));
}

impl Known {
    /// A Release with an environment that differs in one variable or more.
    async fn promote_new(&self, function: &Function, chance: &mut Chance, number: usize) {
        let release = format!("R{number:02}");
        let last = self.environments.borrow().values().next_back().cloned();
        let mut environment = last.unwrap_or_else(|| {
            ["A", "B", "UNREAD"]
                .map(|key| (key.to_owned(), "0".to_owned()))
                .into()
        });
        let key = chance.one_of(&["A", "A", "B", "OLD_KEY", "UNREAD"]);
        if key == "OLD_KEY" && environment.remove(key).is_some() {
            // It is dropped.
        } else {
            environment.insert(key.to_owned(), format!("of {release}"));
        }
        let pairs: Vec<(&str, &str)> = environment
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        self.world.put_env(APP, &release, &pairs).await;
        let environments = &self.environments;
        environments
            .borrow_mut()
            .insert(release.clone(), environment);
        self.promote(function, &release, chance, number).await;
    }

    async fn go_back(&self, function: &Function, chance: &mut Chance, number: usize) {
        let releases: Vec<String> = self.environments.borrow().keys().cloned().collect();
        let release = &releases[chance.below(releases.len())];
        self.promote(function, release, chance, number).await;
    }

    /// Requests a promote, each a second later than the one before; what goes wrong with all but the first is any call.
    async fn promote(
        &self,
        function: &Function,
        release: &str,
        chance: &mut Chance,
        number: usize,
    ) {
        let seconds = i64::try_from(number).unwrap();
        let event = app::requested(&self.world, release, &format!("request-{number}"), seconds);
        if number > 0 {
            self.trouble(chance);
        }
        self.deliver(function, &event).await;
    }

    /// One call goes wrong, mostly.
    fn trouble(&self, chance: &mut Chance) {
        let faults = [
            Fault::KillBefore,
            Fault::KillAfter,
            Fault::LostAnswer,
            Fault::Throttle,
        ];
        let injection = match chance.below(6) {
            0 => Fault::DENIED.on("secretsmanager", "PutSecretValue"),
            1 => Fault::DENIED.on("events", "PutTargets"),
            2 | 3 => {
                let fault = faults[chance.below(faults.len())].clone();
                fault.on_any_call().after(chance.below(40))
            }
            _ => return,
        };
        self.world.proxy.inject(injection.times(1));
    }

    /// Delivers an event until its request has ended.
    async fn deliver(&self, function: &Function, event: &Value) {
        for _ in 0..DELIVERIES {
            function.invoke(event).await;
            let state = app::state(&self.world).await;
            let desired = &state["desired"];
            let has_ended = ["done", "failed"]
                .map(Value::from)
                .contains(&desired["status"]);
            if has_ended && desired["requestId"] == event["id"] {
                self.world.proxy.lift();
                return;
            }
            self.pass_time(state).await;
        }
        panic!("{event:#} does not come to an end");
    }

    /// The holder of the lease is dead by now, and what waits is due.
    async fn pass_time(&self, mut state: Value) {
        let past = "2026-01-01T00:00:00Z";
        if state["lease"].is_object() {
            state["lease"]["expiresAt"] = past.into();
        }
        if state["desired"]["status"] == "waiting" {
            state["desired"]["until"] = past.into();
        }
        let key = format!("apps/{APP}/state/promotion.json");
        self.world.put(&key, state.to_string()).await;
    }

    /// Somebody else, or AWS itself, changes what is the App's.
    async fn disturb(&self, chance: &mut Chance) {
        let secret = app::secret(&self.world);
        match chance.below(5) {
            0 => {
                let ids = chance.one_of(&[DeletedIds::Free, DeletedIds::Taken]);
                self.world.proxy.delete_deprecated_versions(&secret, ids);
            }
            1 => {
                let put = self.world.secrets_manager.put_secret_value();
                let put = put
                    .secret_id(&secret)
                    .secret_string("{\"A\":\"of somebody else\"}");
                put.send().await.unwrap();
            }
            2 | 3 => {
                let of_web: Vec<String> = {
                    let revisions = self.revisions.borrow();
                    let of_web = revisions.iter().filter(|arn| arn.contains("_web:"));
                    of_web.cloned().collect()
                };
                if of_web.is_empty() {
                    return;
                }
                let back = self.world.ecs.update_service().cluster(&self.world.cluster);
                let back = back.service(app::ecs_service(&self.world, "web"));
                let back = back.task_definition(&of_web[chance.below(of_web.len())]);
                back.send().await.unwrap();
            }
            _ => {}
        }
    }

    /// Starts tasks, one after the other.
    async fn watch(&self, mut chance: Chance) {
        while !self.is_over.get() || self.starts.get() < STARTS {
            let service = chance.one_of(&["web", "worker"]);
            let runs = if chance.once_in(8) {
                app::scheduled(&self.world, "nightly").await
            } else {
                app::running(&self.world, service).await
            };
            self.revisions.borrow_mut().insert(runs.clone());
            self.start(&runs).await;
            for _ in 0..7 {
                let any = {
                    let revisions = self.revisions.borrow();
                    let any = revisions.iter().nth(chance.below(revisions.len()));
                    any.cloned().unwrap()
                };
                self.start(&any).await;
                if any != runs {
                    self.starts_of_before.set(self.starts_of_before.get() + 1);
                }
            }
        }
    }

    /// One task, which sees what its own Release gives to it.
    async fn start(&self, revision: &str) {
        let sees = agent::task_sees(&self.world, revision).await;
        let sees = sees.unwrap_or_else(|err| panic!("a task of {revision} does not start: {err}"));
        let (_, sees) = sees.into_iter().next().unwrap();
        let environments = self.environments.borrow();
        let own = &environments[&sees["RELEASE"]];
        let keys: &[&str] = if revision.contains("_web:") {
            &["A", "OLD_KEY"]
        } else {
            &["B"]
        };
        for key in keys {
            let want = own.get(*key).map_or("", String::as_str);
            let value = sees.get(*key).map(String::as_str);
            assert_eq!(
                value,
                Some(want),
                "{key} of {revision}, {}",
                sees["RELEASE"]
            );
        }
        self.starts.set(self.starts.get() + 1);
    }
}
