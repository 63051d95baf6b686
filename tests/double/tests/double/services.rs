//! ECS's rules about services: creating, moving, deleting, and what drains.

use aws_sdk_ecs::operation::create_service::builders::CreateServiceFluentBuilder;
use aws_sdk_ecs::types::{
    AssignPublicIp, AvailabilityZoneRebalancing, AwsVpcConfiguration, CapacityProviderStrategyItem,
    Compatibility, ContainerDefinition, DeploymentConfiguration, DeploymentController,
    DeploymentControllerType, LaunchType, LoadBalancer, NetworkConfiguration, NetworkMode,
    SchedulingStrategy, Service, Tag,
};
use rig::World;

use super::{code, refusal};

/// A service `web` on Fargate that ECS takes.
fn good(world: &World, definition: &str) -> CreateServiceFluentBuilder {
    let create = world.ecs.create_service().cluster(&world.cluster);
    create
        .service_name("web")
        .task_definition(definition)
        .launch_type(LaunchType::Fargate)
        .network_configuration(World::network())
        .desired_count(1)
}

/// Registers a definition of a family per network mode, and answers its ARN.
async fn register(world: &World, mode: NetworkMode) -> String {
    let container = ContainerDefinition::builder().name("c").image("i");
    let definition = world.ecs.register_task_definition().family(mode.as_str());
    let definition = definition
        .network_mode(mode.clone())
        .cpu("256")
        .memory("512")
        .container_definitions(container.build());
    let definition = match mode {
        NetworkMode::Awsvpc => definition.requires_compatibilities(Compatibility::Fargate),
        _ => definition,
    };
    let registered = definition.send().await.unwrap().task_definition.unwrap();
    registered.task_definition_arn.unwrap()
}

fn network(subnets: usize, groups: usize, public: AssignPublicIp) -> NetworkConfiguration {
    let names = |kind: &str, count| (0..count).map(|n| format!("{kind}-{n}")).collect();
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(names("subnet", subnets)))
        .set_security_groups(Some(names("sg", groups)))
        .assign_public_ip(public);
    NetworkConfiguration::builder()
        .awsvpc_configuration(vpc.build().unwrap())
        .build()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

async fn status(world: &World, service: &str) -> String {
    described(world, service).await.status.unwrap()
}

async fn described(world: &World, service: &str) -> Service {
    let describe = world.ecs.describe_services().cluster(&world.cluster);
    let described = describe.services(service).send().await.unwrap();
    described.services.unwrap().remove(0)
}

async fn update(world: &World, service: &str, definition: &str) -> (String, String) {
    let update = world.ecs.update_service().cluster(&world.cluster);
    let update = update.service(service).task_definition(definition);
    refusal(update.send().await)
}

async fn delete(world: &World, service: &str, force: bool) -> Service {
    let delete = world.ecs.delete_service().cluster(&world.cluster);
    let deleted = delete.service(service).force(force).send().await;
    deleted.unwrap().service.unwrap()
}

#[tokio::test]
async fn a_service_that_ecs_takes_is_created_and_looks_as_asked_for() {
    let world = World::new().await;
    let definition = register(&world, NetworkMode::Awsvpc).await;
    let bridge = register(&world, NetworkMode::Bridge).await;
    let tags = [tag("convox:rack", "r"), tag("Größe 1", "a+b=c@d:e/f.g_h-i")];
    let create = good(&world, &definition).set_tags(Some(tags.to_vec()));
    let created = create.send().await.unwrap().service.unwrap();
    assert_eq!(created.task_definition(), Some(definition.as_str()));
    assert_eq!(created.tags(), tags);
    let on_ec2 = world.ecs.create_service().cluster(&world.cluster);
    let on_ec2 = on_ec2.service_name("a_1-B").launch_type(LaunchType::Ec2);
    let on_ec2 = on_ec2.task_definition(&bridge).desired_count(0);
    on_ec2.send().await.unwrap();
    assert_eq!(status(&world, "a_1-B").await, "ACTIVE");
}

