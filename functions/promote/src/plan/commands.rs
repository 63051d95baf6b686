//! The release commands of a Release: which have run, and what is done about the next. Pure.

use aws::ecs::override_characters;
use manifest::Service;
use names::AppId;
use promotion::release_commands::{CommandEnd, ReleaseCommand};
use release::timer_rule::{Network, Placement};

use super::checks::Checks;
use super::problem::PlanProblem;
use super::{Process, Runs};
use crate::error::PromoteError;
use crate::facts::{Facts, Wanted};

/// What the overrides of a task can take in all (ECS API reference, `RunTask`, `overrides`).
const OVERRIDES_MAX: usize = 8192;

/// What is done about the release command of one Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandStep<'a> {
    /// It is started, once those before it have ended well.
    Run(&'a Service),
    /// It is waited for.
    Wait(&'a ReleaseCommand),
    /// It has ended well.
    Done(&'a ReleaseCommand),
    /// It has not ended well: nothing is moved.
    Failed(&'a ReleaseCommand),
}

/// The Services whose release commands run before anything of the Release moves, in the order of their names: none where the
/// Release was live before, or is.
#[must_use]
pub fn with_commands<'f>(wanted: &Wanted<'_>, facts: &'f Facts) -> Vec<&'f Service> {
    let is_applied = wanted
        .applied
        .is_some_and(|applied| applied.release == *wanted.release);
    if is_applied || facts.was_live {
        return Vec::new();
    }
    let services = facts.release.manifest.services.iter();
    let mut services: Vec<&Service> = services
        .filter(|service| !service.release.is_empty())
        .collect();
    services.sort_unstable_by_key(|service| &service.name);
    services
}

/// What is done about each, as far as it is `known` what ran for this request.
#[must_use]
pub fn command_steps<'a>(
    services: &[&'a Service],
    request_id: &str,
    known: &'a [ReleaseCommand],
) -> Vec<CommandStep<'a>> {
    let of_service = |service: &Service| {
        let mut own = known.iter();
        own.find(|it| it.request_id == request_id && it.service == service.name.as_str())
    };
    let steps = services.iter().map(
        |service| match of_service(service).map(|it| (it, &it.end)) {
            Some((command, Some(end))) if end.is_well() => CommandStep::Done(command),
            Some((command, Some(_))) => CommandStep::Failed(command),
            Some((command, None)) if command.task.is_some() => CommandStep::Wait(command),
            Some(_) | None => CommandStep::Run(service),
        },
    );
    steps.collect()
}

/// The Service whose command is to be started now; `None` where all have ended well.
///
/// # Errors
///
/// [`PromoteError::ReleaseCommandAtWork`] and [`PromoteError::ReleaseCommandFailed`], where nothing is to be started.
pub fn next_command<'a>(steps: &[CommandStep<'a>]) -> Result<Option<&'a Service>, PromoteError> {
    for step in steps {
        match step {
            CommandStep::Done(_) => {}
            CommandStep::Run(service) => return Ok(Some(service)),
            CommandStep::Wait(command) => return Err(runs(command)),
            CommandStep::Failed(command) => return Err(failed(command)),
        }
    }
    Ok(None)
}

/// What a newer request waits for: a command of another one that has not ended, so that there are never two of one App.
#[must_use]
pub fn others_at_work(known: &[ReleaseCommand], request_id: &str) -> Option<PromoteError> {
    let mut others = known.iter().filter(|it| it.request_id != request_id);
    let other = others.find(|it| !it.is_over())?;
    let (service, release, log) = (&other.service, &other.release, &other.log);
    let reason = format!(
        "the release command of Service `{service}` of Release {release}, which was asked for \
         before, still runs; its output: {log}"
    );
    Some(PromoteError::ReleaseCommandAtWork { reason })
}

/// It runs.
#[must_use]
pub fn runs(command: &ReleaseCommand) -> PromoteError {
    let (service, log) = (&command.service, &command.log);
    PromoteError::ReleaseCommandAtWork {
        reason: format!("the release command of Service `{service}` runs; its output: {log}"),
    }
}

/// It has ended, and not well.
#[must_use]
pub fn failed(command: &ReleaseCommand) -> PromoteError {
    let end = command.end.as_ref();
    let ran = command.task.as_ref();
    let place = ran.map(|_| format!("; its output: {}", command.log));
    PromoteError::ReleaseCommandFailed {
        service: command.service.clone(),
        ended: end.map(CommandEnd::in_words).unwrap_or_default(),
        place: place.unwrap_or_default(),
    }
}

