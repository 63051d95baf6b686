//! Task definitions: the new ones are registered.

use futures_util::{StreamExt as _, stream};
use names::error_type::ErrorCode;
use promotion::Definition;
use release::task_definition::EnvSource;

use super::Job;
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::plan::{PlanProblem, Process, ProcessStep, Revision, Route, SecretStep};
use crate::progress::Progress;

/// `RegisterTaskDefinition` calls under way at once. ECS takes a burst of 20, then one a second: those beyond are tried
/// again either way.
const REGISTRATIONS_AT_ONCE: usize = 32;

impl<E: Edge> Job<'_, E> {
    pub(super) async fn register(
        &self,
        route: &Route<'_>,
        progress: &mut Progress,
    ) -> Result<Vec<Definition>, PromoteError> {
        self.refuse_impossible(route, progress)?;
        let new = route.steps.iter();
        let new = new.filter(|step| step.revision == Revision::Register);
        progress
            .wrote
            .extend(new.map(|step| format!("a task definition of `{}`", step.definition.family)));
        stream::iter(self.plan.processes.iter().zip(&route.steps))
            .map(async |(process, step)| self.registered(process, step).await)
            .buffered(REGISTRATIONS_AT_ONCE)
            .collect::<Vec<Result<Definition, PromoteError>>>()
            .await
            .into_iter()
            .collect()
    }

    async fn registered(
        &self,
        process: &Process<'_>,
        step: &ProcessStep<'_>,
    ) -> Result<Definition, PromoteError> {
        let (arn, digest) = match &step.revision {
            Revision::Keep(known) | Revision::Reuse(known) => {
                (known.arn.clone(), known.digest.clone())
            }
            Revision::Register => {
                let digest = step.definition.digest();
                (self.edge.register(&step.definition).await?, digest)
            }
        };
        Ok(Definition {
            arn,
            digest,
            runs_as: process.runs_as().to_owned(),
            schedule: process.schedule().map(str::to_owned),
            capacity: process.own_capacity(self.wanted.id),
            deployment: process.own_deployment(self.wanted.id),
            set: None,
            stands: None,
        })
    }

    /// Secrets Manager was wanted and failed, and S3 cannot take its place: said here, before ECS says less.
    fn refuse_impossible(
        &self,
        route: &Route<'_>,
        progress: &Progress,
    ) -> Result<(), PromoteError> {
        let (EnvSource::S3 { .. }, SecretStep::Write(_) | SecretStep::Unreadable(_)) =
            (&route.source, &self.plan.secret)
        else {
            return Ok(()); // found in the plan
        };
        let Some(why) = &route.impossible else {
            return Ok(());
        };
        let outcome = progress.outcome.as_ref();
        let failure = outcome.and_then(|outcome| outcome.error_type.as_ref());
        let failure = failure.map(ErrorCode::as_str).unwrap_or_default();
        Err(PromoteError::input(PlanProblem::DeliveryImpossible {
            failure,
            why,
        }))
    }
}
