//! Rules and schedules of Timers: put back, or made again where they or their targets are gone. Pure.

use aws::event_rules::SeenRule;
use aws::schedules::SeenSchedule;
use promotion::{Definition, Setting};
use release::timer_rule::{Placement, TimerTarget};

use super::plan::{Deed, Draft, Step};
use super::read::original;
use crate::error::PromoteError;
use crate::plan::{Action, TimerPut, is_disabled, network_of};

/// The App's own rule and schedule of a Timer, as they stand.
#[derive(Clone, Copy)]
struct Stands<'a> {
    rule: Option<&'a SeenRule>,
    scheduled: Option<&'a SeenSchedule>,
}

impl<'a> Stands<'a> {
    /// What that of the kind of an applied Timer starts.
    fn target(self, known: &Definition) -> Option<&'a TimerTarget> {
        if known.timezone.is_some() {
            return self.scheduled?.target();
        }
        self.rule?.target.as_ref()
    }

    /// Whether that stands.
    fn has(self, known: &Definition) -> bool {
        if known.timezone.is_some() {
            self.scheduled.is_some()
        } else {
            self.rule.is_some()
        }
    }
}

/// What runs an applied Timer, in words.
fn kind(known: &Definition) -> &'static str {
    if known.timezone.is_some() {
        "schedule"
    } else {
        "rule"
    }
}

impl<'a> Draft<'a> {
    pub(super) fn rules(&mut self) -> Result<(), PromoteError> {
        for (_, known) in self.case.timers() {
            let (name, kind) = (&known.runs_as, kind(known));
            let Some(stands) = self.stands(known)? else {
                continue; // all in question are read
            };
            if self.is_others(known) {
                let whose = if known.timezone.is_some() {
                    "description"
                } else {
                    "tags"
                };
                self.left(format!(
                    "the {kind} `{name}` does not carry this App's {whose} any more, so it is \
                     left alone"
                ));
                continue;
            }
            let Some(before) = self.timer(known, stands)? else {
                self.left(format!(
                    "the {kind} `{name}` is gone, and what it said is not written down"
                ));
                continue;
            };
            if before.steps(original(known)).is_empty() {
                continue;
            }
            let active = self.seen.active.get(name);
            match active
                .map(Result::as_ref)
                .transpose()
                .map_err(Clone::clone)?
            {
                Some(false) => self.left(format!(
                    "the {kind} `{name}` cannot start {} any more, which a deletion deregistered",
                    original(known)
                )),
                Some(true) | None => self.steps.push(put(known, stands, before)),
            }
        }
        Ok(())
    }

    /// What stands of a Timer that is the App's own; `None` where nobody looked.
    fn stands(&self, known: &Definition) -> Result<Option<Stands<'a>>, PromoteError> {
        let (id, name) = (self.case.id, &known.runs_as);
        let Some(rule) = self.seen.rules.get(name) else {
            return Ok(None);
        };
        let rule = rule.as_ref().map_err(Clone::clone)?.as_ref();
        let scheduled = match self.seen.schedules.get(name) {
            Some(scheduled) => scheduled.as_ref().map_err(Clone::clone)?.as_ref(),
            None => None,
        };
        Ok(Some(Stands {
            rule: rule.filter(|rule| id.owns(&rule.tags)),
            scheduled: scheduled.filter(|scheduled| scheduled.is_of(id)),
        }))
    }

    /// Whether what has the name and the kind of an applied Timer is somebody else's.
    fn is_others(&self, known: &Definition) -> bool {
        let (id, name) = (self.case.id, &known.runs_as);
        if known.timezone.is_some() {
            let seen = self.seen.schedules.get(name);
            let seen = seen.and_then(|seen| seen.as_ref().ok()?.as_ref());
            return seen.is_some_and(|seen| !seen.is_of(id));
        }
        let seen = self.seen.rules.get(name);
        let seen = seen.and_then(|seen| seen.as_ref().ok()?.as_ref());
        seen.is_some_and(|seen| !id.owns(&seen.tags))
    }

    /// What ran the Timer; `None` where too little of that is known.
    fn timer(
        &self,
        known: &Definition,
        stands: Stands<'a>,
    ) -> Result<Option<TimerPut<'a>>, PromoteError> {
        let Some(schedule) = known.schedule.clone() else {
            return Ok(None);
        };
        let target = stands.target(known);
        let Some(placement) = self.placement(known, target.map(|target| &target.placement)) else {
            return Ok(None);
        };
        let (cluster_arn, role_arn) = if let Some(target) = target {
            (target.cluster_arn.clone(), target.role_arn.clone())
        } else {
            (self.cluster_arn()?, self.config.timer_role_arn.clone())
        };
        let was_disabled = matches!(known.set, Some(Setting::Rule { is_disabled: true }));
        let Stands { rule, scheduled } = stands;
        Ok(Some(TimerPut {
            name: known.runs_as.clone(),
            rule,
            scheduled,
            schedule,
            timezone: known.timezone.clone(),
            cluster_arn,
            role_arn,
            placement,
            dead_letter_arn: self.config.timer_dead_letter_arn.clone(),
            is_disabled: was_disabled || is_disabled(rule, scheduled),
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

fn put<'a>(known: &'a Definition, stands: Stands<'a>, before: TimerPut<'a>) -> Step<'a> {
    let (name, definition, kind) = (&known.runs_as, original(known), kind(known));
    let (stood, is_moved_back) = (stands.has(known), before.moves_from().is_some());
    let made = if stood {
        let lost_target = stands.target(known).is_none();
        lost_target.then(|| format!("the target of the {kind} `{name}`"))
    } else if is_moved_back {
        None // it comes back as it was: what stands in its place fires, or does not
    } else {
        let how = match known.set {
            Some(Setting::Rule { is_disabled: true }) => "DISABLED",
            Some(Setting::Rule { .. }) => "ENABLED",
            _ => "ENABLED, since whether it was is not written down",
        };
        Some(format!("the {kind} `{name}`, {how}"))
    };
    let deed = if stood || is_moved_back || known.timezone.is_some() {
        let action = Action::Put(before);
        Deed::Run { action, definition }
    } else {
        Deed::MakeRuleAgain {
            name,
            rule: before.rule(definition),
            is_disabled: before.is_disabled,
        }
    };
    Step::Do {
        deed: Box::new(deed),
        failed: format!("the {kind} `{name}` could not be put back"),
        made,
    }
}
