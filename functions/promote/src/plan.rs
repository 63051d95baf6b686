//! What a promote will write, or why it cannot: everything that can be known to fail is found here, before the first
//! write. Pure.

mod capacity;
mod checks;
mod deliveries;
mod deployment;
mod lost;
mod named_services;
mod network;
mod outage;
mod platform;
mod policies;
mod process;
mod removals;
mod stack;
mod ties;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use shared::app_settings::AppSettings;
use shared::app_stack::StackOutputs;
use shared::environment::{RESERVED_KEYS, SET_BY_ECS};
use shared::leftovers::Removals;
use shared::manifest::Manifest;
use shared::names::{SecretArn, keys};
use shared::precedence::{self, Decision, EnvDelivery};
use shared::release_checks::Problem;
use shared::secrets::{self, SECRET_MAX_BYTES};
use shared::task_definition::{EnvSource, Release, TASK_DEFINITION_MAX_BYTES};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::error::PromoteError;
use crate::gather::{Gathered, Wanted};

use checks::Rendered;

pub use outage::impossible_through_s3;
pub use process::{Process, Runs};
pub use stack::{StackPlan, outputs};

/// What will be written.
pub struct Plan<'a> {
    /// What is wanted and who decided it.
    pub decision: Decision,
    /// What becomes of the App's own stack.
    pub stack: StackPlan,
    /// What becomes of the secret.
    pub secret: SecretStep,
    /// The Services and then the Timers, each in the manifest's order.
    pub processes: Vec<Process<'a>>,
    /// What runs for Services and Timers that convox.yml no longer has.
    pub removals: Removals,
    /// What the user should know although it does not stop the promote.
    pub warnings: Vec<String>,
}

/// What becomes of the secret.
pub enum SecretStep {
    /// The settings chose S3.
    Off,
    /// It is written through.
    Write {
        /// The JSON object.
        value: Zeroizing<String>,
        /// The `ClientRequestToken`.
        token: String,
    },
    /// It is known to be impossible, so the Release is delivered through S3.
    Impossible {
        /// A stable name of the reason.
        error_type: &'static str,
        /// The reason, with sizes.
        message: String,
    },
}

/// The Release, as definitions see it.
#[must_use]
pub fn release<'a>(
    config: &'a Config,
    wanted: &Wanted<'a>,
    gathered: &'a Gathered,
    stack: &'a StackOutputs,
) -> Release<'a> {
    Release {
        id: wanted.id,
        release: wanted.release,
        generation: gathered.settings.generation,
        build: &gathered.build,
        environment: &gathered.environment.environment,
        region: &config.region,
        registry: config.registry.as_deref(),
        router_host: config.router_host.as_deref(),
        execution_role_arn: &config.task_execution_role_arn,
        task_role_arn: &config.task_role_arn,
        stack: Some(stack),
        readonly_root: gathered.readonly_root,
    }
}

/// The S3 delivery of the Release: exactly the bytes that are promoted.
#[must_use]
pub fn s3_source(config: &Config, wanted: &Wanted<'_>, gathered: &Gathered) -> EnvSource {
    let key = keys::environment(&wanted.id.app, wanted.release);
    EnvSource::S3 {
        url: format!(
            "s3://{}/{key}?versionId={}",
            config.bucket, gathered.env_version_id
        ),
        key_arn: config.environment_key_arn.clone(),
    }
}

/// The secret's source before it is written: the applied version where the environment stays, else one of no secret.
#[must_use]
pub fn expected_source(wanted: &Wanted<'_>, gathered: &Gathered, unchanged: bool) -> EnvSource {
    let applied = wanted
        .applied
        .and_then(|applied| applied.secret.clone())
        .filter(|_| unchanged);
    match applied {
        Some(secret) => EnvSource::SecretsManager {
            secret_arn: secret.arn,
            version_id: secret.version_id,
        },
        None => stand_in(wanted, gathered),
    }
}

/// Only the size of this is used; references name the ARN that Secrets Manager returns.
fn stand_in(wanted: &Wanted<'_>, gathered: &Gathered) -> EnvSource {
    EnvSource::SecretsManager {
        secret_arn: SecretArn::returned(arn_of_the_same_length(wanted, &gathered.cluster.arn)),
        version_id: "0".repeat(64),
    }
}

