//! What stands in AWS and is somebody else's, or cannot run the Release.

use aws_sdk_ecs::types::{
    AwsVpcConfiguration, Compatibility, ContainerDefinition, DeploymentController,
    DeploymentControllerType, LaunchType, LoadBalancer, NetworkConfiguration, NetworkMode,
    PortMapping, Tag,
};
use rig::World;
use serde_json::json;

use super::{Bad, Rack};
use crate::app::{self, APP};

/// A manifest with one Service more, which has a port.
fn manifest_with(service: &str) -> String {
    format!("services:\n  {service}:\n    image: a\n    port: 8080\n")
}

/// Registers a task definition with what the load balancer sends to.
async fn register(world: &World, balancer: &LoadBalancer) -> String {
    let port = PortMapping::builder().set_container_port(balancer.container_port());
    let container = ContainerDefinition::builder()
        .name(balancer.container_name().unwrap())
        .image("a")
        .port_mappings(port.build());
    let request = world.ecs.register_task_definition().family("balanced");
    let request = request
        .network_mode(NetworkMode::Awsvpc)
        .cpu("256")
        .memory("512");
    let request = request.requires_compatibilities(Compatibility::Fargate);
    let answer = request
        .container_definitions(container.build())
        .send()
        .await;
    let registered = answer.unwrap().task_definition.unwrap();
    registered.task_definition_arn.unwrap()
}

