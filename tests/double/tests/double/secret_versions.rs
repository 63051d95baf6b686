//! Secrets Manager's rules: which labels a secret's versions have, and what becomes of a version without one.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::put_secret_value::{
    PutSecretValueError, PutSecretValueOutput,
};
use aws_sdk_secretsmanager::operation::update_secret_version_stage::UpdateSecretVersionStageError;
use aws_smithy_types::body::SdkBody;
use double::proxy::DeletedIds;
use rig::World;
use serde_json::json;

use super::secrets::{create, current, put, token};
use super::{code, refusal};

/// Which labels each version has.
type Labels = BTreeMap<String, Vec<String>>;

async fn put_labelled(
    client: &Client,
    token: &str,
    value: &str,
    labels: &[&str],
) -> Result<PutSecretValueOutput, SdkError<PutSecretValueError>> {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    let put = client.put_secret_value().secret_id("r/a");
    let put = put.client_request_token(token).secret_string(value);
    put.set_version_stages(Some(labels)).send().await
}

/// Puts a label on a version, taking it from no other.
async fn attach(
    client: &Client,
    label: &str,
    token: &str,
) -> Result<(), SdkError<UpdateSecretVersionStageError>> {
    let update = client.update_secret_version_stage().secret_id("r/a");
    let update = update.version_stage(label).move_to_version_id(token);
    update.send().await.map(drop)
}

async fn detach(client: &Client, label: &str, token: &str) {
    let update = client.update_secret_version_stage().secret_id("r/a");
    let update = update.version_stage(label).remove_from_version_id(token);
    update.send().await.unwrap();
}

/// Of every version that has one, in order.
async fn labels(client: &Client) -> Labels {
    let described = client.describe_secret().secret_id("r/a").send();
    let stages = described.await.unwrap().version_ids_to_stages.unwrap();
    let sorted = stages.into_iter().map(|(id, mut labels)| {
        labels.sort();
        (id, labels)
    });
    sorted.collect()
}

fn labels_of(versions: &[(&String, &[&str])]) -> Labels {
    let owned = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
    let versions = versions.iter();
    versions
        .map(|(id, labels)| ((*id).clone(), owned(labels)))
        .collect()
}

#[tokio::test]
async fn a_put_moves_current_only_where_it_names_it_or_no_label() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    let [one, two, three] = ['1', '2', '3'].map(token);
    create(client, &one, "v1").await.unwrap();
    let written = put_labelled(client, &two, "v2", &["own"]).await.unwrap();
    assert_eq!(written.version_stages(), ["own"]);
    assert_eq!(current(client).await, (one.clone(), "v1".to_owned()));
    let both = ["AWSCURRENT", "own"];
    let written = put_labelled(client, &three, "v3", &both).await.unwrap();
    assert_eq!(written.version_stages(), both);
    let want = [(&one, &["AWSPREVIOUS"][..]), (&three, &both[..])];
    assert_eq!(labels(client).await, labels_of(&want));
    let unlabelled = client.get_secret_value().secret_id("r/a").version_id(&two);
    assert_eq!(
        unlabelled.send().await.unwrap().secret_string(),
        Some("v2"),
        "it stands for now"
    );
}

#[tokio::test]
async fn the_first_version_is_current_whatever_its_labels() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    let empty = client.create_secret().name("r/a").send().await.unwrap();
    assert_eq!(empty.version_id(), None);
    let one = token('1');
    put_labelled(client, &one, "v1", &["own"]).await.unwrap();
    let want = labels_of(&[(&one, &["AWSCURRENT", "own"])]);
    assert_eq!(labels(client).await, want);
}

/// The SDK's request has no such member, so it is written by hand.
#[tokio::test]
async fn a_creation_attaches_current_alone() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    let one = token('1');
    let body = json!({
        "Name": "r/a", "SecretString": "v1", "ClientRequestToken": one, "VersionStages": ["own"],
    });
    let create = client.create_secret().name("r/a").customize();
    let create = create.mutate_request(move |request| {
        let body = body.to_string();
        let length = body.len().to_string();
        request.headers_mut().insert("content-length", length);
        *request.body_mut() = SdkBody::from(body);
    });
    create.send().await.unwrap();
    let want = labels_of(&[(&one, &["AWSCURRENT"])]);
    assert_eq!(labels(client).await, want);
}

