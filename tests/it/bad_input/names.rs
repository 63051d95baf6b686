//! Names that break their rules: an event and an answer, and no object of any kind.

use rig::Function;
use serde_json::{Value, json};

use crate::app::{self, APP};

async fn answer(function: &Function, event: &Value) -> Value {
    function.answer(event).await
}

#[tokio::test]
async fn a_bad_name_ends_in_an_event_without_state_or_report() {
    let (world, function) = app::promoting(&[]).await;
    for (app, release, says) in [
        ("Shop", "R1", "the App name `Shop`"),
        ("shop_2", "R1", "the App name `shop_2`"),
        ("a/b", "R1", "the App name `a/b`"),
        (APP, "a b", "the Release name `a b`"),
        (APP, "-R1", "the Release name `-R1`"),
        (APP, "..", "the Release name `..`"),
    ] {
        let mut requested = app::requested(&world, release, "request-1", 0);
        requested["detail"]["app"] = app.into();
        let key = format!("apps/{app}/releases/{release}/env");
        let mut written = app::written(&world, "R1", "some-version");
        written["detail"]["object"]["key"] = key.into();
        for event in [requested, written] {
            world.proxy.clear();
            let answer = answer(&function, &event).await;
            assert_eq!(answer["status"], "failed", "{event:#}: {answer:#}");
            assert_eq!(answer["errorType"], "InvalidName", "{event:#}");
            let message = answer["message"].as_str().unwrap();
            assert!(message.contains(says), "{message}");
            assert!(
                message.contains("start with a letter"),
                "what is allowed: {message}"
            );
            assert_eq!(app::changes(&world), ["events PutEvents"], "{event:#}");
            let sent = &world.events()[0];
            assert_eq!(sent.detail_type, "Release Promote Failed");
            let named = ["rack", "app", "release", "errorType", "message"];
            let named = named.map(|field| sent.detail[field].clone());
            let want = json!([world.rack, app, release, "InvalidName", message]);
            assert_eq!(json!(named), want, "{event:#}");
        }
    }
}

#[tokio::test]
async fn a_request_that_does_not_say_what_it_has_to_is_told_and_counted() {
    let (world, function) = app::promoting(&[]).await;
    for (detail, app, release, says) in [
        (json!({"app": APP}), APP, "", "has no `release`"),
        (json!({"release": "R1"}), "", "R1", "has no `app`"),
        (
            json!({"app": APP, "release": 5}),
            APP,
            "",
            "`release` is not a text",
        ),
        (
            json!({"app": ["hidden"], "release": "R1"}),
            "",
            "R1",
            "`app` is not a text",
        ),
        (json!({"app": null, "release": {}}), "", "", "has no `app`"),
    ] {
        world.proxy.clear();
        let mut event = app::requested(&world, "R1", "request-1", 0);
        event["detail"] = detail;
        event["detail"]["rack"] = world.rack.as_str().into();
        let answer = answer(&function, &event).await;
        assert_eq!(answer["status"], "failed", "{event}: {answer:#}");
        assert_eq!(app::changes(&world), ["events PutEvents"], "{event}");
        let told = &world.events()[0];
        assert_eq!(told.detail_type, "Release Promote Failed", "{event}");
        let message = answer["message"].as_str().unwrap();
        assert!(
            message.contains(says) && !message.contains("hidden"),
            "{message}"
        );
        let said = ["app", "release", "requestId", "errorType", "message"];
        let said = said.map(|name| told.detail[name].clone());
        let want = json!([app, release, "request-1", "InvalidRequest", message]);
        assert_eq!(json!(said), want, "{event}");
    }
    let counts = function.output().matches("\"PromoteFailures\":1").count();
    assert_eq!(counts, 5, "{}", function.output());
}

#[tokio::test]
async fn a_name_that_ecs_refuses_hides_nothing_else() {
    let long = "s".repeat(250);
    let manifest = format!(
        "services:\n  web:\n    image: a\n    prot: 1\n    environment: [MISSING]\n  {long}:\n    image: a\n\
         timers:\n  {long}:\n    schedule: never\n    command: c\n    service: web\n"
    );
    let (world, function) = app::promoting_with(&manifest, &[], &[]).await;
    let answer = app::promote(&world, &function, "R1", &[]).await;
    assert_eq!(answer["status"], "failed", "{answer:#}");
    let message = answer["message"].as_str().unwrap();
    for part in [
        "MISSING (Service `web`)",
        "schedule `never`",
        "_shop_sss",
        "_shop_timer_sss",
        "ECS allows 255 characters",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains("`services.web.prot`"), "{answer:#}");
}

#[tokio::test]
async fn a_release_that_nobody_wrote_cannot_be_requested() {
    let (world, function) = app::promoting(&[]).await;
    let request = app::requested(&world, "R1", "request-1", 0);
    let answer = answer(&function, &request).await;
    assert_eq!(answer["errorType"], "ReleaseNotFound", "{answer:#}");
    app::assert_tells(&answer, "write `apps/shop/releases/R1/env`");
    assert_eq!(app::changes(&world), ["events PutEvents"]);
    app::assert_sent(&world, &["Release Promote Failed"]);
}