/// Creates an ECS service of the App, tagged as such, with `load_balancer` or deployed by `CODE_DEPLOY`.
async fn create(world: &World, service: &str, load_balancer: Option<LoadBalancer>) {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let controller = match load_balancer {
        Some(_) => DeploymentControllerType::Ecs,
        None => DeploymentControllerType::CodeDeploy,
    };
    let controller = DeploymentController::builder().r#type(controller).build();
    let network = AwsVpcConfiguration::builder().subnets("subnet-1").build();
    let network = NetworkConfiguration::builder().awsvpc_configuration(network.unwrap());
    let definition = match &load_balancer {
        Some(balancer) => register(world, balancer).await,
        None => app::running(world, "web").await,
    };
    let create = world.ecs.create_service().cluster(&world.cluster);
    create
        .service_name(app::ecs_service(world, service))
        .task_definition(definition)
        .launch_type(LaunchType::Fargate)
        .network_configuration(network.build())
        .desired_count(1)
        .set_load_balancers(load_balancer.map(|balancer| vec![balancer]))
        .deployment_controller(controller.unwrap())
        .tags(tag("convox:rack", &world.rack))
        .tags(tag("convox:app", APP))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn ecs_services_that_cannot_be_moved_are_found_before_the_first_write() {
    let mut rack = Rack::new().await;
    let world = &rack.world;
    let foreign = app::ecs_service(world, "foreign");
    world.create_ecs_service(&foreign, &[]).await;
    let other = app::ecs_service(world, "other");
    let tags = [
        ("convox:rack", world.rack.as_str()),
        ("convox:app", "another"),
    ];
    world.create_ecs_service(&other, &tags).await;
    create(world, "blue-green", None).await;
    for (service, container, port) in [("lb-port", "lb-port", 9090), ("lb-name", "app", 8080)] {
        let balancer = LoadBalancer::builder()
            .target_group_arn("arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t/1");
        let balancer = balancer.container_name(container).container_port(port);
        create(world, service, Some(balancer.build())).await;
    }
    let line =
        |service, ecs: &str| format!(r#"app.json: {{"services": {{"{service}": "{ecs}"}}}}"#);
    let (foreign, other) = (line("foreign", &foreign), line("other", &other));
    for (service, error_type, says) in [
        (
            "foreign",
            "EcsServiceNotOurs",
            &["without the tags", foreign.as_str()][..],
        ),
        (
            "other",
            "EcsServiceNotOurs",
            &["without the tags", other.as_str()],
        ),
        (
            "blue-green",
            "DeploymentController",
            &["CODE_DEPLOY", "rolling", "`blue-green`"],
        ),
        (
            "lb-port",
            "LoadBalancerMismatch",
            &[
                "container `lb-port` port 9090",
                "`services.lb-port.port`",
                "8080",
            ],
        ),
        (
            "lb-name",
            "LoadBalancerMismatch",
            &["container `app` port 8080", "will be `lb-name`"],
        ),
    ] {
        let manifest = manifest_with(service);
        let ecs = app::ecs_service(&rack.world, service);
        let says: Vec<&str> = says.iter().copied().chain([ecs.as_str()]).collect();
        let before = app::running(&rack.world, service).await;
        rack.refuses(Bad {
            name: service,
            files: &[("convox.yml", &manifest)],
            environment: None,
            error_type,
            says: &says,
        })
        .await;
        assert_eq!(
            app::running(&rack.world, service).await,
            before,
            "{service}"
        );
    }
}

#[tokio::test]
async fn an_ecs_service_that_app_json_names_must_be_there() {
    let mut rack = Rack::new().await;
    let cluster = rack.world.cluster.clone();
    rack.refuses(Bad {
        name: "missing",
        files: &[("/app.json", r#"{"services": {"web": "old-web"}}"#)],
        environment: None,
        error_type: "EcsServiceMissing",
        says: &["app.json", "`old-web`", "`web`", &cluster],
    })
    .await;
}

#[tokio::test]
async fn an_ecs_service_that_app_json_names_is_one_services_and_no_other_apps() {
    let mut rack = Rack::new().await;
    let world = &rack.world;
    let front = app::lend(world, "front", APP).await;
    let back = world
        .create_ecs_service("back", &[("team", "payments")])
        .await;
    let lent = app::lend(world, "lent", "blog").await;
    let command = |arn: &str| {
        let value = format!("{}/{APP}", world.rack);
        format!("aws ecs tag-resource --resource-arn {arn} --tags key=convox:lent-to,value={value}")
    };
    let (take_back, take_lent) = (command(&back), command(&lent));
    let to_blog = format!("convox:lent-to={}/blog", world.rack);
    let other = [("convox:rack", "another"), ("convox:app", APP)];
    world.create_ecs_service("theirs", &other).await;
    let elsewhere = front.replace("us-east-1", "eu-west-1");
    let worker = app::ecs_service(world, "worker");
    for (name, services, error_type, says) in [
        (
            "two on one",
            json!({"web": "front", "worker": front}),
            "EcsServiceShared",
            &["`web` and `worker`", "`front`"][..],
        ),
        (
            "another's own",
            json!({"web": worker}),
            "EcsServiceShared",
            &["`web` and `worker`", &worker],
        ),
        (
            "another App's",
            json!({"web": "theirs"}),
            "EcsServiceNotOurs",
            &["`theirs`", "convox:rack=another", "left alone"],
        ),
        (
            "nobody's word",
            json!({"web": "back"}),
            "EcsServiceNotLent",
            &["`back`", "is not lent to this App", &take_back],
        ),
        (
            "another's word",
            json!({"web": lent, "worker": "back"}),
            "EcsServiceNotLent",
            &["`lent`", &to_blog, "left alone", &take_lent, &take_back],
        ),
        (
            "elsewhere",
            json!({"web": elsewhere}),
            "EcsServiceElsewhere",
            &[&elsewhere, "not in this Rack's cluster"],
        ),
    ] {
        let settings = json!({"services": services}).to_string();
        rack.refuses(Bad {
            name,
            files: &[("/app.json", &settings)],
            environment: None,
            error_type,
            says,
        })
        .await;
    }
}

#[tokio::test]
async fn an_ecs_service_that_app_json_names_must_be_free_and_of_a_kind_that_fits() {
    let mut rack = Rack::new().await;
    let world = &rack.world;
    app::lend(world, "front", APP).await;
    app::lend(world, "lent", APP).await;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let container = ContainerDefinition::builder().name("c").image("i").build();
    let register = world.ecs.register_task_definition().family("lent");
    let register = register
        .container_definitions(container)
        .requires_compatibilities(Compatibility::Fargate)
        .network_mode(NetworkMode::Awsvpc)
        .cpu("256")
        .memory("512");
    let register = register.tags(tag("convox:rack", &world.rack));
    let registered = register.tags(tag("convox:app", "another")).send().await;
    let lent = registered.unwrap().task_definition.unwrap();
    let lent = lent.task_definition_arn.unwrap();
    let update = world.ecs.update_service().cluster(&world.cluster);
    let update = update.service("lent").task_definition(&lent);
    update.send().await.unwrap();
    let agent = "services:\n  web:\n    image: a\n    agent: true\n";
    for (name, ecs, manifest, error_type, says) in [
        (
            "lent to another App",
            "lent",
            app::MANIFEST,
            "EcsServiceNotOurs",
            &[&*lent, "convox:app=another", "lent to another App"][..],
        ),
        (
            "an agent on a REPLICA",
            "front",
            agent,
            "SchedulingStrategyMismatch",
            &["`services.web.agent`", "`front`", "REPLICA"],
        ),
    ] {
        let settings = json!({"services": {"web": ecs}}).to_string();
        rack.refuses(Bad {
            name,
            files: &[("/app.json", &settings), ("convox.yml", manifest)],
            environment: None,
            error_type,
            says,
        })
        .await;
    }
}

#[tokio::test]
async fn somebody_elses_rule_of_a_timers_name_is_left_alone() {
    let mut rack = Rack::new().await;
    let name = app::rule(&rack.world, "theirs");
    let put = rack.world.eventbridge.put_rule().name(&name);
    put.schedule_expression("rate(5 minutes)")
        .send()
        .await
        .unwrap();
    let manifest = "services:\n  web:\n    image: a\ntimers:\n  theirs:\n    schedule: \"0 3 * * ?\"\n    command: c\n    service: web\n";
    rack.refuses(Bad {
        name: "somebody else's",
        files: &[("convox.yml", manifest)],
        environment: None,
        error_type: "RuleNotOurs",
        says: &[&name, "convox:rack", "rename the Timer `theirs`"],
    })
    .await;
    let rule = rack.world.eventbridge.describe_rule().name(&name);
    let rule = rule.send().await.unwrap();
    assert_eq!(rule.schedule_expression(), Some("rate(5 minutes)"));
}
