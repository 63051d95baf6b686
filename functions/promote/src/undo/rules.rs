//! Rules of Timers: put back, or made again where they or their targets are gone. Pure.

use aws::event_rules::SeenRule;
use promotion::{Definition, Setting};
use release::timer_rule::Placement;

use super::plan::{Deed, Draft, Step};
use super::read::original;
use crate::error::PromoteError;
use crate::plan::{Action, RulePut, network_of};

impl<'a> Draft<'a> {
    pub(super) fn rules(&mut self) -> Result<(), PromoteError> {
        for (_, known) in self.case.timers() {
            let name = &known.runs_as;
            let Some(seen) = self.seen.rules.get(name) else {
                continue; // all in question are read
            };
            let seen = seen.as_ref().map_err(Clone::clone)?.as_ref();
            if seen.is_some_and(|seen| !self.case.id.owns(&seen.tags)) {
                self.left(format!(
                    "the rule `{name}` does not carry this App's tags any more, so it is left alone"
                ));
                continue;
            }
            let Some(before) = self.rule(known, seen)? else {
                self.left(format!(
                    "the rule `{name}` is gone, and what it said is not written down"
                ));
                continue;
            };
            let says = |seen: &SeenRule| seen.says(&before.rule(original(known)));
            if seen.is_some_and(says) {
                continue;
            }
            let active = self.seen.active.get(name);
            match active
                .map(Result::as_ref)
                .transpose()
                .map_err(Clone::clone)?
            {
                Some(false) => self.left(format!(
                    "the rule `{name}` cannot start {} any more, which a deletion deregistered",
                    original(known)
                )),
                Some(true) | None => self.steps.push(put(known, before)),
            }
        }
        Ok(())
    }

    /// What the rule said; `None` where too little of that is known.
    fn rule(
        &self,
        known: &Definition,
        seen: Option<&'a SeenRule>,
    ) -> Result<Option<RulePut<'a>>, PromoteError> {
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
            (self.cluster_arn()?, self.config.timer_role_arn.clone())
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
        let recorded = stood.or(self.case.applied.network.as_ref());
        let network = recorded.or_else(|| seen.and_then(network_of));
        let network = network.unwrap_or(&self.config.release.network);
        Some(Placement::on(capacity, network))
    }

    /// The cluster that the applied Release runs in.
    fn cluster_arn(&self) -> Result<String, PromoteError> {
        if let Some(arn) = &self.case.applied.cluster {
            return Ok(arn.clone());
        }
        let seen = match &self.seen.cluster {
            Some(seen) => seen.as_ref().map_err(Clone::clone)?.as_ref(),
            None => None,
        };
        let missing = || PromoteError::ClusterMissing {
            cluster: self.config.release.cluster.clone(),
        };
        Ok(seen.ok_or_else(missing)?.arn.clone())
    }
}

fn put<'a>(known: &'a Definition, before: RulePut<'a>) -> Step<'a> {
    let (name, definition) = (&known.runs_as, original(known));
    let (deed, made) = if let Some(seen) = before.seen {
        let lost_target = seen.target.is_none();
        let made = lost_target.then(|| format!("the target of the rule `{name}`"));
        let action = Action::Put(before);
        (Deed::Run { action, definition }, made)
    } else {
        let (is_disabled, how) = match known.set {
            Some(Setting::Rule { is_disabled: true }) => (true, "DISABLED"),
            Some(Setting::Rule { .. }) => (false, "ENABLED"),
            _ => (false, "ENABLED, since whether it was is not written down"),
        };
        let deed = Deed::MakeRuleAgain {
            name,
            rule: before.rule(definition),
            is_disabled,
        };
        (deed, Some(format!("the rule `{name}`, {how}")))
    };
    Step::Do {
        deed: Box::new(deed),
        failed: format!("the rule `{name}` could not be put back"),
        made,
    }
}
