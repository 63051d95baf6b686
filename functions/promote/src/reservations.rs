//! Hosts and rule priorities of the Rack's load balancers: reserved before a rule has them, given back once none has.

use lambda::state_store::{Snapshot, StateStore, StoreError};
use names::keys;
use release::entrance::Reservations;

use crate::apply::Job;
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::facts::{Facts, Wanted};
use crate::plan::Plan;

/// Plans that are made because another App reserved something in between; each is somebody else's progress.
const PLANS_MAX: usize = 5;

/// Reserves what the plan, which is the one of that number, wants. What is reserved then, where that is not what it was planned
/// with: another plan is to be made with that, and whoever was quicker has what both wanted.
///
/// # Errors
///
/// [`PromoteError`] for calls that fail, and where others were quicker too often.
pub async fn reserve(
    edge: &impl Edge,
    wanted: &Wanted<'_>,
    facts: &Facts,
    (plan, number): (&Plan<'_>, usize),
) -> Result<Option<Snapshot<Reservations>>, PromoteError> {
    let ingress = &plan.ingress;
    let Some(entrance) = ingress.entrance else {
        return Ok(None);
    };
    if ingress.reserved.all == facts.reservations.state {
        return Ok(None);
    }
    if number > PLANS_MAX {
        let key = keys::ENTRANCE.to_owned();
        return Err(StoreError::Contended { key }.into());
    }
    let store = StateStore::reservations(edge.objects());
    let mut seen = facts.reservations.clone();
    let change = store.change(&mut seen, |all| {
        // What is there now may leave other priorities, or nothing: that is for the next plan to find.
        let reserved = all.reserve(entrance, &wanted.id.app, &ingress.routes).ok();
        let planned = reserved.filter(|it| it.priorities == ingress.reserved.priorities);
        if let Some(reserved) = planned {
            *all = reserved.all;
        }
    });
    change.await?;
    Ok(Some(seen))
}

/// Gives back what no rule of the App's stack has any more.
///
/// # Errors
///
/// [`PromoteError`] for calls that fail.
pub async fn give_back<E: Edge>(job: &Job<'_, E>) -> Result<(), PromoteError> {
    let ingress = &job.plan.ingress;
    if ingress.entrance.is_none() {
        return Ok(());
    }
    let rules = ingress.placed(&job.plan.stack);
    let settled = |all: &Reservations| all.settled(&job.wanted.id.app, &rules);
    let mut seen = job.facts.reservations.clone();
    let store = StateStore::reservations(job.edge.objects());
    let change = store.change(&mut seen, |all| *all = settled(all));
    Ok(change.await?)
}
