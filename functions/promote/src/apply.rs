//! All writes of a promote, in order: manifest copy, secret, task definitions, services, rules. Each can be repeated.

use std::time::Instant;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::error_chain::Chain;
use shared::names::keys;
use shared::precedence::EnvDelivery;
use shared::promotion::{Applied, Definition, Outcome, OutcomeResult, SecretVersion};
use shared::secrets::SecretError;
use shared::settings_bucket::Replaced;
use shared::task_definition::{EnvSource, TaskDefinition};
use shared::timer_rule::{TimerRule, TimerTarget};

use crate::error::PromoteError;
use crate::gather::{Gathered, Wanted};
use crate::plan::{self, Plan, Process, Runs, SecretStep};
use crate::report::Step;
use crate::shell::Shell;

/// `RegisterTaskDefinition` calls under way at once; ECS allows one a second after a burst of 20.
const REGISTRATIONS_AT_ONCE: usize = 4;
/// `UpdateService` and `PutTargets` calls under way at once; ECS allows five a second after a burst of 50.
const MOVES_AT_ONCE: usize = 5;

/// What an attempt did so far, also where it ended in an error.
#[derive(Debug, Default)]
pub struct Progress {
    /// Finished steps and how long they took.
    pub steps: Vec<Step>,
    /// What may have been written outside the bucket, in words.
    pub wrote: Vec<String>,
    /// What became of the secret.
    pub outcome: Option<Outcome>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// A promote that is applied.
#[derive(Debug)]
pub struct Done {
    /// What runs now.
    pub applied: Applied,
    /// What each process ran before, and whether that changed; in the plan's order.
    pub moves: Vec<Move>,
}

/// What became of one Service or Timer.
#[derive(Debug, Clone)]
pub struct Move {
    /// Its name.
    pub name: String,
    /// Whether it is a Timer.
    pub is_timer: bool,
    /// The revision that ran before.
    pub old: Option<String>,
    /// The revision that runs now, and who runs it.
    pub new: Definition,
}

/// What is applied.
pub struct Job<'a> {
    /// The clients.
    pub shell: &'a Shell,
    /// The Release.
    pub wanted: &'a Wanted<'a>,
    /// What was read.
    pub gathered: &'a Gathered,
    /// What was decided.
    pub plan: &'a Plan<'a>,
    /// The request.
    pub request_id: &'a str,
}

/// Applies the plan.
///
/// # Errors
///
/// [`PromoteError`] for the first write that failed; `progress` says what was written until then.
pub async fn apply(job: &Job<'_>, progress: &mut Progress) -> Result<Done, PromoteError> {
    job.copy_manifest().await?;
    let started = Instant::now();
    let source = job.settle_source(progress).await;
    progress.step("secret", started);
    let started = Instant::now();
    let definitions = job.register(&source, progress).await;
    progress.step("taskDefinitions", started);
    let definitions = definitions?;
    let started = Instant::now();
    let moved = job.move_services(&definitions, progress).await;
    progress.step("services", started);
    moved?;
    let started = Instant::now();
    let put = job.put_rules(&definitions, progress).await;
    progress.step("rules", started);
    put?;
    Ok(job.done(&source, definitions))
}

impl Progress {
    fn step(&mut self, name: &'static str, started: Instant) {
        self.steps.push(Step::new(name, started.elapsed()));
    }
}