#[tokio::test]
async fn what_a_services_request_says_wrongly_is_refused() {
    let world = World::new().await;
    let definition = register(&world, NetworkMode::Awsvpc).await;
    let good = || good(&world, &definition);
    let many = || (0..51).map(|n| tag(&n.to_string(), "")).collect();
    let cases: [(
        _,
        &dyn Fn(CreateServiceFluentBuilder) -> CreateServiceFluentBuilder,
    ); 11] = [
        ("a dot in the name", &|it| it.service_name("a.b")),
        ("256 characters", &|it| it.service_name("a".repeat(256))),
        ("no count", &|it| it.set_desired_count(None)),
        ("a negative count", &|it| it.desired_count(-1)),
        ("51 tags", &|it| it.set_tags(Some(many()))),
        ("aws: is reserved", &|it| it.tags(tag("aws:x", "1"))),
        ("a key twice", &|it| {
            it.tags(tag("a", "1")).tags(tag("a", "2"))
        }),
        ("a key of 129", &|it| it.tags(tag(&"k".repeat(129), ""))),
        ("a value of 257", &|it| it.tags(tag("k", &"v".repeat(257)))),
        ("a semicolon in a tag", &|it| it.tags(tag("k", "a;b"))),
        ("no task definition", &|it| it.set_task_definition(None)),
    ];
    for (case, change) in cases {
        let code = code(change(good()).send().await);
        assert_eq!(code, "InvalidParameterException", "{case}");
    }
    let elsewhere = good().cluster("nowhere");
    assert_eq!(code(elsewhere.send().await), "ClusterNotFoundException");
    for unknown in ["nobody", "nobody:1", &definition.replace(":1", ":2")] {
        let create = good().task_definition(unknown);
        assert_eq!(code(create.send().await), "ClientException", "{unknown}");
    }
    let deregister = world.ecs.deregister_task_definition();
    let deregister = deregister.task_definition(&definition);
    deregister.send().await.unwrap();
    assert_eq!(refusal(good().send().await).1, "TaskDefinition is inactive");
}

#[tokio::test]
async fn network_and_launch_type_must_match_the_task_definition() {
    let world = World::new().await;
    let fargate = register(&world, NetworkMode::Awsvpc).await;
    let bridge = register(&world, NetworkMode::Bridge).await;
    let public = AssignPublicIp::Enabled;
    let private = || AssignPublicIp::Disabled;
    let fargate = || good(&world, &fargate);
    let bridge = || good(&world, &bridge);
    for (create, wording) in [
        (
            fargate().set_network_configuration(None),
            "must be provided when networkMode 'awsvpc'",
        ),
        (
            bridge().launch_type(LaunchType::Ec2),
            "not valid for the given networkMode",
        ),
        (bridge(), "does not support launch_type FARGATE"),
        (
            fargate().network_configuration(network(0, 1, private())),
            "subnets",
        ),
        (
            fargate().network_configuration(network(17, 1, private())),
            "subnets",
        ),
        (
            fargate().network_configuration(network(1, 6, private())),
            "securityGroups",
        ),
        (
            fargate()
                .launch_type(LaunchType::Ec2)
                .network_configuration(network(1, 1, public)),
            "Assign public IP is not supported",
        ),
    ] {
        let (code, message) = refusal(create.send().await);
        assert_eq!(code, "InvalidParameterException", "{message}");
        assert!(message.contains(wording), "wanted {wording}, got {message}");
    }
    let spot = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT");
    let spot = spot.build().unwrap();
    for (create, wording) in [
        (fargate(), "both a launch type and capacity provider"),
        (
            fargate().set_launch_type(None),
            "FARGATE_SPOT is not associated",
        ),
    ] {
        let create = create.capacity_provider_strategy(spot.clone());
        let (code, message) = refusal(create.send().await);
        assert_eq!(code, "InvalidParameterException", "{message}");
        assert!(message.contains(wording), "wanted {wording}, got {message}");
    }
    let task = world.ecs.run_task().cluster(&world.cluster);
    let task = task
        .task_definition("awsvpc")
        .launch_type(LaunchType::Fargate);
    assert_eq!(code(task.send().await), "InvalidParameterException");
}

