//! Service revisions: which target groups have the tasks of now, and what runs there, where ECS moves requests between two.
//!
//! Source: ECS API reference, `DescribeServiceRevisions`, `ResolvedConfiguration`; ECS developer guide, "Amazon ECS service revisions":
//! where ECS goes back it makes no new one, but uses the last that was successful. What the service itself says then of its task
//! definition is not documented.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{ResolvedConfiguration, ServiceRevision};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Cluster, EcsService, LOOKS_AT_ONCE};
use crate::call_error::CallError;

/// `DescribeServiceRevisions` takes no more at once.
const REVISIONS_PER_CALL: usize = 20;

/// What is seen of service revisions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenRevisions {
    /// The ARNs of the target groups that their tasks are in.
    pub groups: BTreeSet<String>,
    /// The task definition of each, by its own ARN.
    definitions: BTreeMap<String, String>,
}

impl SeenRevisions {
    /// What the one revision of a service runs, where the service says another.
    fn other_than_told(&self, service: &EcsService) -> Option<&String> {
        let [revision] = &service.revisions[..] else {
            return None;
        };
        let runs = self.definitions.get(revision)?;
        (*runs != service.task_definition).then_some(runs)
    }

    fn add(&mut self, revision: &ServiceRevision) {
        let resolved = revision.resolved_configuration();
        let balancers = resolved.map(ResolvedConfiguration::load_balancers);
        let balancers = balancers.unwrap_or_default().iter();
        let groups = balancers.filter_map(|balancer| balancer.target_group_arn());
        self.groups.extend(groups.map(str::to_owned));
        let named = revision.service_revision_arn();
        if let Some((arn, definition)) = named.zip(revision.task_definition()) {
            let (arn, definition) = (arn.to_owned(), definition.to_owned());
            self.definitions.insert(arn, definition);
        }
    }
}

impl EcsService {
    /// ECS has gone back to this revision.
    fn goes_back_to(&mut self, runs: &str) {
        let told = std::mem::replace(&mut self.task_definition, runs.to_owned());
        self.gone_back_from = Some(told);
        self.may_run.insert(runs.to_owned());
    }
}

impl Cluster {
    /// Has services say what their tasks run where ECS has gone back, whatever they say themselves. While it is at a deployment, or
    /// about to begin one, they stay as they are.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn correct(
        &self,
        services: Vec<&mut EcsService>,
        seen: &SeenRevisions,
    ) -> Result<(), CallError> {
        let looks = services.into_iter().map(async |service| {
            if let Some(runs) = seen.other_than_told(service)
                && self.has_gone_back(&service.name).await?
            {
                service.goes_back_to(runs);
            }
            Ok::<_, CallError>(())
        });
        stream::iter(looks)
            .buffer_unordered(LOOKS_AT_ONCE)
            .try_collect()
            .await
    }

    /// What is seen of these service revisions.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn revisions(&self, revisions: &[String]) -> Result<SeenRevisions, CallError> {
        let attempted = "look up which target groups have tasks";
        let found = self.service_revisions(revisions, attempted).await?;
        let mut seen = SeenRevisions::default();
        for revision in &found {
            seen.add(revision);
        }
        Ok(seen)
    }

    /// These service revisions as ECS describes them, in no order; `attempted` is what an error says.
    pub(super) async fn service_revisions(
        &self,
        revisions: &[String],
        attempted: &str,
    ) -> Result<Vec<ServiceRevision>, CallError> {
        let found: Vec<Vec<ServiceRevision>> = stream::iter(revisions.chunks(REVISIONS_PER_CALL))
            .map(async |revisions| {
                let request = self.client.describe_service_revisions();
                let request = request.set_service_revision_arns(Some(revisions.to_vec()));
                let answer = request.send().await;
                let answer = answer.map_err(|err| CallError::new(attempted.to_owned(), &err))?;
                Ok::<_, CallError>(answer.service_revisions.unwrap_or_default())
            })
            .buffer_unordered(LOOKS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }
}
