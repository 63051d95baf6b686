//! ECS services that `app.json` names: what of them is kept, and that what goes is said beforehand.

use aws_sdk_ecs::types::{
    ApplicationProtocol, Compatibility, ContainerDefinition, CpuArchitecture, EphemeralStorage,
    HealthCheck, LaunchType, NetworkMode, OsFamily, PortMapping, RuntimePlatform,
    SchedulingStrategy, Tag,
};
use rig::World;
use serde_json::json;

use crate::app::{self, APP};
use crate::process_run;

const MANIFEST: &str = "services:\n  web:\n    image: example/web:1\n    port: 3000\n\
                        timers:\n  clean:\n    schedule: 0 3 * * *\n    command: clean\n    service: web\n";

/// An ECS service on Graviton, whose definition has more than convox.yml can say; its ARN.
async fn front(world: &World) -> String {
    let arn = app::lend(world, "front", APP).await;
    let port = PortMapping::builder().container_port(3000).name("http");
    let port = port.app_protocol(ApplicationProtocol::Http2).build();
    let health = HealthCheck::builder().command("CMD").command("ok").build();
    let api = ContainerDefinition::builder()
        .name("api")
        .image("theirs")
        .user("1000")
        .health_check(health.unwrap())
        .port_mappings(port)
        .build();
    let envoy = ContainerDefinition::builder().name("envoy").image("envoy");
    let platform = RuntimePlatform::builder()
        .cpu_architecture(CpuArchitecture::Arm64)
        .operating_system_family(OsFamily::Linux)
        .build();
    let storage = EphemeralStorage::builder().size_in_gib(100).build();
    let registered = world
        .ecs
        .register_task_definition()
        .family("front")
        .requires_compatibilities(Compatibility::Fargate)
        .network_mode(NetworkMode::Awsvpc)
        .cpu("4096")
        .memory("16384")
        .runtime_platform(platform)
        .ephemeral_storage(storage)
        .container_definitions(api)
        .container_definitions(envoy.build());
    registered.send().await.unwrap();
    let update = app::update(world, "front").task_definition("front");
    update.send().await.unwrap();
    arn
}

#[tokio::test]
async fn an_ecs_service_that_app_json_names_keeps_its_platform_and_what_goes_is_said_beforehand() {
    let world = app::world_with(MANIFEST, &[]).await;
    let arn = front(&world).await;
    let settings = json!({"services": {"web": arn}}).to_string();
    world.put(&format!("apps/{APP}/app.json"), settings).await;
    let function = world.start("promote", &[]);
    world.put_env(APP, "R1", &[]).await;
    let plan = app::dry_run(&function, "R1").await;
    let report = app::promoted(&world, &function, "R1", &[]).await;
    for answer in [&plan, &report] {
        let warnings = answer["warnings"].to_string();
        for part in [
            "the ECS service `front`, which app.json names for `web`, runs ",
            "and this goes: ",
            "the containers `api`, `envoy`",
            "cpu 4096 and memory 16384 (cpu 256 and memory 512 instead)",
            "ephemeralStorage of 100 GiB",
        ] {
            assert!(warnings.contains(part), "`{part}` is not in: {warnings}");
        }
    }

    assert_eq!(report["services"]["web"]["runsAs"], "front");
    for process in [&report["services"]["web"], &report["timers"]["clean"]] {
        let arn = process["newTaskDefinition"].as_str().unwrap();
        let (definition, _) = app::definition(&world, arn).await;
        let platform = definition.runtime_platform().unwrap();
        assert_eq!(platform.cpu_architecture(), Some(&CpuArchitecture::Arm64));
        let ports = definition.container_definitions()[0].port_mappings();
        for port in ports {
            assert_eq!(port.name(), Some("http"));
            assert_eq!(port.app_protocol(), Some(&ApplicationProtocol::Http2));
        }
    }

    // So does a process, which runs the same image.
    let run = world.start("process-run", &[]);
    let event = process_run::requested(&world, "run-1", &json!({}));
    let started = run.answer(&event).await;
    assert_eq!(started["status"], "started", "{started:#}");
    let family = format!("{}_{APP}_run_web", world.rack);
    let (definition, _) = app::definition(&world, &family).await;
    let platform = definition.runtime_platform().unwrap();
    assert_eq!(platform.cpu_architecture(), Some(&CpuArchitecture::Arm64));

    // What it runs now is the App's own: nothing goes, and nothing of it is lost on the way.
    world.proxy.clear();
    let again = app::promote(&world, &function, "R1", &[]).await;
    assert_eq!(
        (&again["status"], world.proxy.writes().len()),
        (&json!("promoted"), 0),
        "{again:#}"
    );
    let warnings = again["warnings"].to_string();
    assert!(!warnings.contains("this goes"), "{warnings}");
}

#[tokio::test]
async fn an_ecs_service_that_app_json_names_stays_a_daemon_and_the_promote_says_so() {
    let world = app::world_with("services:\n  web:\n    image: example/web:1\n", &[]).await;
    let container = ContainerDefinition::builder().name("c").image("theirs");
    let registered = world.ecs.register_task_definition().family("everywhere");
    let registered = registered
        .requires_compatibilities(Compatibility::Ec2)
        .network_mode(NetworkMode::Bridge)
        .container_definitions(container.memory(128).build());
    registered.send().await.unwrap();
    let create = world.ecs.create_service().cluster(&world.cluster);
    let create = create
        .service_name("everywhere")
        .task_definition("everywhere")
        .launch_type(LaunchType::Ec2)
        .scheduling_strategy(SchedulingStrategy::Daemon);
    let lent = Tag::builder().key("convox:lent-to");
    let lent = lent.value(format!("{}/{APP}", world.rack)).build();
    create.tags(lent).send().await.unwrap();
    let settings = json!({"services": {"web": "everywhere"}}).to_string();
    world.put(&format!("apps/{APP}/app.json"), settings).await;
    let function = world.start("promote", &[]);
    let report = app::promoted(&world, &function, "R1", &[]).await;
    let warnings = report["warnings"].to_string();
    let stays = "the ECS service `everywhere`, which app.json names for `web`, stays a DAEMON";
    assert!(warnings.contains(stays), "{warnings}");
    let service = app::standing(&world, "everywhere").await.unwrap();
    assert_eq!(
        service.scheduling_strategy(),
        Some(&SchedulingStrategy::Daemon)
    );
    let moved = report["services"]["web"]["newTaskDefinition"].as_str();
    assert_eq!(service.task_definition(), moved);
}