#[tokio::test]
async fn tries_that_overlap_create_one_service() {
    let world = World::new().await;
    let definition = register(&world, NetworkMode::Awsvpc).await;
    let create = async || {
        let created = good(&world, &definition).client_token("once").send().await;
        let service = created.unwrap().service.unwrap();
        service.service_arn.unwrap()
    };
    let (one, other) = tokio::join!(create(), create());
    assert_eq!(one, other);
}

#[tokio::test]
async fn a_name_is_free_once_its_service_has_drained() {
    let world = World::new().await;
    let definition = register(&world, NetworkMode::Awsvpc).await;
    let create = async || refusal(good(&world, &definition).send().await);
    good(&world, &definition).send().await.unwrap();
    let taken = (
        "InvalidParameterException",
        "Creation of service was not idempotent.",
    );
    let (code, message) = create().await;
    assert_eq!((code.as_str(), message.as_str()), taken);

    world.proxy.hold_draining();
    let deleted = delete(&world, "web", true).await;
    assert_eq!(deleted.status(), Some("DRAINING"));
    let seen = described(&world, "web").await;
    assert_eq!(
        (seen.status(), seen.desired_count, seen.running_count),
        (Some("DRAINING"), 0, 1)
    );
    let listed = world.ecs.list_services().cluster(&world.cluster);
    assert!(listed.send().await.unwrap().service_arns().is_empty());
    let drains = (
        "InvalidParameterException",
        "Unable to Start a service that is still Draining.",
    );
    let (code, message) = create().await;
    assert_eq!((code.as_str(), message.as_str()), drains);
    assert_eq!(
        update(&world, "web", &definition).await.0,
        "ServiceNotActiveException"
    );

    world.proxy.end_draining();
    assert_eq!(status(&world, "web").await, "INACTIVE");
    assert_eq!(
        update(&world, "web", &definition).await.0,
        "ServiceNotActiveException"
    );
    good(&world, &definition).send().await.unwrap();
    assert_eq!(status(&world, "web").await, "ACTIVE");
}

#[tokio::test]
async fn a_creation_repeated_with_its_token_is_one_creation() {
    let world = World::new().await;
    let definition = register(&world, NetworkMode::Awsvpc).await;
    let create = |token: &str| good(&world, &definition).client_token(token);
    let first = create("1").send().await.unwrap().service.unwrap();
    let again = create("1").send().await.unwrap().service.unwrap();
    assert_eq!(again.service_arn(), first.service_arn());
    for (case, create) in [
        ("another token", create("2")),
        ("other parameters", create("1").desired_count(2)),
        ("a token of 37", create(&"t".repeat(37))),
    ] {
        assert_eq!(
            code(create.send().await),
            "InvalidParameterException",
            "{case}"
        );
    }
}

#[tokio::test]
async fn a_service_with_tasks_is_deleted_by_force_only() {
    let world = World::new().await;
    let definition = register(&world, NetworkMode::Awsvpc).await;
    good(&world, &definition).send().await.unwrap();
    let delete_gently = world.ecs.delete_service().cluster(&world.cluster);
    let (code, message) = refusal(delete_gently.service("web").send().await);
    assert_eq!(code, "InvalidParameterException");
    assert!(message.contains("scaled above 0"), "{message}");
    let scale = world.ecs.update_service().cluster(&world.cluster);
    scale.service("web").desired_count(0).send().await.unwrap();
    assert_eq!(
        delete(&world, "web", false).await.status(),
        Some("INACTIVE")
    );
}

