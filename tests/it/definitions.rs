//! Whole task definitions: what is rendered for an App of ours, and that ECS is told exactly that.

mod apps;
mod own;
mod registered;
mod sees;
mod stack;

use std::collections::BTreeMap;

use environment::{Environment, EnvironmentObject};
use manifest::Manifest;
use manifest::app_settings::Build;
use manifest::capacity::{Capacity, LaunchType};
use manifest::precedence::{EnvVersion, Generation};
use names::{AppId, AppName, RackName, ReleaseId, SecretArn};
use release::app_stack::StackOutputs;
use release::task_definition::{self, EnvSource, Launch, Release, TaskDefinition};

use crate::app;
use crate::snapshots::{Variant, assert_rendered};

/// An App of ours with everything that shows in a definition.
const MANIFEST: &str = r#"
environment:
  - LOG_LEVEL=info
services:
  web:
    port: 8080
    init: true
    links: [api]
    termination: {grace: 150}
    volumes: [cache:/var/cache]
    tags: {team: shop}
    nlb: [{port: 5000, containerPort: 5000}]
    environment:
      - DATABASE_URL
      - GREETING=hello ${NAME}
      - RELEASE=never seen
  api:
    image: example/api:1
    command: ["bin/api", "--queue", "high and low"]
    scale:
      cpu: 512
      memory: 1024
    environment:
      - "*"
  metrics:
    image: example/metrics:1
    command: bin/metrics --port 9090
timers:
  cleanup:
    schedule: "0 3 * * *"
    command: bin/cleanup && echo "done"
    service: api
  report:
    schedule: "30 6 ? * MON-FRI *"
    command: bin/report
    service: web
"#;

/// Only instances of one's own take it.
const PRIVILEGED: &str = "
  agent:
    image: example/agent:1
    privileged: true
    agent: {ports: [8125/udp, 8126]}
    volumes: [/var/run/docker.sock:/var/run/docker.sock, state:/var/lib/agent:ro]
";

const BUILD: &str = r#"{"id": "B1", "gitSha": "0123abc", "description": "say \"hi\" & <go>", "images": {"metrics": "example/metrics@sha256:177a7ea3611fe6b138557deaf44941614b66c0ece1766308044c8b65c8ba2123"}}"#;

/// What a Release is rendered from, without AWS.
struct Inputs {
    id: AppId,
    release: ReleaseId,
    build: Build,
    environment: Environment,
    manifest: Manifest,
    stack: Option<StackOutputs>,
    addresses: BTreeMap<String, String>,
}

impl Inputs {
    fn new(rack: &str, manifest: &str, environment: &str) -> Self {
        let Ok(EnvironmentObject::Plain(read)) = environment::read(environment.as_bytes()) else {
            panic!("no plain environment");
        };
        Self {
            id: AppId {
                rack: RackName::new(rack).unwrap(),
                app: AppName::new(app::APP).unwrap(),
            },
            release: ReleaseId::new("R1").unwrap(),
            build: Build::read("build.json", BUILD.as_bytes()).unwrap(),
            manifest: manifest::load("convox.yml", manifest.as_bytes(), &read.environment).unwrap(),
            environment: read.environment,
            stack: None,
            addresses: BTreeMap::new(),
        }
    }

    fn release<'a>(
        &'a self,
        settings: &'a BTreeMap<String, String>,
        readonly_root: bool,
    ) -> Release<'a> {
        Release {
            id: &self.id,
            release: &self.release,
            generation: Generation::Two,
            build: &self.build,
            environment: &self.environment,
            region: &settings["AWS_REGION"],
            registry: Some(&settings["REGISTRY"]),
            addresses: &self.addresses,
            router_host: Some(&settings["ROUTER_HOST"]),
            execution_role_arn: &settings["TASK_EXECUTION_ROLE_ARN"],
            task_role_arn: &settings["TASK_ROLE_ARN"],
            stack: self.stack.as_ref(),
            readonly_root,
        }
    }

    /// All definitions, by `services.{name}` and `timers.{name}`.
    fn render(
        &self,
        settings: &BTreeMap<String, String>,
        launch: LaunchType,
        source: &EnvSource,
    ) -> BTreeMap<String, TaskDefinition> {
        let (release, launch) = (self.release(settings, false), Launch::rack_default(launch));
        let services = self.manifest.services.iter().map(|service| {
            let definition = task_definition::service(&release, service, &launch, source);
            (format!("services.{}", service.name), definition.unwrap())
        });
        let timers = self.manifest.timers.iter().map(|timer| {
            let service = self.manifest.service(timer.service.as_str()).unwrap();
            let definition = task_definition::timer(&release, timer, service, &launch, source);
            (format!("timers.{}", timer.name), definition.unwrap())
        });
        services.chain(timers).collect()
    }
}

