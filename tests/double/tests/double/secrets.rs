//! Secrets Manager's rules: values, names, tokens, labels. Deletion has a file of its own.

use std::collections::HashMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::create_secret::{CreateSecretError, CreateSecretOutput};
use aws_sdk_secretsmanager::operation::put_secret_value::{
    PutSecretValueError, PutSecretValueOutput,
};
use aws_sdk_secretsmanager::primitives::Blob;
use rig::World;

use super::code;

pub(super) fn token(character: char) -> String {
    character.to_string().repeat(32)
}

pub(super) async fn create(
    client: &Client,
    token: &str,
    value: &str,
) -> Result<CreateSecretOutput, SdkError<CreateSecretError>> {
    client
        .create_secret()
        .name("r/a")
        .client_request_token(token)
        .secret_string(value)
        .send()
        .await
}

pub(super) async fn put(
    client: &Client,
    token: &str,
    value: &str,
) -> Result<PutSecretValueOutput, SdkError<PutSecretValueError>> {
    client
        .put_secret_value()
        .secret_id("r/a")
        .client_request_token(token)
        .secret_string(value)
        .send()
        .await
}

pub(super) async fn current(client: &Client) -> (String, String) {
    let read = client
        .get_secret_value()
        .secret_id("r/a")
        .send()
        .await
        .unwrap();
    (read.version_id.unwrap(), read.secret_string.unwrap())
}

async fn stages(client: &Client) -> HashMap<String, Vec<String>> {
    let described = client.describe_secret().secret_id("r/a").send();
    described.await.unwrap().version_ids_to_stages.unwrap()
}

#[tokio::test]
async fn values_and_tokens_have_limits() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    create(client, &token('1'), "v").await.unwrap();
    put(client, &token('2'), &"x".repeat(65_536)).await.unwrap();
    for (token, value) in [
        (token('3'), String::new()),
        (token('3'), "x".repeat(65_537)),
        (token('3'), "ä".repeat(32_769)), // bytes count, not characters
        ("3".repeat(31), "v".to_owned()),
        ("3".repeat(65), "v".to_owned()),
    ] {
        let case = format!("token of {}, value of {} bytes", token.len(), value.len());
        let outcome = code(put(client, &token, &value).await);
        assert_eq!(outcome, "ValidationException", "{case}");
    }
    let both = client.put_secret_value().secret_id("r/a");
    let both = both.secret_string("v").secret_binary(Blob::new("v"));
    assert_eq!(code(both.send().await), "InvalidParameterException");
}

#[tokio::test]
async fn names_have_a_charset_and_a_length() {
    let world = World::new().await;
    for name in ["", "bad name", "a!b", "a*", &"x".repeat(513)] {
        let create = world.secrets_manager.create_secret().name(name);
        let outcome = code(create.secret_string("v").send().await);
        assert_eq!(outcome, "ValidationException", "{name}");
    }
}

#[tokio::test]
async fn a_token_is_the_version_id_and_creates_once() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    let (one, two) = (token('1'), token('2'));
    for _ in 0..2 {
        let created = create(client, &one, "v1").await.unwrap();
        assert_eq!(created.version_id, Some(one.clone()));
    }
    for (token, value) in [(&one, "other"), (&two, "v1")] {
        let outcome = code(create(client, token, value).await);
        assert_eq!(outcome, "ResourceExistsException", "{token} {value}");
    }
    assert_eq!(current(client).await, (one, "v1".to_owned()));
}

#[tokio::test]
async fn a_token_writes_once_and_an_old_one_does_not_come_back() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    let (one, two) = (token('1'), token('2'));
    create(client, &one, "v1").await.unwrap();
    for _ in 0..2 {
        let written = put(client, &two, "v2").await.unwrap();
        assert_eq!(written.version_stages(), ["AWSCURRENT"]);
    }
    let outcome = code(put(client, &two, "other").await);
    assert_eq!(outcome, "ResourceExistsException");
    let replayed = put(client, &one, "v1").await.unwrap();
    assert_eq!(replayed.version_stages(), ["AWSPREVIOUS"]);
    assert_eq!(current(client).await, (two.clone(), "v2".to_owned()));
    let stages = stages(client).await;
    assert_eq!(stages[&one], ["AWSPREVIOUS"]);
    assert_eq!(stages[&two], ["AWSCURRENT"]);
}

#[tokio::test]
async fn a_label_moves_only_with_the_version_it_leaves_named() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    let (one, two) = (token('1'), token('2'));
    create(client, &one, "v1").await.unwrap();
    put(client, &two, "v2").await.unwrap();
    let move_to_one = || {
        let call = client.update_secret_version_stage().secret_id("r/a");
        call.version_stage("AWSCURRENT").move_to_version_id(&one)
    };
    assert_eq!(
        code(move_to_one().send().await),
        "InvalidParameterException"
    );
    assert_eq!(
        code(move_to_one().remove_from_version_id(&one).send().await),
        "InvalidParameterException"
    );
    move_to_one()
        .remove_from_version_id(&two)
        .send()
        .await
        .unwrap();
    assert_eq!(current(client).await, (one.clone(), "v1".to_owned()));
    let previous = client
        .get_secret_value()
        .secret_id("r/a")
        .version_stage("AWSPREVIOUS")
        .send()
        .await
        .unwrap();
    assert_eq!(previous.version_id(), Some(two.as_str()));
    let remove = client
        .update_secret_version_stage()
        .secret_id("r/a")
        .version_stage("AWSCURRENT");
    assert_eq!(
        code(remove.remove_from_version_id(&one).send().await),
        "InvalidParameterException"
    );
}
