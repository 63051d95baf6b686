//! S3 = Secrets Manager = source: what a container sees does not depend on how its environment is delivered.
//!
//! Each App is promoted on both deliveries; the agent's view of both, with the real `convox-env`, is compared with the
//! precedence that is computed here from the source: the environment's declared keys, then the Service's own secrets,
//! automatic variables, defaults, environment files.

mod generated;
mod own;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use rig::{Function, World, agent, canary};
use serde_json::Value;

use crate::app;

type Variables = BTreeMap<String, String>;

/// One Rack that delivers through S3 and one that delivers through Secrets Manager, over the same objects.
struct Racks {
    world: World,
    s3: Function,
    secrets_manager: Function,
}

/// What the containers of an App see, by `services.{name}` and `timers.{name}`.
struct Seen {
    s3: BTreeMap<String, Variables>,
    secrets_manager: BTreeMap<String, Variables>,
    reports: [Value; 2],
}

const BUILD: &str = r#"{"id": "B1", "gitSha": "0123abc", "description": "the first"}"#;

impl Racks {
    async fn start() -> Self {
        let world = World::new().await;
        let start = |value| world.start("promote", &[("SECRETS_MANAGER_ENV", value)]);
        let (s3, secrets_manager) = (start("No"), start("Yes"));
        Self {
            world,
            s3,
            secrets_manager,
        }
    }

    /// Promotes the same Release of the same App on both, one after the other.
    async fn promote(&self, app: &str, manifest: &str, environment: &[u8]) -> Seen {
        let key = |file: &str| format!("apps/{app}/{file}");
        self.world.put(&key("convox.yml"), manifest).await;
        self.world.put(&key("releases/R1/build.json"), BUILD).await;
        let (first, s3) = self
            .promoted_through(&self.s3, app, environment, "S3")
            .await;
        let (second, secrets_manager) = self
            .promoted_through(&self.secrets_manager, app, environment, "SecretsManager")
            .await;
        Seen {
            s3,
            secrets_manager,
            reports: [first, second],
        }
    }

    async fn promoted_through(
        &self,
        rack: &Function,
        app: &str,
        environment: &[u8],
        delivery: &str,
    ) -> (Value, BTreeMap<String, Variables>) {
        let report = app::promote_app(&self.world, rack, app, "R1", environment).await;
        app::assert_says!(report, {"status": "promoted", "delivery": delivery});
        let kinds = ["services", "timers"].into_iter();
        let moved = kinds.flat_map(|kind| {
            let moved = report[kind].as_object().unwrap().iter();
            moved.map(move |(name, moved)| (format!("{kind}.{name}"), moved))
        });
        let seen = join_all(moved.map(async |(name, moved)| {
            let arn = moved["newTaskDefinition"].as_str().unwrap();
            let containers = agent::task_sees(&self.world, arn).await.unwrap();
            (name, containers.into_values().next().unwrap())
        }));
        let seen = seen.await.into_iter().collect();
        (report, seen)
    }

    /// The automatic variables of a container of this Rack.
    fn automatic(&self, app: &str, service: &str) -> Variables {
        app::pairs([
            ("APP", app),
            ("AWS_REGION", "us-east-1"),
            ("BUILD", "B1"),
            ("BUILD_DESCRIPTION", "the first"),
            ("BUILD_GIT_SHA", "0123abc"),
            ("RACK", &self.world.rack),
            ("RELEASE", "R1"),
            ("SERVICE", service),
        ])
    }

    fn assert_no_value_got_out(&self, seen: &Seen) {
        let outputs = [self.s3.output(), self.secrets_manager.output()];
        canary::assert_absent(&outputs);
        canary::assert_absent(&seen.reports.each_ref().map(Value::to_string));
        canary::assert_absent(&[format!("{:?}", self.world.events())]);
    }
}