impl Process<'_> {
    /// Where its release command runs: where its tasks do, but never on Fargate Spot, since nobody starts a migration again that is
    /// cut off. `network` is that of what is the App's own.
    #[must_use]
    pub fn command_placement(&self, id: &AppId, network: &Network) -> Placement {
        let found = match &self.runs {
            Runs::Service { found, .. } => found.and_then(|found| found.network.as_ref()),
            Runs::Timer { .. } => None,
        };
        let lent = found.filter(|_| self.own_capacity(id).is_none());
        let network = lent.unwrap_or(network);
        Placement::on(self.capacity.launch_type().into(), network)
    }
}

impl Checks {
    /// What ECS would not take as a command.
    pub(super) fn commands(&mut self, wanted: &Wanted<'_>, facts: &Facts) {
        for service in with_commands(wanted, facts) {
            let size = override_characters(service.name.as_str(), &service.release);
            if size > OVERRIDES_MAX {
                let service = &service.name;
                self.problem(PlanProblem::CommandTooLong { service, size });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use environment::Environment;
    use manifest::Manifest;
    use names::ReleaseId;
    use promotion::release_commands::LogPlace;
    use promotion::stop_reason::StoppedTask;

    use super::*;

    fn manifest() -> Manifest {
        let text = "services: {web: {image: a, release: x}, api: {image: a, release: [y]}, zoo: {image: a}}";
        manifest::load("convox.yml", text.as_bytes(), &Environment::default()).unwrap()
    }

    fn ran(request_id: &str, service: &str, end: Option<i32>) -> ReleaseCommand {
        let ended = |exit_code| CommandEnd {
            exit_code: Some(exit_code),
            why: None,
        };
        ReleaseCommand {
            request_id: request_id.to_owned(),
            release: ReleaseId::new("R2").unwrap(),
            service: service.to_owned(),
            began_at: DateTime::UNIX_EPOCH,
            task: Some("task/1".to_owned()),
            log: LogPlace::new("group", "shop/service", service),
            end: end.map(ended),
        }
    }

    /// `run api`, `wait`, `failed` or `none` of what is known.
    fn next(known: &[ReleaseCommand]) -> String {
        let manifest = manifest();
        let of = |name| manifest.service(name).unwrap();
        let steps = command_steps(&[of("api"), of("web")], "mine", known);
        match next_command(&steps) {
            Ok(Some(service)) => format!("run {}", service.name),
            Ok(None) => "none".to_owned(),
            Err(err) => err.to_string(),
        }
    }

    #[test]
    fn the_next_is_started_only_once_those_before_it_have_ended_well() {
        let mut unwritten = ran("mine", "api", None);
        unwritten.task = None;
        for (known, want) in [
            (vec![], "run api"),
            (vec![unwritten], "run api"),
            (vec![ran("theirs", "api", Some(0))], "run api"),
            (
                vec![ran("mine", "api", None)],
                "the release command of Service `api` runs; its output: the log group `group`, stream `shop/service/api/`",
            ),
            (vec![ran("mine", "api", Some(0))], "run web"),
            (
                vec![ran("mine", "api", Some(1))],
                "the release command of Service `api` ended with exit code 1, so nothing was moved; its output: the log group \
                 `group`, stream `shop/service/api/`",
            ),
            (
                vec![ran("mine", "web", Some(0)), ran("mine", "api", Some(0))],
                "none",
            ),
        ] {
            assert_eq!(next(&known), want, "{known:?}");
        }
    }

    #[test]
    fn a_newer_request_waits_for_what_has_not_ended_of_others() {
        for (known, waits) in [
            (ran("mine", "api", None), false),
            (ran("theirs", "api", Some(1)), false),
            (ran("theirs", "api", None), true),
        ] {
            let wait = others_at_work(std::slice::from_ref(&known), "mine");
            assert_eq!(wait.is_some(), waits, "{known:?}");
        }
    }

    #[test]
    fn what_was_never_started_has_no_output() {
        let mut command = ran("mine", "api", None);
        command.task = None;
        let refused = CommandEnd::without_task("ECS did not place its task: MISSING".to_owned());
        command.end = Some(refused);
        let says = failed(&command).to_string();
        assert!(says.ends_with("MISSING, so nothing was moved"), "{says}");
        let end = CommandEnd::of(
            &StoppedTask::default(),
            false,
            &AppId {
                rack: names::RackName::new("myrack").unwrap(),
                app: names::AppName::new("shop").unwrap(),
            },
        );
        assert!(!end.is_well());
    }
}
