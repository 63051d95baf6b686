//! A request, checked: what is wrong with it is the user's to mend. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use lambda::intake;
use names::{AppId, AppName, NameError, RackName, ReleaseId, ServiceName};
use release::problem::ReleaseProblem;

use crate::problem::RunProblem;
use crate::trigger::Requested;

/// How old a request can be. The queue gives up after half of it, and ECS keeps a client token longer.
pub const EXPIRES_MINUTES: i64 = 45;

/// One process that is asked for, checked. A command can hold a secret, so there is no `Debug`.
pub struct RunRequest {
    /// The App.
    pub id: AppId,
    /// The Service.
    pub service: ServiceName,
    /// The Release; `None` = the applied one.
    pub release: Option<ReleaseId>,
    /// What the container runs instead of the Service's own command.
    pub command: Option<Vec<String>>,
}

/// What can be said of a request whatever is wrong with it.
#[derive(Debug, Clone)]
pub struct About {
    /// The Rack.
    pub rack: String,
    /// The App, as far as it can be shown.
    pub app: String,
    /// The Service, as far as it can be shown.
    pub service: String,
    /// The Release, as far as it can be shown.
    pub release: Option<String>,
    /// The event's id, or that of the invocation.
    pub request_id: String,
    /// When it was asked for; `None` = at this moment.
    pub time: Option<DateTime<Utc>>,
}

impl About {
    /// The names and the time that a report shows of `requested`, checked or not; `request_id` is that of the invocation.
    #[must_use]
    pub fn new(rack: &RackName, requested: &Requested, request_id: &str) -> Self {
        let shown = |name: &str| intake::shown_text(&requested.detail, name);
        let event = requested.event.as_ref();
        Self {
            rack: rack.to_string(),
            app: shown("app"),
            service: shown("service"),
            release: Some(shown("release")).filter(|release| !release.is_empty()),
            request_id: event.map_or(request_id, |(id, _)| id).to_owned(),
            time: event.map(|(_, time)| *time),
        }
    }

    /// How long ago it was asked for.
    #[must_use]
    pub fn age(&self, now: DateTime<Utc>) -> TimeDelta {
        self.time.map_or(TimeDelta::zero(), |time| now - time)
    }
}

/// Checks a request.
///
/// # Errors
///
/// [`ReleaseProblem`], the first one.
pub fn checked(
    rack: &RackName,
    requested: &Requested,
    about: &About,
    now: DateTime<Utc>,
) -> Result<RunRequest, ReleaseProblem> {
    let detail = &requested.detail;
    let optional = |name| intake::optional_text(detail, name).map_err(RunProblem::Member);
    let required = |name| intake::required_text(detail, name).map_err(RunProblem::Member);
    let request = RunRequest {
        id: AppId {
            rack: rack.clone(),
            app: named(required("app")?, AppName::new)?,
        },
        service: named(required("service")?, ServiceName::new)?,
        release: match optional("release")? {
            Some(release) => Some(named(release, ReleaseId::new)?),
            None => None,
        },
        command: command(optional("command")?)?,
    };
    if about.age(now) >= TimeDelta::minutes(EXPIRES_MINUTES) {
        let app = request.id.app;
        return Err(RunProblem::Expired { app }.into());
    }
    Ok(request)
}

/// What `startedBy` of an App's processes says. Convox writes a dot where this has a slash, and the API reference allows
/// letters, digits, `-`, `/` and `_` (`RunTask`, `startedBy`).
#[must_use]
pub fn started_by(app: &AppName) -> String {
    format!("convox/{app}")
}

fn named<T>(name: &str, new: impl Fn(&str) -> Result<T, NameError>) -> Result<T, RunProblem> {
    new(name).map_err(RunProblem::Name)
}

fn command(command: Option<&str>) -> Result<Option<Vec<String>>, RunProblem> {
    let Some(command) = command else {
        return Ok(None);
    };
    if command.trim().is_empty() {
        return Err(RunProblem::EmptyCommand);
    }
    if command.contains('\0') {
        return Err(RunProblem::NulInCommand);
    }
    Ok(Some(["sh", "-c", command].map(str::to_owned).to_vec()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use names::error_type::ErrorType;

    fn check(detail: serde_json::Value, minutes: i64) -> Result<RunRequest, ReleaseProblem> {
        let rack = RackName::new("r").unwrap();
        let now = DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let requested = Requested {
            rack: None,
            event: Some(("e".to_owned(), DateTime::UNIX_EPOCH)),
            detail,
        };
        let about = About::new(&rack, &requested, "i");
        checked(&rack, &requested, &about, now)
    }

    #[test]
    fn what_is_wrong_with_a_request_is_said_without_its_command() {
        for (detail, error_type, says) in [
            (
                json!({"service": "web"}),
                ErrorType::InvalidRequest,
                "has no `app`",
            ),
            (
                json!({"app": "shop"}),
                ErrorType::InvalidRequest,
                "has no `service`",
            ),
            (
                json!({"app": "Shop", "service": "web"}),
                ErrorType::InvalidName,
                "`Shop`",
            ),
            (
                json!({"app": "shop", "service": "a_b"}),
                ErrorType::InvalidName,
                "`a_b`",
            ),
            (
                json!({"app": "shop", "service": "web", "release": "../R"}),
                ErrorType::InvalidName,
                "`../R`",
            ),
            (
                json!({"app": "shop", "service": "web", "command": ["hidden"]}),
                ErrorType::InvalidRequest,
                "`command` is not a text",
            ),
            (
                json!({"app": "shop", "service": "web", "command": " "}),
                ErrorType::InvalidRequest,
                "`command` is empty",
            ),
            (
                json!({"app": "shop", "service": "web", "command": "hidden\0"}),
                ErrorType::InvalidRequest,
                "NUL",
            ),
        ] {
            let shown = detail.to_string();
            let problem = check(detail, 0).err().unwrap();
            assert_eq!(problem.error_type, error_type, "{shown}");
            assert!(
                problem.message.contains(says),
                "{shown}: {}",
                problem.message
            );
            assert!(!problem.message.contains("hidden"), "{}", problem.message);
        }
    }

    #[test]
    fn a_request_that_ecs_may_have_forgotten_starts_nothing() {
        let detail = json!({"app": "shop", "service": "web", "command": "ls"});
        let request = check(detail.clone(), EXPIRES_MINUTES - 1).ok().unwrap();
        assert_eq!(request.command.unwrap(), ["sh", "-c", "ls"]);
        let problem = check(detail, EXPIRES_MINUTES).err().unwrap();
        assert_eq!(problem.error_type, ErrorType::RequestExpired);
        assert!(
            problem.message.contains("`convox/shop`"),
            "{}",
            problem.message
        );
    }
}
