//! What Services and Timers run on, and whether the Rack has it.

use aws::ecs::EcsService;
use manifest::Service;
use manifest::capacity::Capacity;

use super::checks::Checks;
use super::notice::Notice;
use super::problem::PlanProblem;
use crate::config::Config;
use crate::facts::Facts;

impl Checks {
    /// What an ECS service of ours will run on. ECS moves one to Fargate and between its capacity providers, but not from
    /// there to instances, since it keeps the network that it has (API reference, `UpdateService`).
    pub(super) fn moved_to(
        &mut self,
        config: &Config,
        facts: &Facts,
        service: &Service,
        found: &EcsService,
    ) -> Capacity {
        let wanted = service
            .capacity
            .unwrap_or(config.release.launch_type.into());
        if wanted == found.capacity {
            return wanted;
        }
        let ecs = &found.name;
        if wanted == Capacity::Ec2 {
            let cluster = &config.release.cluster;
            self.warn(Notice::StaysOnFargate { ecs, cluster });
            return found.capacity;
        }
        self.fargate(
            config,
            facts,
            &format!("Service `{}`", service.name),
            wanted.provider(),
        );
        wanted
    }

    /// What something new runs on, where it can.
    pub(super) fn placed_on(
        &mut self,
        config: &Config,
        facts: &Facts,
        who: &str,
        wanted: Option<Capacity>,
    ) -> Capacity {
        let wanted = wanted.unwrap_or(config.release.launch_type.into());
        match wanted {
            Capacity::Ec2 => {}
            Capacity::Fargate => self.fargate(config, facts, who, None),
            Capacity::FargateSpot => self.fargate(config, facts, who, wanted.provider()),
        }
        wanted
    }

    fn fargate(
        &mut self,
        config: &Config,
        facts: &Facts,
        who: &str,
        provider: Option<&'static str>,
    ) {
        if config.release.network.subnets.is_empty() {
            self.problem(PlanProblem::NoSubnets { who });
        }
        let associated = &facts.cluster.capacity_providers;
        if let Some(provider) = provider.filter(|name| !associated.iter().any(|it| it == name)) {
            let mut all: Vec<&str> = associated.iter().map(String::as_str).collect();
            all.push(provider);
            self.problem(PlanProblem::CapacityProviderMissing {
                who,
                provider,
                cluster: &config.release.cluster,
                all: &all.join(" "),
            });
        }
    }
}
