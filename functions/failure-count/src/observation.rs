//! A trigger -> the App that it is about and what it tells of that App, or why it is nobody's.

use aws::ecs::Registered;
use chrono::{DateTime, Utc};
use names::secret_reference::SecretReference;
use names::{AppId, AppName, ReleaseId};
use promotion::failures::{Failures, LaunchFailure};
use promotion::{Promotion, Work};

use crate::error::CountError;
use crate::shell::Shell;
use crate::trigger::{StoppedTask, Trigger};

/// What a trigger tells, beside that there may be new rows.
pub enum Observation {
    /// Nothing.
    None,
    /// A task could not read its secret.
    LaunchFailed {
        /// The task.
        failure: LaunchFailure,
        /// The event's id.
        event_id: String,
    },
    /// A deployment is complete.
    Deployed {
        /// The family of the ECS service.
        family: String,
        /// When.
        at: DateTime<Utc>,
        /// The event's id.
        event_id: String,
    },
}

/// An App and what is told of it, or why a trigger is ignored.
pub type Found = Result<(AppId, Observation), String>;

impl Observation {
    /// Notes it; noted before, it changes nothing.
    pub fn note(&self, id: &AppId, failures: &mut Failures, promotion: &Promotion) {
        match self {
            Self::None => {}
            Self::LaunchFailed { failure, event_id } => {
                // Nothing of a deleted App starts any more, so no deployment could ever clear it.
                let desired = promotion.desired.as_ref();
                if desired.is_none_or(|desired| desired.work != Work::Delete) {
                    failures.launch_failed(id, failure, event_id);
                }
            }
            Self::Deployed {
                family,
                at,
                event_id,
            } => failures.deployed(id, family, *at, event_id),
        }
    }
}

/// Looks up whom a trigger is about.
///
/// # Errors
///
/// [`CountError`] when a call fails.
pub async fn find(shell: &Shell, trigger: Trigger) -> Result<Found, CountError> {
    match trigger {
        Trigger::Ignored(reason) => Ok(Err(reason)),
        Trigger::Unheard(unheard) => Ok(Err(shell.unheard(&unheard))),
        Trigger::Outcome { rack, app } => Ok(outcome(shell, &rack, &app)),
        Trigger::TaskFailed(task) => task_failed(shell, task).await,
        Trigger::Deployed {
            service_arn,
            at,
            event_id,
        } => Ok(deployed(shell, &service_arn, at, event_id)),
    }
}

fn outcome(shell: &Shell, rack: &str, app: &str) -> Found {
    if rack != shell.config.rack.as_str() {
        return Err(format!("an event of Rack `{rack}`"));
    }
    let app = AppName::new(app).map_err(|err| err.to_string())?;
    let rack = shell.config.rack.clone();
    Ok((AppId { rack, app }, Observation::None))
}

fn deployed(shell: &Shell, service_arn: &str, at: DateTime<Utc>, event_id: String) -> Found {
    let mut parts = service_arn.rsplit('/');
    let (family, cluster) = (parts.next().unwrap_or_default(), parts.next());
    let ours = cluster.is_some_and(|cluster| shell.cluster.is_called(cluster));
    let parsed = AppId::parse_service(&shell.config.rack, family).filter(|_| ours);
    let Some((id, _)) = parsed else {
        return Err(format!(
            "a deployment of `{service_arn}`, which is not this Rack's"
        ));
    };
    let family = family.to_owned();
    let observation = Observation::Deployed {
        family,
        at,
        event_id,
    };
    Ok((id, observation))
}

