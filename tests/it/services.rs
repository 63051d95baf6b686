//! ECS services and rules that a promote creates and removes, and what it leaves alone.

mod named;

use aws_sdk_ecs::types::AvailabilityZoneRebalancing;
use double::Fault;
use rig::Invocation;
use rig::world::{SUBNETS, World};
use serde_json::{Value, json};

use crate::app::{self, APP};

const ONE: &str = "services:\n  web:\n    image: example/web:1\n    port: 80\n    scale: 2\n";
const TWO: &str = "services:\n  web:\n    image: example/web:1\n    port: 80\n  worker:\n    image: example/worker:1\n\
                   timers:\n  clean:\n    schedule: 0 3 * * *\n    command: clean\n    service: web\n";

/// Whether the Service `worker` and the Timer `clean` are there.
async fn worker_and_clean(world: &World) -> [bool; 2] {
    let rule = app::described_rule(world, "clean").await;
    [
        app::service(world, "worker").await.is_some(),
        rule.is_some(),
    ]
}

#[tokio::test]
async fn a_service_that_does_not_exist_is_created_as_the_rack_places_it() {
    let (world, function) = app::promoting_with(ONE, &[], &[]).await;
    let report = app::promoted(&world, &function, "R1", &[]).await;
    let service = app::service(&world, "web").await.expect("it is created");
    assert_eq!(service.desired_count(), 2);
    assert_eq!(service.launch_type().unwrap().as_str(), "FARGATE");
    assert_eq!(
        service.task_definition(),
        report["services"]["web"]["newTaskDefinition"].as_str()
    );
    let network = service
        .network_configuration()
        .unwrap()
        .awsvpc_configuration()
        .unwrap();
    assert_eq!(network.subnets(), SUBNETS);
    let breaker = service
        .deployment_configuration()
        .unwrap()
        .deployment_circuit_breaker()
        .unwrap();
    assert!(breaker.enable() && breaker.rollback());
    let tags: Vec<_> = service
        .tags()
        .iter()
        .map(|tag| (tag.key().unwrap(), tag.value().unwrap()))
        .collect();
    for tag in [("convox:rack", world.rack.as_str()), ("convox:app", APP)] {
        assert!(tags.contains(&tag), "{tags:?}");
    }
    world.proxy.clear();
    let again = app::promote(&world, &function, "R1", &[]).await;
    assert_eq!(
        (&again["status"], world.proxy.writes().len()),
        (&json!("promoted"), 0),
        "{again:#}"
    );
}

#[tokio::test]
async fn the_desired_count_of_a_service_that_exists_is_kept() {
    let (world, function) = app::promoting_with(ONE, &[], &[]).await;
    app::promote(&world, &function, "R1", &[]).await;
    let scaled = app::update(&world, &app::ecs_service(&world, "web")).desired_count(7);
    scaled.send().await.unwrap();
    let mut event = app::requested(&world, "R1", "request-1", 1);
    event["detail"]["restart"] = json!(true);
    let report = function.answer(&event).await;
    assert_eq!(report["services"]["web"]["changed"], true, "{report:#}");
    assert_eq!(
        app::service(&world, "web").await.unwrap().desired_count(),
        7
    );
}

/// A convox.yml whose `web` has so many tasks.
fn with_count(count: u32) -> String {
    ONE.replace("scale: 2", &format!("scale: {count}"))
}

async fn count(world: &World) -> i32 {
    app::service(world, "web").await.unwrap().desired_count()
}

/// Somebody scales `web` by hand.
async fn scale(world: &World, count: i32) {
    let web = app::update(world, &app::ecs_service(world, "web"));
    web.desired_count(count).send().await.unwrap();
}

