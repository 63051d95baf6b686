//! The function's environment -> [`Config`], checked once at start.

use lambda::release_settings::ReleaseSettings;
use lambda::variables::{self, VariableError, Variables};
use manifest::precedence::YesNo;

/// The settings of the Rack.
#[derive(Debug, Clone)]
pub struct Config {
    /// The settings that process-run has too.
    pub release: ReleaseSettings,
    /// The customer key of secrets, if there is one.
    pub secret_key_arn: Option<String>,
    /// The role that Timers' tasks are started with.
    pub timer_role_arn: String,
    /// Whether schedules of EventBridge Scheduler run Timers of which convox.yml names no time zone; else rules do.
    pub timers_on_scheduler: bool,
    /// The queue of what schedules could not start.
    pub timer_dead_letter_arn: String,
    /// The role that CloudFormation has for the Apps' own stacks.
    pub app_stack_role_arn: String,
    /// Databases and snapshots of others that convox.yml may copy: ARNs, or patterns of them.
    pub app_database_arns: Vec<String>,
    /// Managed policies that convox.yml may give to an App: ARNs, or patterns of them.
    pub app_policy_arns: Vec<String>,
    /// Actions that these can give at most, or patterns of them: a part of the boundary of an App's roles.
    pub app_policy_actions: Vec<String>,
    /// The permissions boundary of the Apps' own roles.
    pub app_boundary_arn: String,
    /// Whether images carry Convox's own wrapper, which asks S3 for no version of an environment.
    pub unversioned_reads: bool,
    /// How long the Apps' log groups keep what containers write, in days.
    pub log_retention_days: u32,
    /// The VPC of the subnets, where Apps may have resources.
    pub vpc: Option<String>,
    /// The subnets that the internet reaches, where load balancers of Apps stand.
    pub load_balancer_subnets: Vec<String>,
    /// How many Apps a slice of the schedule's walk looks at.
    pub slice_apps: usize,
    /// How many minutes a Release may be neither live nor rolled back.
    pub stuck_minutes: u32,
}

/// A variable of the function's environment that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A variable is missing or has a value that is not allowed.
    #[error(transparent)]
    Variable(VariableError),
    /// One key's failure would take both deliveries.
    #[error(
        "SECRET_KEY_ARN and ENVIRONMENT_KEY_ARN are the same key; use two, so that one failing key cannot take both deliveries"
    )]
    SameKey,
}

impl Config {
    /// Reads the settings through `lookup`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the variable and what is allowed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let variables = Variables(lookup);
        let optional = |name: &str| variables.optional(name);
        let required = |name| variables.required(name).map_err(ConfigError::Variable);
        let release = ReleaseSettings::from_lookup(&variables.0).map_err(ConfigError::Variable)?;
        let secret_key_arn = optional("SECRET_KEY_ARN");
        if secret_key_arn.is_some() && secret_key_arn == release.environment_key_arn {
            return Err(ConfigError::SameKey);
        }
        Ok(Self {
            release,
            secret_key_arn,
            timer_role_arn: required("TIMER_ROLE_ARN")?,
            timers_on_scheduler: timers(optional("TIMERS")).map_err(ConfigError::Variable)?,
            timer_dead_letter_arn: required("TIMER_DEAD_LETTER_ARN")?,
            app_stack_role_arn: required("APP_STACK_ROLE_ARN")?,
            app_database_arns: variables::list(optional("APP_DATABASE_ARNS")),
            app_policy_arns: variables::list(optional("APP_POLICY_ARNS")),
            app_policy_actions: variables::list(optional("APP_POLICY_ACTIONS")),
            app_boundary_arn: required("APP_BOUNDARY_ARN")?,
            unversioned_reads: wrapper(optional("CONVOX_WRAPPER"))
                .map_err(ConfigError::Variable)?,
            log_retention_days: days(optional("LOG_RETENTION_DAYS"))
                .map_err(ConfigError::Variable)?,
            vpc: optional("VPC"),
            load_balancer_subnets: variables::list(optional("LOAD_BALANCER_SUBNETS")),
            slice_apps: variables.slice_apps().map_err(ConfigError::Variable)?,
            stuck_minutes: minutes(optional("RELEASE_STUCK_MINUTES"))
                .map_err(ConfigError::Variable)?,
        })
    }
}

