//! A deleted App loses its stack before its secret; what is protected stops the deletion before anything is gone.

use rig::World;

use super::{WEB, YES, fresh, promoted, stack_name};
use crate::app;

async fn has_stack(world: &World) -> bool {
    let described = world.cloudformation.describe_stacks();
    described.stack_name(stack_name(world)).send().await.is_ok()
}

#[tokio::test]
async fn the_stack_goes_before_the_secret_and_a_promote_brings_it_back() {
    let (world, promote) = fresh(WEB).await;
    promoted(&world, &promote, "R1", WEB).await;
    let deletion = world.start("app-deletion", &[]);
    world.proxy.hold_stacks();
    world.proxy.clear();
    let answer = deletion
        .invoke_alone(&app::deleted(&world, "d1", 5))
        .await
        .answer();
    assert_eq!(answer["status"], "waiting", "{answer:#}");
    assert_eq!(world.proxy.count("cloudformation", "DeleteStack"), 1);
    assert_eq!(world.proxy.count("secretsmanager", "DeleteSecret"), 0);
    let end = &world.proxy.end_stacks()[0];
    let report = deletion.invoke_alone(end).await.answer();
    assert_eq!(report["status"], "deleted", "{report:#}");
    assert!(!has_stack(&world).await);
    let report = app::asked(&world, &promote, "R1", "back", 10).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert!(has_stack(&world).await);
}

#[tokio::test]
async fn a_deleted_database_leaves_a_snapshot_and_the_answer_names_it() {
    let manifest =
        format!("{WEB}resources: {{main-db: {{type: postgres}}, cache: {{type: memcached}}}}\n");
    let (world, promote) = fresh(&manifest).await;
    promoted(&world, &promote, "R1", &manifest).await;
    let deletion = world.start("app-deletion", &[]);
    let answer = deletion
        .invoke_alone(&app::deleted(&world, "d1", 5))
        .await
        .answer();
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.ends_with("final snapshots stay of main-db"),
        "{message}"
    );
}

#[tokio::test]
async fn a_protected_database_stops_the_deletion_before_anything_is_gone() {
    let manifest = format!(
        "{WEB}resources: {{main-db: {{type: postgres, options: {{deletionProtection: true, encrypted: true}}}}}}\n"
    );
    let (world, promote) = fresh(&manifest).await;
    let report = promoted(&world, &promote, "R1", &manifest).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let deletion = world.start("app-deletion", YES);
    world.proxy.clear();
    let report = deletion.answer(&app::deleted(&world, "d1", 5)).await;
    assert_eq!(report["errorType"], "ResourceProtected", "{report:#}");
    app::assert_tells(&report, "main-db");
    assert!(world.proxy.writes().is_empty());
    assert_eq!(world.proxy.count("cloudformation", "DeleteStack"), 0);
}

#[tokio::test]
async fn a_stack_that_cannot_be_deleted_fails_the_deletion_with_its_reason() {
    let (world, promote) = fresh(WEB).await;
    promoted(&world, &promote, "R1", WEB).await;
    let deletion = world.start("app-deletion", &[]);
    world.proxy.fail_stacks("the log group is in use");
    let report = deletion.answer(&app::deleted(&world, "d1", 5)).await;
    assert_eq!(report["errorType"], "StackStays", "{report:#}");
    app::assert_tells(&report, "the log group is in use");
    let report = deletion.answer(&app::deleted(&world, "d2", 6)).await;
    assert_eq!(report["status"], "deleted", "{report:#}");
}

/// The Rack's stack was deleted while Apps stood, and made anew.
#[tokio::test]
async fn an_app_whose_stack_names_a_role_that_is_gone_is_deleted_with_the_role_of_now() {
    let (world, promote) = fresh(WEB).await;
    promoted(&world, &promote, "R1", WEB).await;
    let settings = world.settings(&[]);
    let mut of_now = settings.iter();
    let (_, gone) = of_now
        .find(|(name, _)| name == "APP_STACK_ROLE_ARN")
        .unwrap();
    world.proxy.delete_role(gone);
    let anew = format!("{gone}-anew");
    let deletion = world.start("app-deletion", &[("APP_STACK_ROLE_ARN", &anew)]);
    let report = deletion.answer(&app::deleted(&world, "d1", 5)).await;
    assert_eq!(report["status"], "deleted", "{report:#}");
    assert!(!has_stack(&world).await);
}
