//! Release commands: `release` of a Service, which runs before anything of its Release moves. What was started of them is written
//! down, so that each runs once for its request, and never two of one App at once. Pure, without a clock.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::stop_reason::{StopCause, StoppedTask, Told};
use names::{AppId, AppName, RackName, ReleaseId, hex};

/// How long ECS may not show a task that it has just started (API reference, "eventual consistency" of `RunTask`).
const UNSEEN_MINUTES: i64 = 2;
/// How much of a token stands in `startedBy`.
const TOKEN_IN_NAME: usize = 24;

/// A release command that was started, or was about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseCommand {
    /// The request that it runs for.
    pub request_id: String,
    /// Its Release.
    pub release: ReleaseId,
    /// Its Service.
    pub service: String,
    /// When it was about to be started.
    pub began_at: DateTime<Utc>,
    /// Its task; `None` where nobody wrote down whether ECS started one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Where what it writes is.
    pub log: LogPlace,
    /// How it ended; `None` while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<CommandEnd>,
}

/// Where the containers of a task write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogPlace {
    /// The group of CloudWatch Logs.
    pub group: String,
    /// The stream; what its name begins with where the task is not known.
    pub stream: String,
}

/// How a release command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandEnd {
    /// The exit code of its container, where that ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Why it did not end by itself, or did not start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Told>,
}

/// A task as a look at ECS shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenTask {
    /// It has not stopped.
    AtWork,
    /// It has.
    Stopped {
        /// What ECS says of its end.
        task: StoppedTask,
        /// Whether its container ended by itself.
        by_itself: bool,
    },
    /// ECS does not show it.
    Unknown,
}

/// What somebody looks for at ECS before anything is decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sought {
    /// A task.
    Task {
        /// Its ARN.
        arn: String,
        /// The container whose end counts.
        container: String,
    },
    /// Whatever task was started by this, and runs.
    StartedBy(String),
}

impl ReleaseCommand {
    /// The client token of its task: 64 hexadecimal digits, others for each request and Service.
    #[must_use]
    pub fn token(id: &AppId, request_id: &str, service: &str) -> String {
        let mut digest = Sha256::new();
        let (rack, app) = (id.rack.as_str(), id.app.as_str());
        for part in ["release command", rack, app, request_id, service] {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        hex(digest.finalize())
    }

    /// What `startedBy` of its task says: letters, digits, `-` and `/`, at most 128 (API reference, `RunTask`).
    #[must_use]
    pub fn started_by(id: &AppId, request_id: &str, service: &str) -> String {
        let token: String = Self::token(id, request_id, service)
            .chars()
            .take(TOKEN_IN_NAME)
            .collect();
        format!("{}/release/{}/{token}", id.rack, id.app)
    }

    /// The App whose release command a task is, by its `startedBy`.
    #[must_use]
    pub fn app_of(rack: &RackName, started_by: &str) -> Option<AppName> {
        let rest = started_by.strip_prefix(rack.as_str())?;
        let rest = rest.strip_prefix("/release/")?;
        let (app, _) = rest.split_once('/')?;
        AppName::new(app).ok()
    }

    /// Whether another one is the same request's of the same Service.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.request_id, &self.service) == (&other.request_id, &other.service)
    }

    /// What to look for to know whether it has ended. One of `request_id` that nobody wrote a task of down is started again, which
    /// starts nothing where it was.
    fn sought(&self, id: &AppId, request_id: &str) -> Option<Sought> {
        match (&self.end, &self.task) {
            (Some(_), _) => None,
            (None, Some(task)) => Some(Sought::Task {
                arn: task.clone(),
                container: self.service.clone(),
            }),
            (None, None) if self.request_id == request_id => None,
            (None, None) => {
                let by = Self::started_by(id, &self.request_id, &self.service);
                Some(Sought::StartedBy(by))
            }
        }
    }

    /// The same, as a look at ECS shows it now; `None` where it was never started.
    fn seen(mut self, seen: SeenTask, id: &AppId, now: DateTime<Utc>) -> Option<Self> {
        let is_young = self.began_at + TimeDelta::minutes(UNSEEN_MINUTES) > now;
        match seen {
            SeenTask::AtWork => {}
            SeenTask::Stopped { task, by_itself } => {
                self.end = Some(CommandEnd::of(&task, by_itself, id));
            }
            SeenTask::Unknown if is_young => {}
            SeenTask::Unknown if self.task.is_none() => return None,
            SeenTask::Unknown => self.end = Some(CommandEnd::unknown()),
        }
        Some(self)
    }
}

