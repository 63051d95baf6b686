//! The example App: what a user does with it, and what AWS then holds for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use aws_sdk_cloudformation::types::Stack;
use aws_sdk_ecs::types::{ContainerDefinition, TaskDefinition};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use rig::{World, tools};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::console::wait_for;
use crate::rack::Rack;
use crate::shell;

/// The App's name.
pub const NAME: &str = "shop";
/// Its Services.
pub const SERVICES: [&str; 3] = ["web", "worker", "reports"];
/// Its Timers.
pub const TIMERS: [&str; 2] = ["cleanup", "digest"];
const FILES: [&str; 3] = ["convox.yml", "build.json", "env"];
const SECOND: Duration = Duration::from_secs(1);
const PROMOTE_LIMIT: Duration = Duration::from_secs(30);
const COUNT_LIMIT: Duration = Duration::from_secs(20);

/// The App on a Rack.
#[derive(Debug)]
pub struct Shop<'r> {
    /// Where it runs.
    pub rack: &'r Rack,
    uploaded: Mutex<Option<Instant>>,
}

/// What starts the tasks of a Timer.
#[derive(Debug)]
pub struct Timer {
    /// When.
    pub schedule: String,
    /// With which task definition.
    pub definition: String,
}

/// What a Release has otherwise than `examples/shop/env`: names and values.
pub type Changes<'c> = &'c [(&'c str, &'c str)];

/// The environment with changes, read by the rules that its format has: the first `=` splits, the value is verbatim.
pub fn environment(changes: Changes<'_>) -> BTreeMap<String, String> {
    let text = env(changes);
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// `examples/shop/env` with changes.
fn env(changes: Changes<'_>) -> String {
    let text = String::from_utf8(file("env")).expect("the example is UTF-8");
    let is_changed = |line: &&str| {
        let name = line.split_once('=').map(|(name, _)| name);
        changes.iter().any(|(other, _)| name == Some(*other))
    };
    let kept = text.lines().filter(|line| !is_changed(line));
    let kept = kept.map(|line| format!("{line}\n"));
    let set = changes
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"));
    kept.chain(set).collect()
}

fn file(name: &str) -> Vec<u8> {
    let path = tools::repository().join("examples/shop").join(name);
    fs::read(path).expect("cannot read a file of examples/shop")
}

/// The last part of an ARN: `myrack_shop_web:1`.
pub fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

// --- what the user does

impl<'r> Shop<'r> {
    /// The App on that Rack.
    pub fn new(rack: &'r Rack) -> Self {
        let uploaded = Mutex::default();
        Self { rack, uploaded }
    }
}

impl Shop<'_> {
    fn world(&self) -> &World {
        self.rack.world()
    }

    /// The lines that upload a Release; the last one writes its environment, and that promotes.
    pub fn uploads(release: &str) -> String {
        let lines = FILES.map(|file| {
            format!(
                "aws s3 cp examples/shop/{file} s3://$bucket/apps/shop/releases/{release}/{file}"
            )
        });
        lines.join("\n")
    }

    /// The same three writes, with changes of the environment.
    pub async fn upload(&self, release: &str, changes: Changes<'_>) {
        for name in FILES {
            let body = match name {
                "env" => env(changes).into_bytes(),
                _ => file(name),
            };
            self.world().put(&key(release, name), body).await;
        }
        *self.uploaded.lock().await = Some(Instant::now());
    }

    /// Waits until what is sent now is later than the last upload. Requests are ordered by whole seconds, as S3 tells them, and
    /// within one second by what they are and by the Release's name.
    pub async fn next_second(&self) {
        let uploaded = *self.uploaded.lock().await;
        if let Some(uploaded) = uploaded {
            sleep_until(uploaded + SECOND).await;
        }
    }

    /// The line that reads a report.
    pub fn reading(release: &str) -> String {
        format!("aws s3 cp s3://$bucket/apps/shop/releases/{release}/report.json -")
    }

    /// The line that asks for a promote of a Release that is there.
    pub fn promote_request(&self, release: &str) -> String {
        self.event("Release Promote Requested", json!({"release": release}))
    }

    /// The line that tells of the App's end.
    pub fn deletion(&self) -> String {
        self.event("App Deleted", json!({}))
    }

    /// The line that sends an event about the App.
    pub fn event(&self, detail_type: &str, mut detail: Value) -> String {
        detail["rack"] = self.world().rack.as_str().into();
        detail["app"] = NAME.into();
        shell::put_event(detail_type, &detail)
    }
}

fn key(release: &str, name: &str) -> String {
    format!("apps/{NAME}/releases/{release}/{name}")
}

// --- what the functions did

