//! Events of others.

use serde_json::{Value, json};

use super::{ENVIRONMENT, YES, sample};
use crate::app::{self, APP};

#[tokio::test]
async fn what_is_not_for_this_rack_is_ignored_with_a_logged_reason() {
    let (world, function) = app::promoting(YES).await;
    let version = world.put_env(APP, "R1", ENVIRONMENT).await;
    let with = |name: &str, pointer: &str, value: Value| {
        let mut event = sample(&world, name, "R1", &version);
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    let key = |key: &str| with("object-created", "/detail/object/key", key.into());
    let test_event =
        json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": world.bucket});
    for (event, reason) in [
        (
            with("requested", "/detail/rack", "other".into()),
            "an event of Rack `other`",
        ),
        (
            with("continue", "/detail/rack", "other".into()),
            "an event of Rack `other`",
        ),
        (
            with("continue", "/detail/kind", "delete".into()),
            "work of app-deletion",
        ),
        (
            with("object-created", "/detail/bucket/name", "b".into()),
            "bucket `b`, which is not this Rack's",
        ),
        (
            with("s3-notification", "/Records/0/s3/bucket/name", "b".into()),
            "bucket `b`",
        ),
        (
            with(
                "s3-notification",
                "/Records/0/eventName",
                "ObjectRemoved:Delete".into(),
            ),
            "`ObjectRemoved:Delete`",
        ),
        (
            key("apps/shop/releases/R1/report.json"),
            "`apps/shop/releases/R1/report.json`, which is no environment",
        ),
        (
            key("apps/shop/state/promotion.json"),
            "which is no environment",
        ),
        (
            key("apps/shop/env"),
            "`apps/shop/env`, which is no environment",
        ),
        (
            key("apps/shop/releases/R9/env"),
            "`apps/shop/releases/R9/env`, which is deleted again",
        ),
        (
            with("requested", "/source", "aws.shop".into()),
            "the event `Release Promote Requested` of `aws.shop`",
        ),
        (
            with("continue", "/source", "shop.deployments".into()),
            "the event `Promotion Continue` of `shop.deployments`",
        ),
        (
            with("object-created", "/source", "shop.deployments".into()),
            "the event `Object Created` of `shop.deployments`",
        ),
        (
            with("object-created", "/detail-type", "Object Deleted".into()),
            "`Object Deleted`",
        ),
        (
            with("requested", "/detail", json!({"app": APP, "release": "R1"})),
            "detail is incomplete",
        ),
        (test_event, "S3's test event"),
        (json!({"app": APP}), "a payload of no known form"),
        (json!(null), "a payload of no known form"),
    ] {
        let answer = function.answer(&event).await;
        assert_eq!(answer["status"], "ignored", "{event}: {answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(reason), "`{reason}` is not in: {message}");
        let logged = format!("ignored: {}", message.replace('"', "\\\""));
        assert!(function.output().contains(&logged), "not logged: {logged}");
    }
    assert_eq!(app::changes(&world), Vec::<String>::new());
    let mut queued = sample(&world, "sqs-object-created", "R1", &version);
    queued["Records"][0]["body"] = "not JSON".into();
    let answer = function.answer(&queued).await;
    assert_eq!(
        answer,
        json!({"batchItemFailures": []}),
        "nobody can deliver it better"
    );
}
