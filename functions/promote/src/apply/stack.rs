//! The App's own stack, before anything of the Release is written: what takes minutes ends the attempt.

use shared::stack_state::{RequestToken, StackStep};
use shared::stacks::Operation;

use super::{Job, Progress};
use crate::error::PromoteError;

impl Job<'_> {
    /// Begins what the stack needs; an error, [`PromoteError::StackAtWork`], unless it is as wanted.
    pub(super) async fn settle_stack(&self, progress: &mut Progress) -> Result<(), PromoteError> {
        let (plan, id) = (&self.plan.stack, self.wanted.id);
        let name = id.stack();
        let operation = Operation {
            template: &plan.template,
            role_arn: &self.shell.config.app_stack_role_arn,
            token: &plan.token,
        };
        let does = match &plan.step {
            StackStep::Ready => return Ok(()),
            StackStep::Wait(status) | StackStep::Failed(status) => {
                return Err(stack_at_work(format!("the stack `{name}` is in {status}")));
            }
            StackStep::Create => "created",
            StackStep::Update => "updated",
            StackStep::Replace => "deleted, to be created anew",
        };
        progress.wrote.push(format!("the stack `{name}`"));
        match &plan.step {
            StackStep::Create => self.shell.stacks.create(id, operation).await?,
            StackStep::Replace => {
                let arn = self.gathered.stack.as_ref().map_or("", |stack| &stack.arn);
                let token = RequestToken::new(id, self.request_id).of(arn);
                self.shell.stacks.delete(arn, &token).await?;
            }
            _ => self.shell.stacks.update(id, operation).await?,
        }
        Err(stack_at_work(format!("the stack `{name}` is being {does}")))
    }
}

fn stack_at_work(reason: String) -> PromoteError {
    PromoteError::StackAtWork { reason }
}
