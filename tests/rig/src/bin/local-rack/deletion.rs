//! The acts of a deletion: what runs is gone, the secret waits 30 days for its end, and a new Release brings it back.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::app_stack;
use crate::console::{check, fact, say, step};
use crate::delivery::{decided, lift, reads, refuse, run_only};
use crate::outage::{failed_release, show};
use crate::shop::{SERVICES, Shop, TIMERS, environment, secrets, short};
use crate::watch::Watch;

/// A variable of R9.
pub const ADDITION: (&str, &str) = (
    "SECOND_LIFE",
    "dummy-value-of-the-release-after-the-deletion",
);
const RECOVERY_WINDOW: TimeDelta = TimeDelta::days(30);
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// What a deletion leaves, or takes away.
#[derive(Debug)]
pub struct Before {
    secret: Option<String>,
    stack: Option<String>,
}

/// R8 and the App's end.
pub async fn deleted(shop: &Shop<'_>, watch: &Watch<'_>) -> Before {
    step("Release R8 meets another outage, so that the deletion has a failure to forget");
    refuse(shop).await;
    failed_release(shop, watch, "R8", 1).await;
    lift(shop).await;

    step("the end of the App: somebody sends the event `App Deleted`");
    shop.next_second().await; // within one, a deletion comes before a promote: R8 would win
    let ran = shop.running().await;
    let stack = shop.stack().await.and_then(|stack| stack.stack_id);
    shop.rack.shell.run(&shop.deletion()).await;
    let scheduled = watch.wait_for("App Secret Deletion Scheduled", &[]).await;
    show("App Secret Deletion Scheduled", &scheduled);
    check(
        shop.services().await.is_empty(),
        "its ECS services are gone",
    );
    check(
        shop.rules().await.is_empty(),
        "the rules of its Timers are gone",
    );
    let mut are_gone = true;
    for definition in ran {
        let arn = definition.task_definition_arn().unwrap_or_default();
        let status = shop.definition(arn).await.status;
        are_gone &= status.is_some_and(|status| status.as_str() != "ACTIVE");
    }
    check(
        are_gone,
        "the task definitions that they ran are deregistered",
    );
    app_stack::is_gone(shop).await;
    let secret = shop.described_secret().await;
    check(
        secret.deleted_date.is_some(),
        "its secret is scheduled for deletion",
    );
    check(
        scheduled["secretArn"].as_str() == secret.arn(),
        "the event names the secret",
    );
    check(
        is_in_30_days(scheduled["deletionDate"].as_str().unwrap_or_default()),
        "the event's date is 30 days ahead",
    );
    let skipped = watch.wait_for("Secret Write Skipped", &[]).await;
    check(
        shop.failures_in_a_row(&skipped).await == 0,
        "the counter says 0, the failure of R8 is forgotten",
    );
    let secret = secret.arn;
    Before { secret, stack }
}

/// R9.
pub async fn undone(shop: &Shop<'_>, watch: &Watch<'_>, before: &Before) {
    step("second thoughts: Release R9 is uploaded; its environment has one more variable");
    say("    nothing but three writes is needed to have all of it back");
    shop.upload("R9", &[ADDITION]).await;
    let report = shop.report("R9").await;
    app_stack::is_another(shop, before.stack.as_deref()).await;
    decided(&report);
    check(
        report["delivery"] == "SecretsManager",
        "R9 is delivered through Secrets Manager",
    );
    let secret = shop.described_secret().await;
    check(
        secret.deleted_date.is_none(),
        "the secret is not scheduled for deletion any more",
    );
    check(
        secret.arn == before.secret,
        "it is the same secret, by its ARN",
    );
    check(
        shop.secret().await == environment(&[ADDITION]),
        "it holds exactly the new environment",
    );
    let services = shop.services().await;
    for (service, definition) in &services {
        fact(
            &format!("Service {service}"),
            format!("runs {}", short(definition)),
        );
    }
    check(
        services.len() == SERVICES.len(),
        "every Service has its ECS service again",
    );
    check(
        shop.rules().await.len() == TIMERS.len(),
        "every Timer has its rule again",
    );
    check(run_only(shop, "R9").await, "all of them run R9");
    let running = shop.running().await;
    check(
        running.iter().all(|one| !secrets(one).is_empty()),
        "all read the secret key by key",
    );
    app_stack::gives_roles(shop, &running).await;
    check(
        reads(shop, "reports", "SECOND_LIFE").await,
        "reports reads the new variable",
    );
    let members = [("release", json!("R9"))];
    let written = watch.wait_for("Secret Write Succeeded", &members).await;
    check(
        shop.failures_in_a_row(&written).await == 0,
        "the counter starts at 0",
    );
    let warnings = watch.all("Rack Warning", &[]).await;
    check(
        warnings.len() == 1,
        "the Rack was warned once in all of this",
    );
}

fn is_in_30_days(date: &str) -> bool {
    let date = date.parse::<DateTime<Utc>>();
    date.is_ok_and(|date| (date - Utc::now() - RECOVERY_WINDOW).abs() < TOLERANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_days_are_thirty_days() {
        let in_days = |days| (Utc::now() + TimeDelta::days(days)).to_rfc3339();
        assert!(is_in_30_days(&in_days(30)));
        assert!(!is_in_30_days(&in_days(29)) && !is_in_30_days(&in_days(31)));
        assert!(!is_in_30_days(""));
    }
}
