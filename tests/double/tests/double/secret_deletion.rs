//! Secrets Manager's rules: deletion, restoring, and which names lead to a secret.

use rig::World;

use super::secrets::{create, current, put, token};
use super::{code, refusal};

#[tokio::test]
async fn a_recovery_window_is_7_to_30_days() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    create(client, &token('1'), "v1").await.unwrap();
    for days in [6, 31] {
        let delete = client.delete_secret().secret_id("r/a");
        let outcome = code(delete.recovery_window_in_days(days).send().await);
        assert_eq!(outcome, "InvalidParameterException", "{days}");
    }
    let delete = client.delete_secret().secret_id("r/a");
    let deleted = delete.recovery_window_in_days(30).send().await.unwrap();
    let described = client.describe_secret().secret_id("r/a").send();
    assert_eq!(described.await.unwrap().deleted_date, deleted.deletion_date);
}

#[tokio::test]
async fn a_secret_scheduled_for_deletion_can_only_be_described_and_restored() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    let created = create(client, &token('1'), "v1").await.unwrap();
    let delete = || client.delete_secret().secret_id("r/a").send();
    delete().await.unwrap();
    let read = client.get_secret_value().secret_id("r/a").send();
    for ((code, message), wording) in [
        (
            refusal(create(client, &token('2'), "v2").await),
            "already scheduled for deletion",
        ),
        (
            refusal(put(client, &token('2'), "v2").await),
            "marked for deletion",
        ),
        (refusal(read.await), "marked for deletion"),
        (refusal(delete().await), "already scheduled for deletion"),
    ] {
        assert_eq!(code, "InvalidRequestException", "{message}");
        assert!(message.contains(wording), "{message}");
    }
    let restored = client
        .restore_secret()
        .secret_id("r/a")
        .send()
        .await
        .unwrap();
    assert_eq!(restored.arn, created.arn);
    assert_eq!(current(client).await.1, "v1");
}

#[tokio::test]
async fn a_deletion_without_recovery_frees_the_name_for_another_arn() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    let before = create(client, &token('1'), "v1").await.unwrap();
    let delete = client.delete_secret().secret_id("r/a");
    delete
        .force_delete_without_recovery(true)
        .send()
        .await
        .unwrap();
    let after = create(client, &token('1'), "v1").await.unwrap();
    assert_ne!(before.arn, after.arn);
}

#[tokio::test]
async fn secrets_are_found_by_name_and_arn_and_not_by_a_partial_arn_that_looks_whole() {
    let world = World::new().await;
    let client = &world.secrets_manager;
    for (name, partial_works) in [("r/a", true), ("app-config", false)] {
        let created = client
            .create_secret()
            .name(name)
            .secret_string("v")
            .send()
            .await
            .unwrap();
        let arn = created.arn.unwrap();
        let partial = &arn[..arn.len() - 7];
        for (id, works) in [(name, true), (arn.as_str(), true), (partial, partial_works)] {
            let read = client.get_secret_value().secret_id(id).send().await;
            assert_eq!(read.is_ok(), works, "{id}");
        }
    }
    let missing = client.get_secret_value().secret_id("none").send().await;
    assert_eq!(code(missing), "ResourceNotFoundException");
}
