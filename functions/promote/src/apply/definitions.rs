//! Task definitions: registered only where no known revision says the same.

use futures_util::{StreamExt as _, stream};
use shared::capacity::Capacity;
use shared::promotion::Definition;
use shared::task_definition::{EnvSource, TaskDefinition};

use super::{Job, Progress};
use crate::error::PromoteError;
use crate::plan::{self, Process, Runs, SecretStep};

/// `RegisterTaskDefinition` calls under way at once. ECS takes a burst of 20, then one a second: those beyond are tried
/// again either way.
const REGISTRATIONS_AT_ONCE: usize = 32;

impl Job<'_> {
    pub(super) async fn register(
        &self,
        source: &EnvSource,
        progress: &mut Progress,
    ) -> Result<Vec<Definition>, PromoteError> {
        let outputs = plan::outputs(self.gathered);
        let dead = &self.gathered.around.dead;
        let release = plan::release(&self.shell.config, self.wanted, self.gathered, &outputs);
        let rendered: Result<Vec<TaskDefinition>, _> = self
            .plan
            .processes
            .iter()
            .map(|process| process.definition(&release, source, self.wanted.applied, dead))
            .collect();
        let rendered =
            rendered.map_err(|err| PromoteError::input("Unrendered", err.to_string()))?;
        self.refuse_impossible(source, &rendered, progress)?;
        let found: Vec<(String, Option<String>)> = self
            .plan
            .processes
            .iter()
            .zip(&rendered)
            .map(|(process, definition)| {
                let digest = definition.digest();
                let known = self.known(process, &definition.family, &digest);
                (digest, known)
            })
            .collect();
        let new = rendered
            .iter()
            .zip(&found)
            .filter(|(_, (_, known))| known.is_none());
        progress.wrote.extend(
            new.map(|(definition, _)| format!("a task definition of `{}`", definition.family)),
        );
        stream::iter(self.plan.processes.iter().zip(rendered).zip(found))
            .map(async |((process, definition), (digest, known))| {
                let arn = match known {
                    Some(arn) => arn,
                    None => self.shell.cluster.register(&definition).await?,
                };
                Ok(Definition {
                    arn,
                    digest,
                    runs_as: runs_as(process),
                    schedule: schedule(process),
                    capacity: self.own_capacity(process),
                    stands: None,
                })
            })
            .buffered(REGISTRATIONS_AT_ONCE)
            .collect::<Vec<Result<Definition, PromoteError>>>()
            .await
            .into_iter()
            .collect()
    }

    /// Secrets Manager was wanted and failed, and S3 cannot take its place: said here, before ECS says less.
    fn refuse_impossible(
        &self,
        source: &EnvSource,
        rendered: &[TaskDefinition],
        progress: &Progress,
    ) -> Result<(), PromoteError> {
        let (EnvSource::S3 { .. }, SecretStep::Write { .. }) = (source, &self.plan.secret) else {
            return Ok(()); // found in the plan
        };
        let names = self.plan.processes.iter().map(Process::name);
        let Some(why) = plan::impossible_through_s3(self.gathered, names.zip(rendered)) else {
            return Ok(());
        };
        let outcome = progress.outcome.as_ref();
        let failure = outcome.and_then(|outcome| outcome.error_type.as_deref());
        Err(PromoteError::input(
            "DeliveryImpossible",
            format!(
                "Secrets Manager cannot be used ({}), and S3 cannot take its place: {why}, or promote it again when Secrets \
                 Manager answers",
                failure.unwrap_or_default()
            ),
        ))
    }

    /// What is put back with the definition; an ECS service that app.json names keeps what it runs on.
    pub(super) fn own_capacity(&self, process: &Process<'_>) -> Option<Capacity> {
        let theirs = match &process.runs {
            Runs::Service { found, .. } => {
                found.is_some_and(|found| !self.wanted.id.owns(&found.tags))
            }
            Runs::Timer { .. } => false,
        };
        (!theirs).then_some(process.capacity)
    }

    /// A revision that already says the same: the applied one, or one that an attempt left that died.
    fn known(&self, process: &Process<'_>, family: &str, digest: &str) -> Option<String> {
        let applied = self.wanted.applied.and_then(|applied| {
            process
                .applied(applied)
                .filter(|known| known.digest == digest)
                .filter(|known| !self.gathered.around.dead.contains(&known.arn))
                .map(|known| known.arn.clone())
        });
        applied.or_else(|| {
            let newest = self.gathered.around.newest.get(family)?;
            (newest.digest.as_deref() == Some(digest)).then(|| newest.arn.clone())
        })
    }
}

fn runs_as(process: &Process<'_>) -> String {
    match &process.runs {
        Runs::Service { ecs_service, .. } => ecs_service.clone(),
        Runs::Timer { rule, .. } => rule.clone(),
    }
}

fn schedule(process: &Process<'_>) -> Option<String> {
    match &process.runs {
        Runs::Service { .. } => None,
        Runs::Timer { schedule, .. } => Some(schedule.clone()),
    }
}
