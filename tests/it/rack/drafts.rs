//! A Release is looked at before it is live.

use rig::canary;
use serde_json::Value;

use super::{Desk, assert_has};
use crate::app::{self, APP, written};

#[tokio::test]
async fn a_draft_is_planned_and_goes_live_as_it_was_planned() {
    let value = canary::value("DATABASE_URL");
    let desk = Desk::with_release(&[("DATABASE_URL", &value)]).await;
    let state = app::state(&desk.world).await;
    let pair = format!("NEW={value}");
    let made = desk.json(&["env", "set", &pair, "--no-promote"]).await;
    let release = made["release"].as_str().unwrap().to_owned();
    assert_eq!(app::state(&desk.world).await, state);
    let listed = desk.text(&["releases"]).await;
    assert_has(&listed, &[&format!("{release}  draft")]);
    let shown = desk.text(&["plan"]).await;
    assert_has(
        &shown,
        &[&release, "+ NEW", "service worker   yes    registered"],
    );
    let mut drafted = desk.json(&["plan", &release]).await;

    let requested = desk.json(&["promote"]).await;
    assert_eq!(requested["release"], release.as_str(), "{requested:#}");
    let mut planned = desk.json(&["plan", &release]).await;
    assert_ne!(drafted["envVersionId"], planned["envVersionId"]);
    for plan in [&mut drafted, &mut planned] {
        plan["envVersionId"] = Value::Null; // another object
    }
    assert_eq!(drafted, planned);
    let version = requested["requestId"].as_str().unwrap();
    let report = desk
        .promote
        .answer(&written(&desk.world, &release, version))
        .await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let read = async |file: &str| {
        desk.world
            .get(&format!("apps/{APP}/releases/{release}/{file}"))
            .await
    };
    assert_eq!(read("env").await, read("draft").await);
    desk.says(&["promote"]).await.complains(2, "is no draft");
}

#[tokio::test]
async fn a_draft_that_is_wrong_is_told_before_it_is_live() {
    let value = canary::value("DATABASE_URL");
    let variables = [("DATABASE_URL", value.as_str()), ("KEPT", &value)];
    let desk = Desk::with_release(&variables).await;
    let made = desk
        .json(&["env", "unset", "DATABASE_URL", "--no-promote"])
        .await;
    let refused = desk
        .says(&["plan", made["release"].as_str().unwrap()])
        .await;
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert_has(&refused.out, &["MissingVariables", "DATABASE_URL"]);
}

#[tokio::test]
async fn a_draft_that_would_undo_what_somebody_asked_for_since_is_refused() {
    let value = canary::value("DATABASE_URL");
    let desk = Desk::with_release(&[("DATABASE_URL", &value)]).await;
    let made = desk
        .json(&["env", "set", &format!("NEW={value}"), "--no-promote"])
        .await;
    let draft = made["release"].as_str().unwrap();
    let later = app::requested(&desk.world, "R1", "later", 5);
    desk.promote.answer(&later).await;

    let refused = desk.says(&["promote"]).await;
    refused.complains(1, "R1 of shop was asked for after the draft");
    let env = format!("apps/{APP}/releases/{draft}/env");
    assert_eq!(desk.world.get(&env).await, None);
    let requested = desk.json(&["promote", draft, "--anyway"]).await;
    assert_eq!(requested["verdict"], "requested", "{requested:#}");
    assert!(desk.world.get(&env).await.is_some());
}
