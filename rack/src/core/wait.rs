//! What somebody who waits for a promote has to know: what became of the request, then of each Service.

use std::collections::BTreeMap;

use promotion::{Promotion, Status};
use serde::Serialize;

use super::report::{SeenReport, SeenVerdict};
use super::services::{Phase, SeenService};
use crate::exit::Exit;

/// How often the same is seen before ECS is taken to have gone back: a look can be older than the move.
const SURE: usize = 2;

/// What became of a request so far.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// It is not done, and what is known of it.
    Open(String),
    /// ECS took all calls.
    Promoted(Vec<Target>),
    /// It failed, and why.
    Failed(String),
    /// A newer request came before it.
    Superseded(String),
}

/// A Service that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The Service.
    pub service: String,
    /// Its ECS service.
    pub runs_as: String,
    /// What it is to run.
    pub task_definition: String,
    /// What it ran before, where that is known.
    pub before: Option<String>,
}

/// What the state of its App and the report of its Release say of a request. The report was read after the state, so that the
/// one stands that the state is done with.
#[must_use]
pub fn asked(request_id: &str, report: Option<&SeenReport>, state: &Promotion) -> Asked {
    if let Some(report) = report.filter(|report| report.request_id == request_id) {
        return reported(report);
    }
    if !state.unwritten.is_empty() {
        return Asked::Open("its report is being written".to_owned());
    }
    let applied = state.applied.as_ref();
    if let Some(applied) = applied.filter(|applied| applied.request_id == request_id) {
        let targets = applied.services.iter().map(|(service, definition)| Target {
            service: service.clone(),
            runs_as: definition.runs_as.clone(),
            task_definition: definition.arn.clone(),
            before: None,
        });
        return Asked::Promoted(targets.collect());
    }
    let desired = state.desired.as_ref();
    match desired.filter(|desired| desired.order.request_id == request_id) {
        None => Asked::Open("not taken up yet".to_owned()),
        Some(desired) => match &desired.status {
            Status::Failed { reason, .. } => Asked::Failed(reason.as_str().to_owned()),
            Status::Waiting { reason, .. } => Asked::Open(reason.clone()),
            Status::Pending | Status::Done => Asked::Open("at work".to_owned()),
        },
    }
}

/// What a report says of its own request.
#[must_use]
pub fn reported(report: &SeenReport) -> Asked {
    match report.status.as_str() {
        "promoted" => Asked::Promoted(targets(report)),
        "failed" => Asked::Failed(report.in_words()),
        "superseded" => Asked::Superseded(report.in_words()),
        _ => Asked::Open(
            report
                .message
                .clone()
                .unwrap_or_else(|| "at work".to_owned()),
        ),
    }
}

fn targets(report: &SeenReport) -> Vec<Target> {
    let moved = report.services.iter().filter(|(_, moved)| moved.changed);
    let targets = moved.map(|(service, moved)| Target {
        service: service.clone(),
        runs_as: moved.runs_as.clone(),
        task_definition: moved.new_task_definition.clone(),
        before: moved
            .old_task_definition
            .clone()
            .filter(|old| *old != moved.new_task_definition),
    });
    targets.collect()
}

/// The Services that move, and how far each has come.
#[derive(Debug)]
pub struct Watch {
    targets: Vec<(Target, Phase, usize)>,
}

impl Watch {
    /// Nothing is known of any of them yet.
    #[must_use]
    pub fn new(targets: Vec<Target>) -> Self {
        let unknown = Phase::Moving {
            running: 0,
            desired: 0,
            failed: 0,
            paused: None,
        };
        let targets = targets
            .into_iter()
            .map(|target| (target, unknown.clone(), 0));
        Self {
            targets: targets.collect(),
        }
    }

    /// The ECS services that are still to be looked at.
    #[must_use]
    pub fn open(&self) -> Vec<String> {
        let open = self
            .targets
            .iter()
            .filter(|(_, phase, seen)| !is_settled(phase, *seen));
        open.map(|(target, ..)| target.runs_as.clone()).collect()
    }

    /// Takes in a look at ECS.
    pub fn look(&mut self, services: &[SeenService]) {
        for (target, phase, times) in &mut self.targets {
            if is_settled(phase, *times) {
                continue;
            }
            let service = services
                .iter()
                .find(|service| is_called(service, &target.runs_as));
            let now = service.map_or_else(
                || Phase::Failed {
                    reason: "the ECS service is not there".to_owned(),
                },
                |service| service.phase(&target.task_definition, target.before.as_deref()),
            );
            *times = if now == *phase { *times + 1 } else { 1 };
            *phase = now;
        }
    }

