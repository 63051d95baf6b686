//! Where a deployment waits for somebody who says that it may go on. Convox has none of these keys.
//!
//! Source: ECS API reference, `DeploymentLifecycleHook`, `DeploymentLifecycleHookTimeoutConfiguration`; ECS developer guide, "Pause hooks
//! for Amazon ECS service deployments".

use serde::{Deserialize, Serialize};

use yaml::{NodeKind, Place, Reader};

/// ECS waits for 14 days at most.
const MINUTES_MAX: u32 = 20_160;
/// ECS's own.
const MINUTES: u32 = 1440;

/// A pause at some stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// At which, in the order of a deployment, each once.
    pub stages: Vec<Stage>,
    /// For how many minutes.
    pub timeout: u32,
    /// Whether it goes on after that by itself, and not back.
    pub goes_on: bool,
}

/// A stage of a deployment at which ECS can pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// Before the tasks of the new revision start.
    PreScaleUp,
    /// Once they run.
    PostScaleUp,
    /// Before requests move: before each step.
    PreProductionTrafficShift,
    /// Once all have moved.
    PostProductionTrafficShift,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [
        Self::PreScaleUp,
        Self::PostScaleUp,
        Self::PreProductionTrafficShift,
        Self::PostProductionTrafficShift,
    ];

    /// As ECS spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PreScaleUp => "PRE_SCALE_UP",
            Self::PostScaleUp => "POST_SCALE_UP",
            Self::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Self::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
        }
    }

    /// The stage of that name, where it is one of these.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// `true`, or a mapping. `None` for `false` too.
pub(super) fn read(reader: &mut Reader<'_>, place: &Place<'_>) -> Option<Pause> {
    let mut pause = Pause {
        stages: vec![Stage::PreProductionTrafficShift],
        timeout: MINUTES,
        goes_on: false,
    };
    let NodeKind::Mapping(_) = place.node.kind else {
        let is_on = reader.boolean(place, "`true`, `false`, or a mapping")?;
        return is_on.then_some(pause);
    };
    let fields = reader.fields(place, &["action", "stages", "timeout"]);
    if let Some(place) = fields.get("stages") {
        pause.stages = stages(reader, &place);
    }
    if let Some(place) = fields.get("timeout") {
        let minutes = place.scalar().and_then(yaml::integer);
        match minutes.filter(|minutes| (1..=MINUTES_MAX).contains(minutes)) {
            Some(minutes) => pause.timeout = minutes,
            None => reader.wrong(&place, "a number of minutes from 1 to 20160"),
        }
    }
    if let Some(place) = fields.get("action") {
        match place.scalar().map(|scalar| scalar.text.trim()) {
            Some("CONTINUE") => pause.goes_on = true,
            Some("ROLLBACK") => {}
            _ => reader.wrong(&place, "one of `CONTINUE` and `ROLLBACK`"),
        }
    }
    Some(pause)
}

fn stages(reader: &mut Reader<'_>, place: &Place<'_>) -> Vec<Stage> {
    let names = Stage::ALL.map(|stage| format!("`{}`", stage.name()));
    let names = names.join(", ");
    let items = place.items().filter(|items| !items.is_empty());
    let Some(items) = items else {
        reader.wrong(place, &format!("a list of {names}"));
        return Vec::new();
    };
    let mut stages = Vec::new();
    for item in &items {
        let name = item.scalar().map(|scalar| scalar.text.trim().to_owned());
        match name.as_deref().and_then(Stage::of) {
            Some(stage) => stages.push(stage),
            None => reader.wrong(item, &format!("one of {names}")),
        }
    }
    stages.sort_unstable();
    stages.dedup();
    stages
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{refused, web};
    use super::*;

    #[test]
    fn a_pause_is_said_in_a_word_or_as_ecs_spells_it() {
        let said = |pause: &str| {
            let body = format!("{{deployment: {{strategy: canary, pause: {pause}}}}}");
            let deployment = web(&body, "").0.deployment;
            deployment.course.unwrap().pause
        };
        assert_eq!(said("false"), None);
        for (pause, stages, timeout, goes_on) in [
            ("true", vec![Stage::PreProductionTrafficShift], 1440, false),
            (
                "{timeout: 20160}",
                vec![Stage::PreProductionTrafficShift],
                20_160,
                false,
            ),
            (
                "{stages: [POST_SCALE_UP, PRE_SCALE_UP, POST_SCALE_UP], action: CONTINUE, timeout: 1}",
                vec![Stage::PreScaleUp, Stage::PostScaleUp],
                1,
                true,
            ),
        ] {
            let want = Pause {
                stages,
                timeout,
                goes_on,
            };
            assert_eq!(said(pause), Some(want), "{pause}");
        }
        for (deployment, path, says) in [
            ("strategy: canary, pause: 5", "pause", "a mapping"),
            (
                "strategy: canary, pause: {stages: []}",
                "pause.stages",
                "PRE_SCALE_UP",
            ),
            (
                "strategy: canary, pause: {stages: [TEST_TRAFFIC_SHIFT]}",
                "pause.stages[0]",
                "one of `PRE_SCALE_UP`",
            ),
            (
                "strategy: canary, pause: {timeout: 0}",
                "pause.timeout",
                "1 to 20160",
            ),
            (
                "strategy: canary, pause: {action: back}",
                "pause.action",
                "ROLLBACK",
            ),
            ("pause: true", "pause", "leave it out"),
        ] {
            let error = refused(
                &format!("services: {{web: {{deployment: {{{deployment}}}}}}}"),
                "",
            );
            let path = format!("`services.web.deployment.{path}`");
            assert!(
                error.contains(&path) && error.contains(says),
                "{deployment}: {error}"
            );
        }
    }
}
