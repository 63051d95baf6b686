//! The way of a deployment: shares of requests that are moved, and pauses.
//!
//! Source: ECS API reference, `DeploymentLifecycleHook` (which stages there are, and that of canary and linear deployments the one
//! before requests move comes before each step), `CanaryConfiguration`, `LinearConfiguration`.

use std::collections::VecDeque;

use serde_json::Value;

use super::super::array;
use super::strategy;

/// All requests, in tenths of a percent.
const ALL: u32 = 1000;
const BEFORE: [&str; 2] = ["PRE_SCALE_UP", "POST_SCALE_UP"];
const BEFORE_STEP: &str = "PRE_PRODUCTION_TRAFFIC_SHIFT";
const AFTER: &str = "POST_PRODUCTION_TRAFFIC_SHIFT";

/// What is left to do.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    acts: VecDeque<Act>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Somebody has to say that it may go on, at this stage.
    Pause(&'static str),
    /// So much of the requests, in tenths of a percent, is for the new tasks.
    Share(u32),
}

impl Course {
    /// Of a deployment with this configuration. The first one of a service has nothing that requests could move from.
    pub(super) fn of(configuration: &Value, is_first: bool) -> Self {
        let hooks = array(configuration, "lifecycleHooks").iter();
        let pauses: Vec<&Value> = hooks.filter(|hook| hook["targetType"] == "PAUSE").collect();
        let pauses_at = |stage: &'static str| {
            let mut pauses = pauses.iter();
            let is_at = |hook: &&Value| array(hook, "lifecycleStages").iter().any(|it| it == stage);
            pauses.any(is_at).then_some(Act::Pause(stage))
        };
        let mut acts: VecDeque<Act> = BEFORE.into_iter().filter_map(pauses_at).collect();
        let shares = if is_first {
            vec![ALL]
        } else {
            shares(configuration)
        };
        for share in shares {
            acts.extend(pauses_at(BEFORE_STEP));
            acts.push_back(Act::Share(share));
        }
        acts.extend(pauses_at(AFTER));
        Self { acts }
    }

    pub(super) fn is_over(&self) -> bool {
        self.acts.is_empty()
    }

    pub(super) fn next(&self) -> Option<&Act> {
        self.acts.front()
    }

    /// The id of the pause that it is at: another one for each.
    pub(super) fn hook(&self) -> String {
        format!("ecs-pause-{}", self.acts.len())
    }

    /// The next share, where no pause is before it.
    pub(super) fn step(&mut self) -> Option<u32> {
        let Some(Act::Share(share)) = self.acts.front() else {
            return None;
        };
        let share = *share;
        self.acts.pop_front();
        Some(share)
    }

    /// Ends the pause of that id; false where it is not at that.
    pub(super) fn goes_on(&mut self, hook: &str) -> bool {
        let is_at = matches!(self.acts.front(), Some(Act::Pause(_))) && self.hook() == hook;
        if is_at {
            self.acts.pop_front();
        }
        is_at
    }
}

fn shares(configuration: &Value) -> Vec<u32> {
    let tenths = |part: &str, of: &str, usual: u32| {
        let percent = configuration[part][of].as_f64();
        percent.map_or(usual, |percent| {
            let tenths = format!("{:.0}", percent * 10.0);
            tenths.parse().unwrap_or(usual)
        })
    };
    match strategy(configuration) {
        "CANARY" => vec![tenths("canaryConfiguration", "canaryPercent", 50), ALL],
        "LINEAR" => {
            let step = tenths("linearConfiguration", "stepPercent", 100).max(1);
            let steps = (1..=ALL.div_ceil(step)).map(|number| (number * step).min(ALL));
            steps.collect()
        }
        _ => vec![ALL],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_strategy_has_its_steps_and_pauses_before_each() {
        let pause = |stages: &[&str]| json!([{"targetType": "PAUSE", "lifecycleStages": stages}]);
        let canary = json!({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 2.5}});
        let linear = json!({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 40.0}});
        let (before, share) = (Act::Pause(BEFORE_STEP), Act::Share);
        for (configuration, hooks, is_first, want) in [
            (
                json!({"strategy": "BLUE_GREEN"}),
                json!([]),
                false,
                vec![share(1000)],
            ),
            (
                canary.clone(),
                json!([]),
                false,
                vec![share(25), share(1000)],
            ),
            (
                canary.clone(),
                pause(&[BEFORE_STEP]),
                false,
                vec![before.clone(), share(25), before.clone(), share(1000)],
            ),
            (
                canary,
                pause(&[BEFORE_STEP]),
                true,
                vec![before, share(1000)],
            ),
            (
                linear,
                pause(&[AFTER, BEFORE[1]]),
                false,
                vec![
                    Act::Pause(BEFORE[1]),
                    share(400),
                    share(800),
                    share(1000),
                    Act::Pause(AFTER),
                ],
            ),
        ] {
            let mut configuration = configuration;
            configuration["lifecycleHooks"] = hooks;
            let course = Course::of(&configuration, is_first);
            assert_eq!(Vec::from(course.acts), want, "{configuration}");
        }
    }
}
