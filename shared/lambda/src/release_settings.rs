//! What a function that renders Releases is told of its Rack, checked once at start.

use std::time::Duration;

use crate::variables::{VariableError, Variables, list};
use manifest::OfRack;
use manifest::capacity::LaunchType;
use names::RackName;
use release::entrance::Entrance;
use release::named_arns::AllowedArns;
use release::timer_rule::Network;

/// The settings that promote and process-run have in common.
#[derive(Debug, Clone)]
pub struct ReleaseSettings {
    /// The Rack.
    pub rack: RackName,
    /// `Yes` or `No` as it was written; the precedence rules read it.
    pub secrets_manager_env: String,
    /// `Release` or `Current` as it was written; the same.
    pub secrets_manager_env_version: String,
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
    /// The Rack's load balancers, if it has any.
    pub entrance: Option<Entrance>,
    /// The key of the bucket and of envelopes, if there is one.
    pub environment_key_arn: Option<String>,
    /// What convox.yml may name beside what an App owns.
    pub allowed_arns: AllowedArns,
    /// The time that one request spends on Secrets Manager in all.
    pub secrets_manager_timeout: Duration,
    /// The role that reads secrets.
    pub task_execution_role_arn: String,
    /// The role of the App's own code.
    pub task_role_arn: String,
    /// What the time limits of AWS calls are multiplied by.
    pub time_scale: f64,
}

impl ReleaseSettings {
    /// The Rack, as far as convox.yml depends on it.
    #[must_use]
    pub fn of_rack(&self) -> OfRack {
        OfRack {
            has_entrance: self.entrance.is_some(),
        }
    }

    /// Reads the settings through `lookup`.
    ///
    /// # Errors
    ///
    /// [`VariableError`] names the variable and what is allowed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, VariableError> {
        let variables = Variables(lookup);
        let optional = |name: &str| variables.optional(name);
        let required = |name: &'static str| variables.required(name);
        Ok(Self {
            rack: RackName::new(&required("RACK")?).map_err(VariableError::Rack)?,
            secrets_manager_env: optional("SECRETS_MANAGER_ENV").unwrap_or_else(|| "No".to_owned()),
            secrets_manager_env_version: optional("SECRETS_MANAGER_ENV_VERSION")
                .unwrap_or_else(|| "Release".to_owned()),
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
            entrance: entrance(&variables)?,
            environment_key_arn: optional("ENVIRONMENT_KEY_ARN"),
            allowed_arns: AllowedArns {
                secrets: list(optional("APP_SECRET_ARNS")),
                environment_files: list(optional("APP_ENVIRONMENT_FILE_ARNS")),
            },
            secrets_manager_timeout: timeout(optional("SECRETS_MANAGER_TIMEOUT_SECONDS"))?,
            task_execution_role_arn: required("TASK_EXECUTION_ROLE_ARN")?,
            task_role_arn: required("TASK_ROLE_ARN")?,
            time_scale: variables.time_scale()?,
        })
    }
}

/// There is one where there is a listener.
fn entrance(
    variables: &Variables<impl Fn(&str) -> Option<String>>,
) -> Result<Option<Entrance>, VariableError> {
    let optional = |name: &str| variables.optional(name);
    let (public, internal) = (
        optional("PUBLIC_LISTENER_ARN"),
        optional("INTERNAL_LISTENER_ARN"),
    );
    if public.is_none() && internal.is_none() {
        return Ok(None);
    }
    let first = optional("FIRST_RULE_PRIORITY");
    let number = first.as_deref().map_or(Some(1), |text| text.parse().ok());
    let first_priority = number.filter(|number| (1..=50_000).contains(number));
    let first_priority = first_priority.ok_or_else(|| {
        VariableError::refused(
            "FIRST_RULE_PRIORITY",
            first,
            "a whole number from 1 to 50000",
        )
    })?;
    let protocol = optional("LISTENER_PROTOCOL");
    let is_https = match protocol.as_deref() {
        None | Some("HTTPS") => true,
        Some("HTTP") => false,
        Some(_) => {
            return Err(VariableError::refused(
                "LISTENER_PROTOCOL",
                protocol,
                "HTTPS or HTTP",
            ));
        }
    };
    Ok(Some(Entrance {
        domain: optional("DOMAIN").map(|domain| domain.trim_matches('.').to_ascii_lowercase()),
        public,
        internal,
        security_groups: list(optional("LOAD_BALANCER_SECURITY_GROUPS")),
        is_https,
        first_priority,
    }))
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
