//! How tasks get their environment: what becomes of the secret, and what of every definition, through the secret and through
//! S3. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use aws::secrets::{SECRET_MAX_BYTES, SecretError, SecretWrite};
use names::error_type::ErrorType;
use names::{SecretArn, keys};
use release::app_stack::StackOutputs;
use release::exec_limits;
use release::platform::Needs;
use release::task_definition::{EnvSource, Release, TASK_DEFINITION_MAX_BYTES};
use zeroize::Zeroizing;

use super::Process;
use super::checks::Checks;
use super::problem::PlanProblem;
use super::revision::{Draft, ProcessStep, Route};
use super::versions;
use crate::config::Config;
use crate::facts::{Facts, Wanted};

/// Whether the secret is written, or why the Release is delivered through S3.
pub enum SecretStep<'a> {
    /// The settings chose S3.
    Off,
    /// It is known to be impossible, so the Release is delivered through S3.
    Impossible(SecretImpossible),
    /// What stands could not be read, or is somebody else's, so the Release is delivered through S3.
    Unreadable(SecretError),
    /// It is written through.
    Write(Box<SecretPlan<'a>>),
}

/// Why no secret can serve the Release.
#[derive(Debug, thiserror::Error)]
pub enum SecretImpossible {
    /// Secrets Manager takes none that large.
    #[error("{}{}", SecretError::TooLarge { size: *.size }, largest_variable(.largest.as_ref()))]
    TooLarge {
        /// The bytes of the JSON object.
        size: usize,
        /// The variable that takes most of them, and its bytes.
        largest: Option<(String, usize)>,
    },
    /// ECS takes no definition with that many references.
    #[error(
        "the task definition of `{name}` takes {size} bytes with its references and ECS takes \
         {TASK_DEFINITION_MAX_BYTES}; let the Service declare the variables that it needs instead of `*`"
    )]
    TooManyReferences {
        /// The Service or the Timer.
        name: String,
        /// The bytes of its definition.
        size: usize,
    },
}

impl SecretImpossible {
    /// The name that reports and events have for it.
    #[must_use]
    pub fn error_type(&self) -> ErrorType {
        match self {
            Self::TooLarge { .. } => ErrorType::SecretTooLarge,
            Self::TooManyReferences { .. } => ErrorType::TaskDefinitionTooLarge,
        }
    }
}

fn largest_variable(largest: Option<&(String, usize)>) -> String {
    let largest = largest.map(|(key, size)| format!("; the largest is `{key}` with {size} bytes"));
    largest.unwrap_or_default()
}

/// How the secret is written, and what follows.
pub struct SecretPlan<'a> {
    /// The JSON object.
    pub value: Zeroizing<String>,
    /// The ids that its version can have, in the order in which they are tried.
    pub version_ids: &'a [String],
    /// The calls that write it beside what stands.
    pub write: SecretWrite,
    /// Whether definitions name its version by the short label.
    pub by_label: bool,
    /// The versions that are forgotten before, since there is no room for another label.
    pub make_room: Vec<String>,
    /// How much of the secret's time was spent on reading.
    pub took: Duration,
    /// The steps of Services and Timers that read it.
    pub route: Route<'a>,
}

/// What becomes of the secret, and of the definitions that read it.
pub(super) struct SecretDraft<'p, 'a> {
    pub(super) step: SecretStep<'a>,
    /// The steps of what keeps its revision through the secret, each in its process's place.
    pub(super) kept: Vec<Option<ProcessStep<'a>>>,
    /// The definitions that read the secret, where it can serve them.
    pub(super) rendered: Option<Vec<Rendered<'p>>>,
}

impl<'a> SecretDraft<'_, 'a> {
    fn without(step: SecretStep<'a>) -> Self {
        Self {
            step,
            kept: Vec::new(),
            rendered: None,
        }
    }
}

/// The measures of a definition that are checked: rendering is most of the work of a plan, and each is made once.
pub(super) struct Rendered<'p> {
    /// Whose it is.
    pub(super) process: &'p Process<'p>,
    /// Its bytes, as ECS counts them.
    pub(super) size: usize,
    /// What the agent or the platform that runs it has to know.
    pub(super) needs: Needs,
}

/// The Release, as definitions see it.
pub(super) fn release<'a>(
    config: &'a Config,
    wanted: &Wanted<'a>,
    facts: &'a Facts,
    (stack, addresses): (&'a StackOutputs, &'a BTreeMap<String, String>),
) -> Release<'a> {
    Release {
        id: wanted.id,
        release: wanted.release,
        generation: facts.release.settings.generation,
        build: &facts.release.build,
        environment: &facts.release.environment.environment,
        region: &config.release.region,
        registry: config.release.registry.as_deref(),
        addresses,
        router_host: config.release.router_host.as_deref(),
        execution_role_arn: &config.release.task_execution_role_arn,
        task_role_arn: &config.release.task_role_arn,
        stack: Some(stack),
        readonly_root: facts.release.readonly_root,
    }
}

/// The S3 delivery of the Release: exactly the bytes that are promoted.
pub(super) fn s3_source(config: &Config, wanted: &Wanted<'_>, facts: &Facts) -> EnvSource {
    let key = keys::environment(&wanted.id.app, wanted.release);
    EnvSource::S3 {
        url: format!(
            "s3://{}/{key}?versionId={}",
            config.release.bucket, facts.env_version_id
        ),
        key_arn: config.release.environment_key_arn.clone(),
    }
}