/// What a container sees: `declared` are the texts of its `environment:` lists, in order.
fn expected(declared: &[&str], automatic: Variables, environment: &Variables) -> Variables {
    let defaults = declared.iter().filter_map(|text| text.split_once('='));
    let mut seen: Variables = defaults
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    seen.extend(automatic);
    let names: BTreeSet<&str> = declared
        .iter()
        .map(|text| text.split('=').next().unwrap())
        .collect();
    let all = declared.contains(&"*");
    let delivered = environment
        .iter()
        .filter(|(key, _)| all || names.contains(key.as_str()));
    seen.extend(delivered.map(|(key, value)| (key.clone(), value.clone())));
    seen
}

/// The names of variables that differ, for messages without values.
fn differing(one: &Variables, other: &Variables) -> BTreeSet<String> {
    let names = one.keys().chain(other.keys());
    names
        .filter(|name| one.get(*name) != other.get(*name))
        .cloned()
        .collect()
}

impl Seen {
    /// What a container sees that is not as it should be: `S3: NAME`, or `Secrets Manager: NAME`.
    fn wrong(&self, container: &str, want: &Variables) -> Vec<String> {
        let mut s3 = self.s3[container].clone();
        let own = ["CONVOX_ENV_KEY", "CONVOX_ENV_URL", "CONVOX_ENV_VARS"];
        let missing = own.iter().filter(|name| s3.remove(**name).is_none());
        let mut wrong: Vec<String> = missing.map(|name| format!("S3: {name}")).collect();
        wrong.extend(
            differing(&s3, want)
                .iter()
                .map(|name| format!("S3: {name}")),
        );
        let other = differing(&self.secrets_manager[container], want);
        wrong.extend(other.iter().map(|name| format!("Secrets Manager: {name}")));
        wrong
    }
}

#[tokio::test]
async fn a_declared_variable_beats_an_automatic_one_and_a_default_does_not() {
    let racks = Racks::start().await;
    let manifest = r#"
services:
  declared:
    image: i
    environment: [RELEASE, APP]
  all:
    image: i
    environment: ["*"]
  defaults:
    image: i
    environment: [RACK=mine, SERVICE=mine, BUILD=mine, AWS_REGION=mine]
  both:
    image: i
    environment: [RELEASE=default, APP=default, RACK=default]
  none:
    image: i
timers:
  nightly: {schedule: "0 3 * * *", command: c, service: declared}
"#;
    let seen = racks
        .promote("shop", manifest, b"RELEASE=mine\nAPP=mine")
        .await;
    for (container, service, wins) in [
        ("services.declared", "declared", true),
        ("services.all", "all", true),
        ("services.defaults", "defaults", false),
        ("services.both", "both", true),
        ("services.none", "none", false),
        ("timers.nightly", "declared", true),
    ] {
        let mut want = racks.automatic("shop", service);
        if wins {
            want.extend(app::pairs([("RELEASE", "mine"), ("APP", "mine")]));
        }
        assert_eq!(seen.wrong(container, &want), [""; 0], "{container}");
    }
}

#[tokio::test]
async fn undeclared_variables_reach_nobody() {
    let racks = Racks::start().await;
    let manifest = r#"
environment: [SHARED=default]
services:
  web: {image: i, environment: [TOKEN]}
  idle: {image: i}
timers:
  nightly: {schedule: "0 3 * * *", command: c, service: idle}
"#;
    let (token, other) = (canary::value("TOKEN"), canary::value("OTHER"));
    // Names that only begin or end like a declared one are other names.
    let environment = format!(
        "TOKEN={token}\nTOKEN2={other}\nMY_TOKEN={other}\ntoken={other}\nTOKEN.X={other}\nSHARED2={other}"
    );
    let seen = racks
        .promote("shop", manifest, environment.as_bytes())
        .await;
    for (container, service, declared) in [
        ("services.web", "web", &["SHARED=default", "TOKEN"][..]),
        ("services.idle", "idle", &["SHARED=default"]),
        ("timers.nightly", "idle", &["SHARED=default"]),
    ] {
        let token = app::pairs([("TOKEN", &token)]);
        let want = expected(declared, racks.automatic("shop", service), &token);
        assert_eq!(seen.wrong(container, &want), [""; 0], "{container}");
    }
    racks.assert_no_value_got_out(&seen);
}