#[tokio::test]
async fn a_count_that_convox_yml_changes_applies_and_is_told() {
    let (world, function) = app::promoting_with(ONE, &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    scale(&world, 7).await;
    // As before: what somebody scaled stays.
    app::write_manifest(&world, "R2", with_count(2)).await;
    let report = app::promoted(&world, &function, "R2", &[]).await;
    assert_eq!(count(&world).await, 7);
    assert_eq!(report["services"]["web"]["newCount"], Value::Null);

    app::write_manifest(&world, "R3", with_count(3)).await;
    let version = world.put_env(APP, "R3", &[]).await;
    let plan = app::dry_run(&function, "R3").await;
    app::assert_says!(plan["services"]["web"], {"changes": true, "oldCount": 7, "newCount": 3});
    world.proxy.clear();
    let report = function.answer(&app::written(&world, "R3", &version)).await;
    let told = json!({"changed": true, "oldCount": 7, "newCount": 3, "revision": "kept"});
    for (member, told) in told.as_object().unwrap() {
        assert_eq!(&report["services"]["web"][member], told, "{report:#}");
    }
    assert_eq!(count(&world).await, 3);
    assert_eq!(world.proxy.count("ecs", "RegisterTaskDefinition"), 0);

    // Back to a Release that said another one.
    let report = app::asked(&world, &function, "R1", "back-to-r1", 2).await;
    assert_eq!(report["services"]["web"]["newCount"], 2, "{report:#}");
    assert_eq!(count(&world).await, 2);
}

#[tokio::test]
async fn a_failed_promote_puts_the_count_back_that_stood() {
    for (refusal, times) in [(Fault::DENIED, 1), (Fault::TRANSIENT, 9)] {
        let (world, function) = app::promoting_with(ONE, &[], &[]).await;
        app::promoted(&world, &function, "R1", &[]).await;
        scale(&world, 7).await;
        let timer = "timers:\n  one:\n    schedule: 0 3 * * ?\n    command: c\n    service: web\n";
        app::write_manifest(&world, "R2", with_count(3) + timer).await;
        world.inject(refusal.on("events", "PutRule").times(times));
        let event = app::uploaded(&world, "R2", &[]).await;
        let ended = app::deliver(&function, &event).await;
        world.proxy.lift();
        let answer = match ended {
            Invocation::Answer(answer) => answer,
            Invocation::Error { .. } => {
                // Another request comes, and finds nothing as R1 left it.
                assert_eq!(count(&world).await, 3);
                app::write_manifest(&world, "R3", with_count(4) + timer).await;
                world.inject(Fault::DENIED.on("events", "PutRule").times(1));
                app::promote(&world, &function, "R3", &[]).await
            }
        };
        assert_eq!(answer["status"], "failed", "{answer:#}");
        app::assert_tells(&answer, "what was changed is back at Release R1");
        assert_eq!(count(&world).await, 7, "{answer:#}");
    }
}

#[tokio::test]
async fn a_count_of_which_nobody_wrote_down_what_was_said_before_stays() {
    let (world, function) = app::promoting_with(ONE, &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let mut state = app::state(&world).await;
    let web = state["applied"]["services"]["web"].as_object_mut().unwrap();
    assert_eq!(web.remove("count"), Some(json!({"min": 2, "max": 2})));
    let key = format!("apps/{APP}/state/promotion.json");
    world.put(&key, state.to_string()).await;
    app::write_manifest(&world, "R2", with_count(5)).await;
    let report = app::promoted(&world, &function, "R2", &[]).await;
    assert_eq!(count(&world).await, 2);
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("`services.web.scale` says 5"),
        "{warnings}"
    );

    // From now on it is known.
    app::write_manifest(&world, "R3", with_count(4)).await;
    app::promoted(&world, &function, "R3", &[]).await;
    assert_eq!(count(&world).await, 4);
}

#[tokio::test]
async fn what_convox_yml_no_longer_has_is_removed() {
    let (world, function) = app::promoting_with(TWO, &[], &[]).await;
    app::promote(&world, &function, "R1", &[]).await;
    assert_eq!(worker_and_clean(&world).await, [true, true]);

    app::write_manifest(&world, "R2", ONE).await;
    let version = world.put_env(APP, "R2", &[]).await;
    let removed = json!([
        app::ecs_service(&world, "worker"),
        app::rule(&world, "clean")
    ]);
    let plan = app::dry_run(&function, "R2").await;
    assert_eq!(plan["removed"], removed, "{plan:#}");
    let event = app::written(&world, "R2", &version);
    let report = function.answer(&event).await;
    app::assert_says!(report, {"status": "promoted", "removed": removed});
    assert_eq!(worker_and_clean(&world).await, [false, false]);
    assert!(app::service(&world, "web").await.is_some());

    // Back to the first Release: both are there again.
    let report = app::asked(&world, &function, "R1", "back-to-r1", 2).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(worker_and_clean(&world).await, [true, true]);
}

#[tokio::test]
async fn a_service_that_still_drains_is_waited_for() {
    let (world, function) = app::promoting_with(TWO, &[], &[]).await;
    app::promote(&world, &function, "R1", &[]).await;
    app::write_manifest(&world, "R2", ONE).await;
    world.proxy.hold_draining();
    app::promote(&world, &function, "R2", &[]).await;
    world.proxy.clear();

    // ECS creates no service under the name of one that drains.
    let answer = app::asked(&world, &function, "R1", "back-to-r1", 2).await;
    assert_eq!(answer["status"], "waiting", "{answer:#}");
    assert_eq!((world.proxy.writes().len(), world.events().len()), (0, 0));
    let state = app::state(&world).await;
    assert_eq!(
        (&state["desired"]["status"], &state["lease"]),
        (&json!("waiting"), &Value::Null),
        "{state:#}"
    );
    world.proxy.end_draining();

    // Its next look is due.
    app::pass_minute(&world).await;
    let event = app::continued(&world, "promote");
    let report = function.answer(&event).await;
    app::assert_says!(report, {"status": "promoted", "release": "R1"});
    assert!(app::service(&world, "worker").await.is_some());
}

#[tokio::test]
async fn all_is_removed_where_the_request_says_that_it_is_meant() {
    let (world, function) = app::promoting(&[]).await;
    let variables = [("DATABASE_URL", "x")];
    app::promote(&world, &function, "R1", &variables).await;
    app::write_manifest(&world, "R2", "services:\n").await;
    let report = app::promote(&world, &function, "R2", &variables).await;
    assert_eq!(report["errorType"], "EmptyManifest", "{report:#}");
    let dry_run = json!({"app": APP, "release": "R2", "allowRemoval": true, "dryRun": true});
    let plan = function.answer(&dry_run).await;
    let mut request = app::requested(&world, "R2", "meant", 5);
    request["detail"]["allowRemoval"] = json!(true);
    let report = function.answer(&request).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let removed = ["metrics", "web", "worker"].map(|name| app::ecs_service(&world, name));
    let rules = ["cleanup", "report"].map(|name| app::rule(&world, name));
    let removed: Vec<String> = removed.into_iter().chain(rules).collect();
    for told in [&plan, &report] {
        assert_eq!(told["removed"], json!(removed), "{told:#}");
    }
    let events = world.events().into_iter();
    let told: Vec<Value> = events
        .map(|event| event.detail["removed"].clone())
        .filter(|told| !told.is_null())
        .collect();
    assert_eq!(told, [json!(removed)]);
}

#[tokio::test]
async fn what_nobody_reads_of_a_manifest_is_no_way_to_remove_a_part() {
    let (world, function) = app::promoting_with(TWO, &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let web = "web: {image: example/web:1}";
    let worker = "worker: {image: example/worker:1}";
    for (number, text) in [
        format!("services: {{{worker}}}\nservices: {{{web}}}\n"),
        format!("services: {{{web}}}\n---\nservices: {{{worker}}}\n"),
        format!("services:\n  web:\n    image: example/web:1\n    {worker}\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let release = format!("R{}", number + 2); // of the same second the later name counts
        app::write_manifest(&world, &release, text.as_str()).await;
        let report = app::promote(&world, &function, &release, &[]).await;
        assert_eq!(report["errorType"], "InvalidManifest", "{text}: {report:#}");
        let message = report["message"].as_str().unwrap();
        let says = "this promote would remove the Services `worker`";
        assert!(message.contains(says), "{text}: {message}");
        let stands = app::service(&world, "worker").await.unwrap();
        assert_eq!(stands.status(), Some("ACTIVE"), "{text}");
    }
    let mut meant = app::requested(&world, "R3", "meant", 5);
    meant["detail"]["allowRemoval"] = json!(true);
    let report = function.answer(&meant).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let removed = [
        app::ecs_service(&world, "worker"),
        app::rule(&world, "clean"),
    ];
    assert_eq!(report["removed"], json!(removed));
}

#[tokio::test]
async fn an_ecs_service_of_our_name_that_was_lent_runs_on_and_the_promote_says_so() {
    let world = app::world_with(TWO, &[]).await;
    let name = app::ecs_service(&world, "worker");
    app::lend(&world, &name, APP).await;
    let settings = json!({"services": {"worker": name}}).to_string();
    let settings_key = format!("apps/{APP}/app.json");
    world.put(&settings_key, settings).await;
    let function = world.start("promote", &[]);
    let report = app::promoted(&world, &function, "R1", &[]).await;
    assert_eq!(report["services"]["worker"]["runsAs"], json!(name));

    world.put(&settings_key, "{}").await;
    let manifest = "services: {web: {image: example/web:1}}\n";
    app::write_manifest(&world, "R2", manifest).await;
    world.put_env(APP, "R2", &[]).await;
    let plan = app::dry_run(&function, "R2").await;
    let report = app::promoted(&world, &function, "R2", &[]).await;
    let service = app::service(&world, "worker").await.unwrap();
    assert_eq!(service.status(), Some("ACTIVE"));
    for told in [&plan, &report] {
        let removed = json!([app::rule(&world, "clean")]);
        assert_eq!(told["removed"], removed, "{told:#}");
        let warnings = told["warnings"].to_string();
        for part in [
            format!("the ECS service `{name}` that app.json named for it runs on as it is"),
            format!("app.json no longer names the ECS service `{name}`, and it stays on"),
        ] {
            assert!(warnings.contains(&part), "{part}: {warnings}");
        }
    }
}

#[tokio::test]
async fn a_lost_state_is_no_way_to_remove_all() {
    let (world, function) = app::promoting(&[]).await;
    let variables = [("DATABASE_URL", "x")];
    app::promote(&world, &function, "R1", &variables).await;
    world
        .put(&format!("apps/{APP}/state/promotion.json"), "{}")
        .await;
    app::write_manifest(&world, "R2", "").await;
    let report = app::promote(&world, &function, "R2", &variables).await;
    assert_eq!(report["errorType"], "EmptyManifest", "{report:#}");
    let message = report["message"].as_str().unwrap();
    for name in ["`web`", "`worker`", "`cleanup`"] {
        assert!(message.contains(name), "{name}: {message}");
    }
}

#[tokio::test]
async fn an_untagged_service_and_rule_of_our_names_are_never_removed() {
    let (world, function) = app::promoting_with(TWO, &[], &[]).await;
    app::promote(&world, &function, "R1", &[]).await;
    app::untag_service(&world, &app::ecs_service(&world, "worker")).await;
    app::untag_rule(&world, "clean").await;

    app::write_manifest(&world, "R2", ONE).await;
    let report = app::promote(&world, &function, "R2", &[]).await;
    app::assert_says!(report, {"status": "promoted", "removed": null});
    assert_eq!(worker_and_clean(&world).await, [true, true]);
}

#[tokio::test]
async fn what_a_promote_created_that_died_is_collected_by_the_next() {
    let (world, function) = app::promoting_with(TWO, &[], &[]).await;
    // The first promote ever creates `worker` and loses `web` to a fault that another delivery could overcome.
    world.inject(Fault::TRANSIENT.on("events", "PutRule"));
    let version = world.put_env(APP, "R1", &[]).await;
    let died = function.invoke(&app::written(&world, "R1", &version)).await;
    assert!(matches!(died, Invocation::Error { .. }), "{died:?}");
    assert!(app::service(&world, "worker").await.is_some());
    world.proxy.lift();
    // A newer Release without it comes first.
    app::write_manifest(&world, "R2", ONE).await;
    app::promoted(&world, &function, "R2", &[]).await;
    assert!(
        app::service(&world, "worker").await.is_none(),
        "nobody wants it any more"
    );
}

#[tokio::test]
async fn a_deployment_that_ecs_rolls_back_is_announced() {
    let (world, function) = app::promoting_with(ONE, &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let first = app::running(&world, "web").await;
    let changed = ONE.replace("image: ", "image: other/");
    app::write_manifest(&world, "R2", changed).await;
    app::promoted(&world, &function, "R2", &[]).await;
    let update = app::update(&world, &app::ecs_service(&world, "web"));
    update.task_definition(&first).send().await.unwrap();
    let arn = |name: &str| {
        format!(
            "arn:aws:ecs:us-east-1:{}:service/{}/{name}",
            world.account, world.cluster
        )
    };
    let event = |name: &str, event_name: &str| {
        json!({
            "version": "0", "id": "ddca6449-b258-46c0-8653-e0e3aEXAMPLE", "detail-type": "ECS Deployment State Change",
            "source": "aws.ecs", "account": "123456789012", "time": "2026-11-12T00:00:00Z", "region": "us-east-1",
            "resources": [arn(name)],
            "detail": {
                "eventType": "ERROR", "eventName": event_name, "deploymentId": "ecs-svc/123",
                "updatedAt": "2026-11-12T00:00:00Z", "reason": "ECS deployment circuit breaker: task failed to start.",
            },
        })
    };
    world.proxy.clear();
    let web = app::ecs_service(&world, "web");
    for (name, event_name) in [
        ("other", "SERVICE_DEPLOYMENT_FAILED"),
        (&web, "SERVICE_DEPLOYMENT_IN_PROGRESS"),
    ] {
        let answer = function.answer(&event(name, event_name)).await;
        assert_eq!(answer["status"], "ignored", "{answer:#}");
    }
    let failed = event(&web, "SERVICE_DEPLOYMENT_FAILED");
    let answer = function.answer(&failed).await;
    assert_eq!(
        answer["verdicts"],
        json!(["replaced", "rolledBack"]),
        "{answer:#}"
    );
    let events = world.events();
    app::assert_sent(&world, &["Release Rolled Back"]);
    let detail = &events[0].detail;
    app::assert_says!(detail, {"release": "R2", "services": {"web": "rolledBack"}});
    app::assert_tells(detail, "Service `web`: ECS rolled it back");
}

/// What ECS knows of a service: scheduling, percentages while it is deployed, wanted count.
async fn deployed(world: &World, service: &str) -> (String, i32, i32, i32) {
    let service = app::service(world, service).await.unwrap();
    let deployment = service.deployment_configuration().unwrap();
    (
        service.scheduling_strategy().unwrap().as_str().to_owned(),
        deployment.minimum_healthy_percent().unwrap(),
        deployment.maximum_percent().unwrap(),
        service.desired_count(),
    )
}

#[tokio::test]
async fn an_agent_runs_on_every_instance_and_percentages_follow_convox_yml() {
    let manifest = |minimum: u32| {
        format!(
            "services:\n  web:\n    image: example/web:1\n    scale: 2\n    deployment: {{minimum: {minimum}, maximum: 150}}\n  \
             monitor:\n    image: example/monitor:1\n    agent: {{ports: [8125/udp]}}\n"
        )
    };
    let world = app::world_with(&manifest(100), &[]).await;
    let ec2 = [
        ("LAUNCH_TYPE", "EC2"),
        ("SUBNETS", ""),
        ("SECURITY_GROUPS", ""),
    ];
    let function = world.start("promote", &ec2);
    app::promoted(&world, &function, "R1", &[]).await;
    let (strategy, minimum, maximum, _) = deployed(&world, "monitor").await;
    assert_eq!((strategy.as_str(), minimum, maximum), ("DAEMON", 0, 100));
    let replica = "REPLICA".to_owned();
    assert_eq!(
        deployed(&world, "web").await,
        (replica.clone(), 100, 150, 2)
    );

    // Somebody scales it; a promote that changes the percentages leaves that alone.
    let name = app::ecs_service(&world, "web");
    let scaled = app::update(&world, &name);
    scaled.desired_count(5).send().await.unwrap();
    app::write_manifest(&world, "R2", manifest(50)).await;
    app::promoted(&world, &function, "R2", &[]).await;
    assert_eq!(deployed(&world, "web").await, (replica, 50, 150, 5));

    world.proxy.clear();
    let report = app::asked(&world, &function, "R2", "request-1", 1).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(world.proxy.writes().len(), 0, "{:?}", app::changes(&world));
}

/// Whether ECS keeps the tasks of a service balanced across Availability Zones.
async fn is_rebalanced(world: &World, ecs_service: &str) -> bool {
    let stands = app::standing(world, ecs_service).await.unwrap();
    stands.availability_zone_rebalancing() == Some(&AvailabilityZoneRebalancing::Enabled)
}

#[tokio::test]
async fn a_service_that_comes_to_run_alone_is_rebalanced_no_more_until_it_may_run_another_task() {
    let manifest = |singleton: bool| {
        format!("services:\n  web:\n    image: example/web:1\n    singleton: {singleton}\n")
    };
    let (world, function) = app::promoting_with(&manifest(false), &[], &[]).await;
    let web = app::ecs_service(&world, "web");
    for (release, singleton) in [("R1", false), ("R2", true), ("R3", false)] {
        app::write_manifest(&world, release, manifest(singleton)).await;
        let report = app::promote(&world, &function, release, &[]).await;
        assert_eq!(report["status"], "promoted", "{release}: {report:#}");
        assert_eq!(is_rebalanced(&world, &web).await, !singleton, "{release}");
    }
}

#[tokio::test]
async fn whoever_switched_rebalancing_off_finds_it_off_after_a_promote() {
    let manifest = |image: u32| format!("services: {{web: {{image: 'example/web:{image}'}}}}");
    let (world, function) = app::promoting_with(&manifest(1), &[], &[]).await;
    app::promote(&world, &function, "R1", &[]).await;
    let web = app::ecs_service(&world, "web");
    assert!(is_rebalanced(&world, &web).await, "as ECS does by itself");
    let off = AvailabilityZoneRebalancing::Disabled;
    let update = app::update(&world, &web).availability_zone_rebalancing(off);
    update.send().await.unwrap();
    app::write_manifest(&world, "R2", manifest(2)).await;
    app::promoted(&world, &function, "R2", &[]).await;
    assert!(!is_rebalanced(&world, &web).await);
}

#[tokio::test]
async fn fargate_has_no_instances_for_an_agent() {
    let manifest = "services: {monitor: {image: example/monitor:1, agent: true}}";
    let (world, function) = app::promoting_with(manifest, &[], &[]).await;
    let report = app::promote(&world, &function, "R1", &[]).await;
    assert_eq!(report["errorType"], "AgentOnFargate", "{report:#}");
    assert_eq!(world.proxy.writes().len(), 0);
}

#[tokio::test]
async fn a_read_only_file_system_counts_for_services_and_timers() {
    let manifest =
        |value: &str| format!("params: {{EnableContainerReadonlyRootFilesystem: {value}}}\n{TWO}");
    let (world, function) = app::promoting_with(&manifest("Yes"), &[], &[]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    for arn in [
        app::running(&world, "web").await,
        app::scheduled(&world, "clean").await,
    ] {
        let (definition, _) = app::definition(&world, &arn).await;
        let container = &definition.container_definitions()[0];
        assert_eq!(container.readonly_root_filesystem(), Some(true), "{arn}");
    }
    app::write_manifest(&world, "R2", manifest("maybe")).await;
    let report = app::promote(&world, &function, "R2", &[]).await;
    assert_eq!(report["errorType"], "InvalidParameter", "{report:#}");
    app::assert_tells(&report, "it is `Yes` or `No`");
}

#[tokio::test]
async fn a_service_that_stands_stays_what_it_is_when_agent_changes_and_the_promote_says_so() {
    let plain = "services: {monitor: {image: example/monitor:1}}";
    let agent =
        "services: {monitor: {image: example/monitor:1, agent: true, deployment: {maximum: 200}}}";
    for (before, after, strategy, percentages, said) in [
        (agent, plain, "DAEMON", (50, 100), "has no `agent` any more"),
        (plain, agent, "REPLICA", (0, 200), "is an `agent` now"),
    ] {
        let world = app::world_with(before, &[]).await;
        let ec2 = [
            ("LAUNCH_TYPE", "EC2"),
            ("SUBNETS", ""),
            ("SECURITY_GROUPS", ""),
        ];
        let function = world.start("promote", &ec2);
        let report = app::promoted(&world, &function, "R1", &[]).await;
        let warned = report["warnings"]
            .to_string()
            .contains("so 100 is what it is told");
        assert_eq!(warned, before == agent, "{report:#}");
        app::write_manifest(&world, "R2", after).await;
        let report = app::promoted(&world, &function, "R2", &[]).await;
        assert!(report["warnings"].to_string().contains(said), "{report:#}");
        let (is, minimum, maximum, _) = deployed(&world, "monitor").await;
        assert_eq!(
            (is.as_str(), (minimum, maximum)),
            (strategy, percentages),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_new_schedule_or_deployment_alone_is_reported_as_a_change() {
    let manifest = |minimum: u32, hour: u32| {
        format!(
            "services: {{web: {{image: example/web:1, deployment: {{minimum: {minimum}}}}}, api: {{image: example/api:1}}}}\n\
             timers: {{clean: {{schedule: 0 {hour} * * ?, command: c, service: web}}, other: {{schedule: 0 1 * * ?, command: c, service: web}}}}\n"
        )
    };
    let (world, function) = app::promoting_with(&manifest(50, 3), &[], &[]).await;
    let key = format!("apps/{APP}/releases/R1/convox.yml");
    world.put(&key, manifest(50, 3)).await;
    app::promoted(&world, &function, "R1", &[]).await;
    world.put(&key, manifest(25, 4)).await;
    let dry_run = json!({"app": APP, "release": "R1", "dryRun": true});
    let plan = function.answer(&dry_run).await;
    let report = app::asked(&world, &function, "R1", "request-1", 1).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    for (answer, field) in [(&plan, "changes"), (&report, "changed")] {
        for (kind, name, want) in [
            ("services", "web", true),
            ("services", "api", false),
            ("timers", "clean", true),
            ("timers", "other", false),
        ] {
            assert_eq!(answer[kind][name][field], want, "{name}: {answer:#}");
        }
    }
    let web = &report["services"]["web"];
    assert_eq!(web["oldTaskDefinition"], web["newTaskDefinition"]);
    let plan = function.answer(&dry_run).await;
    assert_eq!(plan["services"]["web"]["changes"], false, "{plan:#}");
    assert_eq!(plan["timers"]["clean"]["changes"], false, "{plan:#}");
}
