//! Rules of Timers: what a user set on them, and those that only the failed Release has.

use aws_sdk_eventbridge::types::{DeadLetterConfig, RetryPolicy, RuleState, Target};
use double::Fault;
use rig::World;

use super::{YES, promote_changed};
use crate::app;

async fn target(world: &World, rule: &str) -> Target {
    let listed = world.eventbridge.list_targets_by_rule().rule(rule);
    let listed = listed.send().await.unwrap();
    let mut targets = listed.targets.unwrap_or_default();
    assert_eq!(targets.len(), 1);
    targets.remove(0)
}

#[tokio::test]
async fn what_a_user_set_on_a_rule_is_kept_by_promotes_and_put_backs() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "u")]).await;
    let rule = app::rule(&world, "cleanup");
    let disable = world.eventbridge.disable_rule().name(&rule);
    disable.send().await.unwrap();
    let queue = format!("arn:aws:sqs:us-east-1:{}:dead", world.account);
    let mut own = target(&world, &rule).await;
    own.dead_letter_config = Some(DeadLetterConfig::builder().arn(queue).build());
    let retries = RetryPolicy::builder().maximum_retry_attempts(3);
    own.retry_policy = Some(retries.maximum_event_age_in_seconds(600).build());
    own.input = Some(r#"{"containerOverrides": []}"#.to_owned());
    let put = world.eventbridge.put_targets().rule(&rule);
    put.targets(own.clone()).send().await.unwrap();

    for (release, fails) in [("R2", false), ("R3", true)] {
        let before = target(&world, &rule).await;
        if fails {
            // The other rule's target may be the one that is denied: both orders must end the same.
            world.inject(Fault::DENIED.on("events", "PutTargets").times(1));
        }
        let answer = promote_changed(&world, &function, release).await;
        world.proxy.lift();
        let (status, kept) = if fails {
            ("failed", "put back")
        } else {
            ("promoted", "moved")
        };
        assert_eq!(answer["status"], status, "{answer:#}");
        let mut now = target(&world, &rule).await;
        assert_eq!(now.ecs_parameters == before.ecs_parameters, fails, "{kept}");
        now.ecs_parameters.clone_from(&own.ecs_parameters);
        assert_eq!(now, own, "{kept}: only the task definition changes");
        let seen = world.eventbridge.describe_rule().name(&rule);
        let seen = seen.send().await.unwrap();
        assert_eq!(seen.state(), Some(&RuleState::Disabled), "{kept}");
        assert_eq!(
            seen.schedule_expression(),
            Some("cron(0 4 * * ? *)"),
            "{kept}"
        );
    }
}
