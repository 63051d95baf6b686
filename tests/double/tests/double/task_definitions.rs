//! ECS's rules: what can be registered, and which revision can be used.

use rig::World;
use serde_json::{Value, json};

use super::{code, refusal};
use aws_sdk_ecs::types::builders::ContainerDefinitionBuilder;
use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, EnvironmentFile, EnvironmentFileType, KeyValuePair,
    NetworkMode, Secret,
};

type Definition =
    aws_sdk_ecs::operation::register_task_definition::builders::RegisterTaskDefinitionFluentBuilder;

const ROLE: &str = "arn:aws:iam::123456789012:role/execution";

/// One container with a secret `A`, which ECS takes.
fn good(world: &World) -> Definition {
    with(world, container(&["A"], &[]))
}

fn with(world: &World, container: ContainerDefinition) -> Definition {
    let definition = world
        .ecs
        .register_task_definition()
        .family("f")
        .execution_role_arn(ROLE);
    definition.container_definitions(container)
}

fn container(secrets: &[&str], environment: &[&str]) -> ContainerDefinition {
    let secret = |name: &&str| {
        Secret::builder()
            .name(*name)
            .value_from("arn:x")
            .build()
            .unwrap()
    };
    let pair = |name: &&str| KeyValuePair::builder().name(*name).value("v").build();
    ContainerDefinition::builder()
        .name("web")
        .image("image")
        .memory(64)
        .set_secrets(Some(secrets.iter().map(secret).collect()))
        .set_environment(Some(environment.iter().map(pair).collect()))
        .build()
}

fn named(name: &str) -> ContainerDefinitionBuilder {
    ContainerDefinition::builder()
        .name(name)
        .image("i")
        .memory(64)
}

fn fargate(world: &World, cpu: &str, memory: &str, mode: NetworkMode) -> Definition {
    let definition = good(world).requires_compatibilities(Compatibility::Fargate);
    definition.cpu(cpu).memory(memory).network_mode(mode)
}

async fn assert_refused(definition: Definition, wording: &str) {
    let (code, message) = refusal(definition.send().await);
    assert_eq!(code, "ClientException", "{message}");
    assert!(message.contains(wording), "wanted {wording}, got {message}");
}

#[tokio::test]
async fn a_secrets_name_is_unique_and_needs_an_execution_role() {
    let world = World::new().await;
    let no_role = world.ecs.register_task_definition().family("f");
    let no_role = no_role.container_definitions(container(&["A"], &[]));
    for (definition, wording) in [
        (with(&world, container(&["A"], &["A"])), "such as 'A'"),
        (
            with(&world, container(&["B", "A", "A"], &[])),
            "such as 'A'",
        ),
        (
            no_role,
            "you must also specify a value for 'executionRoleArn'",
        ),
    ] {
        assert_refused(definition, wording).await;
    }
}

#[tokio::test]
async fn environment_files_are_objects_that_end_in_env_and_at_most_ten() {
    let world = World::new().await;
    let files = |arns: &[&str], kind: EnvironmentFileType| {
        let file = |arn: &&str| {
            let file = EnvironmentFile::builder().value(*arn).r#type(kind.clone());
            file.build().unwrap()
        };
        let files = arns.iter().map(file).collect();
        named("web").set_environment_files(Some(files)).build()
    };
    let s3 = || EnvironmentFileType::S3;
    let good = "arn:aws-cn:s3:::bucket/folder/.env";
    let definition = with(&world, files(&[good; 10], s3()));
    definition.send().await.unwrap();
    let no_role = world.ecs.register_task_definition().family("f");
    let no_role = no_role.container_definitions(files(&[good], s3()));
    for (definition, wording) in [
        (with(&world, files(&[good; 11], s3())), "at most 10 items"),
        (
            with(&world, files(&["arn:aws:s3:::bucket/a.txt"], s3())),
            "must end in .env",
        ),
        (
            with(&world, files(&["s3://bucket/a.env"], s3())),
            "use an object's ARN",
        ),
        (
            with(&world, files(&["arn:aws:s3:::bucket"], s3())),
            "use an object's ARN",
        ),
        (
            with(&world, files(&[good], EnvironmentFileType::from("ssm"))),
            "the type s3",
        ),
        (no_role, "'executionRoleArn'"),
    ] {
        assert_refused(definition, wording).await;
    }
}

