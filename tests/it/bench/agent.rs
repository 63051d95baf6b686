//! The agent's view of task definitions on the Secrets Manager path. The S3 path has tests of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_sdk_ecs::types::{ContainerDefinition, KeyValuePair, Secret};
use integration_tests::World;
use integration_tests::agent::{Agent, LaunchFailure, Origin, Variable};

fn agent(world: &World) -> Agent {
    Agent {
        ecs: world.ecs.clone(),
        secrets_manager: world.secrets_manager.clone(),
        access: world.task_access(),
        convox_env: PathBuf::from("/nonexistent"),
    }
}

async fn launch(
    world: &World,
    secrets: &[(&str, String)],
) -> Result<BTreeMap<String, Variable>, LaunchFailure> {
    let secret = |(name, value_from): &(&str, String)| {
        Secret::builder().name(*name).value_from(value_from).build()
    };
    let container = ContainerDefinition::builder()
        .name("web")
        .image("i")
        .memory(64)
        .environment(KeyValuePair::builder().name("PLAIN").value("p").build())
        .set_secrets(Some(
            secrets.iter().map(|pair| secret(pair).unwrap()).collect(),
        ))
        .build();
    let definition = world
        .ecs
        .register_task_definition()
        .family("f")
        .execution_role_arn("role");
    let registered = definition
        .container_definitions(container)
        .send()
        .await
        .unwrap();
    let arn = registered
        .task_definition
        .unwrap()
        .task_definition_arn
        .unwrap();
    agent(world)
        .launch(&arn)
        .await
        .map(|mut containers| containers.remove("web").unwrap())
}

/// A secret with two versions, and its ARN.
async fn secret(world: &World) -> String {
    let client = &world.secrets_manager;
    let create = client
        .create_secret()
        .name("r/a")
        .secret_string(r#"{"A":"old"}"#);
    let arn = create
        .client_request_token("1".repeat(32))
        .send()
        .await
        .unwrap()
        .arn
        .unwrap();
    let put = client
        .put_secret_value()
        .secret_id("r/a")
        .secret_string(r#"{"A":"new","N":1000000,"E":""}"#);
    put.client_request_token("2".repeat(32))
        .send()
        .await
        .unwrap();
    arn
}

#[tokio::test]
async fn every_form_of_reference_is_resolved() {
    let world = World::new().await;
    let arn = secret(&world).await;
    let references = [
        ("KEY", format!("{arn}:A::")),
        ("EMPTY", format!("{arn}:E::")),
        ("NUMBER", format!("{arn}:N::")),
        ("STAGE", format!("{arn}:A:AWSPREVIOUS:")),
        ("VERSION", format!("{arn}:A::{}", "1".repeat(32))),
        ("WHOLE", arn.clone()),
        ("WHOLE_STAGE", format!("{arn}::AWSPREVIOUS:")),
    ];
    let seen = launch(&world, &references).await.unwrap();
    let values: Vec<(&str, &str)> = seen
        .iter()
        .map(|(name, variable)| (name.as_str(), variable.value.as_str()))
        .collect();
    let want = [
        ("EMPTY", ""),
        ("KEY", "new"),
        ("NUMBER", "1e+06"),
        ("PLAIN", "p"),
        ("STAGE", "old"),
        ("VERSION", "old"),
        ("WHOLE", r#"{"A":"new","N":1000000,"E":""}"#),
        ("WHOLE_STAGE", r#"{"A":"old"}"#),
    ];
    assert_eq!(values, want);
    assert_eq!(seen["PLAIN"].origin, Origin::Environment);
    assert_eq!(seen["KEY"].origin, Origin::Secrets(format!("{arn}:A::")));
}

#[tokio::test]
async fn what_cannot_be_resolved_stops_the_launch_in_the_agents_words() {
    let world = World::new().await;
    let arn = secret(&world).await;
    for (value_from, wording) in [
        (
            format!("{arn}:NONE::"),
            "retrieved secret from Secrets Manager did not contain json key NONE",
        ),
        (
            format!("{arn}:A"),
            "an invalid ARN format for the AWS Secrets Manager secret was specified",
        ),
        (
            arn.replace("r/a", "r/b"),
            "The task can't retrieve the secret with ARN '",
        ),
        (
            format!("{arn}:A:NOSTAGE:"),
            "can't find the specified secret value for staging label: NOSTAGE",
        ),
        ("name".to_owned(), "arn: invalid prefix"),
    ] {
        let failure = launch(&world, &[("A", value_from.clone())])
            .await
            .unwrap_err();
        assert!(failure.0.contains(wording), "{value_from}: {failure}");
    }
    world
        .secrets_manager
        .delete_secret()
        .secret_id("r/a")
        .send()
        .await
        .unwrap();
    let failure = launch(&world, &[("A", format!("{arn}:A::"))])
        .await
        .unwrap_err();
    assert!(failure.0.contains("InvalidRequestException"), "{failure}");
}

#[tokio::test]
async fn an_unreachable_convox_env_stops_a_launch_on_the_s3_path_only() {
    let world = World::new().await;
    let arn = secret(&world).await;
    let url = [("CONVOX_ENV_URL", format!("{arn}:A::"))];
    let failure = launch(&world, &url).await.unwrap_err();
    assert!(failure.0.contains("cannot run /nonexistent"), "{failure}");
}
