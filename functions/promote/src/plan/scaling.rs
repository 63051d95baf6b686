//! Which ECS services are scaled, and which will be once they stand. Pure.

use release::app_stack::{Ingress, Scaled, counts_requests};

use super::checks::Checks;
use super::notice::Notice;
use super::{Process, Runs};
use crate::facts::{Facts, Wanted};

/// The Services of the App's own that are scaled.
#[derive(Default)]
pub(super) struct Scaling<'a> {
    /// Those whose ECS services stand.
    pub(super) now: Vec<Scaled<'a>>,
    /// All of them, where some do not stand yet.
    pub(super) later: Option<Vec<Scaled<'a>>>,
}

impl<'a> Scaling<'a> {
    pub(super) fn of(wanted: &Wanted<'_>, facts: &'a Facts, processes: &'a [Process<'_>]) -> Self {
        let cluster = facts.cluster.arn.rsplit('/').next().unwrap_or_default();
        let mut all = Vec::new();
        let mut now = Vec::new();
        for process in processes {
            let Runs::Service { ecs_service, found } = &process.runs else {
                continue;
            };
            if process.own_count(wanted.id).is_none() || !process.service.scale.scales() {
                continue;
            }
            let scaled = Scaled {
                service: process.service,
                ecs_service,
                cluster,
            };
            all.push(scaled);
            if found.is_some_and(|found| !found.is_draining()) {
                now.push(scaled);
            }
        }
        let later = (all.len() > now.len()).then_some(all);
        Self { now, later }
    }
}

impl Checks {
    /// What of `scale` does nothing.
    pub(super) fn scaling(
        &mut self,
        wanted: &Wanted<'_>,
        processes: &[Process<'_>],
        ingress: Option<&Ingress<'_>>,
    ) {
        for process in processes.iter().filter(|process| !process.is_timer()) {
            let (service, scale) = (&process.service.name, &process.service.scale);
            if process.own_count(wanted.id).is_none() {
                continue;
            }
            let (min, max) = (scale.min, scale.max);
            if min < max && !scale.scales() {
                self.warn(Notice::RangeWithoutTargets { service, min, max });
            }
            let counted = counts_requests(ingress, process.service);
            if scale.scales() && scale.targets.requests > 0 && !counted {
                self.warn(Notice::RequestsNotCounted { service });
            }
            if scale.scales() && min == 0 {
                self.warn(Notice::ScalesToNone { service });
            }
        }
    }
}
