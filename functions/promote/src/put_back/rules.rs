//! Rules of Timers: put back, or made again where they or their targets are gone.

use shared::event_rules::SeenRule;
use shared::promotion::Definition;
use shared::timer_rule::{Placement, TimerRule, TimerTarget};

use super::{PutBack, named};
use crate::error::PromoteError;
use crate::standing::network_of;

impl PutBack<'_> {
    pub(super) async fn rules(&self) -> Result<Vec<String>, PromoteError> {
        let mut left = Vec::new();
        for (_, known) in self.in_question(&self.applied.timers, &self.touched.rules) {
            let name = &known.runs_as;
            let seen = self.shell.rules.see(name).await?;
            if seen.as_ref().is_some_and(|seen| !self.id.owns(&seen.tags)) {
                left.push(format!(
                    "the rule `{name}` does not carry this App's tags any more, so it is left alone"
                ));
                continue;
            }
            let Some(before) = self.rule(known, seen.as_ref()).await? else {
                left.push(format!(
                    "the rule `{name}` is gone, and what it said is not written down"
                ));
                continue;
            };
            if seen.as_ref().is_none_or(|seen| !seen.says(&before)) {
                let tags = &self.id.tags();
                let put = self
                    .shell
                    .rules
                    .put(name, &before, seen.as_ref(), tags)
                    .await;
                left.extend(named(put, || {
                    format!("the rule `{name}` could not be put back")
                })?);
            }
        }
        Ok(left)
    }

    /// What the rule said; `None` where too little of that is known.
    async fn rule(
        &self,
        known: &Definition,
        seen: Option<&SeenRule>,
    ) -> Result<Option<TimerRule>, PromoteError> {
        let Some(schedule) = known.schedule.clone() else {
            return Ok(None);
        };
        let target = seen.and_then(|seen| seen.target.as_ref());
        let Some(placement) = self.placement(known, target.map(|target| &target.placement)) else {
            return Ok(None);
        };
        let stands = known.stands.as_ref();
        let task_definition = stands.map_or(&known.arn, |stands| &stands.arn).clone();
        let target = match target {
            Some(target) => TimerTarget {
                task_definition,
                placement,
                ..target.clone()
            },
            None => TimerTarget {
                cluster_arn: self.cluster_arn().await?,
                role_arn: self.shell.config.timer_role_arn.clone(),
                task_definition,
                placement,
            },
        };
        Ok(Some(TimerRule { schedule, target }))
    }

    fn placement(&self, known: &Definition, seen: Option<&Placement>) -> Option<Placement> {
        let Some(capacity) = known.capacity else {
            return seen.cloned();
        };
        let stood = known
            .stands
            .as_ref()
            .and_then(|stands| stands.network.as_ref());
        let recorded = stood.or(self.applied.network.as_ref());
        let network = recorded.or_else(|| seen.and_then(network_of));
        let network = network.unwrap_or(&self.shell.config.network);
        Some(Placement::on(capacity, network))
    }

    /// The cluster that the applied Release runs in.
    async fn cluster_arn(&self) -> Result<String, PromoteError> {
        if let Some(arn) = &self.applied.cluster {
            return Ok(arn.clone());
        }
        let cluster = &self.shell.cluster;
        let seen = cluster.see().await?;
        let missing = || PromoteError::ClusterMissing {
            cluster: cluster.name().to_owned(),
        };
        Ok(seen.ok_or_else(missing)?.arn)
    }
}
