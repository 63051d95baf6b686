//! The life of an App's secret: created, put, left alone, restored; and somebody else's is never touched.

use aws_sdk_secretsmanager::types::Tag;
use double::Fault;
use rig::{World, canary};
use serde_json::{Value, json};

use crate::app::{self, APP, YES};

const SECRETS_MANAGER: &str = "secretsmanager";

/// The writes that reached Secrets Manager, in order.
fn secret_writes(world: &World) -> Vec<String> {
    let mut writes = world.proxy.writes();
    writes.retain(|call| call.service == SECRETS_MANAGER);
    writes.into_iter().map(|call| call.operation).collect()
}

/// How many versions the secret has, those without a label included.
async fn versions(world: &World) -> usize {
    let list = world.secrets_manager.list_secret_version_ids();
    let list = list.secret_id(app::secret(world)).include_deprecated(true);
    list.send().await.unwrap().versions().len()
}

#[tokio::test]
async fn an_equal_environment_is_no_write_and_still_a_success() {
    let (world, function) = app::promoting(YES).await;
    let first = app::promote(&world, &function, "R1", &[("DATABASE_URL", "u")]).await;
    world.proxy.clear();
    let second = app::promote(&world, &function, "R2", &[("DATABASE_URL", "u")]).await;
    assert_eq!(second["delivery"], "SecretsManager", "{second:#}");
    assert_eq!(second["secretVersionId"], first["secretVersionId"]);
    assert_eq!(secret_writes(&world), Vec::<String>::new());
    app::assert_sent(&world, &["Release Promoted", "Secret Write Succeeded"]);
    let ok = |seq| (seq, "ok".to_owned(), None);
    assert_eq!(app::outcomes(&world).await, [ok(1), ok(2)]);
}

#[tokio::test]
async fn old_content_written_again_is_current_again() {
    let (world, function) = app::promoting(YES).await;
    let mut seen = Vec::new();
    // The last two write the same Release twice: A, B, A, B, A.
    for (release, value) in [
        ("R1", "a"),
        ("R2", "b"),
        ("R3", "a"),
        ("R4", "b"),
        ("R4", "a"),
    ] {
        let report = app::promote(&world, &function, release, &[("DATABASE_URL", value)]).await;
        let (version, secret) = app::current_secret(&world).await;
        assert_eq!(secret, json!({"DATABASE_URL": value}), "{release}");
        assert_eq!(report["secretVersionId"], version, "{release}");
        let task = app::sees(&world, &app::running(&world, "web").await).await;
        assert_eq!(task["DATABASE_URL"], value, "{release}");
        assert!(!seen.contains(&version), "{release}: a version of its own");
        seen.push(version);
    }
}

#[tokio::test]
async fn a_secret_scheduled_for_deletion_is_restored_and_then_put() {
    let (world, function) = app::promoting(YES).await;
    let first = app::promote(&world, &function, "R1", &[("DATABASE_URL", "old")]).await;
    let delete = world.secrets_manager.delete_secret();
    let delete = delete.secret_id(app::secret(&world));
    delete.recovery_window_in_days(30).send().await.unwrap();
    world.proxy.clear();
    let report = app::promote(&world, &function, "R2", &[("DATABASE_URL", "new")]).await;
    app::assert_says!(report, {"delivery": "SecretsManager", "secretArn": first["secretArn"]});
    assert_eq!(secret_writes(&world), ["RestoreSecret", "PutSecretValue"]);
    let (_, secret) = app::current_secret(&world).await;
    assert_eq!(secret, json!({"DATABASE_URL": "new"}));
}