fn fixed_settings() -> BTreeMap<String, String> {
    app::pairs([
        ("AWS_REGION", "eu-west-1"),
        (
            "REGISTRY",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps",
        ),
        ("ROUTER_HOST", "router.example"),
        (
            "TASK_EXECUTION_ROLE_ARN",
            "arn:aws:iam::123456789012:role/execution",
        ),
        ("TASK_ROLE_ARN", "arn:aws:iam::123456789012:role/task"),
    ])
}

fn secrets_manager(version_id: &str) -> EnvSource {
    EnvSource::SecretsManager {
        secret_arn: SecretArn::returned(
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:myrack/shop-AbCdEf",
        ),
        version_id: version_id.to_owned(),
        version: EnvVersion::Release,
    }
}

fn s3(version_id: &str) -> EnvSource {
    EnvSource::S3 {
        url: format!("s3://settings/apps/shop/releases/R1/env?versionId={version_id}"),
        key_arn: Some("arn:aws:kms:eu-west-1:123456789012:key/1".to_owned()),
    }
}

/// `NAME` is interpolated by convox.yml, so its value stands where convox.yml puts it. Nothing else's does.
const ENVIRONMENT: &str = "DATABASE_URL=canary-0000000000000000-DATABASE_URL\nNAME=you\nEXTRA=canary-0000000000000000-EXTRA\nAPP=mine\n";

/// What each delivery gives to tasks, by its title.
fn deliveries() -> [(&'static str, EnvSource); 2] {
    [
        ("through Secrets Manager", secrets_manager("v1")),
        ("through S3", s3("v1")),
    ]
}

#[test]
fn definitions_are_rendered_as_in_the_snapshots() {
    let of_launch = |launch_type, manifest: &str| {
        let inputs = Inputs::new("myrack", manifest, ENVIRONMENT);
        let render = |(title, source): (&str, EnvSource)| {
            let rendered = inputs.render(&fixed_settings(), launch_type, &source);
            Variant::new(
                format!("{}, {title}", Capacity::from(launch_type).name()),
                &rendered,
            )
        };
        deliveries().map(render)
    };
    let privileged = MANIFEST.replace("timers:", &format!("{}timers:", &PRIVILEGED[1..]));
    let fargate = of_launch(LaunchType::Fargate, MANIFEST);
    let ec2 = of_launch(LaunchType::Ec2, &privileged);
    let all: Vec<Variant> = fargate.into_iter().chain(ec2).collect();
    assert_rendered("everything", &all);
}

#[test]
fn a_changed_secret_changes_the_definitions_that_read_it_and_no_others() {
    let inputs = Inputs::new("myrack", MANIFEST, ENVIRONMENT);
    let render = |source| inputs.render(&fixed_settings(), LaunchType::Fargate, &source);
    let (before, after) = (render(secrets_manager("v1")), render(secrets_manager("v2")));
    for (name, reads) in [
        ("services.web", true),
        ("services.api", true),
        ("services.metrics", false),
        ("timers.cleanup", true),
        ("timers.report", true),
    ] {
        assert_eq!(
            before[name].digest() != after[name].digest(),
            reads,
            "{name}"
        );
        let label = before[name].container_definitions[0]
            .docker_labels
            .get("convox.secret.version");
        assert_eq!(label.is_some(), reads, "{name}");
    }
    for (name, definition) in render(secrets_manager("v1")) {
        assert_eq!(definition.digest(), before[&name].digest(), "{name} twice");
    }
    // The object's version stands in the URL, so a changed object changes every definition.
    let (before, after) = (render(s3("v1")), render(s3("v2")));
    for (name, definition) in &before {
        assert_ne!(definition.digest(), after[name].digest(), "{name}");
    }
}
