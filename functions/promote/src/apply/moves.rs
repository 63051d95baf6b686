//! ECS services, rules and schedules: created, moved and removed.

use futures_util::future::join;
use promotion::Definition;

use super::source::timed;
use super::{Executor, Job, Run};
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::plan::{Action, Route};
use crate::progress::Progress;

impl<E: Edge> Job<'_, E> {
    /// Moves ECS services and rules, neither waiting for the other.
    pub(super) async fn move_all(
        &self,
        route: &Route<'_>,
        definitions: &[Definition],
        progress: &mut Progress,
    ) -> Result<(), PromoteError> {
        let all = route.steps.iter().zip(definitions);
        let all = all.filter(|(step, _)| step.moves);
        let all = all.map(|(step, definition)| (&step.action, definition.arn.as_str()));
        let (rules, services): (Vec<Run<'_>>, Vec<Run<'_>>) =
            all.partition(|(action, _)| matches!(action, Action::Put(_)));
        for (action, _) in services.iter().chain(&rules) {
            progress.begin(action);
        }
        let ((services, took_services), (rules, took_rules)) = join(
            timed(self.perform_all(services)),
            timed(self.perform_all(rules)),
        )
        .await;
        progress.took("services", took_services);
        progress.took("rules", took_rules);
        services?;
        rules
    }

    /// The first error, once every call has ended: one that is dropped half-way can still take effect after what was changed
    /// has been put back.
    async fn perform_all(&self, moves: Vec<Run<'_>>) -> Result<(), PromoteError> {
        let executor = Executor {
            edge: self.edge,
            id: self.wanted.id,
            request_id: self.request_id,
            ends_at: self.ends_at,
        };
        let ended = executor.perform_all(moves).await.into_iter();
        Ok(ended.collect::<Result<(), _>>()?)
    }

    /// Removes what convox.yml no longer has.
    pub(super) async fn remove(&self, progress: &mut Progress) -> Result<(), PromoteError> {
        let removals = &self.plan.removals;
        for service in &removals.services {
            progress
                .wrote
                .push(format!("the ECS service `{service}`, which is removed"));
            progress.touched.services.insert(service.clone());
            self.edge.delete_service(service).await?;
        }
        for rule in &removals.rules {
            progress
                .wrote
                .push(format!("the rule `{rule}`, which is removed"));
            progress.touched.rules.insert(rule.clone());
            self.edge.remove_rule(rule).await?;
        }
        for schedule in &removals.schedules {
            progress
                .wrote
                .push(format!("the schedule `{schedule}`, which is removed"));
            progress.touched.rules.insert(schedule.clone());
            self.edge.remove_schedule(schedule).await?;
        }
        Ok(())
    }
}

impl Progress {
    /// Notes what may have been written once an action has begun.
    fn begin(&mut self, action: &Action<'_>) {
        let (name, what, touched) = match action {
            Action::Create(service) => {
                (&service.name, "the ECS service", &mut self.touched.services)
            }
            Action::Move(moved) => (
                &moved.found.name,
                "the ECS service",
                &mut self.touched.services,
            ),
            Action::Put(timer) => {
                let what = if timer.timezone.is_some() {
                    "the schedule"
                } else {
                    "the rule"
                };
                (&timer.name, what, &mut self.touched.rules)
            }
        };
        touched.insert(name.clone());
        self.wrote.push(format!("{what} `{name}`"));
        self.created |= action.creates();
    }
}
