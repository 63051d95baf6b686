//! Both functions on the model of the outside. promote makes its own attempt; app-deletion's steps are restated here, in its
//! order. The way through the state around them is the real one.

use std::cell::RefCell;

use aws::call_error::{CallError, ErrorClass};
use aws::ecs::EcsService;
use chrono::{DateTime, TimeDelta, Utc};
use environment::Environment;
use lambda::state_store::StoreError;
use lambda::work::{Attempt, Due, Function};
use names::AppId;
use promote::{Config, FactsRead, PromoteError};
use promotion::events::{Event, EventType};
use promotion::{
    Desired, Finished, Lease, Outcome, OutcomeResult, Request, Runs, Status, Work, WorkKind,
};

use serde::Deserialize;

use super::counting;
use super::message::newest;
use super::outside::Outside;
use super::stack::WORKS_SECONDS;
use super::store::{Access, Luck, PROMOTION, failed};

/// What of the state says who holds the lease.
#[derive(Default, Deserialize)]
struct Held {
    lease: Option<Lease>,
}

/// A function of one kind.
pub struct Model {
    pub kind: WorkKind,
    pub access: Access,
    /// The Rack's settings, as they were when it began.
    pub config: &'static Config,
    /// The Release of this attempt, and its environment.
    pub promotes: RefCell<Option<(String, Environment)>>,
}

#[derive(Debug)]
pub enum ModelError {
    /// Transient: the message comes back.
    Again,
}

impl From<StoreError> for ModelError {
    fn from(_: StoreError) -> Self {
        Self::Again
    }
}

impl From<CallError> for ModelError {
    fn from(_: CallError) -> Self {
        Self::Again
    }
}

impl From<PromoteError> for ModelError {
    fn from(err: PromoteError) -> Self {
        let class = lambda::intake::Failure::class(&err);
        assert_eq!(
            class,
            ErrorClass::Transient,
            "an attempt ends what is permanent: {err}"
        );
        Self::Again
    }
}

impl Function for Model {
    type Report = ();
    type Error = ModelError;
    type Objects = Access;
    type Bus = Access;
    type Facts = Option<FactsRead>;

    fn kind(&self) -> WorkKind {
        self.kind
    }

    fn objects(&self) -> &Access {
        &self.access
    }

    fn bus(&self) -> &Access {
        &self.access
    }

    fn now(&self) -> DateTime<Utc> {
        self.access.now()
    }

    async fn newest(&self, request: &Request) -> Result<Option<String>, ModelError> {
        if self.access.step("head").await != Luck::Good {
            return Err(ModelError::Again);
        }
        let Work::Promote { release, .. } = &request.work else {
            return Ok(None);
        };
        Ok(newest(self, release.as_str()))
    }

    async fn read(&self, due: Due<'_>) -> Option<FactsRead> {
        if self.kind == WorkKind::Delete {
            return None;
        }
        Some(Box::pin(promote::read(self, due)).await)
    }

    async fn attempt(
        &self,
        due: Due<'_>,
        facts: Option<FactsRead>,
    ) -> Result<Attempt<()>, ModelError> {
        if let Some(facts) = facts {
            let attempt = Box::pin(promote::attempt(self, due, facts)).await?;
            let report = attempt.report.as_ref().map(|_| ());
            self.access.sim.borrow_mut().reports.push(attempt.report);
            let finished = attempt.finished;
            return Ok(Attempt { finished, report });
        }
        let finished = self.delete(due.id, due.desired).await?;
        let report = (finished.status == Status::Done).then_some(());
        Ok(Attempt { finished, report })
    }
}

impl Model {
    /// A call that changes something outside.
    pub async fn write<T>(
        &self,
        call: &str,
        change: impl FnOnce(&mut Outside) -> T,
    ) -> Result<T, CallError> {
        let luck = self.access.step(call).await;
        if luck == Luck::Refused {
            return Err(failed(call));
        }
        let mut sim = self.access.sim.borrow_mut();
        // Who writes outside holds the lease: that is what it is for.
        let state: Held = sim.state(PROMOTION);
        let holder = state.lease.map(|lease| lease.owner);
        assert_eq!(
            holder.as_deref(),
            Some(self.access.owner.as_str()),
            "only the holder of the lease changes anything outside: {call}"
        );
        sim.outside.changes += 1;
        let value = change(&mut sim.outside);
        match luck {
            Luck::LostAnswer => Err(failed(call)),
            _ => Ok(value),
        }
    }

