//! A request, checked: what is wrong with it is the user's to mend. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use shared::names::{AppId, AppName, NameError, RackName, ReleaseId, ServiceName};
use shared::release_checks::Problem;

use crate::trigger::Requested;

/// How old a request can be. The queue gives up after half of it, and ECS keeps a client token longer.
pub const EXPIRES_MINUTES: i64 = 45;

/// What is asked for. A command can hold a secret, so there is no `Debug`.
pub struct Request {
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
    /// What is to be said of `requested`; `request_id` is that of the invocation.
    #[must_use]
    pub fn new(rack: &RackName, requested: &Requested, request_id: &str) -> Self {
        let shown = |name: &str| {
            let text = requested.detail.get(name).and_then(Value::as_str);
            let printable = text
                .into_iter()
                .flat_map(str::chars)
                .filter(|c| !c.is_control());
            printable.take(80).collect::<String>()
        };
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
/// [`Problem`], the first one.
pub fn checked(
    rack: &RackName,
    requested: &Requested,
    about: &About,
    now: DateTime<Utc>,
) -> Result<Request, Problem> {
    let detail = &requested.detail;
    let request = Request {
        id: AppId {
            rack: rack.clone(),
            app: named(required(detail, "app")?, AppName::new)?,
        },
        service: named(required(detail, "service")?, ServiceName::new)?,
        release: match optional(detail, "release")? {
            Some(release) => Some(named(release, ReleaseId::new)?),
            None => None,
        },
        command: command(optional(detail, "command")?)?,
    };
    if about.age(now) >= TimeDelta::minutes(EXPIRES_MINUTES) {
        let app = &request.id.app;
        return Err(Problem::new(
            "RequestExpired",
            format!(
                "the request is older than {EXPIRES_MINUTES} minutes, and ECS may have forgotten whether its task was started; look \
                 for tasks that `{}` started, and ask again if there is none",
                started_by(app)
            ),
        ));
    }
    Ok(request)
}

/// What `startedBy` of an App's processes says. Convox writes a dot where this has a slash, and the API reference allows
/// letters, digits, `-`, `/` and `_` (`RunTask`, `startedBy`).
#[must_use]
pub fn started_by(app: &AppName) -> String {
    format!("convox/{app}")
}

fn invalid(message: impl Into<String>) -> Problem {
    Problem::new("InvalidRequest", message)
}

fn required<'a>(detail: &'a Value, name: &str) -> Result<&'a str, Problem> {
    let found = optional(detail, name)?;
    found.ok_or_else(|| {
        invalid(format!(
            "the request has no `{name}`; name it in the detail"
        ))
    })
}

/// Never what stands there instead of a text: it can be a part of a command.
fn optional<'a>(detail: &'a Value, name: &str) -> Result<Option<&'a str>, Problem> {
    match detail.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(format!("the request's `{name}` is not a text"))),
    }
}

fn named<T>(name: &str, new: impl Fn(&str) -> Result<T, NameError>) -> Result<T, Problem> {
    new(name).map_err(|err| Problem::new("InvalidName", err.to_string()))
}

fn command(command: Option<&str>) -> Result<Option<Vec<String>>, Problem> {
    let Some(command) = command else {
        return Ok(None);
    };
    if command.trim().is_empty() {
        return Err(invalid(
            "the request's `command` is empty; leave it out to run the Service's own",
        ));
    }
    if command.contains('\0') {
        return Err(invalid(
            "the request's `command` holds a NUL character, which no process can be given",
        ));
    }
    Ok(Some(["sh", "-c", command].map(str::to_owned).to_vec()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(detail: Value, minutes: i64) -> Result<Request, Problem> {
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
            (json!({"service": "web"}), "InvalidRequest", "has no `app`"),
            (json!({"app": "shop"}), "InvalidRequest", "has no `service`"),
            (
                json!({"app": "Shop", "service": "web"}),
                "InvalidName",
                "`Shop`",
            ),
            (
                json!({"app": "shop", "service": "a_b"}),
                "InvalidName",
                "`a_b`",
            ),
            (
                json!({"app": "shop", "service": "web", "release": "../R"}),
                "InvalidName",
                "`../R`",
            ),
            (
                json!({"app": "shop", "service": "web", "command": ["hidden"]}),
                "InvalidRequest",
                "`command` is not a text",
            ),
            (
                json!({"app": "shop", "service": "web", "command": " "}),
                "InvalidRequest",
                "`command` is empty",
            ),
            (
                json!({"app": "shop", "service": "web", "command": "hidden\0"}),
                "InvalidRequest",
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
        assert_eq!(problem.error_type, "RequestExpired");
        assert!(
            problem.message.contains("`convox/shop`"),
            "{}",
            problem.message
        );
    }
}
