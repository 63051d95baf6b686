//! The function's environment -> [`Config`], checked once at start.

use std::time::Duration;

use lambda::release_settings::ReleaseSettings;
use lambda::variables::{self, VariableError, Variables};
use manifest::capacity::LaunchType;
use names::RackName;
use release::named_arns::AllowedArns;
use release::timer_rule::Network;

/// The settings of the Rack.
#[derive(Debug, Clone)]
pub struct Config {
    /// The Rack.
    pub rack: RackName,
    /// `Yes` or `No` as it was written; the precedence rules read it.
    pub secrets_manager_env: String,
    /// The settings bucket.
    pub bucket: String,
    /// Name or ARN of the ECS cluster.
    pub cluster: String,
    /// The region.
    pub region: String,
    /// What tasks of this Rack run on, where convox.yml says nothing else.
    pub launch_type: LaunchType,
    /// The network of its tasks on Fargate.
    pub network: Network,
    /// The image repository, if there is one.
    pub registry: Option<String>,
    /// The host that links are made from, if there is one.
    pub router_host: Option<String>,
    /// The customer key of secrets, if there is one.
    pub secret_key_arn: Option<String>,
    /// The key of the bucket and of envelopes, if there is one.
    pub environment_key_arn: Option<String>,
    /// The time that one promote spends on Secrets Manager in all.
    pub secrets_manager_timeout: Duration,
    /// The role that reads secrets.
    pub task_execution_role_arn: String,
    /// The role of the App's own code.
    pub task_role_arn: String,
    /// The role that EventBridge starts Timers' tasks with.
    pub timer_role_arn: String,
    /// The role that CloudFormation has for the Apps' own stacks.
    pub app_stack_role_arn: String,
    /// Secrets and files that convox.yml may name beside what an App owns.
    pub allowed_arns: AllowedArns,
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
    /// How many Apps a slice of the schedule's walk looks at.
    pub slice_apps: usize,
    /// What the time limits of AWS calls are multiplied by.
    pub time_scale: f64,
}

/// What is wrong with the function's environment.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A variable is missing or has a value that is not allowed.
    #[error(transparent)]
    Variable(#[from] VariableError),
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
        let secret_key_arn = optional("SECRET_KEY_ARN");
        let environment_key_arn = optional("ENVIRONMENT_KEY_ARN");
        if secret_key_arn.is_some() && secret_key_arn == environment_key_arn {
            return Err(ConfigError::SameKey);
        }
        let of_release = ReleaseSettings::from_lookup(&variables.0)?;
        Ok(Self {
            rack: of_release.rack,
            secrets_manager_env: of_release.secrets_manager_env,
            bucket: of_release.bucket,
            cluster: of_release.cluster,
            region: of_release.region,
            launch_type: of_release.launch_type,
            network: of_release.network,
            registry: of_release.registry,
            router_host: of_release.router_host,
            secret_key_arn,
            environment_key_arn: of_release.environment_key_arn,
            secrets_manager_timeout: of_release.secrets_manager_timeout,
            task_execution_role_arn: of_release.task_execution_role_arn,
            task_role_arn: of_release.task_role_arn,
            timer_role_arn: variables.required("TIMER_ROLE_ARN")?,
            app_stack_role_arn: variables.required("APP_STACK_ROLE_ARN")?,
            allowed_arns: of_release.allowed_arns,
            app_boundary_arn: variables.required("APP_BOUNDARY_ARN")?,
            app_database_arns: variables::list(optional("APP_DATABASE_ARNS")),
            app_policy_actions: variables::list(optional("APP_POLICY_ACTIONS")),
            app_policy_arns: variables::list(optional("APP_POLICY_ARNS")),
            unversioned_reads: wrapper(optional("CONVOX_WRAPPER"))?,
            log_retention_days: days(optional("LOG_RETENTION_DAYS"))?,
            vpc: optional("VPC"),
            slice_apps: variables.slice_apps()?,
            time_scale: of_release.time_scale,
        })
    }
}

fn wrapper(value: Option<String>) -> Result<bool, VariableError> {
    match value.as_deref() {
        None | Some("No") => Ok(false),
        Some("Yes") => Ok(true),
        Some(_) => Err(VariableError::refused("CONVOX_WRAPPER", value, "Yes or No")),
    }
}

fn days(value: Option<String>) -> Result<u32, VariableError> {
    let days = value.as_deref().map_or(Some(30), |text| text.parse().ok());
    days.ok_or_else(|| {
        VariableError::refused("LOG_RETENTION_DAYS", value, "a whole number of days")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [(&str, &str); 9] = [
        ("RACK", "myrack"),
        ("SETTINGS_BUCKET", "settings"),
        ("CLUSTER", "apps"),
        ("AWS_REGION", "us-east-1"),
        ("TASK_EXECUTION_ROLE_ARN", "execution"),
        ("TASK_ROLE_ARN", "task"),
        ("TIMER_ROLE_ARN", "timer"),
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
        let config = config(&[]).unwrap();
        assert_eq!(config.secrets_manager_env, "No");
        assert_eq!(config.launch_type, LaunchType::Fargate);
        assert_eq!(config.secrets_manager_timeout, Duration::from_secs(10));
        assert_eq!((config.registry, config.secret_key_arn), (None, None));
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
            (&[("CONVOX_WRAPPER", "yes")], "Yes or No"),
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
