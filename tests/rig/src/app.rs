//! One App of a World: what its things are called, its objects, and the events about it.

use chrono::TimeDelta;
use double::clock;
use names::{AppId, AppName, RackName};
use serde_json::{Value, json};

use crate::{World, events};

/// An App by its name.
#[derive(Debug, Clone)]
pub struct App {
    /// As in the keys of the settings bucket.
    pub name: String,
}

impl App {
    /// The App of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let name = name.to_owned();
        Self { name }
    }

    /// The key of a file of the App: `app.json`, `releases/R1/convox.yml`.
    #[must_use]
    pub fn key(&self, file: &str) -> String {
        format!("apps/{}/{file}", self.name)
    }

    /// The key of a state object: `promotion`, `failures`.
    #[must_use]
    pub fn state_key(&self, name: &str) -> String {
        self.key(&format!("state/{name}.json"))
    }

    /// The name of a Service's ECS service and family.
    #[must_use]
    pub fn ecs_service(&self, world: &World, service: &str) -> String {
        format!("{}_{}_{service}", world.rack, self.name)
    }

    /// The name of a Timer's rule and family.
    #[must_use]
    pub fn rule(&self, world: &World, timer: &str) -> String {
        self.ecs_service(world, &format!("timer_{timer}"))
    }

    /// The name of the App's secret.
    #[must_use]
    pub fn secret(&self, world: &World) -> String {
        format!("{}/{}", world.rack, self.name)
    }

    /// The name of the App's own stack.
    ///
    /// # Panics
    ///
    /// When the App or the Rack has no valid name.
    #[must_use]
    pub fn stack(&self, world: &World) -> String {
        let id = AppId {
            rack: RackName::new(&world.rack).expect("a valid Rack name"),
            app: AppName::new(&self.name).expect("a valid App name"),
        };
        id.stack()
    }

    /// Writes the convox.yml of a Release of its own.
    pub async fn write_manifest(&self, world: &World, release: &str, manifest: impl Into<Vec<u8>>) {
        let key = self.key(&format!("releases/{release}/convox.yml"));
        world.put(&key, manifest).await;
    }

    /// Writes a Release's environment in any form; S3's event about it.
    pub async fn write_env(
        &self,
        world: &World,
        release: &str,
        environment: impl Into<Vec<u8>>,
    ) -> Value {
        let key = self.key(&format!("releases/{release}/env"));
        let version = world.put(&key, environment).await;
        events::written(world, &self.name, release, &version)
    }

    /// `Release Promote Requested`, sent so many seconds from now; `id` is the event's.
    #[must_use]
    pub fn requested(&self, world: &World, release: &str, id: &str, seconds: i64) -> Value {
        let more = json!({"release": release});
        self.event(world, "Release Promote Requested", id, seconds, &more)
    }

    /// `App Deleted`, in the same way.
    #[must_use]
    pub fn deleted(&self, world: &World, id: &str, seconds: i64) -> Value {
        self.event(world, "App Deleted", id, seconds, &json!({}))
    }

    /// `Process Run Requested` of the Service `web`, in the same way; `more` is added to its detail.
    #[must_use]
    pub fn run(&self, world: &World, id: &str, seconds: i64, more: &Value) -> Value {
        let mut detail = json!({"service": "web"});
        extend(&mut detail, more);
        self.event(world, "Process Run Requested", id, seconds, &detail)
    }

    /// `Promotion Continue`: there is work of a kind (`promote`, `delete`) left.
    #[must_use]
    pub fn continued(&self, world: &World, kind: &str) -> Value {
        let mut detail = self.detail(world);
        detail["kind"] = kind.into();
        events::of_functions("Promotion Continue", "continue", &detail)
    }

    /// A hint about the App's outcomes, as promote sends it; `more` is added to its detail.
    #[must_use]
    pub fn hint(&self, world: &World, more: &Value) -> Value {
        let mut detail = self.detail(world);
        extend(&mut detail, more);
        events::of_functions("Secret Write Failed", "hint", &detail)
    }

    /// A state object; null where there is none.
    pub async fn state(&self, world: &World, name: &str) -> Value {
        let state = world.get(&self.state_key(name)).await;
        state.map_or(Value::Null, |bytes| {
            serde_json::from_slice(&bytes).expect("the state is JSON")
        })
    }

    /// Writes a state object.
    pub async fn put_state(&self, world: &World, name: &str, state: &Value) {
        world.put(&self.state_key(name), state.to_string()).await;
    }

    /// Lets the time pass after which a dead holder's lease is over and what waits is due.
    pub async fn pass_time(&self, world: &World) {
        let mut state = self.state(world, "promotion").await;
        let before = state.clone();
        let past = "2026-01-01T00:00:00Z";
        if state["lease"].is_object() {
            state["lease"]["expiresAt"] = past.into();
        }
        if state["desired"]["status"] == "waiting" {
            state["desired"]["until"] = past.into();
        }
        if state != before {
            self.put_state(world, "promotion", &state).await;
        }
    }

    /// An event from outside.
    fn event(&self, world: &World, kind: &str, id: &str, seconds: i64, more: &Value) -> Value {
        let mut detail = self.detail(world);
        extend(&mut detail, more);
        let time = clock::now() + TimeDelta::seconds(seconds);
        events::of_rack(kind, id, time, &detail)
    }

    fn detail(&self, world: &World) -> Value {
        json!({"rack": world.rack, "app": self.name})
    }
}

fn extend(detail: &mut Value, more: &Value) {
    if let (Some(detail), Some(more)) = (detail.as_object_mut(), more.as_object()) {
        detail.extend(more.clone());
    }
}
