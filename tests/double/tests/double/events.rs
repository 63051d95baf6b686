//! `EventBridge`'s rules.

use aws_sdk_eventbridge::types::{
    EcsParameters, LaunchType, PutEventsRequestEntry, RuleState, Tag, Target,
};
use double::Fault;
use rig::World;

use super::{code, refusal};

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
    let ecs = || EcsParameters::builder().task_definition_arn("arn");
    for (ecs, role, wording) in [
        (
            ecs().launch_type(LaunchType::Fargate),
            Some("role"),
            "NetworkConfiguration",
        ),
        (ecs(), None, "RoleArn is required"),
    ] {
        let ecs = Target::builder()
            .id("1")
            .arn("arn")
            .ecs_parameters(ecs.build().unwrap());
        let ecs = ecs.set_role_arn(role.map(str::to_owned)).build().unwrap();
        let (code, message) = refusal(client.put_targets().rule("rule").targets(ecs).send().await);
        assert_eq!(code, "ValidationException");
        assert!(message.contains(wording), "wanted {wording}, got {message}");
    }
}

#[tokio::test]
async fn a_rule_is_replaced_as_a_whole_but_keeps_its_tags() {
    let world = World::new().await;
    let client = &world.eventbridge;
    let put = || client.put_rule().name("rule");
    let tag = |value: &str| Tag::builder().key("k").value(value).build().unwrap();
    let first = put().event_pattern("{\"source\":[\"a\"]}").tags(tag("1"));
    let first = first.description("d").state(RuleState::Disabled);
    let arn = first.send().await.unwrap().rule_arn.unwrap();
    let second = put().schedule_expression("rate(1 day)").tags(tag("2"));
    second.send().await.unwrap();
    let rule = client.describe_rule().name("rule").send().await.unwrap();
    assert_eq!(rule.schedule_expression(), Some("rate(1 day)"));
    let gone = (rule.event_pattern(), rule.description());
    assert_eq!(gone, (None, None));
    assert_eq!(rule.state(), Some(&RuleState::Enabled));
    let tags = client.list_tags_for_resource().resource_arn(&arn);
    assert_eq!(tags.send().await.unwrap().tags(), [tag("1")]);
    let tags = client.tag_resource().resource_arn(&arn).tags(tag("2"));
    tags.send().await.unwrap();
    for (case, put) in [
        ("neither pattern nor schedule", put()),
        (
            "a reserved tag",
            put()
                .schedule_expression("rate(1 day)")
                .tags(Tag::builder().key("aws:k").value("1").build().unwrap()),
        ),
    ] {
        assert_eq!(code(put.send().await), "ValidationException", "{case}");
    }
}

#[tokio::test]
async fn a_rule_with_targets_is_not_deleted_and_a_missing_one_has_none() {
    let world = World::new().await;
    let client = &world.eventbridge;
    let target = || {
        let target = Target::builder().id("1");
        target.arn("arn:aws:sqs:us-east-1:123456789012:q").build()
    };
    let put = || {
        client
            .put_targets()
            .rule("rule")
            .targets(target().unwrap())
            .send()
    };
    let remove = || client.remove_targets().rule("rule").ids("1").send();
    let delete = || client.delete_rule().name("rule").send();
    assert_eq!(code(put().await), "ResourceNotFoundException");
    assert_eq!(code(remove().await), "ResourceNotFoundException");
    let rule = client.put_rule().name("rule");
    rule.schedule_expression("rate(1 day)")
        .send()
        .await
        .unwrap();
    put().await.unwrap();
    let (code, message) = refusal(delete().await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        (
            "ValidationException",
            "Rule can't be deleted since it has targets."
        )
    );
    remove().await.unwrap();
    delete().await.unwrap();
}

#[tokio::test]
async fn entries_fail_inside_of_a_success_and_have_no_effect() {
    let world = World::new().await;
    let client = aws_sdk_eventbridge::Client::new(&world.front_door());
    let rule = client.put_rule().name("rule");
    rule.schedule_expression("rate(1 day)")
        .send()
        .await
        .unwrap();
    let fail = Fault::FailedEntries {
        code: "ConcurrentModificationException",
    };
    world.inject(fail.on_service("events").times(3));
    let target = Target::builder().id("1");
    let target = target.arn("arn:aws:sqs:us-east-1:123456789012:q").build();
    let put = client.put_targets().rule("rule").targets(target.unwrap());
    let put = put.send().await.unwrap();
    let failed = &put.failed_entries()[0];
    assert_eq!(
        (
            put.failed_entry_count(),
            failed.target_id(),
            failed.error_code()
        ),
        (1, Some("1"), Some("ConcurrentModificationException"))
    );
    let remove = client.remove_targets().rule("rule").ids("1").ids("2");
    let remove = remove.send().await.unwrap();
    assert_eq!(
        (remove.failed_entry_count(), remove.failed_entries().len()),
        (2, 2)
    );
    let sent = client.put_events().entries(entry("test", "T", "{}"));
    let sent = sent.send().await.unwrap();
    let failed = sent.entries()[0].error_code();
    assert_eq!(
        (sent.failed_entry_count(), failed),
        (1, Some("ConcurrentModificationException"))
    );
    assert!(world.events().is_empty());
    let targets = world.eventbridge.list_targets_by_rule().rule("rule");
    assert!(targets.send().await.unwrap().targets().is_empty());
}