/// What to look for at ECS before an attempt at `request_id` is decided.
#[must_use]
pub fn sought(commands: &[ReleaseCommand], id: &AppId, request_id: &str) -> Vec<Sought> {
    let sought = commands.iter();
    sought
        .filter_map(|command| command.sought(id, request_id))
        .collect()
}

/// The release commands as a look at ECS shows them: those of `request_id`, and those of others that have not ended.
#[must_use]
pub fn looked_at(
    commands: &[ReleaseCommand],
    (id, request_id): (&AppId, &str),
    seen: impl Fn(&Sought) -> SeenTask,
    now: DateTime<Utc>,
) -> Vec<ReleaseCommand> {
    let looked = commands.iter().filter_map(|command| {
        let command = command.clone();
        match command.sought(id, request_id) {
            Some(sought) => command.seen(seen(&sought), id, now),
            None => Some(command),
        }
    });
    let counts = |command: &ReleaseCommand| command.request_id == request_id || !command.is_over();
    looked.filter(counts).collect()
}

impl ReleaseCommand {
    /// Whether it has ended, one way or the other.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.end.is_some()
    }
}

impl LogPlace {
    /// The place of a task's container, of which the log driver's options are known.
    #[must_use]
    pub fn new(group: &str, prefix: &str, container: &str) -> Self {
        Self {
            group: group.to_owned(),
            stream: format!("{prefix}/{container}/"),
        }
    }

    /// The same once the task is known (developer guide, `awslogs-stream-prefix`: `prefix/container/task`).
    #[must_use]
    pub fn of_task(mut self, arn: &str) -> Self {
        let id = arn.rsplit('/').next().unwrap_or_default();
        if !self.stream.ends_with(id) {
            self.stream.push_str(id);
        }
        self
    }
}

impl std::fmt::Display for LogPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the log group `{}`, stream `{}`",
            self.group, self.stream
        )
    }
}

impl CommandEnd {
    /// What became of a command whose task stopped.
    #[must_use]
    pub fn of(task: &StoppedTask, by_itself: bool, id: &AppId) -> Self {
        let exit_code = task.containers.iter().find_map(|one| one.exit_code);
        let cause = StopCause::of_task(task).filter(|it| !matches!(it, StopCause::ExitCode(_)));
        let other = || {
            let is_known = by_itself && exit_code.is_some();
            (!is_known).then(|| Told {
                cause: "Stopped".to_owned(),
                message: "its task was stopped before it had ended".to_owned(),
            })
        };
        let why = cause.map(|cause| cause.told(&id.secret()));
        Self {
            exit_code,
            why: why.or_else(other),
        }
    }

    /// Where ECS started none, and why.
    #[must_use]
    pub fn without_task(message: String) -> Self {
        Self {
            exit_code: None,
            why: Some(Told {
                cause: "NotStarted".to_owned(),
                message,
            }),
        }
    }