#[tokio::test]
async fn names_numbers_and_sizes_have_limits() {
    let world = World::new().await;
    let many = (0..10).fold(good(&world), |definition, index| {
        definition.container_definitions(named(&format!("c{index}")).build())
    });
    let huge = KeyValuePair::builder()
        .name("A")
        .value("x".repeat(65_536))
        .build();
    let no_memory = ContainerDefinition::builder()
        .name("web")
        .image("i")
        .build();
    for (definition, wording) in [
        (
            with(&world, named("web").environment(huge).build()),
            "Max allowed length is '65536' bytes",
        ),
        (many, "at most 10"),
        (
            good(&world).family("r/a"),
            "Family contains invalid characters",
        ),
        (
            with(&world, named("a.b").build()),
            "Container.name contains invalid characters",
        ),
        (
            good(&world).container_definitions(named("web").build()),
            "unique",
        ),
        (
            with(&world, named("web").essential(false).build()),
            "essential",
        ),
        (with(&world, no_memory), "'memory' or 'memoryReservation'"),
    ] {
        assert_refused(definition, wording).await;
    }
}

#[tokio::test]
async fn fargate_has_certain_sizes_and_one_network_mode() {
    let world = World::new().await;
    for (cpu, memory, mode, wording) in [
        (
            "256",
            "4096",
            NetworkMode::Awsvpc,
            "No Fargate configuration exists",
        ),
        (
            "300",
            "512",
            NetworkMode::Awsvpc,
            "No Fargate configuration exists",
        ),
        (
            "8192",
            "17408",
            NetworkMode::Awsvpc,
            "No Fargate configuration exists",
        ),
        ("256", "512", NetworkMode::Bridge, "awsvpc"),
    ] {
        assert_refused(fargate(&world, cpu, memory, mode), wording).await;
    }
}

#[tokio::test]
async fn definitions_that_ecs_takes_are_taken() {
    let world = World::new().await;
    good(&world).send().await.unwrap();
    for (cpu, memory) in [
        ("256", "512"),
        (".25 vCPU", "0.5 GB"),
        ("1 vCPU", "8GB"),
        ("16384", "122880"),
    ] {
        let definition = fargate(&world, cpu, memory, NetworkMode::Awsvpc);
        let registered = definition.send().await;
        assert!(registered.is_ok(), "{cpu} {memory}: {registered:?}");
    }
}

#[tokio::test]
async fn a_service_moves_only_to_an_active_revision() {
    let world = World::new().await;
    let service = world.create_ecs_service("web", &[]).await;
    let update = |revision: &str| {
        let update = world
            .ecs
            .update_service()
            .cluster(&world.cluster)
            .service(&service);
        update.task_definition(revision).send()
    };
    let registered = fargate(&world, "256", "512", NetworkMode::Awsvpc);
    let registered = registered.send().await.unwrap().task_definition.unwrap();
    let arn = registered.task_definition_arn.unwrap();
    update(&arn).await.unwrap();
    update("f")
        .await
        .expect("a family alone is its newest revision");
    for unknown in ["f:99", "nobody:1", &arn.replace(":1", ":2")] {
        assert_eq!(code(update(unknown).await), "ClientException", "{unknown}");
    }
    world
        .ecs
        .deregister_task_definition()
        .task_definition(&arn)
        .send()
        .await
        .unwrap();
    let (code, message) = refusal(update(&arn).await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("ClientException", "TaskDefinition is inactive")
    );
}

#[tokio::test]
async fn a_registered_definition_comes_back_as_it_went_in() {
    let world = World::new().await;
    let definition = with(&world, container(&["A", "B"], &["C"]));
    let registered = definition.send().await.unwrap().task_definition.unwrap();
    let described = world
        .ecs
        .describe_task_definition()
        .task_definition(registered.task_definition_arn().unwrap());
    let described = described.send().await.unwrap().task_definition.unwrap();
    let containers = described.container_definitions();
    let names: Value = containers[0].secrets().iter().map(Secret::name).collect();
    assert_eq!(names, json!(["A", "B"]));
    assert_eq!(described.execution_role_arn(), Some(ROLE));
}

#[tokio::test]
async fn a_family_alone_stands_for_its_newest_active_revision() {
    let world = World::new().await;
    let register = async || {
        let answer = good(&world).family("fam").send().await;
        answer.unwrap().task_definition.unwrap().revision()
    };
    let newest = async || {
        let request = world.ecs.describe_task_definition().task_definition("fam");
        let answer = request.send().await.ok()?;
        Some(answer.task_definition()?.revision())
    };
    let deregister = async |revision: i32| {
        let named = format!("fam:{revision}");
        let request = world.ecs.deregister_task_definition();
        request.task_definition(named).send().await.unwrap();
    };
    assert_eq!((register().await, register().await), (1, 2));
    assert_eq!(newest().await, Some(2));
    deregister(2).await;
    assert_eq!(newest().await, Some(1));
    deregister(1).await;
    assert_eq!(newest().await, None);
}