/// `CONVOX_ENV_VARS` separates names by commas and has `*` for all: no declared name may be taken for either.
#[tokio::test]
async fn a_default_with_an_odd_name_lets_no_undeclared_variable_through() {
    let racks = Racks::start().await;
    let environment = app::pairs([("TOKEN", "t"), ("OTHER", "o")]);
    let mut wrong = Vec::new();
    for (app, odd) in [
        ("comma", "TOKEN,OTHER=x"),
        ("comma-star", "A,*=x"),
        ("star", "*=x"),
        ("space", " TOKEN=x"),
    ] {
        let manifest = format!("services:\n  web:\n    image: i\n    environment: [\"{odd}\"]\n");
        let seen = racks.promote(app, &manifest, b"TOKEN=t\nOTHER=o").await;
        let want = expected(&[odd], racks.automatic(app, "web"), &environment);
        let found = seen.wrong("services.web", &want);
        wrong.extend(found.into_iter().map(|found| format!("`{odd}`: {found}")));
    }
    assert_eq!(wrong, [""; 0]);
}

#[tokio::test]
async fn a_key_that_matches_no_rule_reaches_nobody_and_is_named() {
    let racks = Racks::start().await;
    let manifest = r#"
services:
  web: {image: i, environment: ["*"]}
"#;
    let value = canary::value("REFUSED");
    let lines = format!(
        "A=1\nexport X={value}\nmy key={value}\n1A={value}\nB=2\nCONVOX_ENV_URL={value}\nÄ={value}\n"
    );
    let json = format!(
        r#"{{"A": "1", "export X": "{value}", "my key": "{value}", "1A": "{value}", "B": "2", "CONVOX_ENV_URL": "{value}", "Ä": "{value}"}}"#
    );
    let environment = app::pairs([("A", "1"), ("B", "2")]);
    for (app, object, has_lines) in [
        ("lines", lines.clone().into_bytes(), true),
        ("json", json.into_bytes(), false),
        ("envelope", racks.world.seal(lines.as_bytes()).await, true),
    ] {
        let seen = racks.promote(app, manifest, &object).await;
        let want = expected(&["*"], racks.automatic(app, "web"), &environment);
        assert_eq!(seen.wrong("services.web", &want), [""; 0], "{app}");
        let url = &seen.s3["services.web"]["CONVOX_ENV_URL"];
        assert!(
            url.starts_with("s3://"),
            "the switch of S3 delivery is not the user's"
        );
        for report in &seen.reports {
            let warnings = report["warnings"].as_array().unwrap();
            // What has not the shape of a key is not repeated, nor is what follows it in the next line.
            for (number, in_lines, in_json) in [
                (2, Some("export X"), Some("export X")),
                (3, None, None),
                (4, None, None),
                (6, Some("CONVOX_ENV_URL"), Some("CONVOX_ENV_URL")),
                (7, None, None),
            ] {
                let says = match (has_lines, in_lines, in_json) {
                    (true, Some(key), _) => {
                        format!("line {number}: the key `{key}` is not delivered")
                    }
                    (true, None, _) => format!("line {number} is not delivered"),
                    (false, _, Some(key)) => format!("the key `{key}` is not delivered"),
                    (false, _, None) => {
                        format!("member {number} of the JSON object is not delivered")
                    }
                };
                let said = warnings
                    .iter()
                    .any(|warning| warning.as_str().unwrap().contains(&says));
                assert!(said, "{app}: {says}: {warnings:?}");
            }
        }
        racks.assert_no_value_got_out(&seen);
    }
}