impl Job<'_> {
    /// The first write: a rollback sees the manifest that ran.
    async fn copy_manifest(&self) -> Result<(), PromoteError> {
        let Some(bytes) = &self.gathered.manifest_to_copy else {
            return Ok(());
        };
        let key = keys::release_manifest(&self.wanted.id.app, self.wanted.release);
        match self.shell.bucket.replace(&key, bytes.clone(), None).await? {
            Replaced::Yes(_) => Ok(()),
            Replaced::No => Err(PromoteError::ManifestRace { key }),
        }
    }

    /// Writes the secret through, or falls back to S3: Secrets Manager never blocks a promote.
    async fn settle_source(&self, progress: &mut Progress) -> EnvSource {
        let source = match &self.plan.secret {
            SecretStep::Off => {
                progress.outcome = Some(Outcome {
                    result: OutcomeResult::Off,
                    error_type: None,
                });
                None
            }
            SecretStep::Impossible {
                error_type,
                message,
            } => {
                self.fall_back(error_type, message, progress);
                None
            }
            SecretStep::Write { value, token } => self.write_secret(value, token, progress).await,
        };
        source.unwrap_or_else(|| {
            progress.warnings.push(self.s3_reminder());
            plan::s3_source(&self.shell.config, self.wanted, self.gathered)
        })
    }

    async fn write_secret(
        &self,
        value: &str,
        token: &str,
        progress: &mut Progress,
    ) -> Option<EnvSource> {
        let name = self.wanted.id.secret();
        match self
            .shell
            .secrets
            .of(self.wanted.id)
            .write_through(value, token)
            .await
        {
            Ok(written) => {
                if written.changed {
                    progress.wrote.push(format!("the secret `{name}`"));
                }
                progress.outcome = Some(Outcome {
                    result: OutcomeResult::Ok,
                    error_type: None,
                });
                Some(EnvSource::SecretsManager {
                    secret_arn: written.arn,
                    version_id: written.version_id,
                })
            }
            Err(err) => {
                // A write that was not answered may still have landed.
                if !matches!(err, SecretError::NotOurs { .. }) {
                    progress.wrote.push(format!("the secret `{name}`"));
                }
                self.fall_back(err.error_type(), &Chain(&err).to_string(), progress);
                None
            }
        }
    }

    fn fall_back(&self, error_type: &str, reason: &str, progress: &mut Progress) {
        tracing::warn!(
            app.name = %self.wanted.id.app, release.id = %self.wanted.release, error.kind = error_type,
            "secret write failed, using S3 for this Release: {reason}"
        );
        progress.warnings.push(format!(
            "Secrets Manager is not used for this Release: {reason}"
        ));
        progress.outcome = Some(Outcome {
            result: OutcomeResult::Failed,
            error_type: Some(error_type.to_owned()),
        });
    }

    fn s3_reminder(&self) -> String {
        let services: Vec<&str> = self
            .gathered
            .manifest
            .services
            .iter()
            .map(|service| service.name.as_str())
            .collect();
        format!(
            "delivered through S3, which works only in images whose entrypoint is convox-env; make sure that the images \
             of these Services have it: {}",
            services.join(", ")
        )
    }

    async fn register(
        &self,
        source: &EnvSource,
        progress: &mut Progress,
    ) -> Result<Vec<Definition>, PromoteError> {
        let release = plan::release(&self.shell.config, self.wanted, self.gathered);
        let rendered: Result<Vec<TaskDefinition>, _> = self
            .plan
            .processes
            .iter()
            .map(|process| process.render(&release, source))
            .collect();
        let rendered =
            rendered.map_err(|err| PromoteError::input("Unrendered", err.to_string()))?;
        let known: Vec<Option<String>> = self
            .plan
            .processes
            .iter()
            .zip(&rendered)
            .map(|(process, definition)| self.known(process, definition))
            .collect();
        let new = rendered
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_none());
        progress.wrote.extend(
            new.map(|(definition, _)| format!("a task definition of `{}`", definition.family)),
        );
        stream::iter(self.plan.processes.iter().zip(rendered).zip(known))
            .map(async |((process, definition), known)| {
                let arn = match known {
                    Some(arn) => arn,
                    None => self.shell.cluster.register(&definition).await?,
                };
                Ok(Definition {
                    arn,
                    digest: definition.digest(),
                    runs_as: runs_as(process),
                    schedule: schedule(process),
                })
            })
            .buffered(REGISTRATIONS_AT_ONCE)
            .try_collect()
            .await
    }

    /// A revision that already says the same: the applied one, or one that an attempt left that died.
    fn known(&self, process: &Process<'_>, definition: &TaskDefinition) -> Option<String> {
        let digest = definition.digest();
        let applied = self.wanted.applied.and_then(|applied| {
            let of_kind = if is_timer(process) {
                &applied.timers
            } else {
                &applied.services
            };
            of_kind
                .get(process.name())
                .filter(|known| known.digest == digest)
                .map(|known| known.arn.clone())
        });
        applied.or_else(|| {
            let newest = self.gathered.newest.get(&definition.family)?;
            (newest.digest.as_ref() == Some(&digest)).then(|| newest.arn.clone())
        })
    }

    async fn move_services(
        &self,
        definitions: &[Definition],
        progress: &mut Progress,
    ) -> Result<(), PromoteError> {
        let mut moves = Vec::new();
        for (process, definition) in self.plan.processes.iter().zip(definitions) {
            match process.runs {
                Runs::Service(Some(service)) if service.task_definition != definition.arn => {
                    moves.push((service.name.as_str(), definition.arn.as_str()));
                }
                Runs::Service(None) => progress
                    .warnings
                    .push(self.no_ecs_service(process, definition)?),
                _ => {}
            }
        }
        progress.wrote.extend(
            moves
                .iter()
                .map(|(service, _)| format!("the ECS service `{service}`")),
        );
        stream::iter(moves)
            .map(async |(service, arn)| self.shell.cluster.move_service(service, arn).await)
            .buffer_unordered(MOVES_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(())
    }

    fn no_ecs_service(
        &self,
        process: &Process<'_>,
        definition: &Definition,
    ) -> Result<String, PromoteError> {
        Ok(format!(
            "Service `{}` has no ECS service: cluster `{}` has none called `{}`, and app.json names no other; its task \
             definition {} is registered",
            process.name(),
            self.shell.config.cluster,
            self.wanted.id.service(&process.service.name)?,
            definition.arn
        ))
    }

    async fn put_rules(
        &self,
        definitions: &[Definition],
        progress: &mut Progress,
    ) -> Result<(), PromoteError> {
        let mut puts = Vec::new();
        for (process, definition) in self.plan.processes.iter().zip(definitions) {
            let Runs::Timer {
                rule,
                schedule,
                seen,
                ..
            } = &process.runs
            else {
                continue;
            };
            let wanted = TimerRule {
                schedule: schedule.clone(),
                target: self.target(&definition.arn),
            };
            if seen.is_none_or(|seen| !seen.says(&wanted)) {
                puts.push((rule.as_str(), wanted, *seen));
            }
        }
        progress
            .wrote
            .extend(puts.iter().map(|(rule, ..)| format!("the rule `{rule}`")));
        let tags = &self.wanted.id.tags();
        stream::iter(puts)
            .map(async |(rule, wanted, seen)| self.shell.rules.put(rule, &wanted, seen, tags).await)
            .buffer_unordered(MOVES_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(())
    }

    fn target(&self, definition: &str) -> TimerTarget {
        let config = &self.shell.config;
        TimerTarget {
            cluster_arn: self.gathered.cluster_arn.clone(),
            role_arn: config.timer_role_arn.clone(),
            task_definition: definition.to_owned(),
            placement: config.placement.clone(),
        }
    }

    fn done(&self, source: &EnvSource, definitions: Vec<Definition>) -> Done {
        let (delivery, secret) = match source {
            EnvSource::S3 { .. } => (EnvDelivery::S3, None),
            EnvSource::SecretsManager {
                secret_arn,
                version_id,
            } => {
                let secret = SecretVersion {
                    arn: secret_arn.clone(),
                    version_id: version_id.clone(),
                };
                (EnvDelivery::SecretsManager, Some(secret))
            }
        };
        let moves: Vec<Move> = self
            .plan
            .processes
            .iter()
            .zip(definitions)
            .map(|(process, new)| Move {
                name: process.name().to_owned(),
                is_timer: is_timer(process),
                old: process.running().map(str::to_owned),
                new,
            })
            .collect();
        let of_kind = |timers| {
            let of_kind = moves.iter().filter(|moved| moved.is_timer == timers);
            of_kind
                .map(|moved| (moved.name.clone(), moved.new.clone()))
                .collect()
        };
        let applied = Applied {
            release: self.wanted.release.clone(),
            request_id: self.request_id.to_owned(),
            env_version_id: self.gathered.env_version_id.clone(),
            delivery,
            secret,
            services: of_kind(false),
            timers: of_kind(true),
        };
        Done { applied, moves }
    }
}

fn is_timer(process: &Process<'_>) -> bool {
    matches!(process.runs, Runs::Timer { .. })
}

fn runs_as(process: &Process<'_>) -> Option<String> {
    match &process.runs {
        Runs::Service(service) => service.map(|service| service.name.clone()),
        Runs::Timer { rule, .. } => Some(rule.clone()),
    }
}

fn schedule(process: &Process<'_>) -> Option<String> {
    match &process.runs {
        Runs::Service(_) => None,
        Runs::Timer { schedule, .. } => Some(schedule.clone()),
    }
}
