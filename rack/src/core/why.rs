//! What went wrong last, why, and what to do about it.

use std::fmt::Write as _;

use names::AppId;
use promotion::stop_reason::{StopCause, StoppedTask, Told};
use promotion::verdict::Watched;
use promotion::{Promotion, Status};
use serde::Serialize;

use super::report::{SeenReport, explained};
use super::services::SeenService;
use super::table::short;

/// What to do about a deployment that pauses.
const PAUSED: &str = "`rack promote --continue`; without it ECS does what `pause.action` says, once `pause.timeout` is over";

/// The answer of `why`.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// The App.
    pub app: String,
    /// What is wrong, the most recent first.
    pub findings: Vec<Finding>,
    /// What could not be seen.
    pub warnings: Vec<String>,
}

/// Something that went wrong.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Of what: a Release, a Service.
    pub about: String,
    /// What happened, in a sentence.
    pub what: String,
    /// Its stable name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// The words of who met it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

/// A task that stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// The Service.
    pub service: String,
    /// Its revision.
    pub task_definition: String,
    /// What ECS says of it.
    pub task: StoppedTask,
}

/// What is known beside the state.
#[derive(Debug, Default)]
pub struct Known {
    /// The report of the Release that was wanted last.
    pub wanted: Option<SeenReport>,
    /// The report of the one that runs.
    pub live: Option<SeenReport>,
    /// The ECS services.
    pub services: Vec<SeenService>,
    /// Tasks that stopped.
    pub stopped: Vec<Stopped>,
    /// What could not be seen.
    pub warnings: Vec<String>,
}

impl Why {
    /// What state, reports and ECS say.
    #[must_use]
    pub fn of(id: &AppId, state: &Promotion, known: Known) -> Self {
        let mut findings: Vec<Finding> =
            request(state, known.wanted.as_ref()).into_iter().collect();
        findings.extend(services(state, &known));
        findings.extend(known.stopped.iter().map(|it| it.finding(&id.secret())));
        findings.extend(fallback(state, known.live.as_ref()));
        Self {
            app: id.app.to_string(),
            findings,
            warnings: known.warnings,
        }
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let name = finding.error_type.as_deref();
            let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
            let _ = writeln!(text, "{}: {}{name}", finding.about, finding.what);
            if let Some(message) = &finding.message {
                text.extend(message.lines().map(|line| format!("  {line}\n")));
            }
            if let Some(cure) = &finding.cure {
                let _ = writeln!(text, "  what to do: {cure}");
            }
        }
        if self.findings.is_empty() {
            let _ = writeln!(text, "nothing is known to be wrong with {}", self.app);
        }
        text.extend(
            self.warnings
                .iter()
                .map(|warning| format!("not seen: {warning}\n")),
        );
        text
    }
}

fn request(state: &Promotion, report: Option<&SeenReport>) -> Option<Finding> {
    let desired = state.desired.as_ref()?;
    let report = report.filter(|report| report.request_id == desired.order.request_id);
    let message = report.and_then(|report| report.message.clone());
    let about = match desired.promotes() {
        Some((release, _)) => format!("promote of {release}"),
        None => "deletion".to_owned(),
    };
    match &desired.status {
        Status::Failed { reason, .. } => Some(Finding {
            about,
            what: "it failed".to_owned(),
            error_type: Some(reason.to_string()),
            message,
            cure: cure(reason.as_str()),
        }),
        Status::Waiting { reason, .. } => Some(Finding {
            about,
            what: "it waits".to_owned(),
            error_type: None,
            message: Some(reason.clone()),
            cure: Some("nothing: it goes on by itself when that has ended".to_owned()),
        }),
        Status::Pending | Status::Done => None,
    }
}

fn cure(error_type: &str) -> Option<String> {
    explained(error_type).map(|known| known.cure.to_owned())
}

