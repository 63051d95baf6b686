//! How ECS is to replace the tasks of a service, and what of that it refuses or does not change.

use manifest::Deployment;

use super::checks::Checks;
use super::notice::Notice;
use super::problem::PlanProblem;
use super::{Process, Runs};
use crate::config::Config;

impl Checks {
    /// How ECS is to run and replace the tasks of a service of ours.
    pub(super) fn deployment(&mut self, config: &Config, process: &Process<'_>) {
        let Runs::Service { ecs_service, found } = &process.runs else {
            return;
        };
        let (service, wanted) = (&process.service.name, &process.service.deployment);
        let told = process.deployment();
        let (is_daemon, agent) = (process.is_daemon(), process.service.agent.is_some());
        if found.is_some() && is_daemon != agent {
            self.warn(Notice::StrategyStays {
                ecs: ecs_service,
                service,
                is_daemon,
                cluster: &config.release.cluster,
            });
        } else if *wanted != told {
            self.warn(Notice::AgentMaximum { service });
        }
        let stands = found.map(|found| found.deployment.alarms());
        let stands = stands.unwrap_or_default();
        let new = told.alarms().iter().filter(|name| !stands.contains(name));
        let count = new.count();
        if count > 0 {
            self.warn(Notice::AlarmsUnseen { service, count });
        }
        let Deployment {
            minimum, maximum, ..
        } = told;
        if told.is_blocked() {
            self.problem(PlanProblem::InvalidDeployment {
                service,
                minimum,
                maximum,
                is_daemon,
            });
        } else if minimum >= maximum || minimum > 100 {
            self.warn(Notice::NoRoomToReplace {
                service,
                minimum,
                maximum,
            });
        }
    }
}