    /// Takes in what the Rack found out by itself.
    pub fn take(&mut self, told: &SeenVerdict) {
        for (target, phase, _) in &mut self.targets {
            let fate = told.services.get(&target.service).map(String::as_str);
            let reason = || told.message.clone().unwrap_or_default();
            match fate {
                Some("live") => *phase = Phase::Live,
                Some("rolledBack") => *phase = Phase::RolledBack { reason: reason() },
                _ => {}
            }
        }
    }

    /// The Services that are known not to be live: name, ECS service and the revision that was to run.
    #[must_use]
    pub fn fallen(&self) -> Vec<&Target> {
        let fallen = self.targets.iter().filter(|(_, phase, _)| {
            matches!(phase, Phase::RolledBack { .. } | Phase::Failed { .. })
        });
        fallen.map(|(target, ..)| target).collect()
    }

    /// One line for each Service.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let lines = self.targets.iter();
        lines
            .map(|(target, phase, _)| format!("{}: {}", target.service, phase.in_words()))
            .collect()
    }

    /// By Service.
    #[must_use]
    pub fn phases(&self) -> BTreeMap<String, Phase> {
        let phases = self.targets.iter();
        phases
            .map(|(target, phase, _)| (target.service.clone(), phase.clone()))
            .collect()
    }

    /// How it ended, once it has for all.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        if !self.open().is_empty() {
            return None;
        }
        let phases = || self.targets.iter().map(|(_, phase, _)| phase);
        let any = |wanted: fn(&Phase) -> bool| phases().any(wanted);
        Some(if any(|phase| matches!(phase, Phase::RolledBack { .. })) {
            Verdict::RolledBack
        } else if any(|phase| matches!(phase, Phase::Failed { .. })) {
            Verdict::Failed
        } else if any(|phase| matches!(phase, Phase::MovedOn { .. })) {
            Verdict::Superseded
        } else {
            Verdict::Live
        })
    }
}

/// A service may be named by its ARN.
fn is_called(service: &SeenService, runs_as: &str) -> bool {
    runs_as.rsplit('/').next() == Some(service.name.as_str())
}

fn is_settled(phase: &Phase, times: usize) -> bool {
    let at_once = matches!(phase, Phase::Live);
    phase.is_final() && (at_once || times >= SURE)
}

/// How a promote ended, or that nobody saw its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// All tasks are of the Release.
    Live,
    /// ECS took all calls; nobody waited for more.
    Promoted,
    /// It is asked for; nobody waited for more.
    Requested,
    /// It waits for something else, and goes on by itself.
    Waiting,
    /// ECS went back in a Service.
    RolledBack,
    /// It failed.
    Failed,
    /// A newer request came before it.
    Superseded,
    /// The time was up.
    TimedOut,
    /// The Rack waits no longer for it to become live, which is told as `Release Stuck`.
    Stuck,
}

impl Verdict {
    /// What the Rack itself found out; none where it says what this tool does not know.
    #[must_use]
    pub fn told(told: &SeenVerdict) -> Option<Self> {
        match told.status.as_str() {
            "live" => Some(Self::Live),
            "rolledBack" => Some(Self::RolledBack),
            "stuck" => Some(Self::Stuck),
            "replaced" => Some(Self::Superseded),
            _ => None,
        }
    }

    /// With what the program ends.
    #[must_use]
    pub fn exit(self) -> Exit {
        match self {
            Self::Live | Self::Promoted | Self::Requested | Self::Waiting => Exit::Done,
            Self::Failed | Self::Superseded => Exit::Failed,
            Self::RolledBack => Exit::RolledBack,
            Self::TimedOut | Self::Stuck => Exit::TimedOut,
        }
    }

    /// For people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Live => "is live",
            Self::Promoted => "is promoted; nobody waited for its tasks",
            Self::Requested => "is requested",
            Self::Waiting => "waits",
            Self::RolledBack => "was rolled back by ECS",
            Self::Failed => "failed",
            Self::Superseded => "is superseded",
            Self::Stuck => "is stuck; ECS goes on trying",
            Self::TimedOut => "was not seen to its end in time; only the wait has ended",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::services::tests::service;
    use super::*;

    fn report(value: serde_json::Value) -> SeenReport {
        serde_json::from_value(value).unwrap()
    }

    fn target(service: &str) -> Target {
        Target {
            service: service.to_owned(),
            runs_as: "r_shop_web".to_owned(),
            task_definition: "new".to_owned(),
            before: Some("old".to_owned()),
        }
    }

