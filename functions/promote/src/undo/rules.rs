//! Rules of Timers: put back, or made again where they or their targets are gone.

use aws::event_rules::SeenRule;
use promotion::{Definition, Setting};
use release::timer_rule::Placement;

use super::{Back, Undo, named};
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::plan::{Action, RulePut, network_of};

impl<E: Edge> Undo<'_, E> {
    pub(super) async fn rules(&self, back: &mut Back) -> Result<(), PromoteError> {
        for (_, known) in self.in_question(&self.applied.timers, &self.touched.rules) {
            let name = &known.runs_as;
            let seen = self.edge.rule(name).await?;
            if seen.as_ref().is_some_and(|seen| !self.id.owns(&seen.tags)) {
                back.left.push(format!(
                    "the rule `{name}` does not carry this App's tags any more, so it is left alone"
                ));
                continue;
            }
            let Some(before) = self.rule(known, seen.as_ref()).await? else {
                back.left.push(format!(
                    "the rule `{name}` is gone, and what it said is not written down"
                ));
                continue;
            };
            let arn = Self::arn(known);
            if seen
                .as_ref()
                .is_none_or(|seen| !seen.says(&before.rule(arn)))
            {
                self.put_rule(known, before, back).await?;
            }
        }
        Ok(())
    }

    async fn put_rule(
        &self,
        known: &Definition,
        before: RulePut<'_>,
        back: &mut Back,
    ) -> Result<(), PromoteError> {
        let (name, arn) = (&known.runs_as, Self::arn(known));
        let (put, made) = if let Some(seen) = before.seen {
            let lost_target = seen.target.is_none();
            let made = lost_target.then(|| format!("the target of the rule `{name}`"));
            (self.perform(&Action::Put(before), arn).await, made)
        } else {
            let (is_disabled, how) = match known.set {
                Some(Setting::Rule { is_disabled: true }) => (true, "DISABLED"),
                Some(Setting::Rule { .. }) => (false, "ENABLED"),
                _ => (false, "ENABLED, since whether it was is not written down"),
            };
            let made = format!("the rule `{name}`, {how}");
            let (edge, tags) = (self.edge, &self.id.tags());
            let before = before.rule(arn);
            let put = edge.make_rule_again(name, &before, is_disabled, tags).await;
            (put, Some(made))
        };
        let left = named(put, || format!("the rule `{name}` could not be put back"))?;
        match made {
            Some(made) => back.note(left, made),
            None => back.left.extend(left),
        }
        Ok(())
    }

    /// The revision that it goes back to.
    fn arn(known: &Definition) -> &str {
        let stands = known.stands.as_ref();
        stands.map_or(&known.arn, |stands| &stands.arn)
    }

    /// What the rule said; `None` where too little of that is known.
    async fn rule<'s>(
        &self,
        known: &Definition,
        seen: Option<&'s SeenRule>,
    ) -> Result<Option<RulePut<'s>>, PromoteError> {
        let Some(schedule) = known.schedule.clone() else {
            return Ok(None);
        };
        let target = seen.and_then(|seen| seen.target.as_ref());
        let Some(placement) = self.placement(known, target.map(|target| &target.placement)) else {
            return Ok(None);
        };
        let (cluster_arn, role_arn) = if let Some(target) = target {
            (target.cluster_arn.clone(), target.role_arn.clone())
        } else {
            let role_arn = self.edge.config().timer_role_arn.clone();
            (self.cluster_arn().await?, role_arn)
        };
        Ok(Some(RulePut {
            name: known.runs_as.clone(),
            seen,
            schedule,
            cluster_arn,
            role_arn,
            placement,
        }))
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
        let network = network.unwrap_or(&self.edge.config().release.network);
        Some(Placement::on(capacity, network))
    }

    /// The cluster that the applied Release runs in.
    async fn cluster_arn(&self) -> Result<String, PromoteError> {
        if let Some(arn) = &self.applied.cluster {
            return Ok(arn.clone());
        }
        let seen = self.edge.cluster().await?;
        let missing = || PromoteError::ClusterMissing {
            cluster: self.edge.config().release.cluster.clone(),
        };
        Ok(seen.ok_or_else(missing)?.arn)
    }
}