/// Decides everything.
///
/// # Errors
///
/// [`PromoteError::Input`] with every problem at once, or [`PromoteError::Draining`].
pub fn plan<'a>(
    config: &'a Config,
    wanted: &Wanted<'a>,
    gathered: &'a Gathered,
    request_id: &str,
) -> Result<Plan<'a>, PromoteError> {
    let mut checks = checks::Checks::default();
    checks.removals(wanted, gathered);
    checks.problems.extend(gathered.problems.iter().cloned());
    let decision = decide(
        config,
        &gathered.settings,
        &gathered.manifest,
        &mut checks.problems,
    );
    if let Some(stranded) = &gathered.stranded {
        checks.problem("ClusterChanged", stranded.says("promote again"));
    }
    checks.emptied(wanted, gathered);
    checks.variables(gathered);
    checks.links(config, gathered);
    checks.own_secrets(wanted, gathered);
    let services = checks.services(config, wanted, gathered);
    let timers = checks.timers(config, wanted, gathered);
    let processes: Vec<Process<'a>> = services.into_iter().chain(timers).collect();
    let stack = checks.stack(config, wanted, gathered, request_id);
    let outputs = outputs(gathered);
    let release = release(config, wanted, gathered, &outputs);
    let s3 = s3_source(config, wanted, gathered);
    let (secret, rendered) = match decision.delivery {
        EnvDelivery::S3 => (SecretStep::Off, None),
        EnvDelivery::SecretsManager => {
            checks.secret(wanted, gathered, &processes, &release, request_id)
        }
    };
    let rendered = if let Some(rendered) = rendered {
        checks.outage(gathered, &rendered, &release, &s3);
        rendered
    } else {
        let rendered = checks.rendered(&processes, &release, &s3);
        checks.size(&rendered);
        checks.start(gathered, &rendered);
        rendered
    };
    checks.platforms(config, &processes, &release, &s3);
    checks.lost_definitions(wanted, gathered, &processes, &release);
    let mut warnings = warnings(gathered);
    warnings.extend(network::warnings(config, wanted, &processes));
    warnings.extend(precedence::ignored_no(&gathered.settings, decision));
    warnings.extend(removals::warnings(wanted, gathered));
    warnings.extend(named_services::left_behind(wanted.id, gathered));
    warnings.extend(platform::warnings(config, gathered, &rendered));
    let (warnings, stack) = checks.into_result(stack, warnings)?;
    let removals = Removals::of(wanted.id, &gathered.around.leftovers);
    Ok(Plan {
        decision,
        stack,
        secret,
        processes,
        removals,
        warnings,
    })
}

/// The delivery that the settings choose; one that cannot be read is a problem.
pub fn decide(
    config: &Config,
    settings: &AppSettings,
    manifest: &Manifest,
    problems: &mut Vec<Problem>,
) -> Decision {
    let rack = &config.secrets_manager_env;
    let (decision, refused) = precedence::of_release(rack, settings, manifest);
    let refused = refused.into_iter();
    problems.extend(refused.map(|err| Problem::new("InvalidParameter", err.to_string())));
    decision
}

impl checks::Checks {
    /// Whether the secret can hold the environment, and the definitions its references; those definitions, if so.
    fn secret<'p>(
        &mut self,
        wanted: &Wanted<'_>,
        gathered: &Gathered,
        processes: &'p [Process<'_>],
        release: &Release<'_>,
        request_id: &str,
    ) -> (SecretStep, Option<Vec<Rendered<'p>>>) {
        let value = gathered.environment.environment.to_secret_string();
        if value.len() > SECRET_MAX_BYTES {
            let mut message = secrets::SecretError::TooLarge { size: value.len() }.to_string();
            if let Some((key, size)) = gathered.environment.environment.largest() {
                let _ = write!(message, "; the largest is `{key}` with {size} bytes"); // a String takes all
            }
            return (impossible("SecretTooLarge", message), None);
        }
        let rendered = self.rendered(processes, release, &stand_in(wanted, gathered));
        if let Some(Rendered { process, size, .. }) = checks::too_large(&rendered) {
            let message = format!(
                "the task definition of `{}` takes {size} bytes with its references and ECS takes \
                 {TASK_DEFINITION_MAX_BYTES}; let the Service declare the variables that it needs instead of `*`",
                process.name()
            );
            return (impossible("TaskDefinitionTooLarge", message), None);
        }
        let token = secrets::token(wanted.id, wanted.release, request_id, &value);
        (SecretStep::Write { value, token }, Some(rendered))
    }
}

fn impossible(error_type: &'static str, message: String) -> SecretStep {
    SecretStep::Impossible {
        error_type,
        message,
    }
}

fn arn_of_the_same_length(wanted: &Wanted<'_>, cluster_arn: &str) -> String {
    let mut parts = cluster_arn.split(':').skip(1);
    let mut part = || parts.next().unwrap_or_default();
    let (partition, _, region, account) = (part(), part(), part(), part());
    format!(
        "arn:{partition}:secretsmanager:{region}:{account}:secret:{}-000000",
        wanted.id.secret()
    )
}

fn warnings(gathered: &Gathered) -> Vec<String> {
    let mut warnings = gathered.environment.warnings.clone();
    warnings.extend(gathered.manifest.warnings.iter().cloned());
    warnings.extend(gathered.settings.warnings.iter().cloned());
    warnings.extend(gathered.resources.notices.iter().cloned());
    for service in &gathered.manifest.services {
        let without_effect = RESERVED_KEYS.iter().chain([&SET_BY_ECS]);
        for name in without_effect.filter(|name| service.has_default(name)) {
            warnings.push(format!(
                "`services.{}.environment`: `{name}` is reserved, its default has no effect",
                service.name
            ));
        }
    }
    let known: BTreeMap<_, _> = gathered
        .manifest
        .services
        .iter()
        .map(|service| (&service.name, service))
        .collect();
    for service in gathered
        .settings
        .services
        .keys()
        .filter(|name| !known.contains_key(name))
    {
        warnings.push(format!(
            "app.json names an ECS service for `{service}`, and convox.yml has no such Service"
        ));
    }
    warnings
}
