//! The course of a deployment beside its percentages: in which way it moves, and what ends it and takes it back, which are its
//! circuit breaker and alarms. Convox has none of these keys.
//!
//! Source: ECS API reference, `DeploymentCircuitBreaker`, `ThresholdConfiguration`, `DeploymentAlarms`; `CloudWatch` API reference,
//! `PutMetricAlarm` (`AlarmName`).

use std::fmt;

use serde::{Deserialize, Serialize};

use yaml::{Fields, NodeKind, Place, Reader};

use super::pause::{self, Pause, Stage};
use super::strategy::{self, Strategy};

/// The keys of `deployment` that are of it.
pub(super) const KEYS: [&str; 4] = ["alarms", "breaker", "pause", "resetOnHealthyTask"];
/// The most characters of an alarm's name.
const ALARM_NAME_MAX: usize = 255;
/// A percentage of the wanted count.
const PERCENT_MAX: u32 = 100;

/// The course of a deployment; the default is what the ECS services of Apps have of which convox.yml says nothing.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Course {
    /// In which way it moves.
    #[serde(skip_serializing_if = "is_rolling")]
    pub strategy: Strategy,
    /// When too many tasks failed; of rolling deployments alone.
    pub breaker: Breaker,
    /// The `CloudWatch` alarms that end it and take it back, sorted, each once; empty = none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
    /// Where it waits for somebody; not of rolling deployments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
}

impl Course {
    /// The minutes for which a deployment may wait before it is complete: ECS by itself, and for somebody.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        let times = |stage: &Stage| match stage {
            Stage::PreProductionTrafficShift => self.strategy.steps(),
            _ => 1,
        };
        let pauses = self.pause.iter().map(|pause| {
            let times: u32 = pause.stages.iter().map(times).sum();
            pause.timeout.saturating_mul(times)
        });
        self.strategy.minutes().saturating_add(pauses.sum())
    }
}

/// ECS's deployment circuit breaker; the default is ECS's own, switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Breaker {
    /// Whether there is one.
    pub enable: bool,
    /// Whether ECS goes back to the revision before.
    pub rollback: bool,
    /// How many tasks may fail.
    pub threshold: Threshold,
    /// Whether a task that is healthy makes ECS count from 0 again.
    pub reset_on_healthy_task: bool,
}

/// How many tasks may fail before a deployment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Threshold {
    /// So many.
    Count(u32),
    /// Percent of the wanted count, 3 at least and 200 at most.
    BoundedPercent(u32),
    /// Percent of the wanted count. Nothing in convox.yml means it; somebody may have set it by hand.
    UnboundedPercent(u32),
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            enable: true,
            rollback: true,
            threshold: Threshold::BoundedPercent(50),
            reset_on_healthy_task: true,
        }
    }
}

impl fmt::Debug for Course {
    /// Without names: convox.yml can interpolate secrets into them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Course")
            .field("strategy", &self.strategy)
            .field("breaker", &self.breaker)
            .field("alarms", &self.alarms.len())
            .field("pause", &self.pause)
            .finish_non_exhaustive()
    }
}

fn is_rolling(strategy: &Strategy) -> bool {
    !strategy.shifts()
}

/// What convox.yml says of it; `None` where that is nothing. `alone` is what must never run twice, in words.
pub(super) fn read(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    alone: Option<&str>,
) -> Option<Course> {
    let strategy = strategy::read(reader, fields, alone);
    let mut is_said = strategy.is_some();
    let mut course = Course {
        strategy: strategy.unwrap_or_default(),
        ..Course::default()
    };
    if course.strategy.shifts() {
        of_rolling(reader, fields);
    }
    if let Some(place) = fields.get("breaker") {
        is_said = true;
        if let Some(threshold) = threshold(reader, &place) {
            course.breaker.threshold = threshold;
        }
    }
    if let Some(resets) = reader.optional_flag(fields.get("resetOnHealthyTask")) {
        is_said = true;
        course.breaker.reset_on_healthy_task = resets;
    }
    if let Some(place) = fields.get("alarms") {
        is_said = true;
        course.alarms = alarms(reader, &place);
    }
    if let Some(place) = fields.get("pause") {
        is_said = true;
        course.pause = pause::read(reader, &place);
        if course.pause.is_some() && !course.strategy.shifts() {
            let message = "is of another strategy than `rolling`";
            reader.problem_with_help(
                &place,
                message,
                "write `strategy: blueGreen`, or leave it out",
            );
        }
    }
    is_said.then_some(course)
}

/// What means nothing where all tasks of a revision stand before requests come to them.
fn of_rolling(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    let keys = ["breaker", "maximum", "minimum", "resetOnHealthyTask"];
    for place in keys.iter().filter_map(|key| fields.get(key)) {
        let message = "is of rolling deployments alone";
        reader.problem_with_help(
            &place,
            message,
            "leave it out, or write `strategy: rolling`",
        );
    }
}

