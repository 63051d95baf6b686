//! Task definitions: the new ones are registered.

use std::collections::BTreeMap;

use aws::call_error::CallError;
use futures_util::{StreamExt as _, stream};
use names::error_type::ErrorCode;
use promotion::Definition;
use release::task_definition::EnvSource;

use super::Job;
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::plan::{
    Known, PlanProblem, Process, ProcessStep, Revision, RevisionKind, Route, SecretStep,
};
use crate::progress::Progress;

/// `RegisterTaskDefinition` calls under way at once. ECS takes a burst of 20, then one a second: those beyond are tried
/// again either way.
const REGISTRATIONS_AT_ONCE: usize = 32;

/// What was registered, and what could not be, by the digest of the definition.
#[derive(Default)]
pub(super) struct Registered(BTreeMap<String, Result<String, CallError>>);

impl<E: Edge> Job<'_, E> {
    /// Registers what is new of a route and not registered `before`: the revisions of all Services and Timers.
    pub(super) async fn register(
        &self,
        route: &Route<'_>,
        before: &Registered,
        progress: &mut Progress,
    ) -> Result<Vec<Definition>, PromoteError> {
        self.refuse_impossible(route, progress)?;
        progress.note_registrations(route);
        let registered = self.register_all(route, before).await;
        let steps = self.plan.processes.iter().zip(&route.steps);
        let revisions = steps
            .map(|(process, step)| self.definition(process, step, route, [&registered, before]));
        revisions.collect()
    }

    /// Registers them.
    pub(super) async fn register_all(&self, route: &Route<'_>, before: &Registered) -> Registered {
        let new = route.steps.iter();
        let new = new.filter(|step| step.revision == Revision::Register);
        let new = new.map(|step| (step.definition.digest(), step));
        let new: Vec<(String, &ProcessStep<'_>)> = new
            .filter(|(digest, _)| !before.0.contains_key(digest))
            .collect();
        let registered = stream::iter(new)
            .map(async |(digest, step)| (digest, self.edge.register(&step.definition).await))
            .buffered(REGISTRATIONS_AT_ONCE);
        Registered(registered.collect::<Vec<_>>().await.into_iter().collect())
    }

    fn definition(
        &self,
        process: &Process<'_>,
        step: &ProcessStep<'_>,
        route: &Route<'_>,
        registered: [&Registered; 2],
    ) -> Result<Definition, PromoteError> {
        let known = match &step.revision {
            Revision::Keep(known) | Revision::Reuse(known) => known.clone(),
            Revision::Register => {
                let digest = step.definition.digest();
                let arn = registered.into_iter().find_map(|all| all.0.get(&digest));
                let arn = arn.cloned().transpose()?.unwrap_or_default();
                let version_id = route.source.pinned();
                let version_id = version_id.filter(|_| step.definition.reads_secret_of_app());
                Known {
                    arn,
                    digest,
                    release: None,
                    secret_version_id: version_id.map(str::to_owned),
                }
            }
        };
        let is_kept = step.revision.kind() == RevisionKind::Kept;
        let of_this = (!is_kept).then(|| self.wanted.release.clone());
        Ok(Definition {
            arn: known.arn,
            digest: known.digest,
            core: Some(step.core(&route.naming)),
            release: known.release.or(of_this),
            secret_version_id: known.secret_version_id,
            runs_as: process.runs_as().to_owned(),
            schedule: process.schedule().map(str::to_owned),
            timezone: process.timezone().map(str::to_owned),
            capacity: process.own_capacity(self.wanted.id),
            deployment: process.own_deployment(self.wanted.id),
            exec: process.own_exec(self.wanted.id),
            count: process.own_count(self.wanted.id),
            was: None,
            balancing: self.plan.ingress.balancing(process).cloned(),
            connectors: process.connectors(self.wanted.id),
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

impl Progress {
    /// Notes what may be registered from now on.
    pub(super) fn note_registrations(&mut self, route: &Route<'_>) {
        let new = route.steps.iter();
        let new = new.filter(|step| step.revision == Revision::Register);
        let new = new.map(|step| format!("a task definition of `{}`", step.definition.family));
        let new: Vec<String> = new.filter(|what| !self.wrote.contains(what)).collect();
        self.wrote.extend(new);
    }
}
