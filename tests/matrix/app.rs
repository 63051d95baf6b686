//! The small App of a case: its files, its events, and all that can be seen of it from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use aws_sdk_ecs::types::{DeploymentStrategy, Service};
use rig::{World, agent};
use serde_json::{Value, json};

/// R1's convox.yml; the others have the second.
const FIRST: &str = "services:
  web:
    image: example/web:1
    port: 3000
    environment: [DATABASE_URL]
  old:
    image: example/old:1
timers:
  cleanup: {schedule: '0 3 * * *', command: bin/cleanup, service: web}
  former: {schedule: '0 5 * * *', command: bin/former, service: web}
";
const SECOND: &str = "services:
  web:
    image: example/web:2
    scale: 2
    port: 3000
    deployment: {breaker: {count: 3}, alarms: [errors]}
    environment: [DATABASE_URL]
timers:
  cleanup: {schedule: '0 4 * * *', command: bin/cleanup, service: web}
";

/// A Release whose environment lacks a variable.
pub const LACKING: &str = "R9";

/// A Release that needs more of the App's stack.
pub const RESTACKING: &str = "R8";
/// A Release with a release command.
pub const MIGRATING: &str = "R7";
const COMMAND: &str = "    release: bin/migrate\n    image";
/// A Release with a listener of a load balancer of the App's own.
pub const CONNECTING: &str = "R5";
const LISTENER: &str = "    nlb: [{port: 5000, scheme: internal}]\n    image";
/// A Release with a Service that gateways of the cluster reach.
pub const ATTACHING: &str = "R10";
const GATEWAY: &str = "    gateway: true\n    image";
/// A Release with a new Service that is scaled between two numbers.
pub const SCALING: &str = "R6";
const SCALED: &str = "  api:
    image: example/api:1
    environment: [DATABASE_URL]
    scale: {count: 2-4, targets: {cpu: 50}}
timers";
/// A Release of which EventBridge Scheduler runs the Timer.
pub const ZONED: &str = "R3";
const TIMEZONE: &str = "service: web, timezone: Europe/Berlin}";
/// Releases one after the other: `web` gets a second target group, then a strategy, then another host; then it is rolling again, and
/// gives up one of its groups.
pub const PAIRING: &str = "R11";
pub const SHIFTING: &str = "R12";
pub const REHOSTING: &str = "R13";
pub const UNSHIFTING: &str = "R14";
pub const UNPAIRING: &str = "R15";
const ROLLING: &str = "{breaker: {count: 3}, alarms: [errors]}";
const SHIFTED: &str = "{strategy: canary, canary: {percent: 25, bake: 3}, alarms: [errors]}";
const HOST: &str = "    domain: www.example.com\n    image";
const POLICIES: &str = "    policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]\n    image";

/// One App of a World.
#[derive(Debug, Clone)]
pub struct App(rig::App);

impl Deref for App {
    type Target = rig::App;

    fn deref(&self) -> &rig::App {
        &self.0
    }
}

/// How many target groups an ECS service has.
fn groups(service: &Service) -> usize {
    let balancers = service.load_balancers().iter();
    let groups =
        balancers.map(|balancer| 1 + usize::from(balancer.advanced_configuration().is_some()));
    groups.sum()
}

/// Its strategy, as ECS spells it.
fn strategy(service: &Service) -> String {
    let configuration = service.deployment_configuration();
    let strategy = configuration.and_then(|configuration| configuration.strategy());
    strategy.unwrap_or(&DeploymentStrategy::Rolling).to_string()
}

impl App {
    pub fn named(name: &str) -> Self {
        Self(rig::App::named(name))
    }

    /// Writes a Release without its environment.
    pub async fn upload(&self, world: &World, release: &str) {
        let manifest = match release {
            "R1" => FIRST.to_owned(),
            CONNECTING => SECOND.replace("    image", LISTENER),
            SCALING => SECOND.replace("timers", SCALED),
            ATTACHING => SECOND.replace("    image", GATEWAY),
            RESTACKING => SECOND.replace("    image", POLICIES),
            ZONED => SECOND.replace("service: web}", TIMEZONE),
            MIGRATING => SECOND.replace("    image", COMMAND),
            PAIRING | SHIFTING => SECOND.replace(ROLLING, SHIFTED),
            REHOSTING => SECOND.replace(ROLLING, SHIFTED).replace("    image", HOST),
            _ => SECOND.to_owned(),
        };
        self.write_manifest(world, release, manifest).await;
    }