/// Services that run something else than what was applied, or whose deployment failed.
fn services(state: &Promotion, known: &Known) -> Vec<Finding> {
    let applied = state
        .applied
        .iter()
        .flat_map(|applied| applied.services.iter());
    let findings = applied.filter_map(|(name, definition)| {
        let called = definition.runs_as.rsplit('/').next();
        let service = known
            .services
            .iter()
            .find(|it| Some(it.name.as_str()) == called)?;
        if let Some(stage) = &service.paused {
            return Some(Finding {
                about: format!("Service {name}"),
                what: format!("its deployment pauses at {stage}"),
                error_type: None,
                message: None,
                cure: Some(PAUSED.to_owned()),
            });
        }
        let primary = service.primary()?;
        let failed = service
            .deployments
            .iter()
            .find(|it| it.rollout.as_deref() == Some("FAILED"));
        let is_other = primary.task_definition != definition.arn;
        if !is_other && failed.is_none() {
            return None;
        }
        let what = if is_other {
            let (runs, wanted) = (short(&primary.task_definition), short(&definition.arn));
            format!("ECS runs {runs}, and {wanted} was applied: it went back, or somebody moved it")
        } else {
            "its deployment failed".to_owned()
        };
        let known = watched(state, name).and_then(|it| it.why.as_ref());
        let said = failed.unwrap_or(primary).reason.clone();
        let said = said.filter(|reason| !reason.is_empty());
        Some(Finding {
            about: format!("Service {name}"),
            what,
            error_type: known.map(|why| why.cause.clone()),
            message: known.map(|why| why.message.clone()).or(said),
            cure: Some(
                "mend what its tasks stop for, and promote again; or `rack rollback`".to_owned(),
            ),
        })
    });
    findings.collect()
}

/// What was found out about a Service when its Release's verdict was decided.
fn watched<'s>(state: &'s Promotion, service: &str) -> Option<&'s Watched> {
    let watch = state.applied.as_ref()?.watch.as_ref()?;
    watch.services.get(service)
}

impl Stopped {
    /// Why it stopped. ECS's own words are not shown: they can quote what stands in a secret.
    #[must_use]
    pub fn told(&self, secret: &str) -> Told {
        let cause = StopCause::of_task(&self.task);
        cause.map_or_else(Told::unknown, |cause| cause.told(secret))
    }

    fn finding(&self, secret: &str) -> Finding {
        let told = self.told(secret);
        Finding {
            about: format!("Service {}", self.service),
            what: format!("a task of {} stopped", short(&self.task_definition)),
            error_type: Some(told.cause),
            message: Some(told.message),
            cure: StopCause::of_task(&self.task).map(|cause| cause.cure().to_owned()),
        }
    }
}

fn fallback(state: &Promotion, report: Option<&SeenReport>) -> Option<Finding> {
    let applied = state.applied.as_ref()?;
    let report = report.filter(|report| report.request_id == applied.request_id)?;
    let error_type = report.fallback.as_ref()?.error_type.clone();
    let message = report
        .warnings
        .iter()
        .find(|warning| warning.contains("Secrets Manager"));
    Some(Finding {
        about: format!("delivery of {}", applied.release),
        what: "it goes through S3, since Secrets Manager failed".to_owned(),
        cure: cure(&error_type)
            .or_else(|| Some("promote again when Secrets Manager answers".to_owned())),
        error_type: Some(error_type),
        message: message.cloned(),
    })
}

#[cfg(test)]
mod tests {
    use names::{AppName, RackName};
    use promotion::stop_reason::StoppedContainer;
    use serde_json::json;

    use super::super::services::tests::service;
    use super::*;

    fn state(status: &serde_json::Value) -> Promotion {
        let mut desired = json!({"kind": "promote", "release": "R2", "envVersionId": "v2", "requestedAt": "2026-01-01T00:00:00Z",
            "requestId": "2", "order": {"key": "k"}, "interrupted": false, "deadline": "2026-01-01T00:00:00Z"});
        desired
            .as_object_mut()
            .unwrap()
            .extend(status.as_object().unwrap().clone());
        serde_json::from_value(json!({"desired": desired,
            "applied": {"release": "R1", "requestId": "1", "envVersionId": "v1", "delivery": "S3", "timers": {},
                "services": {"web": {"arn": "arn/new", "digest": "d", "runsAs": "r_shop_web"}}},
            "outcomes": []})).unwrap()
    }