impl Shop<'_> {
    /// The version of a report; none where there is none.
    pub async fn report_version(&self, release: &str) -> Option<String> {
        let report = self.object(&key(release, "report.json")).await;
        report.map(|(version, _)| version)
    }

    /// The report of a Release once its promote is over.
    pub async fn report(&self, release: &str) -> Value {
        self.report_after(release, None).await
    }

    /// The same, of a promote after that whose report has the version `older`.
    ///
    /// # Panics
    ///
    /// With the report's message when the Release could not be promoted.
    pub async fn report_after(&self, release: &str, older: Option<&str>) -> Value {
        let newer = async || {
            let (version, body) = self.object(&key(release, "report.json")).await?;
            let report: Value = serde_json::from_slice(&body).expect("a report is JSON");
            let is_over = older != Some(version.as_str()) && report["status"] != "waiting";
            is_over.then_some(report)
        };
        let report = wait_for(&format!("the report of {release}"), PROMOTE_LIMIT, newer).await;
        assert!(
            report["status"] != "failed",
            "expected a promote of {release}: {report}"
        );
        report
    }

    /// The App's own stack, while there is one.
    pub async fn stack(&self) -> Option<Stack> {
        let stacks = self.world().cloudformation.describe_stacks().send().await;
        let stacks = stacks.expect("cannot read the stacks").stacks;
        let ours = |stack: &Stack| {
            let mut tags = stack.tags().iter();
            tags.any(|tag| tag.key() == Some("convox:app") && tag.value() == Some(NAME))
        };
        stacks.unwrap_or_default().into_iter().find(ours)
    }

    /// What promotion.json has said so far.
    pub async fn states(&self) -> Vec<Value> {
        let key = format!("apps/{NAME}/state/promotion.json");
        let written = self.written_objects().await.into_iter();
        let states = written.filter(|(name, _)| *name == key);
        states
            .map(|(_, state)| serde_json::from_str(&state).expect("the state is JSON"))
            .collect()
    }

    /// What the App's secret holds.
    pub async fn secret(&self) -> BTreeMap<String, String> {
        let secrets = &self.world().secrets_manager;
        let read = secrets.get_secret_value().secret_id(self.secret_name());
        let read = read.send().await.expect("cannot read the App's secret");
        let content = read.secret_string().unwrap_or_default();
        serde_json::from_str(content).expect("the secret is an object of texts")
    }

    /// What is known of it otherwise, also where it is scheduled for deletion.
    pub async fn described_secret(&self) -> DescribeSecretOutput {
        let secrets = &self.world().secrets_manager;
        let described = secrets.describe_secret().secret_id(self.secret_name());
        described.send().await.expect("the App has a secret")
    }

    /// Its name.
    pub fn secret_name(&self) -> String {
        format!("{}/{NAME}", self.world().rack)
    }

    /// What the counter says once it has counted the outcome that an event tells of.
    pub async fn failures_in_a_row(&self, outcome: &Value) -> u64 {
        let seq = outcome["seq"].as_u64().expect("an outcome has a number");
        let key = format!("apps/{NAME}/state/failures.json");
        let counted = async || {
            let (_, body) = self.object(&key).await?;
            let counter: Value = serde_json::from_slice(&body).expect("the counter is JSON");
            let is_counted = counter["countedSeq"].as_u64() >= Some(seq);
            is_counted.then(|| counter["consecutiveFailures"].as_u64())?
        };
        wait_for("failure-count to count", COUNT_LIMIT, counted).await
    }

    /// Each ECS service's task definition, by Service; an ECS service that was deleted is none.
    pub async fn services(&self) -> BTreeMap<&'static str, String> {
        let names = SERVICES.map(|service| self.ecs_name(service)).to_vec();
        let described = self.world().ecs.describe_services();
        let described = described.cluster(&self.world().cluster);
        let described = described.set_services(Some(names)).send().await;
        let found = described.expect("cannot read the ECS services").services;
        let found = found.unwrap_or_default().into_iter();
        let active = found.filter(|service| service.status() == Some("ACTIVE"));
        active
            .filter_map(|active| {
                let name = active.service_name.as_deref()?;
                let service = SERVICES.into_iter().find(|it| self.ecs_name(it) == name)?;
                Some((service, active.task_definition?))
            })
            .collect()
    }

    /// The names of its rules.
    pub async fn rules(&self) -> Vec<String> {
        let rules = self.world().eventbridge.list_rules();
        let rules = rules.name_prefix(self.ecs_name("")).send().await;
        let rules = rules.expect("cannot read the rules").rules;
        let rules = rules.unwrap_or_default().into_iter();
        rules.filter_map(|rule| rule.name).collect()
    }

    /// Its rules, by Timer.
    pub async fn timers(&self) -> BTreeMap<&'static str, Timer> {
        let mut timers = BTreeMap::new();
        for timer in TIMERS {
            timers.insert(timer, self.timer(timer).await);
        }
        timers
    }

    async fn timer(&self, timer: &str) -> Timer {
        let (events, name) = (
            &self.world().eventbridge,
            self.ecs_name(&format!("timer_{timer}")),
        );
        let rule = events.describe_rule().name(&name).send().await;
        let rule = rule.expect("a Timer has a rule");
        let targets = events.list_targets_by_rule().rule(&name).send().await;
        let targets = targets.expect("a rule has targets");
        let ecs = targets
            .targets()
            .first()
            .and_then(|target| target.ecs_parameters());
        let ecs = ecs.expect("a Timer's rule starts a task");
        Timer {
            schedule: rule.schedule_expression.unwrap_or_default(),
            definition: ecs.task_definition_arn().to_owned(),
        }
    }

    /// The task definitions that Services run and Timers start.
    pub async fn running(&self) -> Vec<TaskDefinition> {
        let services = self.services().await.into_values();
        let timers = self.timers().await.into_values();
        let arns: Vec<String> = services
            .chain(timers.map(|timer| timer.definition))
            .collect();
        let mut definitions = Vec::new();
        for arn in arns {
            definitions.push(self.definition(&arn).await);
        }
        definitions
    }

    /// A task definition, deregistered ones too.
    pub async fn definition(&self, arn: &str) -> TaskDefinition {
        let described = self.world().ecs.describe_task_definition();
        let described = described.task_definition(arn).send().await;
        let definition = described
            .expect("cannot read a task definition")
            .task_definition;
        definition.expect("ECS answers the definition")
    }

    /// Key and content of every version below `apps/` that we did not write ourselves.
    pub async fn written_objects(&self) -> Vec<(String, String)> {
        let (s3, bucket) = (&self.world().s3, &self.world().bucket);
        let mut pages = s3.list_object_versions().bucket(bucket).prefix("apps/");
        let mut written = Vec::new();
        loop {
            let page = pages.clone().send().await.expect("cannot list the bucket");
            for version in page.versions() {
                let key = version.key().unwrap_or_default();
                if FILES.iter().any(|file| key.ends_with(&format!("/{file}"))) {
                    continue;
                }
                let read = s3.get_object().bucket(bucket).key(key);
                let read = read.set_version_id(version.version_id.clone()).send().await;
                let body = read.expect("cannot read an object").body.collect().await;
                let body = body.expect("cannot read an object").to_vec();
                written.push((key.to_owned(), String::from_utf8_lossy(&body).into_owned()));
            }
            if page.is_truncated() != Some(true) {
                return written;
            }
            pages = pages
                .set_key_marker(page.next_key_marker)
                .set_version_id_marker(page.next_version_id_marker);
        }
    }

    async fn object(&self, key: &str) -> Option<(String, Vec<u8>)> {
        let read = self.world().s3.get_object().bucket(&self.world().bucket);
        let read = read.key(key).send().await.ok()?;
        let version = read.version_id.clone()?;
        let body = read.body.collect().await.expect("cannot read an object");
        Some((version, body.to_vec()))
    }
}