    #[test]
    fn only_a_report_of_the_same_request_counts() {
        let state = Promotion::default();
        let failed = report(
            json!({"requestId": "1", "status": "failed", "errorType": "NoImage", "message": "m"}),
        );
        assert_eq!(
            asked("1", Some(&failed), &state),
            Asked::Failed("NoImage: m".to_owned())
        );
        assert!(matches!(asked("2", Some(&failed), &state), Asked::Open(_)));
        let promoted = report(json!({"requestId": "1", "status": "promoted", "services": {
            "web": {"runsAs": "r_shop_web", "newTaskDefinition": "new", "oldTaskDefinition": "old", "changed": true},
            "kept": {"runsAs": "r_shop_kept", "newTaskDefinition": "same", "changed": false},
        }}));
        assert_eq!(
            asked("1", Some(&promoted), &state),
            Asked::Promoted(vec![target("web")])
        );
        let state: Promotion = serde_json::from_value(json!({"desired": {
            "kind": "promote", "release": "R1", "envVersionId": "v", "requestedAt": "2026-01-01T00:00:00Z", "requestId": "2",
            "order": {"key": "k"}, "interrupted": false, "status": "waiting", "reason": "for its stack",
            "until": "2026-01-01T00:00:00Z", "deadline": "2026-01-01T00:00:00Z"}})).unwrap();
        assert_eq!(
            asked("2", Some(&failed), &state),
            Asked::Open("for its stack".to_owned())
        );
    }

    #[test]
    fn an_end_without_its_report_is_none_yet() {
        let state = |unwritten| -> Promotion {
            serde_json::from_value(json!({"desired": {
                "kind": "promote", "release": "R1", "envVersionId": "v", "requestedAt": "2026-01-01T00:00:00Z", "requestId": "2",
                "order": {"key": "k"}, "interrupted": false, "status": "failed", "reason": "NoImage",
                "deadline": "2026-01-01T00:00:00Z"}, "unwritten": unwritten})).unwrap()
        };
        let early = state(json!([{"key": "report.json", "text": "{}"}]));
        assert!(matches!(asked("2", None, &early), Asked::Open(_)));
        assert_eq!(
            asked("2", None, &state(json!([]))),
            Asked::Failed("NoImage".to_owned())
        );
    }

    #[test]
    fn the_verdict_is_the_worst_of_all_and_comes_when_all_have_ended() {
        let mut watch = Watch::new(vec![target("web")]);
        assert_eq!(watch.verdict(), None);
        watch.look(&[service(&[("new", Some("IN_PROGRESS"))], 2, true)]);
        assert_eq!(
            (watch.verdict(), watch.lines()),
            (None, vec!["web: 1 of 2 tasks run".to_owned()])
        );
        let mut paused = service(&[("new", Some("IN_PROGRESS"))], 2, true);
        (paused.shifts, paused.paused) = (true, Some("POST_TEST_TRAFFIC_SHIFT".to_owned()));
        watch.look(&[paused]);
        let told =
            "web: 1 of 2 tasks run; paused at POST_TEST_TRAFFIC_SHIFT: rack promote --continue";
        assert_eq!(
            (watch.verdict(), watch.lines()),
            (None, vec![told.to_owned()])
        );
        watch.look(&[service(&[("new", Some("COMPLETED"))], 2, true)]);
        assert_eq!(watch.verdict(), Some(Verdict::Live));
        assert_eq!(Watch::new(Vec::new()).verdict(), Some(Verdict::Live));
    }

    #[test]
    fn what_the_rack_found_out_counts() {
        let told = |status: &str| SeenVerdict {
            status: status.to_owned(),
            message: Some("why".to_owned()),
            services: BTreeMap::from([("web".to_owned(), status.to_owned())]),
        };
        let mut watch = Watch::new(vec![target("web")]);
        watch.take(&told("stuck"));
        assert!(watch.fallen().is_empty() && watch.verdict().is_none());
        watch.take(&told("rolledBack"));
        assert_eq!(watch.fallen(), [&target("web")]);
        let reason = "why".to_owned();
        assert_eq!(watch.phases()["web"], Phase::RolledBack { reason });
        let all = [
            "live",
            "rolledBack",
            "stuck",
            "replaced",
            "of a later version",
        ];
        let exits = all.map(|status| Verdict::told(&told(status)).map(|it| it.exit() as u8));
        assert_eq!(exits, [Some(0), Some(3), Some(4), Some(1), None]);
    }

    #[test]
    fn one_look_at_what_was_before_is_no_rollback() {
        let mut watch = Watch::new(vec![target("web")]);
        let (old, new) = (
            service(&[("old", Some("COMPLETED"))], 2, true),
            service(&[("new", Some("COMPLETED"))], 2, true),
        );
        watch.look(std::slice::from_ref(&old));
        assert_eq!(watch.verdict(), None);
        watch.look(&[new]);
        assert_eq!(watch.verdict(), Some(Verdict::Live));
        let mut watch = Watch::new(vec![target("web")]);
        watch.look(std::slice::from_ref(&old));
        watch.look(&[old]);
        assert_eq!(watch.verdict(), Some(Verdict::RolledBack));
        let mut watch = Watch::new(vec![target("web")]);
        (0..2).for_each(|_| watch.look(&[]));
        assert_eq!(watch.verdict(), Some(Verdict::Failed));
    }
}
