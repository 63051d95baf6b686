//! The function's environment -> [`Config`], checked once at start.

use std::time::Duration;

use shared::names::RackName;
use shared::task_definition::LaunchType;
use shared::timer_rule::Network;
use shared::variables::{VariableError, Variables};

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
    /// Secrets of the user's own that the execution role may read, each an ARN or a beginning and `*`.
    pub extra_secret_arns: Vec<String>,
    /// Environment files that the execution role may read, each an ARN or a beginning and `*`.
    pub extra_environment_file_arns: Vec<String>,
    /// The role that reads secrets.
    pub task_execution_role_arn: String,
    /// The role of the App's own code.
    pub task_role_arn: String,
    /// The role that EventBridge starts Timers' tasks with.
    pub timer_role_arn: String,
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
        let required = |name: &'static str| variables.required(name);
        let secret_key_arn = optional("SECRET_KEY_ARN");
        let environment_key_arn = optional("ENVIRONMENT_KEY_ARN");
        if secret_key_arn.is_some() && secret_key_arn == environment_key_arn {
            return Err(ConfigError::SameKey);
        }
        Ok(Self {
            rack: RackName::new(&required("RACK")?).map_err(VariableError::Rack)?,
            secrets_manager_env: optional("SECRETS_MANAGER_ENV").unwrap_or_else(|| "No".to_owned()),
            bucket: required("SETTINGS_BUCKET")?,
            cluster: required("CLUSTER")?,
            region: required("AWS_REGION")?,
            launch_type: launch_type(optional("LAUNCH_TYPE"))?,
            network: Network {
                subnets: list(optional("SUBNETS")),
                security_groups: list(optional("SECURITY_GROUPS")),
                assign_public_ip: assign_public_ip(optional("ASSIGN_PUBLIC_IP"))?,
            },
            registry: optional("REGISTRY"),
            router_host: optional("ROUTER_HOST"),
            secret_key_arn,
            environment_key_arn,
            secrets_manager_timeout: timeout(optional("SECRETS_MANAGER_TIMEOUT_SECONDS"))?,
            extra_secret_arns: list(optional("EXTRA_SECRET_ARNS")),
            extra_environment_file_arns: list(optional("EXTRA_ENVIRONMENT_FILE_ARNS")),
            task_execution_role_arn: required("TASK_EXECUTION_ROLE_ARN")?,
            task_role_arn: required("TASK_ROLE_ARN")?,
            timer_role_arn: required("TIMER_ROLE_ARN")?,
            time_scale: variables.time_scale()?,
        })
    }
}

fn launch_type(value: Option<String>) -> Result<LaunchType, VariableError> {
    match value.as_deref() {
        None | Some("FARGATE") => Ok(LaunchType::Fargate),
        Some("EC2") => Ok(LaunchType::Ec2),
        Some(_) => Err(VariableError::refused(
            "LAUNCH_TYPE",
            value,
            "FARGATE or EC2",
        )),
    }
}

fn assign_public_ip(value: Option<String>) -> Result<bool, VariableError> {
    match value.as_deref() {
        None | Some("DISABLED") => Ok(false),
        Some("ENABLED") => Ok(true),
        Some(_) => Err(VariableError::refused(
            "ASSIGN_PUBLIC_IP",
            value,
            "ENABLED or DISABLED",
        )),
    }
}

fn timeout(value: Option<String>) -> Result<Duration, VariableError> {
    let seconds = value.as_deref().map_or(Some(10), |text| text.parse().ok());
    let seconds = seconds.filter(|seconds| (1..=60).contains(seconds));
    let refuse = || {
        VariableError::refused(
            "SECRETS_MANAGER_TIMEOUT_SECONDS",
            value,
            "a whole number from 1 to 60",
        )
    };
    seconds.map(Duration::from_secs).ok_or_else(refuse)
}

fn list(value: Option<String>) -> Vec<String> {
    let items = value.unwrap_or_default();
    items
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [(&str, &str); 7] = [
        ("RACK", "myrack"),
        ("SETTINGS_BUCKET", "settings"),
        ("CLUSTER", "apps"),
        ("AWS_REGION", "us-east-1"),
        ("TASK_EXECUTION_ROLE_ARN", "execution"),
        ("TASK_ROLE_ARN", "task"),
        ("TIMER_ROLE_ARN", "timer"),
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
