//! Hosts and rule priorities of the Rack's load balancers: reserved before a rule has them, given back once none has.

use lambda::state_store::{StateStore, StoreError};
use names::keys;
use release::entrance::Reservations;

use crate::apply::Job;
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::facts::{Facts, Wanted};
use crate::plan;

/// Plans that are made because another App reserved something in between; each is somebody else's progress.
const TRIES: usize = 5;

/// Reserves what a plan wants, so that the next plan of the same facts finds it reserved. Whoever was quicker has what both
/// wanted.
///
/// # Errors
///
/// [`PromoteError`] where there is no plan, and for calls that fail.
pub async fn reserve(
    edge: &impl Edge,
    wanted: &Wanted<'_>,
    facts: &mut Facts,
    request_id: &str,
) -> Result<(), PromoteError> {
    let Some(entrance) = edge.config().release.entrance.as_ref() else {
        return Ok(());
    };
    let store = StateStore::reservations(edge.objects());
    let app = &wanted.id.app;
    for _ in 0..TRIES {
        let plan = plan::plan(edge.config(), wanted, facts, request_id)?;
        let ingress = plan.ingress;
        if ingress.reserved.all == facts.reservations.state {
            return Ok(());
        }
        let mut seen = facts.reservations.clone();
        let reserved = store.change(&mut seen, |all| {
            // What is there now may leave other priorities, or nothing: then there is another plan first.
            let reserved = all.reserve(entrance, app, &ingress.routes).ok();
            let planned = reserved.filter(|it| it.priorities == ingress.reserved.priorities);
            planned.map(|reserved| *all = reserved.all).is_some()
        });
        let is_reserved = reserved.await?;
        facts.reservations = seen;
        if is_reserved {
            return Ok(());
        }
    }
    let key = keys::ENTRANCE.to_owned();
    Err(StoreError::Contended { key }.into())
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
