//! ECS's rules about one-off tasks: what a client token means, what a request may say, and room.

use aws_sdk_ecs::operation::run_task::builders::RunTaskFluentBuilder;
use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, ContainerOverride, LaunchType, NetworkMode, PropagateTags,
    TaskOverride,
};
use rig::World;

use super::refusal;

async fn register(world: &World) -> String {
    let container = ContainerDefinition::builder().name("c").image("i").build();
    let registered = world.ecs.register_task_definition().family("one-off");
    let registered = registered
        .network_mode(NetworkMode::Awsvpc)
        .requires_compatibilities(Compatibility::Fargate)
        .cpu("256")
        .memory("512")
        .container_definitions(container);
    let registered = registered.send().await.unwrap().task_definition.unwrap();
    registered.task_definition_arn.unwrap()
}

/// A task on Fargate that ECS takes.
fn good(world: &World, definition: &str, token: &str) -> RunTaskFluentBuilder {
    let run = world.ecs.run_task().cluster(&world.cluster);
    run.task_definition(definition)
        .launch_type(LaunchType::Fargate)
        .network_configuration(World::network())
        .client_token(token)
}

fn command(container: &str, command: &str) -> TaskOverride {
    let container = ContainerOverride::builder().name(container);
    let container = container.command(command).build();
    TaskOverride::builder()
        .container_overrides(container)
        .build()
}

async fn started(run: RunTaskFluentBuilder) -> String {
    let answer = run.send().await.unwrap();
    answer.tasks()[0].task_arn().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_token_starts_one_task_and_names_it_to_a_request_for_something_else() {
    let world = World::new().await;
    let definition = register(&world).await;
    let first = started(good(&world, &definition, "t1")).await;
    assert_eq!(started(good(&world, &definition, "t1")).await, first);
    assert_ne!(started(good(&world, &definition, "t2")).await, first);
    let other = good(&world, &definition, "t1").overrides(command("c", "ls"));
    let refused = other.send().await.unwrap_err().into_service_error();
    assert!(refused.is_conflict_exception(), "{refused:?}");
    let aws_sdk_ecs::operation::run_task::RunTaskError::ConflictException(conflict) = refused
    else {
        panic!("it is a conflict");
    };
    assert_eq!(conflict.resource_ids(), [first.as_str()]);

    // The token remembers also what could not be started any more.
    let retire = world.ecs.deregister_task_definition();
    retire.task_definition(&definition).send().await.unwrap();
    assert_eq!(started(good(&world, &definition, "t1")).await, first);
    let (code, message) = refusal(good(&world, &definition, "t3").send().await);
    assert_eq!(code, "ClientException");
    assert!(message.contains("inactive"), "{message}");
}

#[tokio::test]
async fn a_request_that_ecs_does_not_take_is_refused() {
    let world = World::new().await;
    let definition = register(&world).await;
    let good = |token: &str| good(&world, &definition, token);
    // The longest overrides, brackets and quotes included.
    let around = r#"{"containerOverrides":[{"command":[""],"name":"c"}]}"#.len();
    let longest = command("c", &"ü".repeat(8192 - around));
    started(good("t").overrides(longest)).await;
    for (run, wording) in [
        (
            good("t1").overrides(command("c", &"x".repeat(8193 - around))),
            "8193 characters",
        ),
        (
            good("t1").overrides(command("d", "ls")),
            "not in the TaskDefinition",
        ),
        (good(&"t".repeat(65)), "client token"),
        (good("a token"), "client token"),
        (good("t1").started_by("convox.shop"), "startedBy"),
        (good("t1").started_by("x".repeat(129)), "startedBy"),
        (good("t1").count(11), "between 1 and 10"),
        (good("t1").count(0), "between 1 and 10"),
        (
            good("t1").propagate_tags(PropagateTags::Service),
            "propagateTags",
        ),
        (
            good("t1").set_network_configuration(None),
            "Network Configuration must be provided",
        ),
    ] {
        let (code, message) = refusal(run.send().await);
        assert_eq!(code, "InvalidParameterException", "{message}");
        assert!(message.contains(wording), "wanted {wording}, got {message}");
    }
}

#[tokio::test]
async fn where_there_is_no_room_ecs_answers_with_a_reason_and_the_token_stays_free() {
    let world = World::new().await;
    let definition = register(&world).await;
    world.proxy.refuse_tasks(Some("RESOURCE:MEMORY"));
    let answer = good(&world, &definition, "t1").send().await.unwrap();
    assert!(answer.tasks().is_empty());
    assert_eq!(answer.failures()[0].reason(), Some("RESOURCE:MEMORY"));
    world.proxy.refuse_tasks(None);
    started(good(&world, &definition, "t1")).await;
}
