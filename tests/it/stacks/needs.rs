//! What a Release needs of the stack is there before its tasks start, and stays until none of them can.

use std::collections::BTreeMap;

use aws::ecs::{Cluster, NewService};
use environment::EnvironmentObject;
use manifest::Deployment;
use manifest::app_settings::Build;
use manifest::capacity::Capacity;
use manifest::capacity::LaunchType;
use manifest::precedence::Generation;
use names::{AppId, AppName, RackName, ReleaseId};
use release::entrance::Balancing;
use release::task_definition::{self, EnvSource, Launch, Release, TaskDefinition};
use release::timer_rule::{Network, Placement};
use rig::world::SUBNETS;
use serde_json::{Value, json};

use super::{WEB, fresh, outputs, promoted, template};
use crate::app::{self, APP};

const POLICY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn with_policy() -> String {
    WEB.replace(
        "environment:",
        &format!("policies: [{POLICY}], environment:"),
    )
}

async fn names_policy(world: &rig::World) -> bool {
    let template = template(world).await;
    template["Resources"].to_string().contains(POLICY)
}

#[tokio::test]
async fn a_service_with_policies_has_a_role_of_its_own() {
    let (world, promote) = fresh(WEB).await;
    let report = promoted(&world, &promote, "R1", &with_policy()).await;
    let arn = report["services"]["web"]["newTaskDefinition"].as_str();
    let (definition, _) = app::definition(&world, arn.unwrap()).await;
    let role = definition.task_role_arn().unwrap();
    let outputs = outputs(&world).await;
    assert_ne!(role, outputs["TaskRoleArn"]);
    assert!(outputs.values().any(|output| output == role), "{outputs:?}");
}

#[tokio::test]
async fn a_policy_that_the_rack_does_not_let_apps_have_is_refused_before_any_write() {
    let world = app::world_with(WEB, &[]).await;
    let settings = [("APP_POLICY_ARNS", "arn:aws:iam::aws:policy/job-function/*")];
    let promote = world.start("promote", &settings);
    let report = promoted(&world, &promote, "R1", &with_policy()).await;
    assert_eq!(report["errorType"], "PolicyNotAllowed", "{report:#}");
    app::assert_tells(&report, "`services.web.policies`");
    assert!(world.proxy.writes().is_empty());
}

#[tokio::test]
async fn policies_that_could_give_no_action_are_refused_before_any_write() {
    let world = app::world_with(WEB, &[]).await;
    let promote = world.start("promote", &[("APP_POLICY_ACTIONS", "")]);
    let report = promoted(&world, &promote, "R1", &with_policy()).await;
    assert_eq!(report["errorType"], "PolicyNotAllowed", "{report:#}");
    app::assert_tells(&report, "AppPolicyActions");
    assert!(world.proxy.writes().is_empty());
    let report = promoted(&world, &promote, "R2", WEB).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
}

/// A convox.yml whose Service is given so many secrets, from number `first` on.
fn with_secrets(first: usize, count: usize) -> String {
    let secret = |number| {
        format!(
            "V{number}: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:team/credentials-of-number-{number:03}-AbCdEf:key::'"
        )
    };
    let secrets: Vec<String> = (first..first + count).map(secret).collect();
    let secrets = secrets.join(", ");
    WEB.replace(
        "environment:",
        &format!("secrets: {{{secrets}}}, environment:"),
    )
}

#[tokio::test]
async fn more_secrets_than_a_role_can_name_are_refused_before_any_write_and_two_steps_are_a_way_out()
 {
    let (world, promote) = fresh(WEB).await;
    let report = promoted(&world, &promote, "R1", &with_secrets(0, 120)).await;
    assert_eq!(report["errorType"], "RoleTooLarge", "{report:#}");
    app::assert_tells(&report, "IAM takes 10240 characters");
    assert!(world.proxy.writes().is_empty());

    let report = promoted(&world, &promote, "R2", &with_secrets(0, 60)).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    world.proxy.clear();
    let report = promoted(&world, &promote, "R3", &with_secrets(60, 60)).await;
    assert_eq!(report["errorType"], "RoleTooLarge", "{report:#}");
    app::assert_tells(&report, "in two steps, half of them with each Release");
    assert!(world.proxy.writes().is_empty());
    for (release, first) in [("R4", 30), ("R5", 60)] {
        let report = promoted(&world, &promote, release, &with_secrets(first, 60)).await;
        assert_eq!(report["status"], "promoted", "{release}: {report:#}");
    }
}

#[tokio::test]
async fn more_policies_than_a_role_may_have_are_a_warning_with_the_quota() {
    let (world, promote) = fresh(WEB).await;
    let policies: Vec<String> = (0..11).map(|n| format!("{POLICY}{n}")).collect();
    let manifest = WEB.replace(
        "environment:",
        &format!("policies: [{}], environment:", policies.join(", ")),
    );
    app::write_manifest(&world, "R1", manifest).await;
    world.put_env(APP, "R1", &[("KEY", "R1")]).await;
    let plan = json!({"app": APP, "release": "R1", "dryRun": true});
    let plan = promote.answer(&plan).await;
    let said = "`services.web.policies` makes a role with 11 policies; IAM attaches 10 to a role";
    let warnings = plan["warnings"].to_string();
    assert!(warnings.contains(said), "{plan:#}");
}