#[tokio::test]
async fn a_service_is_moved_only_where_ecs_moves_it() {
    let world = World::new().await;
    let definition = register(&world, NetworkMode::Awsvpc).await;
    let bridge = register(&world, NetworkMode::Bridge).await;
    assert_eq!(
        update(&world, "nobody", &definition).await.0,
        "ServiceNotFoundException"
    );
    let controller = DeploymentController::builder();
    let controller = controller.r#type(DeploymentControllerType::CodeDeploy);
    let create = good(&world, &definition).deployment_controller(controller.build().unwrap());
    create.service_name("blue-green").send().await.unwrap();
    good(&world, &definition).send().await.unwrap();
    for (service, definition, wording) in [
        ("blue-green", &definition, "CODE_DEPLOY"),
        ("web", &bridge, "does not support launch_type FARGATE"),
    ] {
        let (code, message) = update(&world, service, definition).await;
        assert_eq!(code, "InvalidParameterException", "{message}");
        assert!(message.contains(wording), "wanted {wording}, got {message}");
    }
    let elsewhere = world.ecs.update_service().cluster("nowhere").service("web");
    assert_eq!(code(elsewhere.send().await), "ClusterNotFoundException");
}

#[tokio::test]
async fn at_most_ten_services_are_described_at_once() {
    let world = World::new().await;
    for (count, taken) in [(0, false), (1, true), (10, true), (11, false)] {
        let names = (0..count).map(|n| format!("s{n}")).collect();
        let describe = world.ecs.describe_services().cluster(&world.cluster);
        let described = describe.set_services(Some(names)).send().await;
        if taken {
            assert_eq!(described.unwrap().failures().len(), count, "{count}");
        } else {
            assert_eq!(code(described), "InvalidParameterException", "{count}");
        }
    }
}

/// Percentages with that maximum.
fn at_most(maximum: i32) -> DeploymentConfiguration {
    let configuration = DeploymentConfiguration::builder().minimum_healthy_percent(0);
    configuration.maximum_percent(maximum).build()
}

#[tokio::test]
async fn what_may_run_no_task_more_is_not_rebalanced() {
    let world = World::new().await;
    let definition = register(&world, NetworkMode::Awsvpc).await;
    let create = |name: &str| good(&world, &definition).service_name(name);
    let on = AvailabilityZoneRebalancing::Enabled;
    let off = AvailabilityZoneRebalancing::Disabled;
    let daemon = |it: CreateServiceFluentBuilder| {
        it.scheduling_strategy(SchedulingStrategy::Daemon)
            .set_desired_count(None)
    };
    let classic = LoadBalancer::builder().load_balancer_name("classic");
    for (case, create) in [
        (
            "at most 100",
            create("a").deployment_configuration(at_most(100)),
        ),
        ("a daemon", daemon(create("a"))),
        (
            "a classic load balancer",
            create("a").load_balancers(classic.build()),
        ),
    ] {
        let asked = create.clone().availability_zone_rebalancing(on.clone());
        let (code, message) = refusal(asked.send().await);
        assert_eq!(code, "InvalidParameterException", "{case}");
        assert!(
            message.contains("rebalancing does not support"),
            "{message}"
        );
    }
    // Who says nothing gets it where it is possible, and keeps it.
    let quiet = create("quiet").send().await.unwrap();
    assert_eq!(
        quiet.service().unwrap().availability_zone_rebalancing(),
        Some(&on)
    );
    let single = create("single").deployment_configuration(at_most(100));
    single.send().await.unwrap();
    let stands = described(&world, "single").await;
    assert_eq!(stands.availability_zone_rebalancing(), Some(&off));
    let update = |service: &str, maximum| {
        let update = world.ecs.update_service().cluster(&world.cluster);
        let update = update.service(service).task_definition(&definition);
        update.deployment_configuration(at_most(maximum))
    };
    let (code, _) = refusal(update("quiet", 100).send().await);
    assert_eq!(code, "InvalidParameterException", "it stands ENABLED");
    let (code, _) = refusal(
        update("single", 100)
            .availability_zone_rebalancing(on.clone())
            .send()
            .await,
    );
    assert_eq!(code, "InvalidParameterException", "it cannot have it");
    update("quiet", 100)
        .availability_zone_rebalancing(off.clone())
        .send()
        .await
        .unwrap();
    let stands = described(&world, "quiet").await;
    assert_eq!(stands.availability_zone_rebalancing(), Some(&off));
    update("quiet", 200).send().await.unwrap();
    let stands = described(&world, "quiet").await;
    assert_eq!(
        stands.availability_zone_rebalancing(),
        Some(&off),
        "nobody asked"
    );
}