fn wrapper(value: Option<String>) -> Result<bool, VariableError> {
    let carried = value.as_deref().map_or(Some(YesNo::No), YesNo::of);
    let carried =
        carried.ok_or_else(|| VariableError::refused("CONVOX_WRAPPER", value, "Yes or No"))?;
    Ok(carried.is_yes())
}

fn timers(value: Option<String>) -> Result<bool, VariableError> {
    match value.as_deref() {
        None | Some("Rules") => Ok(false),
        Some("Scheduler") => Ok(true),
        Some(_) => Err(VariableError::refused(
            "TIMERS",
            value,
            "Rules or Scheduler",
        )),
    }
}

fn days(value: Option<String>) -> Result<u32, VariableError> {
    let days = value.as_deref().map_or(Some(30), |text| text.parse().ok());
    days.ok_or_else(|| {
        VariableError::refused("LOG_RETENTION_DAYS", value, "a whole number of days")
    })
}

fn minutes(value: Option<String>) -> Result<u32, VariableError> {
    let minutes = value.as_deref().map_or(Some(30), |text| text.parse().ok());
    let minutes = minutes.filter(|minutes| *minutes > 0);
    minutes.ok_or_else(|| {
        VariableError::refused("RELEASE_STUCK_MINUTES", value, "a whole number of minutes")
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use manifest::capacity::LaunchType;

    use super::*;

    const WHOLE: [(&str, &str); 10] = [
        ("RACK", "myrack"),
        ("SETTINGS_BUCKET", "settings"),
        ("CLUSTER", "apps"),
        ("AWS_REGION", "us-east-1"),
        ("TASK_EXECUTION_ROLE_ARN", "execution"),
        ("TASK_ROLE_ARN", "task"),
        ("TIMER_ROLE_ARN", "timer"),
        ("TIMER_DEAD_LETTER_ARN", "timers"),
        ("APP_STACK_ROLE_ARN", "stacks"),
        ("APP_BOUNDARY_ARN", "boundary"),
    ];

    fn config(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_lookup(|name| {
            let found = changes.iter().chain(&WHOLE).find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_is_not_set_has_its_documented_default() {
        let Config {
            release: config,
            secret_key_arn,
            ..
        } = config(&[]).unwrap();
        assert_eq!(config.secrets_manager_env, "No");
        assert_eq!(config.launch_type, LaunchType::Fargate);
        assert_eq!(config.secrets_manager_timeout, Duration::from_secs(10));
        assert_eq!((config.registry, secret_key_arn), (None, None));
    }

    #[test]
    fn settings_that_cannot_work_stop_the_start() {
        for (changes, says) in [
            (&[("RACK", "")][..], "RACK is not set"),
            (&[("RACK", "My Rack")], "`My Rack` is not valid"),
            (
                &[("LAUNCH_TYPE", "fargate")],
                "LAUNCH_TYPE is `fargate`; allowed is FARGATE or EC2",
            ),
            (&[("ASSIGN_PUBLIC_IP", "Yes")], "ENABLED or DISABLED"),
            (&[("SECRETS_MANAGER_TIMEOUT_SECONDS", "0")], "from 1 to 60"),
            (&[("LOG_RETENTION_DAYS", "long")], "a whole number of days"),
            (&[("SLICE_APPS", "many")], "a whole number"),
            (&[("RELEASE_STUCK_MINUTES", "0")], "number of minutes"),
            (&[("CONVOX_WRAPPER", "yes")], "Yes or No"),
            (&[("TIMERS", "scheduler")], "Rules or Scheduler"),
            (&[("TIME_SCALE", "2")], "over 0 and at most 1"),
            (
                &[("SECRET_KEY_ARN", "k"), ("ENVIRONMENT_KEY_ARN", "k")],
                "the same key",
            ),
        ] {
            let message = config(changes).unwrap_err().to_string();
            assert!(message.contains(says), "{changes:?}: {message}");
        }
    }
}