    /// Where ECS shows the task no more, which it does for an hour.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            exit_code: None,
            why: Some(Told {
                cause: "Unknown".to_owned(),
                message: "ECS does not show its task any more, so how it ended is not known"
                    .to_owned(),
            }),
        }
    }

    /// Whether it did what it was to do.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.exit_code == Some(0) && self.why.is_none()
    }

    /// How it ended, in words that follow the command's name.
    #[must_use]
    pub fn in_words(&self) -> String {
        let code = self
            .exit_code
            .map(|code| format!("ended with exit code {code}"));
        match (code, &self.why) {
            (Some(code), None) => code,
            (Some(code), Some(why)) => format!("{code}: {}", why.message),
            (None, Some(why)) => format!("did not come to its end: {}", why.message),
            (None, None) => "ended without an exit code".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop_reason::StoppedContainer;

    fn id() -> AppId {
        AppId {
            rack: RackName::new("myrack").unwrap(),
            app: AppName::new("shop").unwrap(),
        }
    }

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
    }

    fn command(request_id: &str, task: Option<&str>) -> ReleaseCommand {
        ReleaseCommand {
            request_id: request_id.to_owned(),
            release: ReleaseId::new("R2").unwrap(),
            service: "web".to_owned(),
            began_at: at(0),
            task: task.map(str::to_owned),
            log: LogPlace::new("/convox/myrack", "shop/service", "web"),
            end: None,
        }
    }

    fn stopped(reason: &str, exit_code: Option<i32>, by_itself: bool) -> SeenTask {
        let container = StoppedContainer {
            reason: String::new(),
            exit_code,
        };
        SeenTask::Stopped {
            task: StoppedTask {
                reason: reason.to_owned(),
                containers: vec![container],
            },
            by_itself,
        }
    }

    const EXITED: &str = "Essential container in task exited";

    #[test]
    fn only_a_container_that_ended_by_itself_with_zero_did_well() {
        for (seen, want, says) in [
            (
                stopped(EXITED, Some(0), true),
                true,
                "ended with exit code 0",
            ),
            (
                stopped(EXITED, Some(3), true),
                false,
                "ended with exit code 3",
            ),
            (
                stopped("Task stopped by user", Some(0), false),
                false,
                "ended with exit code 0: its task was stopped before it had ended",
            ),
            (
                stopped("OutOfMemoryError: x", Some(137), true),
                false,
                "ended with exit code 137: its container took more memory",
            ),
            (
                stopped("CannotPullContainerError: x", None, false),
                false,
                "did not come to its end: its image could not be pulled",
            ),
            (
                stopped("", None, false),
                false,
                "did not come to its end: its task was stopped",
            ),
        ] {
            let ended = command("1", Some("task/a")).seen(seen.clone(), &id(), at(1));
            let end = ended.unwrap().end.unwrap();
            assert_eq!(end.is_well(), want, "{seen:?}");
            assert!(
                end.in_words().starts_with(says),
                "{seen:?}: {}",
                end.in_words()
            );
        }
    }

    #[test]
    fn what_ecs_does_not_show_may_be_new_was_never_started_or_is_forgotten() {
        for (task, minute, want) in [
            (Some("task/a"), 1, Some(false)),
            (Some("task/a"), 2, Some(true)),
            (None, 1, Some(false)),
            (None, 2, None),
        ] {
            let seen = command("1", task).seen(SeenTask::Unknown, &id(), at(minute));
            assert_eq!(seen.map(|it| it.is_over()), want, "{task:?} {minute}");
        }
        assert!(!CommandEnd::unknown().is_well());
    }

    #[test]
    fn others_are_looked_for_by_who_started_them_and_ones_own_is_started_again() {
        let (mine, theirs) = (command("mine", None), command("theirs", None));
        let known = command("theirs", Some("task/a"));
        let mut over = known.clone();
        over.end = Some(CommandEnd::unknown());
        let all = [mine.clone(), theirs, known.clone(), over];
        let by = ReleaseCommand::started_by(&id(), "theirs", "web");
        let (arn, container) = ("task/a".to_owned(), "web".to_owned());
        let want = [Sought::StartedBy(by), Sought::Task { arn, container }];
        assert_eq!(sought(&all, &id(), "mine"), want);
        let looked = looked_at(&all, (&id(), "mine"), |_| SeenTask::AtWork, at(9));
        assert_eq!(
            looked.len(),
            3,
            "what is over and another request's counts no more"
        );
        let none = looked_at(&all, (&id(), "mine"), |_| SeenTask::Unknown, at(9));
        assert_eq!(none, [mine]);
    }

    #[test]
    fn started_by_names_the_app_within_ecs_limits() {
        let by = ReleaseCommand::started_by(&id(), "request", "web");
        assert!(by.starts_with("myrack/release/shop/"), "{by}");
        assert!(by.len() <= 128);
        let rack = RackName::new("myrack").unwrap();
        let app = ReleaseCommand::app_of(&rack, &by);
        assert_eq!(app.as_ref().map(AppName::as_str), Some("shop"));
        for other in [
            "convox/shop",
            "other/release/shop/1",
            "myrack/release/shop",
            "myrack-x/release/shop/1",
        ] {
            assert_eq!(ReleaseCommand::app_of(&rack, other), None, "{other}");
        }
        let tokens = [("1", "web"), ("1", "api"), ("2", "web")];
        let tokens =
            tokens.map(|(request, service)| ReleaseCommand::token(&id(), request, service));
        assert!(tokens.iter().all(|token| token.len() == 64));
        assert!(tokens[0] != tokens[1] && tokens[0] != tokens[2]);
    }

    #[test]
    fn the_stream_is_that_of_the_task() {
        let place = LogPlace::new("group", "shop/service", "web");
        let of_task = place.of_task("arn:aws:ecs:us-east-1:123456789012:task/apps/0123");
        assert_eq!(of_task.stream, "shop/service/web/0123");
        assert_eq!(of_task.clone().of_task("a/0123"), of_task);
    }
}
