//! What a plan does with ECS services, rules and schedules, or what takes it back.

use aws::call_error::CallError;
use aws::ecs::NewService;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use lambda::work::LEAST_SECONDS;
use names::AppId;
use names::error_type::ErrorType;
use tokio::sync::Semaphore;

use crate::edge::Edge;
use crate::plan::{Action, NewEcsService, TimerPut, TimerStep};

/// Actions under way at once; ECS changes five services a second after a burst of 50.
const ACTIONS_AT_ONCE: usize = 32;
/// What is said where a wait would outlive its invocation.
const TOO_LITTLE_TIME: &str = "too little time is left";

/// Whoever performs the actions of one request.
pub struct Executor<'a, E> {
    /// AWS.
    pub edge: &'a E,
    /// The App.
    pub id: &'a AppId,
    /// What the tokens of calls are made of.
    pub request_id: &'a str,
    /// When Lambda ends the invocation.
    pub ends_at: DateTime<Utc>,
}

/// What is done, to make it run which revision, by its ARN.
pub type Run<'a> = (&'a Action<'a>, &'a str);

impl<E: Edge> Executor<'_, E> {
    /// Makes each ECS service, rule or schedule run its revision, some at once; how each ended, in their order.
    ///
    /// Timers that have to wait share one wait, so those are no part of the bound.
    pub async fn perform_all(&self, runs: Vec<Run<'_>>) -> Vec<Result<(), CallError>> {
        let turns = &Semaphore::new(ACTIONS_AT_ONCE);
        let runs = runs.into_iter();
        let runs = runs.map(async |(action, definition)| match action {
            Action::Create(service) => {
                let _turn = turns.acquire().await;
                self.create_service(service, definition).await
            }
            Action::Move(moved) => {
                let _turn = turns.acquire().await;
                let change = moved.change();
                self.edge
                    .move_service(moved.found, definition, change)
                    .await
            }
            Action::Put(timer) => self.put_timer(timer, definition, turns).await,
        });
        join_all(runs).await
    }

    async fn create_service(
        &self,
        service: &NewEcsService,
        definition: &str,
    ) -> Result<(), CallError> {
        let service = NewService {
            name: &service.name,
            definition,
            count: service.count,
            is_daemon: service.is_daemon,
            deployment: &service.deployment,
            placement: &service.placement,
            exec: service.exec,
            balancing: &service.balancing,
            connectors: &service.connectors,
            request_id: self.request_id,
            tags: &self.id.tags(),
        };
        self.edge.create_service(&service).await
    }

    /// One after the other: what runs it now goes only once what is to run it stands, and has started what was due.
    async fn put_timer(
        &self,
        timer: &TimerPut<'_>,
        definition: &str,
        turns: &Semaphore,
    ) -> Result<(), CallError> {
        self.wait(timer, timer.begins_at(self.edge.now())).await?;
        for step in timer.steps(definition) {
            if step.removes() {
                self.wait(timer, timer.leaves_at(self.edge.now())).await?;
            }
            let _turn = turns.acquire().await;
            self.take(&timer.name, step).await?;
        }
        Ok(())
    }

    async fn take(&self, name: &str, step: TimerStep<'_>) -> Result<(), CallError> {
        let (edge, tags) = (self.edge, self.id.tags());
        match step {
            TimerStep::PutRule {
                rule,
                seen: None,
                is_disabled: true,
            } => edge.make_rule_again(name, &rule, true, &tags).await,
            TimerStep::PutRule { rule, seen, .. } => edge.put_rule(name, &rule, seen, &tags).await,
            TimerStep::PutSchedule {
                schedule,
                seen,
                is_disabled,
            } => {
                let as_ours = (self.id, is_disabled);
                edge.put_schedule(name, &schedule, seen, as_ours).await
            }
            TimerStep::RemoveRule => edge.remove_rule(name).await,
            TimerStep::RemoveSchedule => edge.remove_schedule(name).await,
        }
    }

    /// Waits where there is time for it and for what comes after; else another delivery finds another minute.
    async fn wait(&self, timer: &TimerPut<'_>, until: DateTime<Utc>) -> Result<(), CallError> {
        if until <= self.edge.now() {
            return Ok(());
        }
        if until + TimeDelta::seconds(LEAST_SECONDS) > self.ends_at {
            let attempted = format!("wait until no run of the Timer `{}` is due", timer.name);
            let late = CallError::refused(attempted, ErrorType::Timeout, TOO_LITTLE_TIME);
            return Err(late.as_transient());
        }
        self.edge.wait_until(until).await;
        Ok(())
    }
}