/// One of `count` and `percent`. `None` only with a problem noted.
fn threshold(reader: &mut Reader<'_>, place: &Place<'_>) -> Option<Threshold> {
    const EITHER: &str = "`{count: N}` or `{percent: N}`";
    let NodeKind::Mapping(_) = place.node.kind else {
        reader.wrong(place, EITHER);
        return None;
    };
    let fields = reader.fields(place, &["count", "percent"]);
    let (count, percent) = (fields.get("count"), fields.get("percent"));
    match (count, percent) {
        (Some(count), None) => {
            let number = number(reader, &count, u32::MAX, "a number of tasks, 1 or more");
            number.map(Threshold::Count)
        }
        (None, Some(percent)) => {
            let number = number(reader, &percent, PERCENT_MAX, "a percentage from 1 to 100");
            number.map(Threshold::BoundedPercent)
        }
        (None, None) => {
            reader.wrong(place, EITHER);
            None
        }
        (Some(_), Some(percent)) => {
            let message = "stands beside `count`, and ECS counts in one way";
            reader.problem_with_help(&percent, message, "leave out one of the two");
            None
        }
    }
}

fn number(reader: &mut Reader<'_>, place: &Place<'_>, most: u32, what: &str) -> Option<u32> {
    let number = place.scalar().and_then(yaml::integer);
    let number = number.filter(|number| (1..=most).contains(number));
    if number.is_none() {
        reader.wrong(place, what);
    }
    number
}

/// ECS takes names, of alarms of its own account and region.
fn alarms(reader: &mut Reader<'_>, place: &Place<'_>) -> Vec<String> {
    let Some(items) = place.items() else {
        reader.wrong(place, "a list of names of CloudWatch alarms");
        return Vec::new();
    };
    let mut names = Vec::new();
    for item in &items {
        let name = item.scalar().map(|scalar| scalar.text.trim());
        let is_name = |name: &&str| {
            let is_short = (1..=ALARM_NAME_MAX).contains(&name.chars().count());
            is_short && !name.starts_with("arn:") && !name.contains(',')
        };
        match name.filter(is_name) {
            Some(name) => names.push(name.to_owned()),
            None => reader.wrong(
                item,
                "the name of a CloudWatch alarm: 255 characters at most, no comma, and no ARN",
            ),
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{refused, web};
    use super::*;

    fn course(body: &str) -> Option<Course> {
        web(&format!("{{deployment: {body}}}"), "")
            .0
            .deployment
            .course
    }

    #[test]
    fn a_breaker_counts_tasks_or_takes_a_share_and_nothing_said_is_nothing() {
        for body in ["", "{}", "{minimum: 50}"] {
            assert_eq!(course(body), None, "{body}");
        }
        let default = Breaker::default();
        for (body, threshold, resets) in [
            ("{breaker: {count: 3}}", Threshold::Count(3), true),
            (
                "{breaker: {percent: '25'}}",
                Threshold::BoundedPercent(25),
                true,
            ),
            (
                "{breaker: {count: 1}, resetOnHealthyTask: false}",
                Threshold::Count(1),
                false,
            ),
            ("{resetOnHealthyTask: no}", default.threshold, false),
            ("{resetOnHealthyTask: true}", default.threshold, true),
            ("{alarms: []}", default.threshold, true),
        ] {
            let want = Breaker {
                threshold,
                reset_on_healthy_task: resets,
                ..default
            };
            assert_eq!(course(body).unwrap().breaker, want, "{body}");
        }
        for (body, path, says) in [
            ("{breaker: 3}", "breaker", "`{count: N}` or `{percent: N}`"),
            ("{breaker: {}}", "breaker", "`{count: N}` or `{percent: N}`"),
            ("{breaker: {count: 0}}", "breaker.count", "1 or more"),
            ("{breaker: {count: many}}", "breaker.count", "1 or more"),
            (
                "{breaker: {percent: 101}}",
                "breaker.percent",
                "from 1 to 100",
            ),
            (
                "{breaker: {count: 1, percent: 2}}",
                "breaker.percent",
                "leave out one",
            ),
            (
                "{resetOnHealthyTask: 5}",
                "resetOnHealthyTask",
                "`true` or `false`",
            ),
        ] {
            let error = refused(&format!("services: {{web: {{deployment: {body}}}}}"), "");
            let path = format!("`services.web.deployment.{path}`");
            assert!(
                error.contains(&path) && error.contains(says),
                "{body}: {error}"
            );
        }
    }

    #[test]
    fn alarms_are_names_in_one_order_and_no_message_shows_a_value() {
        let said = course("{alarms: [errors, ' slow ', errors, 'a/b: c']}").unwrap();
        assert_eq!(said.alarms, ["a/b: c", "errors", "slow"]);
        assert!(!format!("{said:?}").contains("errors"), "{said:?}");
        let long = "x".repeat(256);
        for item in [
            "''",
            "'a,b'",
            "{a: b}",
            "'arn:aws:cloudwatch:us-east-1:123456789012:alarm:a'",
            &long,
        ] {
            let body = format!("services: {{web: {{deployment: {{alarms: [{item}]}}}}}}");
            let error = refused(&body, "");
            assert!(
                error.contains("the name of a CloudWatch alarm"),
                "{item}: {error}"
            );
        }
        let error = refused("services: {web: {deployment: {alarms: 5}}}", "");
        assert!(error.contains("a list of names"), "{error}");
        let error = refused(
            "services: {web: {deployment: {alarms: ['${KEY}']}}}",
            "KEY=s3,cret",
        );
        assert!(
            error.contains("${KEY}") && !error.contains("s3,cret"),
            "{error}"
        );
    }
}
