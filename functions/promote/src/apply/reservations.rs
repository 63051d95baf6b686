//! Hosts and rule priorities of the Rack's load balancers: reserved before a rule has them, given back once none has.

use lambda::state_store::{StateStore, StoreError};
use names::keys;
use release::entrance::Reservations;

use super::Job;
use crate::edge::Edge;
use crate::error::PromoteError;

impl<E: Edge> Job<'_, E> {
    /// Reserves what the plan says, before the stack does. Whoever was quicker is seen by the next attempt's plan.
    pub(super) async fn reserve(&self) -> Result<(), PromoteError> {
        let ingress = &self.plan.ingress;
        let mut seen = self.facts.reservations.clone();
        let Some(entrance) = ingress
            .entrance
            .filter(|_| ingress.reserved.all != seen.state)
        else {
            return Ok(());
        };
        let (app, routes) = (&self.wanted.id.app, &ingress.routes);
        let store = StateStore::reservations(self.edge.objects());
        let planned = store.change(&mut seen, |all| {
            let reserved = all.reserve(entrance, app, routes).ok();
            let planned = reserved.filter(|it| it.priorities == ingress.reserved.priorities);
            planned.map(|reserved| *all = reserved.all).is_some()
        });
        if planned.await? {
            return Ok(());
        }
        let key = keys::ENTRANCE.to_owned();
        Err(StoreError::Contended { key }.into())
    }

    /// Gives back what no rule of the stack has any more.
    pub(super) async fn give_back(&self) -> Result<(), PromoteError> {
        if self.plan.ingress.entrance.is_none() {
            return Ok(());
        }
        let rules = self.plan.ingress.placed(&self.plan.stack);
        let settled = |all: &Reservations| all.settled(&self.wanted.id.app, &rules);
        let reserved = &self.plan.ingress.reserved.all;
        if settled(reserved) == *reserved {
            return Ok(());
        }
        let store = StateStore::reservations(self.edge.objects());
        let mut seen = store.read().await?;
        let change = store.change(&mut seen, |all| *all = settled(all));
        Ok(change.await?)
    }
}