    async fn delete(&self, id: &AppId, desired: &Desired) -> Result<Finished, ModelError> {
        let request_id = desired.order.request_id.as_str();
        let (rules, services, now) = self.stands();
        let knows = self.access.sim.borrow().promotion().may_stand.schedules;
        let schedules = self.access.sim.borrow().outside.schedules.clone();
        for name in schedules.into_keys().filter(|_| knows) {
            self.write("remove schedule", |outside| outside.remove_schedule(&name))
                .await?;
        }
        for rule in rules {
            self.write("remove rule", |outside| outside.remove_rule(&rule))
                .await?;
        }
        for service in services {
            self.write("delete service", |outside| {
                outside.delete_service(&service, now);
            })
            .await?;
        }
        self.write("deregister", Outside::deregister).await?;
        if self.drains() {
            return Ok(self.waiting(request_id, "draining"));
        }
        if let Some(at_work) = self.stack_is_at_work() {
            if !at_work {
                self.delete_the_stack(request_id).await?;
            }
            return Ok(self.waiting(request_id, "the stack"));
        }
        self.write("delete secret", |outside| {
            if let Some(secret) = &mut outside.secret {
                secret.is_deleted = true;
            }
        })
        .await?;
        Ok(deleted(id, request_id))
    }

    /// The rules and ECS services that stand now.
    fn stands(&self) -> (Vec<String>, Vec<String>, i64) {
        let sim = self.access.sim.borrow();
        let services = sim.outside.services_at(sim.now);
        let services = services.map(|service| service.name.clone());
        let rules = sim.outside.rules.keys().cloned();
        (rules.collect(), services.collect(), sim.now)
    }

    fn drains(&self) -> bool {
        let sim = self.access.sim.borrow();
        let mut services = sim.outside.services_at(sim.now);
        services.any(EcsService::is_draining)
    }

    fn waiting(&self, request_id: &str, reason: &str) -> Finished {
        let fields = [("message", reason.into())];
        let event = EventType::AppDeletionWaiting;
        Finished {
            request_id: request_id.to_owned(),
            status: Status::Waiting {
                reason: reason.to_owned(),
                until: self.now() + TimeDelta::seconds(60),
            },
            runs: Runs::AsBefore,
            outcome: None,
            events: vec![Event::new(event, &counting::id(), request_id, fields)],
            objects: Vec::new(),
            history: None,
        }
    }

    async fn delete_the_stack(&self, token: &str) -> Result<(), ModelError> {
        let ends_at = self.stack_ends_at();
        let deleted = self.write("delete stack", |outside| {
            if let Some(stack) = &mut outside.stack {
                stack.begin(None, token, ends_at);
            }
        });
        Ok(deleted.await?)
    }

    /// Whether there is a stack, and whether CloudFormation is at work on it.
    fn stack_is_at_work(&self) -> Option<bool> {
        let sim = self.access.sim.borrow();
        Some(sim.outside.stack.as_ref()?.is_at_work())
    }

    /// When CloudFormation ends what it begins now.
    pub fn stack_ends_at(&self) -> i64 {
        let mut sim = self.access.sim.borrow_mut();
        let seconds = sim.chance.one_of(&WORKS_SECONDS);
        sim.now + seconds
    }
}

fn deleted(id: &AppId, request_id: &str) -> Finished {
    let outcome = Outcome {
        result: OutcomeResult::Deleted,
        error_type: None,
    };
    let told = Event::of_outcome(id, None, request_id, &outcome);
    let scheduled = EventType::AppSecretDeletionScheduled;
    Finished {
        request_id: request_id.to_owned(),
        status: Status::Done,
        runs: Runs::Nothing,
        outcome: Some((outcome, told)),
        events: vec![Event::new(scheduled, id, request_id, [])],
        objects: Vec::new(),
        history: None,
    }
}
