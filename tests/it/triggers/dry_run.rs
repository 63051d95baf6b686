//! A dry run is a question.

use std::collections::BTreeSet;

use rig::World;
use serde_json::json;

use super::{YES, sample};
use crate::app::{self, APP};

/// What every call of the function asked for since the proxy was cleared.
fn operations(world: &World) -> BTreeSet<String> {
    let calls = world.proxy.calls().into_iter();
    calls.map(|call| call.operation).collect()
}

#[tokio::test]
async fn an_endpoint_of_one_service_goes_before_that_of_all() {
    let world = app::world().await;
    let endpoint = world.proxy.endpoint();
    let nowhere = "http://127.0.0.1:1";
    let of_services = [
        "S3",
        "ECS",
        "EVENTBRIDGE",
        "SECRETS_MANAGER",
        "CLOUDFORMATION",
    ];
    let names = of_services.map(|service| format!("AWS_ENDPOINT_URL_{service}"));
    let mut settings: Vec<(&str, &str)> = YES.to_vec();
    settings.push(("AWS_ENDPOINT_URL", nowhere));
    settings.extend(names.iter().map(|name| (name.as_str(), endpoint)));
    let function = world.start("promote", &settings);
    world
        .put_env(APP, "R1", &[("DATABASE_URL", "x"), ("SAME", "1")])
        .await;
    let plan = function.invoke(&sample(&world, "dry-run", "R1", "")).await;
    let plan = plan.answer();
    assert_eq!(plan["status"], "planned", "{plan:#}");
}

#[tokio::test]
async fn a_dry_run_answers_with_the_plan_and_writes_nothing() {
    let (world, function) = app::promoting(YES).await;
    let event = |release| sample(&world, "dry-run", release, "");
    let before = [("DATABASE_URL", "old"), ("GONE", "1"), ("SAME", "1")];
    world.put_env(APP, "R1", &before).await;
    let first = function.answer(&event("R1")).await;
    assert_eq!(
        first["keys"]["added"],
        json!(["DATABASE_URL", "GONE", "SAME"]),
        "{first:#}"
    );
    assert_eq!(app::changes(&world), Vec::<String>::new(), "with no state");
    assert!(world.get("apps/shop/state/promotion.json").await.is_none());

    app::promote(&world, &function, "R1", &before).await;
    let after = [("ADDED", "1"), ("DATABASE_URL", "new"), ("SAME", "1")];
    let version = world.put_env(APP, "R2", &after).await;
    let state = app::state(&world).await;
    world.proxy.clear();
    let plan = function.answer(&event("R2")).await;
    app::assert_says!(plan, {"status": "planned", "dryRun": true});
    app::assert_says!(plan, {"delivery": "SecretsManager", "decidedBy": "Rack"});
    assert_eq!(plan["envVersionId"], version);
    let keys = json!({"added": ["ADDED"], "changed": ["DATABASE_URL"], "removed": ["GONE"]});
    assert_eq!(plan["keys"], keys);
    for service in ["web", "worker"] {
        assert_eq!(plan["services"][service]["changes"], true, "{service}");
    }
    let web = app::running(&world, "web").await;
    assert_eq!(plan["services"]["web"]["taskDefinition"], web);
    assert_eq!(plan["timers"]["report"]["changes"], true);
    let sizes = &plan["sizes"];
    app::assert_says!(sizes, {"secretMax": 65_536, "taskDefinitionMax": 65_536});
    let secret = r#"{"ADDED":"1","DATABASE_URL":"new","SAME":"1"}"#;
    assert_eq!(sizes["secret"], secret.len());
    let largest = json!({"name": "DATABASE_URL", "bytes": 3});
    assert_eq!(sizes["largestKey"], largest);
    let largest = &sizes["largestTaskDefinition"];
    assert_eq!(largest["bytes"], sizes["taskDefinition"]);
    let (kind, name) = largest["name"].as_str().unwrap().split_once('.').unwrap();
    assert_eq!(plan[kind][name]["bytes"], largest["bytes"], "{plan:#}");
    assert_eq!(
        app::changes(&world),
        Vec::<String>::new(),
        "{:?}",
        operations(&world)
    );
    assert_eq!(app::state(&world).await, state);

    // Equal to what runs: nothing would change.
    let same = function.answer(&event("R1")).await;
    assert_eq!(
        same["keys"],
        json!({"added": [], "changed": [], "removed": []})
    );
    assert_eq!(same["services"]["web"]["changes"], false, "{same:#}");
    let missing = function.answer(&event("R9")).await;
    assert_eq!(missing["errorType"], "ReleaseNotFound", "{missing:#}");
    assert_eq!(app::changes(&world), Vec::<String>::new());
}

#[tokio::test]
async fn a_plan_needs_the_old_environment_no_more_than_a_promote_does() {
    let world = app::world().await;
    let function = world.start("promote", &[("SECRETS_MANAGER_ENV", "Yes")]);
    let before = [("DATABASE_URL", "old")];
    let report = app::promote(&world, &function, "R1", &before).await;
    let gone = world.s3.delete_object().bucket(&world.bucket);
    let gone = gone.key(format!("apps/{APP}/releases/R1/env"));
    let version = report["envVersionId"].as_str().unwrap();
    gone.version_id(version).send().await.unwrap();
    world.put_env(APP, "R2", &[("DATABASE_URL", "new")]).await;
    let plan = app::dry_run(&function, "R2").await;
    assert_eq!(plan["status"], "planned", "{plan:#}");
    let said = "which keys change is not known";
    assert!(plan["warnings"].to_string().contains(said), "{plan:#}");
    app::promoted(&world, &function, "R2", &[("DATABASE_URL", "new")]).await;
}