#[tokio::test]
async fn a_put_that_was_made_before_attaches_no_label() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    let [one, two] = ['1', '2'].map(token);
    create(client, &one, "v1").await.unwrap();
    put_labelled(client, &two, "v2", &["own"]).await.unwrap();
    let before = labels(client).await;
    let more = ["AWSCURRENT", "own", "other"];
    let replayed = put_labelled(client, &two, "v2", &more).await.unwrap();
    assert_eq!(replayed.version_stages(), ["own"]);
    let outcome = code(put_labelled(client, &two, "other", &more).await);
    assert_eq!(outcome, "ResourceExistsException");
    assert_eq!(labels(client).await, before);
}

#[tokio::test]
async fn a_label_has_1_to_256_characters_and_a_put_1_to_20_labels() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    let [one, two] = ['1', '2'].map(token);
    create(client, &one, "v1").await.unwrap();
    let (longest, too_long) = ("ä".repeat(256), "l".repeat(257));
    for refused in [&[""][..], &[too_long.as_str()], &[], &["own"; 21]] {
        let outcome = code(put_labelled(client, &two, "v2", refused).await);
        assert_eq!(outcome, "ValidationException", "{refused:?}");
    }
    for label in ["", &too_long] {
        let outcome = code(attach(client, label, &one).await);
        assert_eq!(outcome, "ValidationException", "{label}");
    }
    put_labelled(client, &two, "v2", &[&longest]).await.unwrap();
}

#[tokio::test]
async fn a_secret_has_at_most_20_labels_and_aws_own_count() {
    let world = World::new().await;
    let config = world.secrets_manager.config().to_builder();
    let config = config.retry_config(RetryConfig::disabled()); // the SDK takes the refusal for throttling
    let client = &Client::from_conf(config.build());
    let [one, two, three] = ['1', '2', '3'].map(token);
    create(client, &one, "v1").await.unwrap();
    let own: Vec<String> = (1..20).map(|number| format!("own-{number}")).collect();
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    put_labelled(client, &two, "v2", &own).await.unwrap(); // the twentieth is AWSCURRENT
    let full = labels(client).await;
    let too_many = "You exceeded the maximum number of staging labels allowed on a secret.";
    for refused in [
        refusal(attach(client, "own-20", &two).await),
        refusal(attach(client, "AWSPENDING", &two).await),
        refusal(put(client, &three, "v3").await), // AWSPREVIOUS would stay behind
        refusal(put_labelled(client, &three, "v3", &["own-1", "own-20"]).await),
    ] {
        let want = ("LimitExceededException".to_owned(), too_many.to_owned());
        assert_eq!(refused, want);
    }
    assert_eq!(labels(client).await, full, "nothing has moved");
    let moved = put_labelled(client, &three, "v3", &["own-1"]).await;
    assert_eq!(moved.unwrap().version_stages(), ["own-1"]);
    detach(client, "own-2", &two).await;
    attach(client, "AWSPENDING", &two).await.unwrap();
}

#[tokio::test]
async fn a_version_without_a_label_can_go_and_its_id_be_free_or_taken() {
    for (ids, again) in [
        (DeletedIds::Free, Ok(())),
        (DeletedIds::Taken, Err("ResourceExistsException")),
    ] {
        let world = World::new().await;
        let client = &world.secrets_manager;
        let [one, two, three] = ['1', '2', '3'].map(token);
        create(client, &one, "v1").await.unwrap();
        put(client, &two, "v2").await.unwrap();
        put(client, &three, "v3").await.unwrap();
        let before = labels(client).await;
        world.proxy.delete_deprecated_versions("r/a", ids);
        assert_eq!(labels(client).await, before, "{ids:?}");
        let list = client.list_secret_version_ids().secret_id("r/a");
        let listed = list.include_deprecated(true).send().await.unwrap();
        assert_eq!(listed.versions().len(), 2, "{ids:?}");

        let read = client.get_secret_value().secret_id("r/a").version_id(&one);
        let (code, message) = refusal(read.send().await);
        assert_eq!(code, "ResourceNotFoundException", "{ids:?}");
        assert!(message.ends_with(&format!("VersionId: {one}")), "{message}");
        let (code, _) = refusal(attach(client, "own", &one).await);
        assert_eq!(code, "ResourceNotFoundException", "{ids:?}");
        let put = put_labelled(client, &one, "v1", &["own"]).await;
        match again {
            Ok(()) => assert_eq!(put.unwrap().version_stages(), ["own"]),
            Err(want) => assert_eq!(refusal(put).0, want),
        }
    }
}