/// What a task was started for stands in the tags of its task definition.
async fn task_failed(shell: &Shell, task: StoppedTask) -> Result<Found, CountError> {
    let arn = &task.task_definition_arn;
    let revision = arn.rsplit('/').next().unwrap_or_default();
    let rack = &shell.config.rack;
    if !shell.cluster.is_called(&task.cluster_arn) || !revision.starts_with(&format!("{rack}_")) {
        return Ok(Err(format!(
            "a task of `{revision}`, which is not this Rack's"
        )));
    }
    let Some(definition) = shell.cluster.definition(arn).await? else {
        return Ok(Err(format!("a task of `{revision}`, which is gone")));
    };
    let family = revision.split(':').next().unwrap_or_default().to_owned();
    let Some((id, release)) = tagged(shell, &definition, &family) else {
        return Ok(Err(format!(
            "a task of `{revision}`, whose tags are not those of an App of this Rack"
        )));
    };
    let mut reason = task.reason;
    // Only what the task definition names is a key for sure, and a whole one.
    reason.key = reason.key.filter(|key| refers_to(&definition, key));
    let failure = LaunchFailure {
        task: task.task_arn,
        task_definition: task.task_definition_arn,
        family,
        release: release.to_string(),
        reads_others: reads_others(&id, &definition),
        reason,
        at: task.at,
    };
    let event_id = task.event_id;
    Ok(Ok((id, Observation::LaunchFailed { failure, event_id })))
}

/// Whether a container reads a secret that is not the App's.
fn reads_others(id: &AppId, definition: &Registered) -> bool {
    references(definition).any(|reference| reference.name() != id.secret())
}

fn tagged(shell: &Shell, definition: &Registered, family: &str) -> Option<(AppId, ReleaseId)> {
    let tags = &definition.tags;
    let id = AppId {
        rack: shell.config.rack.clone(),
        app: AppName::new(tags.get("convox:app")?).ok()?,
    };
    let release = ReleaseId::new(tags.get("convox:release")?).ok()?;
    let is_ours = id.owns(tags) && family.starts_with(&id.service_prefix());
    is_ours.then_some((id, release))
}

/// Whether a reference names the key, of whatever version.
fn refers_to(definition: &Registered, key: &str) -> bool {
    references(definition).any(|reference| reference.json_key() == Some(key))
}

fn references(definition: &Registered) -> impl Iterator<Item = SecretReference> {
    let references = definition.secret_references.iter();
    references.filter_map(|reference| SecretReference::parse(reference).ok())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use names::RackName;

    use super::*;

    const VERSION: &str = "0123456789abcdef0123456789abcdef";

    /// A definition that reads one secret.
    fn reading(secret: &str, end: &str) -> Registered {
        let reference =
            format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{secret}-AbCdEf{end}");
        Registered {
            arn: String::new(),
            is_active: true,
            secret_references: BTreeSet::from([reference]),
            digest: None,
            has_gateway_port: false,
            tags: BTreeMap::new(),
        }
    }

    #[test]
    fn a_reference_names_its_key_by_whatever_version() {
        for (end, want) in [
            (":A.B::".to_owned(), true),
            (":A.B:a1b2c3d4e5:".to_owned(), true),
            (format!(":A.B::{VERSION}"), true),
            (format!(":A::{VERSION}"), false),
            (format!(":A.B.C::{VERSION}"), false),
            (":A:A.B:".to_owned(), false),
            (format!(":::{VERSION}"), false),
            (String::new(), false),
        ] {
            assert_eq!(refers_to(&reading("r/shop", &end), "A.B"), want, "{end}");
        }
        let version = reading("r/shop", &format!(":A::{VERSION}"));
        assert!(!refers_to(&version, VERSION), "a version is no key");
    }

    #[test]
    fn a_secret_is_the_apps_own_by_whatever_version() {
        let id = AppId {
            rack: RackName::new("r").unwrap(),
            app: AppName::new("shop").unwrap(),
        };
        for end in ["", ":A::", ":A:a1b2c3d4e5:", &format!(":A::{VERSION}")] {
            assert!(!reads_others(&id, &reading("r/shop", end)), "{end}");
            assert!(reads_others(&id, &reading("r/other", end)), "{end}");
        }
    }
}
