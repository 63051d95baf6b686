//! What the user has to mend ends before the first write, in words that say where and what is allowed.

mod deliveries;
mod environment;
mod manifest;
mod names;
mod settings;
mod surroundings;

use rig::{Function, World, canary};
use serde_json::Value;

use crate::app::{self, APP};

/// A Rack on which a Release runs that no bad input may touch.
struct Rack {
    world: World,
    function: Function,
    running: Vec<String>,
    secret: (String, Value),
    refused: usize,
}

/// A Release that cannot be promoted.
struct Bad<'a> {
    /// What is bad about it.
    name: &'a str,
    /// Objects by name: of the Release, or of the App where the name starts with `/`.
    files: &'a [(&'a str, &'a str)],
    /// Its environment, where that is not a good one.
    environment: Option<Vec<u8>>,
    /// The error's type.
    error_type: &'a str,
    /// Parts of the message.
    says: &'a [&'a str],
}

impl Rack {
    async fn new() -> Self {
        let world = app::world().await;
        let function = world.start("promote", &[("SECRETS_MANAGER_ENV", "Yes")]);
        let report = app::promote_app(&world, &function, APP, "R00", good()).await;
        assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
        Self {
            running: running(&world).await,
            secret: app::current_secret(&world).await,
            world,
            function,
            refused: 0,
        }
    }

    /// Promotes it and checks everything that must and must not happen.
    async fn refuses(&mut self, bad: Bad<'_>) {
        self.refused_by(None, bad).await;
    }

    /// The same by a function with other settings.
    async fn refused_by(&mut self, other: Option<&Function>, bad: Bad<'_>) {
        self.refused += 1;
        let (world, name) = (&self.world, bad.name);
        let function = other.unwrap_or(&self.function);
        let release = format!("R{:02}", self.refused);
        for (file, content) in bad.files {
            world.put(&key(&release, file), *content).await;
        }
        world.proxy.clear();
        let environment = bad.environment.unwrap_or_else(good);
        let answer = app::promote_app(world, function, APP, &release, environment).await;

        let message = answer["message"].as_str().unwrap_or_default();
        assert_eq!(answer["status"], "failed", "{name}: {answer:#}");
        assert_eq!(answer["errorType"], bad.error_type, "{name}: {message}");
        for part in bad.says {
            assert!(
                message.contains(part),
                "{name}: `{part}` is not in: {message}"
            );
        }
        let report = app::report(world, &release).await;
        assert_eq!(report.as_ref(), Some(&answer), "{name}");
        self.assert_only_told(name, &answer);
        self.assert_untouched(name).await;
        let state = app::state(world).await;
        let told = [
            function.output(),
            answer.to_string(),
            state.to_string(),
            format!("{:?}", world.events()),
        ];
        canary::assert_absent(&told);
        for (file, _) in bad.files.iter().filter(|(file, _)| file.starts_with('/')) {
            world.put(&key(&release, file), "{}").await; // the next case has good ones again
        }
    }

    /// State, report, what the history has of the request, and one event are all that was written.
    fn assert_only_told(&self, name: &str, answer: &Value) {
        let writes = self.world.proxy.writes();
        assert!(writes.is_empty(), "{name}: {writes:?}");
        let objects = self.world.proxy.calls();
        let objects = objects.iter().filter(|call| call.operation == "PutObject");
        for object in objects {
            let own = ["/state/promotion.json", "/report.json", "/history/"];
            assert!(
                own.iter().any(|own| object.path.contains(own)),
                "{name}: {}",
                object.path
            );
        }
        let events = self.world.events();
        assert_eq!(app::sent(&self.world), ["Release Promote Failed"], "{name}");
        let detail = &events[0].detail;
        for field in [
            "rack",
            "app",
            "release",
            "requestId",
            "errorType",
            "message",
        ] {
            assert_eq!(detail[field], answer[field], "{name}: {field}");
            assert!(detail[field].is_string(), "{name}: {field}");
        }
    }

    /// The Release that ran before runs, with its own environment.
    async fn assert_untouched(&self, name: &str) {
        let world = &self.world;
        assert_eq!(running(world).await, self.running, "{name}");
        assert!(app::current_secret(world).await == self.secret, "{name}");
        let state = app::state(world).await;
        assert_eq!(state["applied"]["release"], "R00", "{name}");
        assert_eq!(state["desired"]["status"], "failed", "{name}");
        app::assert_says!(state, {"lease": null, "unsent": []}, "{name}");
        assert_eq!(
            app::outcomes(world).await.len(),
            1,
            "{name}: not a secret's failure"
        );
    }
}

fn key(release: &str, file: &str) -> String {
    match file.strip_prefix('/') {
        Some(file) => format!("apps/{APP}/{file}"),
        None => format!("apps/{APP}/releases/{release}/{file}"),
    }
}

/// An environment with everything that the manifest requires.
fn good() -> Vec<u8> {
    let value = |key| format!("{key}={}\n", canary::value(key));
    ["DATABASE_URL", "TOKEN"].map(value).concat().into_bytes()
}

/// What all ECS services and rules run.
async fn running(world: &World) -> Vec<String> {
    let mut running = Vec::new();
    for service in ["web", "worker", "metrics"] {
        running.push(app::running(world, service).await);
    }
    for timer in ["cleanup", "report"] {
        running.push(app::scheduled(world, timer).await);
    }
    running
}
