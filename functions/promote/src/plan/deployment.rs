//! How ECS is to replace the tasks of a service, and what of that it refuses or does not change.

use manifest::Deployment;
use names::error_type::ErrorType;

use super::checks::Checks;
use super::{Process, Runs};
use crate::config::Config;

impl Checks {
    /// How ECS is to run and replace the tasks of a service of ours.
    pub(super) fn deployment(&mut self, config: &Config, process: &Process<'_>) {
        let Runs::Service { ecs_service, found } = &process.runs else {
            return;
        };
        let (name, wanted) = (&process.service.name, process.service.deployment);
        let at = format!("convox.yml, `services.{name}.deployment`");
        let (is_daemon, agent) = (process.is_daemon(), process.service.agent.is_some());
        if found.is_some() && is_daemon != agent {
            let (is, wants) = if is_daemon {
                ("runs once on every instance", "has no `agent` any more")
            } else {
                ("runs a number of tasks", "is an `agent` now")
            };
            self.warn(format!(
                "the ECS service `{ecs_service}` {is} and `services.{name}` {wants}; ECS cannot change that of a service that stands, so \
                 it stays as it is; to have it otherwise, remove it and promote again: aws ecs delete-service --force --cluster {} \
                 --service {ecs_service}",
                config.release.cluster
            ));
        } else if wanted != process.deployment() {
            self.warn(format!(
                "{at}: ECS runs an `agent` once on every instance and takes at most 100 as `maximum`, so 100 is what it is told"
            ));
        }
        let Deployment { minimum, maximum } = process.deployment();
        if process.deployment().is_blocked() {
            self.problem(ErrorType::InvalidDeployment, format!(
                "{at}: with minimum {minimum} and maximum {maximum} ECS can neither stop a task first nor start one, and refuses it; use a \
                 `minimum` under 100{}",
                if is_daemon { "" } else { " or a `maximum` over 100" }
            ));
        } else if minimum >= maximum || minimum > 100 {
            self.warn(format!(
                "{at}: a minimum of {minimum} with a maximum of {maximum} leaves ECS no room to replace tasks; use a `minimum` of at most 100 \
                 and a larger `maximum`"
            ));
        }
    }
}
