//! What of an ECS service's deployments changes, in the words of convox.yml. Pure.

use serde::Serialize;

use super::Deployment;
use super::course::{Course, Threshold};
use super::pause::Pause;
use super::strategy::{Strategy, decimal};

/// One setting that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeploymentChange {
    /// Its key in convox.yml: `strategy`, `bake`.
    pub setting: &'static str,
    /// What it was; `None` where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What it is from now on; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

impl Deployment {
    /// What changes where an ECS service that has `found` is told this: what is not said stays as it stands. Alarms are counted, not
    /// named: convox.yml can interpolate secrets into their names.
    #[must_use]
    pub fn changes_from(&self, found: &Self) -> Vec<DeploymentChange> {
        let stands = found.course.clone().unwrap_or_default();
        let told = self.course.as_ref().unwrap_or(&stands);
        let percent = |percent: u32| Some(percent.to_string());
        let percentages = [
            ("minimum", percent(found.minimum), percent(self.minimum)),
            ("maximum", percent(found.maximum), percent(self.maximum)),
        ];
        let of_course = said(&stands).into_iter().zip(said(told));
        let of_course = of_course.map(|((setting, old), (_, new))| (setting, old, new));
        let all = percentages.into_iter().chain(of_course);
        let all = all.map(|(setting, old, new)| DeploymentChange { setting, old, new });
        let mut changes: Vec<DeploymentChange> = all.filter(|it| it.old != it.new).collect();
        if stands.alarms != told.alarms {
            changes.push(alarms(&stands.alarms, &told.alarms));
        }
        changes
    }
}

/// Each setting of a course but its alarms, always in the same order.
fn said(course: &Course) -> [(&'static str, Option<String>); 7] {
    let rolls = !course.strategy.shifts();
    let breaker = course.breaker;
    let threshold = match (breaker.enable, breaker.threshold) {
        (false, _) => "off".to_owned(),
        (true, Threshold::Count(count)) => format!("{count} tasks"),
        (true, Threshold::BoundedPercent(percent)) => format!("{percent}%"),
        (true, Threshold::UnboundedPercent(percent)) => format!("{percent}%, unbounded"),
    };
    let resets = breaker.reset_on_healthy_task.to_string();
    let mut bake = None;
    let [mut canary, mut linear] = [None, None];
    let share = |tenths, wait| Some(format!("{}%, bake {wait}", decimal(tenths)));
    match course.strategy {
        Strategy::Rolling => {}
        Strategy::BlueGreen { bake: last } => bake = Some(last),
        Strategy::Canary {
            tenths,
            step_bake,
            bake: last,
        } => (canary, bake) = (share(tenths, step_bake), Some(last)),
        Strategy::Linear {
            tenths,
            step_bake,
            bake: last,
        } => (linear, bake) = (share(tenths, step_bake), Some(last)),
    }
    [
        ("strategy", Some(course.strategy.name().to_owned())),
        ("canary", canary),
        ("linear", linear),
        ("bake", bake.map(|minutes| minutes.to_string())),
        ("pause", course.pause.as_ref().map(paused)),
        ("breaker", rolls.then_some(threshold)),
        ("resetOnHealthyTask", rolls.then_some(resets)),
    ]
}

fn paused(pause: &Pause) -> String {
    let stages = pause.stages.iter().map(|stage| stage.name());
    let stages: Vec<&str> = stages.collect();
    let (stages, timeout) = (stages.join(", "), pause.timeout);
    let action = if pause.goes_on {
        "CONTINUE"
    } else {
        "ROLLBACK"
    };
    format!("{stages}; {action} after {timeout}")
}

fn alarms(old: &[String], new: &[String]) -> DeploymentChange {
    let count = |names: &[String]| (!names.is_empty()).then(|| names.len().to_string());
    let come = new.iter().filter(|name| !old.contains(name)).count();
    let says = |count: String| {
        if come == 0 || old.is_empty() {
            count
        } else {
            format!("{count}, {come} of them new")
        }
    };
    DeploymentChange {
        setting: "alarms",
        old: count(old),
        new: count(new).map(says),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::web;
    use super::*;

    fn deployment(body: &str) -> Deployment {
        web(&format!("{{deployment: {body}}}"), "").0.deployment
    }

    #[test]
    fn each_setting_that_changes_is_told_and_no_name_of_an_alarm() {
        for (old, new, want) in [
            ("{}", "{}", &[][..]),
            ("{}", "{minimum: 25}", &[("minimum", "50", "25")]),
            (
                "{breaker: {count: 3}}",
                "{breaker: {percent: 20}, resetOnHealthyTask: false}",
                &[
                    ("breaker", "3 tasks", "20%"),
                    ("resetOnHealthyTask", "true", "false"),
                ],
            ),
            (
                "{}",
                "{strategy: canary, canary: {percent: 2.5, bake: 3}, pause: true}",
                &[
                    ("strategy", "rolling", "canary"),
                    ("canary", "", "2.5%, bake 3"),
                    ("bake", "", "5"),
                    (
                        "pause",
                        "",
                        "PRE_PRODUCTION_TRAFFIC_SHIFT; ROLLBACK after 1440",
                    ),
                    ("breaker", "50%", ""),
                    ("resetOnHealthyTask", "true", ""),
                ],
            ),
            (
                "{strategy: linear, linear: {percent: 50}}",
                "{strategy: linear, linear: {percent: 20}}",
                &[("linear", "50%, bake 6", "20%, bake 6")],
            ),
            (
                "{alarms: [one-a, two-a]}",
                "{alarms: [one-a, three-a]}",
                &[("alarms", "2", "2, 1 of them new")],
            ),
            ("{alarms: [one-a]}", "{alarms: []}", &[("alarms", "1", "")]),
            ("{}", "{alarms: [one-a]}", &[("alarms", "", "1")]),
            // What is not said stays.
            ("{alarms: [one-a]}", "{}", &[]),
        ] {
            let changes = deployment(new).changes_from(&deployment(old));
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let told = changes
                .iter()
                .map(|it| (it.setting, text(&it.old), text(&it.new)));
            let want = want.iter().map(|(setting, old, new)| {
                let (old, new) = ((*old).to_owned(), (*new).to_owned());
                (*setting, old, new)
            });
            assert!(told.eq(want), "{old} to {new}: {changes:?}");
        }
    }
}