    fn report(value: serde_json::Value) -> Option<SeenReport> {
        serde_json::from_value(value).ok()
    }

    fn shop() -> AppId {
        AppId {
            rack: RackName::new("myrack").unwrap(),
            app: AppName::new("shop").unwrap(),
        }
    }

    fn stopped(reason: &str, exit_code: Option<i32>) -> Stopped {
        let container = StoppedContainer {
            reason: String::new(),
            exit_code,
        };
        Stopped {
            service: "web".to_owned(),
            task_definition: "arn/new".to_owned(),
            task: StoppedTask {
                reason: reason.to_owned(),
                containers: vec![container],
            },
        }
    }

    #[test]
    fn each_thing_that_is_wrong_is_named_with_its_cure() {
        let known = Known {
            wanted: report(json!({"requestId": "2", "message": "no image"})),
            live: report(
                json!({"requestId": "1", "fallback": {"errorType": "Timeout"}, "warnings": ["Secrets Manager was slow"]}),
            ),
            services: vec![service(
                &[("arn/old", Some("COMPLETED")), ("arn/new", Some("FAILED"))],
                1,
                true,
            )],
            stopped: vec![
                stopped("Essential container in task exited", Some(1)),
                stopped("CannotPullContainerError: pull of canary", None),
                stopped("something new", None),
            ],
            warnings: vec!["tasks: AccessDenied".to_owned()],
        };
        let why = Why::of(
            &shop(),
            &state(&json!({"status": "failed", "reason": "NoImage"})),
            known,
        );
        let text = why.text();
        for part in [
            "promote of R2: it failed (NoImage)",
            "  no image\n",
            "what to do: the message has path",
            "ECS runs old, and new was applied",
            "why arn/new",
            "a task of new stopped (ExitCode)\n  its container ended with exit code 1; its log says why\n",
            "what to do: push the image, or",
            "a task of new stopped (Unknown)",
            "since Secrets Manager failed (Timeout)",
            "Secrets Manager was slow",
            "not seen: tasks",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("canary"), "{text}");
    }

    #[test]
    fn what_the_verdict_found_out_is_told_of_the_service() {
        let mut state = state(&json!({"status": "done"}));
        let watched = json!({"since": "2026-01-01T00:00:00Z", "record": "r", "told": "rolledBack", "services": {
            "web": {"fate": "rolledBack", "why": {"cause": "Image", "message": "its image could not be pulled"}}}});
        state.applied.as_mut().unwrap().watch = serde_json::from_value(watched).unwrap();
        let known = Known {
            services: vec![service(&[("arn/old", Some("COMPLETED"))], 1, true)],
            ..Known::default()
        };
        let text = Why::of(&shop(), &state, known).text();
        let part = "somebody moved it (Image)\n  its image could not be pulled\n";
        assert!(text.contains(part), "{text}");
    }

    #[test]
    fn what_ecs_says_of_a_secret_is_not_repeated() {
        let reason = "ResourceInitializationError: retrieved secret from Secrets Manager did not contain json key A: canary";
        let told = format!("{:?}", stopped(reason, None).finding("myrack/shop"));
        assert!(
            !told.contains("canary") && told.contains("no key"),
            "{told}"
        );
    }

    #[test]
    fn an_app_that_is_well_says_so() {
        let known = Known {
            services: vec![service(&[("arn/new", Some("COMPLETED"))], 1, true)],
            ..Known::default()
        };
        let why = Why::of(&shop(), &state(&json!({"status": "done"})), known);
        assert_eq!(why.text(), "nothing is known to be wrong with shop\n");
        let waits = Why::of(
            &shop(),
            &state(
                &json!({"status": "waiting", "reason": "its stack", "until": "2026-01-01T00:00:00Z"}),
            ),
            Known::default(),
        );
        assert!(
            waits.text().contains("it waits\n  its stack\n"),
            "{}",
            waits.text()
        );
    }
}