#[tokio::test]
async fn what_a_release_needed_goes_with_the_promote_after_the_one_that_left_it() {
    let (world, promote) = fresh(WEB).await;
    promoted(&world, &promote, "R1", &with_policy()).await;
    promoted(&world, &promote, "R2", WEB).await;
    assert!(names_policy(&world).await, "tasks of R1 may still start");
    promoted(&world, &promote, "R3", WEB).await;
    assert!(!names_policy(&world).await);
}

/// As promote registered it before Apps had stacks: with the Rack's roles.
fn of_the_rack(world: &rig::World, release: &ReleaseId, url: &str) -> TaskDefinition {
    let settings = world.settings(&[]);
    let setting = |name: &str| {
        let mut settings = settings.iter();
        let found = settings.find(|(key, _)| key == name);
        found.map_or(String::new(), |(_, value)| value.clone())
    };
    let Ok(EnvironmentObject::Plain(read)) = environment::read(b"KEY=R1\n") else {
        panic!("an environment in plain form")
    };
    let environment = read.environment;
    let manifest = manifest::load("convox.yml", WEB.as_bytes(), &environment).unwrap();
    let id = AppId {
        rack: RackName::new(&world.rack).unwrap(),
        app: AppName::new(APP).unwrap(),
    };
    let (registry, host) = (setting("REGISTRY"), setting("ROUTER_HOST"));
    let release = Release {
        id: &id,
        release,
        generation: Generation::Two,
        build: &Build::default(),
        environment: &environment,
        region: &setting("AWS_REGION"),
        registry: Some(&registry),
        addresses: &BTreeMap::new(),
        router_host: Some(&host),
        execution_role_arn: &setting("TASK_EXECUTION_ROLE_ARN"),
        task_role_arn: &setting("TASK_ROLE_ARN"),
        readonly_root: false,
        stack: None,
    };
    let source = EnvSource::S3 {
        url: url.to_owned(),
        key_arn: Some(world.key_arn.clone()),
    };
    let launch = Launch::rack_default(LaunchType::Fargate);
    task_definition::service(&release, &manifest.services[0], &launch, &source).unwrap()
}

/// An App that was promoted before there were stacks: R1 runs with the Rack's roles, and the state says so.
async fn of_old() -> (rig::World, String) {
    let world = app::world_with(WEB, &[]).await;
    let release = ReleaseId::new("R1").unwrap();
    let version = world.put_env(APP, "R1", &[("KEY", "R1")]).await;
    app::write_manifest(&world, "R1", WEB).await;
    let url = format!(
        "s3://{}/apps/{APP}/releases/R1/env?versionId={version}",
        world.bucket
    );
    let definition = of_the_rack(&world, &release, &url);
    let cluster = Cluster::new(&world.front_door(), &world.cluster);
    let arn = cluster.register(&definition).await.unwrap();
    let name = app::ecs_service(&world, "web");
    let network = Network {
        subnets: SUBNETS.map(str::to_owned).to_vec(),
        security_groups: vec!["sg-1".to_owned()], // as the World's settings have it
        assign_public_ip: false,
    };
    let service = NewService {
        name: &name,
        definition: &arn,
        count: 1,
        is_daemon: false,
        deployment: &Deployment::rolling(50, 200),
        placement: &Placement::on(Capacity::Fargate, &network),
        exec: false,
        balancing: &Balancing::default(),
        connectors: &[],
        request_id: "of-old",
        tags: &app::pairs([("convox:rack", world.rack.as_str()), ("convox:app", APP)]),
    };
    cluster.create_service(&service).await.unwrap();
    let state = json!({
        "desired": {
            "kind": "promote", "release": "R1", "envVersionId": version, "requestedAt": "2026-11-01T00:00:00Z",
            "requestId": version, "order": {"key": format!("apps/{APP}/releases/R1/env")}, "interrupted": false,
            "status": "done", "deadline": "2026-11-01T06:00:00Z",
        },
        "applied": {
            "release": "R1", "requestId": version, "envVersionId": version, "delivery": "S3",
            "services": {"web": {"arn": arn, "digest": definition.digest(), "runsAs": name}}, "timers": {},
        },
        "lease": null, "lastSeq": 0, "outcomes": [], "unsent": [],
    });
    world
        .put(
            &format!("apps/{APP}/state/promotion.json"),
            state.to_string(),
        )
        .await;
    (world, arn)
}

#[tokio::test]
async fn an_app_that_was_promoted_before_there_were_stacks_moves_over_without_a_restart() {
    let (world, arn) = of_old().await;
    let promote = world.start("promote", &[]);
    world.proxy.clear();
    for (id, seconds) in [("again-1", -20), ("again-2", -10)] {
        let report = app::asked(&world, &promote, "R1", id, seconds).await;
        assert_eq!(report["status"], "promoted", "{report:#}");
        assert_eq!(report["services"]["web"]["changed"], json!(false));
    }
    let writes = world.proxy.writes().into_iter();
    let writes: Vec<String> = writes.map(|call| call.operation).collect();
    assert_eq!(writes, ["CreateStack"]);
    assert_eq!(app::running(&world, "web").await, arn);

    let report = promoted(&world, &promote, "R2", WEB).await;
    let new = report["services"]["web"]["newTaskDefinition"].as_str();
    let (definition, _) = app::definition(&world, new.unwrap()).await;
    let outputs = outputs(&world).await;
    let role = outputs["ExecutionRoleArn"].as_str();
    assert_eq!(definition.execution_role_arn(), Some(role), "{report:#}");
    let ended: Value = app::state(&world).await;
    assert_eq!(ended["desired"]["status"], "done");
}
