//! Service revisions: which target groups have the tasks of now, where ECS moves requests between two.
//!
//! Source: ECS API reference, `DescribeServiceRevisions`, `ResolvedConfiguration`.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::ResolvedConfiguration;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Cluster, LOOKS_AT_ONCE};
use crate::call_error::CallError;

/// `DescribeServiceRevisions` takes no more at once.
const REVISIONS_PER_CALL: usize = 20;

impl Cluster {
    /// The ARNs of the target groups that tasks of these service revisions are in.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn target_groups(&self, revisions: &[String]) -> Result<BTreeSet<String>, CallError> {
        let found: Vec<Vec<String>> = stream::iter(revisions.chunks(REVISIONS_PER_CALL))
            .map(async |revisions| {
                let request = self.client.describe_service_revisions();
                let request = request.set_service_revision_arns(Some(revisions.to_vec()));
                let answer = request.send().await.map_err(|err| {
                    CallError::new("look up which target groups have tasks".to_owned(), &err)
                })?;
                let all = answer.service_revisions().iter();
                let resolved = all.filter_map(|revision| revision.resolved_configuration());
                let balancers = resolved.flat_map(ResolvedConfiguration::load_balancers);
                let groups = balancers.filter_map(|balancer| balancer.target_group_arn());
                Ok::<_, CallError>(groups.map(str::to_owned).collect())
            })
            .buffer_unordered(LOOKS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }
}