#[tokio::test]
async fn a_lost_create_race_starts_over() {
    let (world, function) = app::promoting(YES).await;
    for code in ["ResourceExistsException", "InvalidRequestException"] {
        let lost = Fault::Error { status: 400, code };
        world.inject(lost.on(SECRETS_MANAGER, "CreateSecret").times(1));
    }
    let report = app::promote(&world, &function, "R1", &[("DATABASE_URL", "u")]).await;
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    // Before the stack was there, and at each of three starts.
    assert_eq!(world.proxy.count(SECRETS_MANAGER, "DescribeSecret"), 1 + 3);
    assert_eq!(
        app::outcomes(&world).await,
        [(1, "ok".to_owned(), None)],
        "one request, one row"
    );
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_not_made_twice() {
    let (world, function) = app::promoting(YES).await;
    for (release, operation) in [("R1", "CreateSecret"), ("R2", "PutSecretValue")] {
        let before = if release == "R1" {
            0
        } else {
            versions(&world).await
        };
        world.inject(Fault::LostAnswer.on(SECRETS_MANAGER, operation).times(1));
        let report = app::promote(&world, &function, release, &[("DATABASE_URL", release)]).await;
        assert_eq!(
            report["delivery"], "SecretsManager",
            "{operation}: {report:#}"
        );
        let (version, secret) = app::current_secret(&world).await;
        assert_eq!(secret, json!({"DATABASE_URL": release}), "{operation}");
        assert_eq!(report["secretVersionId"], version, "{operation}");
        assert_eq!(versions(&world).await, before + 1, "{operation}");
    }
}

#[tokio::test]
async fn a_write_that_landed_unseen_is_found_by_the_next_promote() {
    let (world, function) = app::promoting(YES).await;
    world.inject(Fault::LostAnswer.on(SECRETS_MANAGER, "CreateSecret"));
    let report = app::promote(&world, &function, "R1", &[("DATABASE_URL", "u")]).await;
    world.proxy.lift();
    assert_eq!(report["fallback"]["errorType"], "Unreachable", "{report:#}");
    let report = app::promote(&world, &function, "R2", &[("DATABASE_URL", "u")]).await;
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    assert_eq!(versions(&world).await, 1);
}

#[tokio::test]
async fn a_new_secret_carries_the_apps_tags_and_the_racks_key() {
    let world = app::world().await;
    let key = world.kms.create_key().send().await.unwrap();
    let key = key.key_metadata.unwrap().arn.unwrap();
    let function = world.start(
        "promote",
        &[("SECRETS_MANAGER_ENV", "Yes"), ("SECRET_KEY_ARN", &key)],
    );
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "u")]).await;
    let secret = world.secrets_manager.describe_secret();
    let secret = secret.secret_id(app::secret(&world)).send().await.unwrap();
    assert_eq!(secret.kms_key_id(), Some(key.as_str()));
    let tags: Vec<_> = secret
        .tags()
        .iter()
        .filter_map(|tag| Some((tag.key()?, tag.value()?)))
        .collect();
    assert_eq!(
        tags,
        [("convox:app", APP), ("convox:rack", world.rack.as_str())]
    );
}

#[tokio::test]
async fn somebody_elses_secret_of_that_name_is_never_touched() {
    for (case, app_tag, deleted) in [
        ("no tags", None, false),
        ("another App's", Some("other"), false),
        ("scheduled for deletion", None, true),
    ] {
        let (world, function) = app::promoting(YES).await;
        create_foreign(&world, app_tag, deleted).await;
        let url = canary::value("DATABASE_URL");
        let report = app::promote(&world, &function, "R1", &[("DATABASE_URL", &url)]).await;
        assert_eq!(report["status"], "promoted", "{case}: {report:#}");
        assert_eq!(report["fallback"]["errorType"], "SecretNotOurs", "{case}");
        let warnings = report["warnings"].to_string();
        assert!(
            warnings.contains(&app::secret(&world)) && warnings.contains("convox:app"),
            "{case}: {warnings}"
        );
        assert_eq!(secret_writes(&world), Vec::<String>::new(), "{case}");
        let described = describe(&world).await;
        assert_eq!(described.deleted_date().is_some(), deleted, "{case}");
        if deleted {
            continue;
        }
        let (_, value) = app::current_secret(&world).await;
        assert_eq!(value, json!({"theirs": "1"}), "{case}");
        // Tagged as this App's, it is taken over.
        tag(&world, APP).await;
        let report = app::promote(&world, &function, "R2", &[("DATABASE_URL", &url)]).await;
        assert_eq!(report["fallback"], Value::Null, "{case}: {report:#}");
    }
}

async fn create_foreign(world: &World, app_tag: Option<&str>, deleted: bool) {
    let name = app::secret(world);
    let create = world.secrets_manager.create_secret().name(&name);
    create
        .secret_string(r#"{"theirs":"1"}"#)
        .send()
        .await
        .unwrap();
    if let Some(app_tag) = app_tag {
        tag(world, app_tag).await;
    }
    if deleted {
        let delete = world.secrets_manager.delete_secret().secret_id(&name);
        delete.recovery_window_in_days(30).send().await.unwrap();
    }
}

async fn tag(world: &World, app: &str) {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let tags = vec![tag("convox:rack", &world.rack), tag("convox:app", app)];
    let request = world.secrets_manager.tag_resource();
    let request = request.secret_id(app::secret(world)).set_tags(Some(tags));
    request.send().await.unwrap();
}

async fn describe(
    world: &World,
) -> aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput {
    let describe = world.secrets_manager.describe_secret();
    let described = describe.secret_id(app::secret(world)).send().await;
    described.unwrap()
}
