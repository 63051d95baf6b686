//! The agent's view of task definitions, on both deliveries.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ContainerDefinition, KeyValuePair, Secret};
use double::proxy::DeletedIds;
use rig::agent::{Agent, Entrypoint, LaunchFailure, Origin, Variable};
use rig::{World, agent, assert_absent, binaries, canary};
use tokio::process::Command;

fn without_convox_env(world: &World) -> Agent {
    Agent {
        ecs: world.ecs.clone(),
        secrets_manager: world.secrets_manager.clone(),
        s3: world.s3.clone(),
        access: world.task_access(),
        convox_env: Entrypoint::Built("/nonexistent".into()),
    }
}

/// Registers a task with one container that has `PLAIN` and what is given, and answers its ARN.
async fn register(
    world: &World,
    secrets: &[(&str, String)],
    variables: &[(&str, String)],
) -> String {
    let secret = |(name, value_from): &(&str, String)| {
        let secret = Secret::builder().name(*name).value_from(value_from);
        secret.build().unwrap()
    };
    let pair =
        |(name, value): &(&str, String)| KeyValuePair::builder().name(*name).value(value).build();
    let container = ContainerDefinition::builder()
        .name("web")
        .image("i")
        .memory(64)
        .set_environment(Some(variables.iter().map(pair).collect()))
        .environment(KeyValuePair::builder().name("PLAIN").value("p").build())
        .set_secrets(Some(secrets.iter().map(secret).collect()));
    let definition = world.ecs.register_task_definition().family("f");
    let definition = definition
        .execution_role_arn("role")
        .container_definitions(container.build());
    let registered = definition.send().await.unwrap().task_definition.unwrap();
    registered.task_definition_arn.unwrap()
}

