//! What a plan does with ECS services and rules, or what takes it back: one call each.

use aws::call_error::CallError;
use aws::ecs::NewService;
use names::AppId;

use crate::edge::Edge;
use crate::plan::{Action, NewEcsService, RulePut};

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
    /// Makes an ECS service or a rule run `definition`, a revision's ARN.
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
            Action::Put(rule) => self.put_rule(rule, definition).await,
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

    async fn put_rule(&self, rule: &RulePut<'_>, definition: &str) -> Result<(), CallError> {
        let (wanted, tags) = (rule.rule(definition), self.id.tags());
        let name = &rule.name;
        self.edge.put_rule(name, &wanted, rule.seen, &tags).await
    }
}
