//! Names that break their rules: an event and an answer, and no object of any kind.

use integration_tests::Function;
use serde_json::{Value, json};

use crate::app::{self, APP};

async fn answer(function: &Function, event: &Value) -> Value {
    function.invoke(event).await.answer()
}

#[tokio::test]
async fn a_bad_name_ends_in_an_event_without_state_or_report() {
    let world = app::world().await;
    let function = world.start("promote", &[]);
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
async fn a_release_that_nobody_wrote_cannot_be_requested() {
    let world = app::world().await;
    let function = world.start("promote", &[]);
    let request = app::requested(&world, "R1", "request-1", 0);
    let answer = answer(&function, &request).await;
    assert_eq!(answer["errorType"], "ReleaseNotFound", "{answer:#}");
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("write `apps/shop/releases/R1/env`"),
        "{message}"
    );
    assert_eq!(app::changes(&world), ["events PutEvents"]);
    assert_eq!(app::sent(&world), ["Release Promote Failed"]);
}
