//! What Services and Timers run on: the Rack's launch type, `params` of convox.yml, Fargate Spot.

use aws_sdk_ecs::types::CapacityProviderStrategyItem;
use double::Fault;
use rig::{Function, World};
use serde_json::Value;

use crate::app::{self, APP};

const APP_YML: &str = "services:\n  web:\n    image: example/web:1\n    scale: 2\n  my-worker:\n    image: example/worker:1\n\
                       timers:\n  clean:\n    schedule: 0 3 * * *\n    command: clean\n    service: web\n";
const EC2: (&str, &str) = ("LAUNCH_TYPE", "EC2");

async fn associate_spot(world: &World) {
    let weight = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE");
    world
        .ecs
        .put_cluster_capacity_providers()
        .cluster(&world.cluster)
        .capacity_providers("FARGATE")
        .capacity_providers("FARGATE_SPOT")
        .default_capacity_provider_strategy(weight.weight(1).build().unwrap())
        .send()
        .await
        .unwrap();
}

async fn promote(world: &World, function: &Function, release: &str, params: &str) -> Value {
    app::write_manifest(world, release, format!("params: {{{params}}}\n{APP_YML}")).await;
    app::promote(world, function, release, &[]).await
}

/// The launch type or the one capacity provider of an ECS service.
async fn runs_on(world: &World, service: &str) -> String {
    let service = app::service(world, service).await.unwrap();
    match (service.launch_type(), service.capacity_provider_strategy()) {
        (Some(launch_type), []) => launch_type.as_str().to_owned(),
        (None, [only]) => format!("provider {}", only.capacity_provider()),
        both => panic!("{both:?}"),
    }
}

/// The same of a Timer's rule.
async fn fires_on(world: &World, timer: &str) -> String {
    let rule = app::rule(world, timer);
    let targets = world.eventbridge.list_targets_by_rule().rule(rule);
    let targets = targets.send().await.unwrap();
    let ecs = targets.targets()[0].ecs_parameters().unwrap();
    match (ecs.launch_type(), ecs.capacity_provider_strategy()) {
        (Some(launch_type), []) => launch_type.as_str().to_owned(),
        (None, [only]) => format!("provider {}", only.capacity_provider()),
        both => panic!("{both:?}"),
    }
}

#[tokio::test]
async fn fargate_spot_is_asked_for_by_params_and_left_by_leaving_them_out() {
    let world = World::new().await;
    associate_spot(&world).await;
    let function = world.start("promote", &[]);
    let spot = "FargateServices: Spot, FargateTimers: Spot";
    let report = promote(&world, &function, "R1", spot).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(runs_on(&world, "web").await, "provider FARGATE_SPOT");
    assert_eq!(runs_on(&world, "my-worker").await, "provider FARGATE_SPOT");
    assert_eq!(fires_on(&world, "clean").await, "provider FARGATE_SPOT");

    let report = promote(&world, &function, "R2", "").await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(runs_on(&world, "web").await, "provider FARGATE");
    assert_eq!(fires_on(&world, "clean").await, "FARGATE");
    assert_eq!(
        app::service(&world, "web").await.unwrap().desired_count(),
        2
    );

    promote(&world, &function, "R3", spot).await;
    world.proxy.clear();
    let report = app::asked(&world, &function, "R3", "request-1", 1).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(world.proxy.writes().len(), 0, "{:?}", app::changes(&world));
    assert_eq!(fires_on(&world, "clean").await, "provider FARGATE_SPOT");
}

#[tokio::test]
async fn another_capacity_alone_starts_a_deployment_at_once() {
    let world = World::new().await;
    associate_spot(&world).await;
    let function = world.start("promote", &[]);
    promote(&world, &function, "R1", "").await;
    world.proxy.clear();
    app::write_manifest(
        &world,
        "R1",
        format!("params: {{FargateServices: Spot}}\n{APP_YML}"),
    )
    .await;
    let report = app::asked(&world, &function, "R1", "request-1", 1).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let calls = world.proxy.calls();
    let moves = calls
        .iter()
        .filter(|call| call.operation == "UpdateService");
    let moves: Vec<_> = moves.collect();
    assert_eq!(moves.len(), 2, "{:?}", app::changes(&world));
    for call in moves {
        assert_eq!(call.body["forceNewDeployment"], true, "{}", call.body);
    }
    assert_eq!(world.proxy.count("ecs", "RegisterTaskDefinition"), 0);
}

#[tokio::test]
async fn a_cluster_without_the_provider_is_found_before_anything_is_written() {
    let world = World::new().await;
    let function = world.start("promote", &[]);
    let report = promote(&world, &function, "R1", "FargateTimers: Spot").await;
    assert_eq!(report["errorType"], "CapacityProviderMissing", "{report:#}");
    let message = report["message"].as_str().unwrap();
    assert!(message.contains("Timer `clean`"), "{message}");
    assert!(
        message.contains("put-cluster-capacity-providers"),
        "{message}"
    );
    assert!(message.contains("FARGATE_SPOT"), "{message}");
    assert_eq!(world.proxy.writes().len(), 0);
}

