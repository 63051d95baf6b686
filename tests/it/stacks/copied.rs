//! What an App's databases are copied from: its own snapshots and databases, and what the Rack's owner allows.

use rig::World;
use serde_json::{Value, json};

use super::{promoted, stack_name, template};
use crate::app::{self, APP};

const WEB: &str = "services: {web: {image: example/web:1, environment: [KEY]}}\n";

/// A convox.yml with a database that is copied from what `option` says.
fn with(option: &str) -> String {
    format!("{WEB}resources: {{main: {{type: postgres, options: {{{option}}}}}}}\n")
}

/// What promote answers for it, in a Rack that allows `allowed`; a refusal has written nothing, and the dry run says it too.
async fn answered(world: &World, allowed: &str, option: &str) -> Value {
    let promote = world.start("promote", &[("APP_DATABASE_ARNS", allowed)]);
    let report = promoted(world, &promote, "R1", &with(option)).await;
    if report["status"] == "failed" {
        assert!(world.proxy.writes().is_empty(), "{report:#}");
        let plan = json!({"app": APP, "release": "R1", "dryRun": true});
        let plan = promote.invoke_alone(&plan).await.answer();
        assert_eq!(plan["errorType"], report["errorType"], "{plan:#}");
    }
    report
}

#[tokio::test]
async fn databases_of_others_are_not_copied_unless_the_rack_allows_it() {
    let world = app::world_with(WEB, &[]).await;
    let other = stack_name(&world).replace(APP, "other");
    let account = &world.account;
    for (option, allowed) in [
        ("snapshot: by-hand".to_owned(), ""),
        (
            format!("snapshot: {other}-snapshot-main-1a2b"),
            "arn:aws:rds:us-east-1:*:snapshot:by-hand",
        ),
        (format!("readSourceDB: {other}-main-1a2b"), ""),
        (
            format!("readSourceDB: 'arn:aws:rds:eu-west-1:{account}:db:theirs'"),
            "arn:aws:rds:us-east-1:*:db:theirs",
        ),
    ] {
        let report = answered(&world, allowed, &option).await;
        assert_eq!(report["errorType"], "DatabaseNotAllowed", "{report:#}");
        let message = report["message"].as_str().unwrap();
        let path = option.split(':').next().unwrap();
        for part in [
            &format!("`resources.main.options.{path}`"),
            "AppDatabaseArns",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[tokio::test]
async fn an_apps_own_snapshot_and_an_allowed_one_are_restored_and_asked_for_no_more() {
    let world = app::world_with(WEB, &[]).await;
    let own = format!("snapshot: {}-snapshot-main-1a2b", stack_name(&world));
    let report = answered(&world, "", &own).await;
    assert_eq!(report["status"], "promoted", "{report:#}");

    let world = app::world_with(WEB, &[]).await;
    let allowed = format!("arn:aws:rds:us-east-1:{}:snapshot:by-*", world.account);
    let report = answered(&world, &allowed, "snapshot: By-Hand").await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let restored = template(&world).await["Resources"].to_string();
    assert!(restored.contains("By-Hand"), "{restored}");
    let again = world.start("promote", &[("APP_DATABASE_ARNS", "")]);
    let report = promoted(&world, &again, "R2", &with("snapshot: By-Hand")).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
}

/// What the dry run answers for it, in a Rack that allows everything.
async fn planned(world: &World, option: &str) -> Value {
    let promote = world.start("promote", &[("APP_DATABASE_ARNS", "*")]);
    app::write_manifest(world, "R1", with(option)).await;
    world.put_env(APP, "R1", &[("KEY", "1")]).await;
    let plan = json!({"app": APP, "release": "R1", "dryRun": true});
    promote.invoke_alone(&plan).await.answer()
}

/// Else the stack fails, once everything else is made.
#[tokio::test]
async fn what_rds_copies_from_no_other_region_is_told_before_any_write() {
    let world = app::world_with(WEB, &[]).await;
    let arn =
        |region: &str, what: &str| format!("arn:aws:rds:{region}:{}:{what}:theirs", world.account);
    let (near, far) = (arn("us-east-1", "db"), arn("eu-west-1", "db"));
    for (option, path) in [
        (
            format!("readSourceDB: '{far}', encrypted: true"),
            "readSourceDB",
        ),
        (
            format!("snapshot: '{}'", arn("eu-west-1", "snapshot")),
            "snapshot",
        ),
    ] {
        let plan = planned(&world, &option).await;
        assert_eq!(plan["errorType"], "InvalidManifest", "{plan:#}");
        let message = plan["message"].as_str().unwrap();
        let path = format!("`resources.main.options.{path}` names");
        for part in [&path, "another region", "aws rds copy-db-snapshot"] {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
    }
    for (option, warned) in [
        (format!("readSourceDB: '{far}'"), true),
        (format!("readSourceDB: '{far}', encrypted: false"), false),
        (format!("readSourceDB: '{near}', encrypted: true"), false),
        ("readSourceDB: theirs".to_owned(), false),
    ] {
        let plan = planned(&world, &option).await;
        assert_eq!(plan["errorType"], Value::Null, "{plan:#}");
        let warnings = plan["warnings"].to_string();
        let told = "where it is encrypted RDS makes no replica of it here";
        assert_eq!(warnings.contains(told), warned, "{option}: {warnings}");
    }
    assert!(world.proxy.writes().is_empty());
}