/// The secret as tasks are to read it after `write`. Where nothing could be read, what is applied says where it is.
fn written_source(
    wanted: &Wanted<'_>,
    facts: &Facts,
    write: Option<&SecretWrite>,
    first: &str,
) -> EnvSource {
    let applied = wanted.applied.and_then(|applied| applied.secret.as_ref());
    let secret_arn = match (write, applied) {
        (Some(SecretWrite::Existing { arn, .. }), _) => arn.clone(),
        (None, Some(applied)) => applied.arn.clone(),
        (Some(SecretWrite::Create { .. }) | None, _) => uncreated_secret(wanted, facts),
    };
    let version_id = write.and_then(SecretWrite::version_id).unwrap_or(first);
    EnvSource::SecretsManager {
        secret_arn,
        version_id: version_id.to_owned(),
        version: facts.env_version,
    }
}

/// The ARN that the App's secret will have, in the account and region of the cluster.
pub(super) fn uncreated_secret(wanted: &Wanted<'_>, facts: &Facts) -> SecretArn {
    SecretArn::uncreated(&wanted.id.secret(), &facts.cluster.arn)
}

impl Checks {
    /// How the secret is written, if it can hold the environment and the definitions its references; those definitions, if so.
    pub(super) fn secret<'p, 'a: 'p>(&mut self, draft: &Draft<'p, 'a>) -> SecretDraft<'p, 'a> {
        let (wanted, facts) = (draft.wanted, draft.facts);
        let Some(standing) = &facts.secret else {
            return SecretDraft::without(SecretStep::Off);
        };
        let environment = &facts.release.environment.environment;
        let value = environment.to_secret_string();
        if value.len() > SECRET_MAX_BYTES {
            let largest = environment.largest();
            let too_large = SecretImpossible::TooLarge {
                size: value.len(),
                largest: largest.map(|(key, size)| (key.to_string(), size)),
            };
            return SecretDraft::without(SecretStep::Impossible(too_large));
        }
        let first = facts.version_ids.first().map_or("", String::as_str);
        let write = standing.write(first, draft.config.secret_key_arn.as_deref());
        let source = written_source(wanted, facts, write.as_ref().ok(), first);
        let (route, rendered) = self.route(draft, source);
        if let Some(Rendered { process, size, .. }) = too_large(&rendered) {
            let too_many = SecretImpossible::TooManyReferences {
                name: process.name().to_owned(),
                size: *size,
            };
            return SecretDraft::without(SecretStep::Impossible(too_many));
        }
        let (kept, by_label) = (route.kept(), route.by_label());
        let step = match write {
            Err(err) => SecretStep::Unreadable(err.clone()),
            Ok(write) => SecretStep::Write(Box::new(SecretPlan {
                value,
                version_ids: &facts.version_ids,
                by_label,
                make_room: versions::make_room(wanted, facts, (&write, by_label)),
                write,
                took: standing.took(),
                route,
            })),
        };
        SecretDraft {
            step,
            kept,
            rendered: Some(rendered),
        }
    }

    /// Renders every definition and decides what becomes of it, so that no error is left for later. What cannot be rendered is
    /// a problem, and in neither list.
    pub(super) fn route<'p, 'a: 'p>(
        &mut self,
        draft: &Draft<'p, 'a>,
        source: EnvSource,
    ) -> (Route<'a>, Vec<Rendered<'p>>) {
        let mut checked = Vec::with_capacity(draft.processes.len());
        let mut definitions = Vec::with_capacity(draft.processes.len());
        for process in draft.processes {
            match process.render(draft.release, &source) {
                Ok(mut definition) => {
                    let size = definition.fit();
                    checked.push(Rendered {
                        process,
                        size,
                        needs: Needs {
                            exec: process.own_exec(draft.wanted.id),
                            ..Needs::of(&definition)
                        },
                    });
                    definitions.push((process, definition, size));
                }
                Err(err) => self.problem(err.in_file(process.service)),
            }
        }
        (draft.route(source, definitions), checked)
    }

    /// What no container can be started with: `convox-env` starts the App where S3 delivers. With Secrets Manager ECS does, and
    /// takes less of it anyway.
    pub(super) fn start(&mut self, draft: &Draft<'_, '_>, s3: &Route<'_>) {
        let environment = &draft.facts.release.environment.environment;
        for (process, step) in draft.processes.iter().zip(&s3.steps) {
            let (name, service) = (process.name(), process.service);
            for problem in exec_limits::too_large(name, service, environment, &step.definition) {
                self.problem(problem);
            }
        }
        if let Some(problem) = exec_limits::object_too_large(draft.facts.environment_bytes) {
            self.problem(problem);
        }
    }

    pub(super) fn size(&mut self, rendered: &[Rendered<'_>]) {
        if let Some(&Rendered { process, size, .. }) = too_large(rendered) {
            let name = &described(process);
            self.problem(PlanProblem::TaskDefinitionTooLarge { name, size });
        }
    }
}

/// The largest definition, where ECS would refuse it; of equal ones the last.
fn too_large<'r, 'p>(rendered: &'r [Rendered<'p>]) -> Option<&'r Rendered<'p>> {
    let largest = rendered.iter().max_by_key(|rendered| rendered.size);
    largest.filter(|largest| largest.size > TASK_DEFINITION_MAX_BYTES)
}

/// Its name, and where the most room may go.
fn described(process: &Process<'_>) -> String {
    let name = process.name();
    match process.service.largest_default() {
        None => format!("`{name}`"),
        Some((variable, size)) => {
            format!("`{name}` (its largest default is `{variable}` with {size} bytes)")
        }
    }
}