#[tokio::test]
async fn a_rack_of_instances_runs_what_params_say_on_fargate() {
    let world = World::new().await;
    associate_spot(&world).await;
    let function = world.start("promote", &[EC2]);
    let report = promote(&world, &function, "R1", "").await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(runs_on(&world, "web").await, "EC2");
    assert_eq!(fires_on(&world, "clean").await, "EC2");

    let params = "FargateServices: 'Yes', MyWorkerFormation: '3,512,1024,FARGATE_SPOT'";
    let report = promote(&world, &function, "R2", params).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(runs_on(&world, "web").await, "provider FARGATE");
    assert_eq!(runs_on(&world, "my-worker").await, "provider FARGATE_SPOT");
    assert_eq!(fires_on(&world, "clean").await, "EC2");
    let (definition, _) = app::definition(&world, &app::running(&world, "my-worker").await).await;
    assert_eq!(
        (definition.cpu(), definition.memory()),
        (Some("512"), Some("1024"))
    );
    let network = app::service(&world, "web").await.unwrap();
    let network = network.network_configuration().unwrap();
    assert!(!network.awsvpc_configuration().unwrap().subnets().is_empty());

    // And there it stays: ECS moves no service from Fargate to instances.
    world.proxy.clear();
    let report = promote(&world, &function, "R3", "").await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(runs_on(&world, "web").await, "provider FARGATE");
    let warnings = report["warnings"].as_array().unwrap();
    let stays = warnings
        .iter()
        .filter(|warning| warning.as_str().unwrap().contains("stays on Fargate"));
    assert_eq!(stays.count(), 2, "{warnings:#?}");
}

#[tokio::test]
async fn a_formation_sizes_a_service_and_its_timers() {
    let world = World::new().await;
    let function = world.start("promote", &[]);
    let report = promote(&world, &function, "R1", "WebFormation: '4,1024,2048'").await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(
        app::service(&world, "web").await.unwrap().desired_count(),
        4
    );
    for arn in [
        app::running(&world, "web").await,
        app::scheduled(&world, "clean").await,
    ] {
        let (definition, _) = app::definition(&world, &arn).await;
        assert_eq!(
            (definition.cpu(), definition.memory()),
            (Some("1024"), Some("2048"))
        );
    }
    for (release, params) in [
        ("R2", "WebFormation: '4,1024'"),
        ("R3", "FargateServices: spot"),
    ] {
        world.proxy.clear();
        let report = promote(&world, &function, release, params).await;
        assert_eq!(report["errorType"], "InvalidManifest", "{report:#}");
        assert!(
            report["message"]
                .as_str()
                .unwrap()
                .contains("convox.yml:1:"),
            "{report:#}"
        );
        assert_eq!(world.proxy.writes().len(), 0);
    }
}

#[tokio::test]
async fn a_promote_that_fails_for_good_leaves_its_capacity_as_it_was() {
    let world = World::new().await;
    associate_spot(&world).await;
    let function = world.start("promote", &[]);
    promote(
        &world,
        &function,
        "R1",
        "FargateServices: Spot, FargateTimers: Spot",
    )
    .await;
    world.inject(Fault::DENIED.on("events", "PutTargets").times(1));
    let report = promote(&world, &function, "R2", "").await;
    assert_eq!(report["status"], "failed", "{report:#}");
    assert_eq!(runs_on(&world, "web").await, "provider FARGATE_SPOT");
    assert_eq!(fires_on(&world, "clean").await, "provider FARGATE_SPOT");
}

#[tokio::test]
async fn a_timer_on_fargate_is_told_that_its_services_host_volume_is_lost() {
    let world = World::new().await;
    let function = world.start("promote", &[EC2]);
    for (params, lost) in [
        ("FargateTimers: 'Yes'", 1),
        ("FargateServices: 'Yes', FargateTimers: 'Yes'", 1),
        ("", 0),
    ] {
        let manifest = format!(
            "params: {{{params}}}\nservices:\n  web: {{image: a, volumes: [/data:/data]}}\n\
             timers:\n  nightly: {{schedule: 0 3 * * ?, command: c, service: web}}\n"
        );
        app::write_manifest(&world, "R1", manifest).await;
        world.put_env(APP, "R1", &[]).await;
        let plan = app::dry_run(&function, "R1").await;
        let warnings = plan["warnings"].to_string();
        let said = warnings
            .matches("`services.web.volumes[0]`: Fargate has no host")
            .count();
        assert_eq!(said, lost, "{params}: {plan:#}");
    }
}