// --- what must be there before

impl Shop<'_> {
    /// The ECS services, as an App has them that was there before the Rack.
    pub async fn create_services(&self) -> BTreeMap<&'static str, String> {
        let rack = self.world().rack.clone();
        let tags = [("convox:rack", rack.as_str()), ("convox:app", NAME)];
        for service in SERVICES {
            let name = self.ecs_name(service);
            self.world().create_ecs_service(&name, &tags).await;
        }
        self.services().await
    }

    /// What ECS and EventBridge call something of the App.
    pub fn ecs_name(&self, name: &str) -> String {
        format!("{}_{NAME}_{name}", self.world().rack)
    }
}

/// The Releases of task definitions.
pub fn releases(definitions: &[TaskDefinition]) -> BTreeSet<String> {
    let containers = definitions
        .iter()
        .filter_map(|one| one.container_definitions().first());
    let labels = containers.filter_map(|container| container.docker_labels());
    labels
        .filter_map(|labels| labels.get("convox.release").cloned())
        .collect()
}

/// The names of a definition's secrets.
pub fn secrets(definition: &TaskDefinition) -> Vec<String> {
    let containers = definition.container_definitions().iter().take(1);
    let secrets = containers.flat_map(ContainerDefinition::secrets);
    secrets.map(|secret| secret.name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_the_example_is_everything_behind_the_first_equals_sign() {
        let environment = environment(&[("ADDED", "a=b"), ("LOG_LEVEL", "info")]);
        assert_eq!(environment["SESSION_SECRET"], "dummy-session-secret==");
        assert_eq!(
            environment["MAIL_PASSWORD"],
            "  dummy mail password, \"quoted\"  "
        );
        assert_eq!(
            (&*environment["EMPTY"], &*environment["ADDED"]),
            ("", "a=b")
        );
        assert_eq!(environment["LOG_LEVEL"], "info");
        assert_eq!(environment.len(), 7);
    }

    #[test]
    fn without_changes_it_is_the_example_to_the_letter() {
        assert_eq!(env(&[]).into_bytes(), file("env"));
    }
}
