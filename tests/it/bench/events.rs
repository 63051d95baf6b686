//! `EventBridge`'s and KMS's rules.

use aws_sdk_eventbridge::types::{EcsParameters, LaunchType, PutEventsRequestEntry, Target};
use aws_sdk_kms::primitives::Blob;
use integration_tests::World;

use super::code;

fn entry(source: &str, detail_type: &str, detail: &str) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .source(source)
        .detail_type(detail_type)
        .detail(detail)
        .build()
}

#[tokio::test]
async fn each_bad_event_fails_alone() {
    let world = World::new().await;
    let client = aws_sdk_eventbridge::Client::new(&world.front_door());
    let answer = client
        .put_events()
        .entries(entry("test", "Good", "{}"))
        .entries(entry("test", "Bad", "{not json"))
        .entries(entry("test", "Bad", "[]"))
        .entries(entry("aws.test", "Bad", "{}"))
        .entries(entry("test", "", "{}"))
        .entries(entry("test", "Also good", "{\"a\":[1]}"))
        .send()
        .await
        .unwrap();
    let codes: Vec<_> = answer
        .entries()
        .iter()
        .map(|entry| entry.error_code().unwrap_or("ok"))
        .collect();
    let want = [
        "ok",
        "MalformedDetail",
        "MalformedDetail",
        "NotAuthorizedForSourceException",
        "InvalidArgument",
        "ok",
    ];
    assert_eq!(
        (answer.failed_entry_count(), codes.as_slice()),
        (4, want.as_slice())
    );
    let accepted: Vec<String> = world
        .events()
        .into_iter()
        .map(|event| event.detail_type)
        .collect();
    assert_eq!(accepted, ["Good", "Also good"]);
}

#[tokio::test]
async fn too_many_or_too_large_events_are_refused_together() {
    let world = World::new().await;
    let client = &world.eventbridge;
    let eleven = client
        .put_events()
        .set_entries(Some(vec![entry("test", "T", "{}"); 11]));
    assert_eq!(code(eleven.send().await), "ValidationException");
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(256 * 1024));
    assert_eq!(
        code(
            client
                .put_events()
                .entries(entry("test", "T", &large))
                .send()
                .await
        ),
        "ValidationException"
    );
}

#[tokio::test]
async fn schedules_that_aws_refuses_are_refused() {
    let world = World::new().await;
    let client = &world.eventbridge;
    for (expression, valid) in [
        ("cron(0 10 * * ? *)", true),
        ("cron(0/15 8-17 ? * MON-FRI 2026-2030)", true),
        ("cron(0 0 L * ? *)", true),
        ("cron(0 0 15W JAN,JUL ? *)", true),
        ("cron(0 0 ? * 6L *)", true),
        ("cron(0 0 ? * 2#1 *)", true),
        ("rate(1 minute)", true),
        ("rate(5 minutes)", true),
        ("cron(0 10 * * * *)", false),
        ("cron(0 10 1 * MON *)", false),
        ("cron(0 10 ? * ? *)", false),
        ("cron(0 10 * * ?)", false),
        ("cron(60 10 * * ? *)", false),
        ("cron(0 24 * * ? *)", false),
        ("cron(0 0 ? * 0 *)", false),
        ("cron(0 0 ? * 8 *)", false),
        ("cron(0 0 0 * ? *)", false),
        ("cron(0 0 * 13 ? *)", false),
        ("cron(0 0 * * ? 1969)", false),
        ("cron(*/0 0 * * ? *)", false),
        ("rate(1 minutes)", false),
        ("rate(5 minute)", false),
        ("rate(0 minutes)", false),
        ("every day", false),
    ] {
        let put = client
            .put_rule()
            .name("rule")
            .schedule_expression(expression)
            .send()
            .await;
        if valid {
            assert!(put.is_ok(), "{expression}: {put:?}");
        } else {
            assert_eq!(code(put), "ValidationException", "{expression}");
        }
    }
    for name in ["a b", "a/b", &"x".repeat(65)] {
        let put = client
            .put_rule()
            .name(name)
            .schedule_expression("rate(1 day)")
            .send()
            .await;
        assert_eq!(code(put), "ValidationException", "{name}");
    }
}

#[tokio::test]
async fn a_rule_has_at_most_five_targets() {
    let world = World::new().await;
    let client = &world.eventbridge;
    client
        .put_rule()
        .name("rule")
        .schedule_expression("rate(1 day)")
        .send()
        .await
        .unwrap();
    let target = |id: &str| {
        let target = Target::builder()
            .id(id)
            .arn("arn:aws:sqs:us-east-1:123456789012:q");
        target.build().unwrap()
    };
    for id in ["1", "2", "3", "4", "5", "5"] {
        client
            .put_targets()
            .rule("rule")
            .targets(target(id))
            .send()
            .await
            .unwrap();
    }
    let sixth = client
        .put_targets()
        .rule("rule")
        .targets(target("6"))
        .send()
        .await;
    assert_eq!(code(sixth), "LimitExceededException");
    let ecs = EcsParameters::builder()
        .task_definition_arn("arn")
        .launch_type(LaunchType::Fargate);
    let ecs = Target::builder()
        .id("1")
        .arn("arn")
        .ecs_parameters(ecs.build().unwrap())
        .build()
        .unwrap();
    let no_network = client.put_targets().rule("rule").targets(ecs).send().await;
    assert_eq!(code(no_network), "ValidationException");
}

#[tokio::test]
async fn kms_decrypts_only_what_it_encrypted() {
    let world = World::new().await;
    let key = world
        .kms
        .generate_data_key()
        .key_id(&world.key_arn)
        .number_of_bytes(32)
        .send()
        .await
        .unwrap();
    let ciphertext = key.ciphertext_blob.unwrap().into_inner();
    let decrypt = |ciphertext: Vec<u8>| {
        world
            .kms
            .decrypt()
            .ciphertext_blob(Blob::new(ciphertext))
            .send()
    };
    let opened = decrypt(ciphertext.clone()).await.unwrap();
    assert_eq!(opened.plaintext, key.plaintext);
    let mut corrupted = ciphertext;
    *corrupted.last_mut().unwrap() ^= 1;
    assert_eq!(code(decrypt(corrupted).await), "InvalidCiphertextException");
}