async fn launch(
    world: &World,
    secrets: &[(&str, String)],
) -> Result<BTreeMap<String, Variable>, LaunchFailure> {
    let arn = register(world, secrets, &[]).await;
    let mut containers = without_convox_env(world).launch(&arn).await?;
    Ok(containers.remove("web").unwrap())
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
    let (first, none) = ("1".repeat(32), "3".repeat(32));
    let lacks_key = "retrieved secret from Secrets Manager did not contain json key N";
    let not_found = format!(
        "ResourceNotFoundException: The task can't retrieve the secret with ARN '{arn}' from AWS Secrets Manager. Check \
         whether the secret exists in the specified Region: "
    );
    let not_there =
        format!("{not_found}ResourceNotFoundException: Secrets Manager can't find the specified");
    let no_id = format!("{not_there} secret value for VersionId: {none}");
    let no_label = format!("{not_there} secret value for staging label: NOSTAGE");
    for (value_from, wording) in [
        (
            format!("{arn}:NONE::"),
            "retrieved secret from Secrets Manager did not contain json key NONE",
        ),
        (format!("{arn}:N::{first}"), lacks_key),
        (format!("{arn}:N:AWSPREVIOUS:"), lacks_key),
        (format!("{arn}:A::{none}"), &no_id),
        (format!("{arn}:A:NOSTAGE:"), &no_label),
        (
            format!("{arn}:A:release:{first}:"),
            "an invalid ARN format for the AWS Secrets Manager secret was specified",
        ),
        (
            format!("{arn}:A"),
            "an invalid ARN format for the AWS Secrets Manager secret was specified",
        ),
        (
            arn.replace("r/a", "r/b"),
            "The task can't retrieve the secret with ARN '",
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
async fn a_pinned_version_is_read_as_long_as_it_stands() {
    let world = World::new().await;
    let arn = secret(&world).await;
    let (client, label) = (&world.secrets_manager, "a1b2c3d4e5");
    for (digit, label) in [("3", label), ("4", "fourth"), ("5", "fifth")] {
        let put = client.put_secret_value().secret_id("r/a");
        let put = put.secret_string(format!(r#"{{"A":"{digit}"}}"#));
        let put = put.client_request_token(digit.repeat(32));
        let put = put.version_stages("AWSCURRENT").version_stages(label);
        put.send().await.unwrap();
    }
    let pinned = |digit: &str| format!("{arn}:A::{}", digit.repeat(32));
    let references = [
        ("LABELLED", pinned("3")),
        ("BY_LABEL", format!("{arn}:A:{label}:")),
    ];
    for is_cleaned_up in [false, true] {
        if is_cleaned_up {
            world
                .proxy
                .delete_deprecated_versions("r/a", DeletedIds::Free);
        }
        let seen = launch(&world, &references).await.unwrap();
        for (name, _) in &references {
            assert_eq!(seen[*name].value, "3", "{name}");
        }
        let unlabelled = launch(&world, &[("A", pinned("2"))]).await;
        let unlabelled = unlabelled.map(|seen| seen["A"].value.clone());
        match unlabelled {
            Ok(value) => assert_eq!((value.as_str(), is_cleaned_up), ("new", false)),
            Err(failure) => {
                let wording = format!("VersionId: {}", "2".repeat(32));
                assert!(is_cleaned_up && failure.0.ends_with(&wording), "{failure}");
            }
        }
    }
}

#[tokio::test]
async fn the_s3_path_goes_through_convox_env_and_shows_nothing_of_the_rig() {
    let world = World::new().await;
    let plain = b"A=1\nB=two words\n".to_vec();
    for object in [plain.clone(), world.seal(&plain).await] {
        let version = world.put("apps/a/releases/R1/env", object).await;
        let url = format!(
            "s3://{}/apps/a/releases/R1/env?versionId={version}",
            world.bucket
        );
        let variables = [
            ("CONVOX_ENV_KEY", world.key_arn.clone()),
            ("CONVOX_ENV_URL", url),
            ("CONVOX_ENV_VARS", "*".to_owned()),
        ];
        let arn = register(&world, &[], &variables).await;
        let mut seen = agent::task_sees(&world, &arn)
            .await
            .unwrap()
            .remove("web")
            .unwrap();
        seen.retain(|name, _| !name.starts_with("CONVOX_ENV_"));
        let seen: Vec<(&str, &str)> = seen
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(seen, [("A", "1"), ("B", "two words"), ("PLAIN", "p")]);
    }
}

#[tokio::test]
async fn the_program_task_sees_prints_names_and_origins_and_no_value() {
    let world = World::new().await;
    let (value, app) = (canary::value("A"), "apps/a/releases/R1/env");
    let version = world.put(app, format!("A={value}\n")).await;
    let url = format!("s3://{}/{app}?versionId={version}", world.bucket);
    let create = world.secrets_manager.create_secret().name("r/a");
    let secret = create
        .secret_string(format!("{{\"S\":\"{value}\"}}"))
        .send()
        .await
        .unwrap();
    let value_from = format!("{}:S::", secret.arn.unwrap());
    let variables = [("CONVOX_ENV_URL", url), ("CONVOX_ENV_VARS", "A".to_owned())];
    let arn = register(&world, &[("S", value_from.clone())], &variables).await;
    binaries::built("convox-env");
    let mut program = Command::new(env!("CARGO_BIN_EXE_task-sees"));
    program.arg(&arn).env_clear().envs(world.task_access());
    let output = program.output().await.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<Vec<&str>> = printed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    for line in [
        vec!["web"],
        vec!["A", "convox-env"],
        vec!["PLAIN", "environment"],
        vec!["S", "secrets", &value_from],
    ] {
        assert!(
            lines.contains(&line),
            "{line:?} is not in\n{printed}{errors}"
        );
    }
    assert_absent(&[printed, errors]);
}

#[tokio::test]
async fn an_unreachable_convox_env_stops_a_launch_on_the_s3_path_only() {
    let world = World::new().await;
    let arn = secret(&world).await;
    let url = [("CONVOX_ENV_URL", format!("{arn}:A::"))];
    let failure = launch(&world, &url).await.unwrap_err();
    assert!(failure.0.contains("cannot run /nonexistent"), "{failure}");
}