    /// Writes a Release's environment last; S3's event about it. R2's is an envelope.
    pub async fn write(&self, world: &World, release: &str) -> Value {
        self.upload(world, release).await;
        let name = if release == LACKING {
            "OTHER"
        } else {
            "DATABASE_URL"
        };
        let plain = format!("{name}=value of {release}\n");
        let bytes = match release {
            "R2" => world.seal(plain.as_bytes()).await,
            _ => plain.into_bytes(),
        };
        self.write_env(world, release, bytes).await
    }

    /// Somebody asks for a process of `web`: of a Release, or of the applied one.
    pub fn run(&self, world: &World, release: Option<&str>, id: &str) -> Value {
        let more = json!({"command": "bin/migrate", "release": release});
        self.0.run(world, id, 0, &more)
    }

    /// A hint about the App's outcomes, whatever it says.
    pub fn hint(&self, world: &World) -> Value {
        self.0.hint(world, &json!({"requestId": "any"}))
    }

    /// All that can be seen from outside, without the names and numbers that are each run's own.
    pub async fn seen(&self, world: &World) -> Value {
        let services = self.services(world).await;
        let rules = self.rules(world).await;
        let state = self.state(world, "promotion").await;
        let failures = self.state(world, "failures").await;
        let results: Vec<&Value> = state["outcomes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|row| &row["result"])
            .collect();
        json!({
            "services": services,
            "rules": rules,
            "schedules": self.schedules(world).await,
            "processes": self.processes(world).await,
            "secret": self.secret(world).await,
            "stack": self.stack(world).await,
            "reserved": self.reserved(world).await,
            "astray": world.proxy.astray(),
            "desired": [state["desired"]["kind"], state["desired"]["release"], state["desired"]["status"]],
            "applied": [state["applied"]["release"], state["applied"]["delivery"]],
            "lease": state["lease"],
            "unsent": [state["unsent"], state["unrecorded"]],
            "last outcome": results.last(),
            "failures": [failures["consecutiveFailures"], failures["warned"], failures["unsent"]],
        })
    }

    /// The hosts and rule priorities that are reserved for it.
    async fn reserved(&self, world: &World) -> Value {
        let Some(object) = world.get("entrance.json").await else {
            return Value::Null;
        };
        let all: Value = serde_json::from_slice(&object).unwrap();
        let own = |member: &str| {
            let entries = all[member].as_object().into_iter().flatten();
            let holder =
                |value: &Value| value["app"].as_str().or(value.as_str()).map(str::to_owned);
            let own =
                entries.filter(|(_, value)| holder(value).as_deref() == Some(self.name.as_str()));
            own.count()
        };
        json!([own("hosts"), own("public"), own("internal")])
    }

    /// Kind and status of each request in the history's index, newest first; each has its record, which says the same.
    pub async fn history(&self, world: &World) -> Vec<Value> {
        let Some(index) = world.get(&self.key("history/index.json")).await else {
            return Vec::new();
        };
        let index: Value = serde_json::from_slice(&index).unwrap();
        let mut history = Vec::new();
        for entry in index["entries"].as_array().into_iter().flatten() {
            let record = world.get(entry["record"].as_str().unwrap()).await;
            let record: Value = serde_json::from_slice(&record.unwrap()).unwrap();
            assert_eq!(record["status"], entry["status"], "{entry:#}");
            history.push(json!([entry["kind"], entry["release"], entry["status"]]));
        }
        history
    }

    /// Status, count, variables and strategy of each ECS service, and to how many target groups it is attached; one that is gone is not
    /// there.
    async fn services(&self, world: &World) -> BTreeMap<String, Value> {
        let prefix = self.ecs_service(world, "");
        let names = ["web", "old", "api"].map(|service| format!("{prefix}{service}"));
        let described = world.ecs.describe_services().cluster(&world.cluster);
        let described = described
            .set_services(Some(names.to_vec()))
            .send()
            .await
            .unwrap();
        let mut services = BTreeMap::new();
        for service in described.services() {
            let status = service.status().unwrap_or_default();
            if status != "INACTIVE" {
                let sees = self.sees(world, service.task_definition().unwrap()).await;
                let name = service.service_name().unwrap().replace(&prefix, "");
                let count = service.desired_count();
                let at_gateways = self.at_gateways(world, &name).await;
                let (groups, strategy) = (groups(service), strategy(service));
                let says = json!([status, count, groups, sees, strategy, at_gateways]);
                services.insert(name, says);
            }
        }
        services
    }

    /// By how many connectors gateways reach an ECS service.
    async fn at_gateways(&self, world: &World, service: &str) -> usize {
        let name = self.ecs_service(world, service);
        let listed = world.ecs.list_service_deployments().cluster(&world.cluster);
        let listed = listed.service(name).send().await.unwrap();
        let newest = listed.service_deployments().last();
        let Some(revision) = newest.and_then(|it| it.target_service_revision_arn()) else {
            return 0;
        };
        let described = world.ecs.describe_service_revisions();
        let described = described.service_revision_arns(revision).send().await;
        let revisions = described.unwrap().service_revisions.unwrap_or_default();
        let connectors = revisions.iter().map(|it| it.gateway_connectors().len());
        connectors.sum()
    }

    /// Variables and command of each one-off task.
    async fn processes(&self, world: &World) -> Vec<Value> {
        let started_by = format!("convox/{}", self.name);
        let listed = world.ecs.list_tasks().cluster(&world.cluster);
        let arns = listed.started_by(started_by).send().await.unwrap();
        let Some(arns) = arns.task_arns.filter(|arns| !arns.is_empty()) else {
            return Vec::new();
        };
        let described = world.ecs.describe_tasks().cluster(&world.cluster);
        let described = described.set_tasks(Some(arns)).send().await.unwrap();
        let mut processes = Vec::new();
        for task in described.tasks() {
            let sees = self.sees(world, task.task_definition_arn().unwrap()).await;
            let command = task.overrides().unwrap().container_overrides()[0].command();
            processes.push(json!([sees, command]));
        }
        processes
    }

    /// Schedule and variables of each rule.
    async fn rules(&self, world: &World) -> BTreeMap<String, Value> {
        let prefix = self.rule(world, "");
        let listed = world
            .eventbridge
            .list_rules()
            .name_prefix(&prefix)
            .send()
            .await
            .unwrap();
        let mut rules = BTreeMap::new();
        for rule in listed.rules() {
            let name = rule.name().unwrap();
            let targets = world
                .eventbridge
                .list_targets_by_rule()
                .rule(name)
                .send()
                .await
                .unwrap();
            let mut sees = Vec::new();
            for target in targets.targets() {
                let arn = target.ecs_parameters().unwrap().task_definition_arn();
                sees.push(self.sees(world, arn).await);
            }
            rules.insert(
                name.replace(&prefix, ""),
                json!([rule.schedule_expression(), sees]),
            );
        }
        rules
    }

    /// Expression, time zone, state and variables of each schedule.
    async fn schedules(&self, world: &World) -> BTreeMap<String, Value> {
        let prefix = self.rule(world, "");
        let group = &world.rack;
        let listed = world.scheduler.list_schedules().group_name(group);
        let listed = listed.name_prefix(&prefix).send().await.unwrap();
        let mut schedules = BTreeMap::new();
        for schedule in listed.schedules() {
            let name = schedule.name().unwrap();
            let stands = world.scheduler.get_schedule().group_name(group);
            let stands = stands.name(name).send().await.unwrap();
            let target = stands.target().unwrap().ecs_parameters().unwrap();
            let sees = self.sees(world, target.task_definition_arn()).await;
            let says = json!([
                stands.schedule_expression(),
                stands.schedule_expression_timezone(),
                stands.state().map(|state| state.as_str().to_owned()),
                sees
            ]);
            schedules.insert(name.replace(&prefix, ""), says);
        }
        schedules
    }

    async fn sees(&self, world: &World, definition: &str) -> Value {
        match agent::task_sees(world, definition).await {
            Ok(containers) => {
                let (_, variables) = containers.into_iter().next().unwrap();
                json!(variables.get("DATABASE_URL"))
            }
            Err(reason) => json!({"cannot start": reason.to_string()}),
        }
    }

    async fn secret(&self, world: &World) -> Value {
        let id = self.0.secret(world);
        let described = world
            .secrets_manager
            .describe_secret()
            .secret_id(&id)
            .send()
            .await;
        match described {
            Ok(secret) if secret.deleted_date().is_some() => json!("scheduled for deletion"),
            Ok(_) => {
                let value = world
                    .secrets_manager
                    .get_secret_value()
                    .secret_id(&id)
                    .send()
                    .await;
                match value {
                    Ok(value) => value.secret_string().unwrap().into(),
                    Err(_) => json!("no current version"),
                }
            }
            Err(_) => Value::Null,
        }
    }

    /// Status of the App's own stack, and what it gives to tasks, by name.
    async fn stack(&self, world: &World) -> Value {
        let described = world.cloudformation.describe_stacks();
        let described = described.stack_name(self.0.stack(world)).send().await;
        let Ok(Some(stack)) = described.map(|described| described.stacks.unwrap_or_default().pop())
        else {
            return Value::Null;
        };
        let template = world.cloudformation.get_template();
        let template = template.stack_name(self.0.stack(world)).send().await;
        let template = template.map(|template| template.template_body.unwrap_or_default());
        let template: Value =
            serde_json::from_str(&template.unwrap_or_default()).unwrap_or_default();
        let resources = template["Resources"].as_object().into_iter().flatten();
        let scaling = resources.filter(|(_, resource)| {
            let kind = resource["Type"].as_str().unwrap_or_default();
            kind.starts_with("AWS::ApplicationAutoScaling::")
        });
        let scaling: Vec<&String> = scaling.map(|(id, _)| id).collect();
        let outputs = stack.outputs().iter();
        let mut outputs: Vec<_> = outputs.map(|output| output.output_key().unwrap()).collect();
        outputs.sort_unstable();
        json!([
            stack
                .stack_status()
                .unwrap()
                .as_str()
                .replace("CREATE", "UPDATE"),
            outputs,
            scaling
        ])
    }

    /// The `ACTIVE` revisions of the App, by family; an unused one is an orphan.
    pub async fn revisions(&self, world: &World) -> BTreeMap<String, usize> {
        let prefix = self.ecs_service(world, "");
        let mut revisions = BTreeMap::new();
        let mut pages = world
            .ecs
            .list_task_definitions()
            .into_paginator()
            .items()
            .send();
        while let Some(arn) = pages.next().await {
            let arn = arn.unwrap();
            let name = arn.rsplit('/').next().unwrap();
            if let Some((family, _)) = name.split_once(':').filter(|_| name.starts_with(&prefix)) {
                *revisions.entry(family.replace(&prefix, "")).or_default() += 1;
            }
        }
        revisions
    }

    /// How many tasks of its release commands were started.
    pub fn commands(&self, world: &World) -> usize {
        let mark = format!("/release/{}/", self.name);
        let started_by = |task: &Value| task["startedBy"].as_str().unwrap_or_default().to_owned();
        let tasks = world.proxy.commands().into_iter();
        tasks
            .filter(|task| started_by(task).contains(&mark))
            .count()
    }

    /// The kinds of events of the App that were sent.
    pub fn told(&self, world: &World) -> BTreeSet<String> {
        let events = world.events().into_iter();
        let ours = events.filter(|event| event.detail["app"] == self.name.as_str());
        ours.map(|event| event.detail_type)
            .filter(|kind| kind != "Promotion Continue")
            .collect()
    }
}
