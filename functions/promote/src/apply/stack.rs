//! The App's own stack, before anything of the Release is written: what takes minutes ends the attempt.

use aws::stacks::{Operation, Update};
use release::stack_state::{RequestToken, StackStep};

use super::Job;
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::progress::Progress;

impl<E: Edge> Job<'_, E> {
    /// Begins what the stack needs; an error, [`PromoteError::StackAtWork`], unless it is as wanted.
    pub(super) async fn settle_stack(&self, progress: &mut Progress) -> Result<(), PromoteError> {
        let (plan, id) = (&self.plan.stack, self.wanted.id);
        let name = id.stack();
        let operation = Operation {
            body: &plan.body,
            role_arn: &self.edge.config().app_stack_role_arn,
            token: &plan.token,
        };
        let does = match &plan.step {
            StackStep::Ready | StackStep::Wait(_) | StackStep::Failed(_) => {
                return plan.waits(id).map_or(Ok(()), Err);
            }
            StackStep::Create => "created",
            StackStep::Update => "updated",
            StackStep::Replace => "deleted, to be created anew",
        };
        progress.wrote.push(format!("the stack `{name}`"));
        match &plan.step {
            StackStep::Create => self.edge.create_stack(id, operation).await?,
            StackStep::Replace => {
                let arn = self.facts.stack.as_ref().map_or("", |stack| &stack.arn);
                let token = RequestToken::new(id, self.request_id).of(arn);
                self.edge.delete_stack(arn, &token).await?;
            }
            _ => {
                if self.edge.update_stack(id, operation).await? == Update::Needless {
                    progress.wrote.pop();
                    return Ok(());
                }
            }
        }
        let reason = format!("the stack `{name}` is being {does}");
        Err(PromoteError::StackAtWork { reason })
    }

    /// Lets the stack scale ECS services that stand since this attempt: Application Auto Scaling takes no others. The next attempt
    /// finds all of it, and ends the promote.
    pub(super) async fn scale(&self, progress: &mut Progress) -> Result<(), PromoteError> {
        let Some(later) = &self.plan.stack.later else {
            return Ok(());
        };
        let (id, name) = (self.wanted.id, self.wanted.id.stack());
        let operation = Operation {
            body: &later.body,
            role_arn: &self.edge.config().app_stack_role_arn,
            token: &later.token,
        };
        progress.wrote.push(format!("the stack `{name}`"));
        if self.edge.update_stack(id, operation).await? == Update::Needless {
            progress.wrote.pop();
            return Ok(());
        }
        let reason =
            format!("the stack `{name}` is being updated, for the scaling of new ECS services");
        Err(PromoteError::StackAtWork { reason })
    }
}
