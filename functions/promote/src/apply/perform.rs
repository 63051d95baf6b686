//! What a plan does with ECS services, rules and schedules, or what takes it back.

use aws::call_error::CallError;
use aws::ecs::NewService;
use names::AppId;

use crate::edge::Edge;
use crate::plan::{Action, NewEcsService, TimerPut, TimerStep};

/// Whoever performs the actions of one request.
pub struct Executor<'a, E> {
    /// AWS.
    pub edge: &'a E,
    /// The App.
    pub id: &'a AppId,
    /// What the tokens of calls are made of.
    pub request_id: &'a str,
}

impl<E: Edge> Executor<'_, E> {
    /// Makes an ECS service, a rule or a schedule run `definition`, a revision's ARN.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn perform(&self, action: &Action<'_>, definition: &str) -> Result<(), CallError> {
        match action {
            Action::Create(service) => self.create_service(service, definition).await,
            Action::Move(moved) => {
                let change = moved.change();
                self.edge
                    .move_service(moved.found, definition, change)
                    .await
            }
            Action::Put(timer) => self.put_timer(timer, definition).await,
        }
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
            request_id: self.request_id,
            tags: &self.id.tags(),
        };
        self.edge.create_service(&service).await
    }

    /// One after the other: what runs it now goes only once what is to run it stands.
    async fn put_timer(&self, timer: &TimerPut<'_>, definition: &str) -> Result<(), CallError> {
        let (edge, name, tags) = (self.edge, &timer.name, self.id.tags());
        for step in timer.steps(definition) {
            match step {
                TimerStep::PutRule {
                    rule,
                    seen: None,
                    is_disabled: true,
                } => edge.make_rule_again(name, &rule, true, &tags).await?,
                TimerStep::PutRule { rule, seen, .. } => {
                    edge.put_rule(name, &rule, seen, &tags).await?;
                }
                TimerStep::PutSchedule {
                    schedule,
                    seen,
                    is_disabled,
                } => {
                    let as_ours = (self.id, is_disabled);
                    edge.put_schedule(name, &schedule, seen, as_ours).await?;
                }
                TimerStep::RemoveRule => edge.remove_rule(name).await?,
                TimerStep::RemoveSchedule => edge.remove_schedule(name).await?,
            }
        }
        Ok(())
    }
}
