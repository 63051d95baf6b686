//! Whether what runs the tasks is new enough for how they get their variables.

use std::collections::BTreeSet;

use manifest::capacity::LaunchType;
use release::platform::Needs;
use release::release_checks;
use release::task_definition::is_beyond_fargate;

use super::checks::Checks;
use super::delivery::Rendered;
use super::notice::Notice;
use super::problem::PlanProblem;
use super::{Process, Runs};
use crate::config::Config;
use crate::facts::{Agents, Facts};

/// More names than this help nobody.
const NAMED_MAX: usize = 20;

impl Checks {
    /// Services of Fargate that are pinned to a platform without what convox.yml asks for: the task would not start. `through_s3`
    /// are the definitions that need least of it.
    pub(super) fn platforms(&mut self, config: &Config, through_s3: &[Rendered<'_>]) {
        for Rendered { process, needs, .. } in through_s3.iter().filter(|it| it.needs.any()) {
            if let Some((ecs, version)) = pinned(process) {
                self.problem(PlanProblem::PlatformVersion {
                    ecs,
                    version,
                    needs: &needs.words(),
                    cluster: &config.release.cluster,
                });
            }
        }
    }
}

/// What the user should know of platforms and agents, given the definitions that are expected.
pub(super) fn warnings(config: &Config, facts: &Facts, rendered: &[Rendered<'_>]) -> Vec<String> {
    let needing = rendered.iter().filter(|rendered| rendered.needs.any());
    let pinned = needing.filter_map(|rendered| pinned(rendered.process));
    let mut warnings: Vec<String> = pinned
        .map(|(ecs, version)| {
            let cluster = &config.release.cluster;
            let pinned = Notice::PinnedPlatform {
                ecs,
                version,
                cluster,
            };
            pinned.to_string()
        })
        .collect();
    let mut seen = BTreeSet::new();
    for rendered in rendered {
        let (service, launch) = (rendered.process.service, &rendered.process.launch);
        // A Timer can run on Fargate what its Service runs on instances.
        let on_instances = launch.launch_type == LaunchType::Ec2;
        if seen.insert((&service.name, on_instances)) {
            let said = release_checks::host_volumes(service, launch.launch_type).into_iter();
            let said = said.chain(release_checks::beyond_ecs(service, launch.launch_type));
            for warning in said.map(|notice| notice.to_string()) {
                if !warnings.contains(&warning) {
                    warnings.push(warning);
                }
            }
        }
    }
    let beyond = rendered.iter().map(|rendered| rendered.process);
    let beyond = beyond.filter(|process| is_beyond_fargate(process.service, &process.launch));
    warnings.extend(beyond.map(|process| {
        let (path, scale) = (process.path(), &process.service.scale);
        let beyond = Notice::BeyondFargate {
            path: &path,
            cpu: scale.cpu,
            memory: scale.memory,
        };
        beyond.to_string()
    }));
    let on_instances = rendered
        .iter()
        .filter(|rendered| rendered.process.launch.launch_type == LaunchType::Ec2);
    let needs = on_instances.map(|rendered| rendered.needs);
    let needs = needs.fold(Needs::default(), Needs::and);
    warnings.extend(agents(&facts.surroundings.agents, needs));
    warnings
}

/// The ECS service on Fargate that runs it, and its platform version, where that is too old for references, files and ECS Exec.
fn pinned<'p>(process: &'p Process<'_>) -> Option<(&'p str, &'p str)> {
    let Runs::Service { found, .. } = &process.runs else {
        return None;
    };
    let found = (*found).filter(|found| found.capacity.launch_type() == LaunchType::Fargate)?;
    let version = found.platform_version.as_str();
    Needs::ALL
        .exceed_platform(version)
        .then_some((found.name.as_str(), version))
}

fn agents(agents: &Agents, needs: Needs) -> Option<String> {
    let instances = match agents {
        Agents::NotAsked => return None,
        Agents::Unknown { reason } => {
            let agent = needs.agent();
            let unknown = Notice::AgentsUnknown { agent, reason };
            return needs.any().then(|| unknown.to_string());
        }
        Agents::Known(instances) => instances,
    };
    let old = instances
        .iter()
        .filter(|instance| needs.exceed_agent(&instance.agent_version));
    let old = old.map(|instance| format!("{} ({})", instance.id, instance.agent_version));
    let mut old: Vec<String> = old.collect();
    let more = old.len().saturating_sub(NAMED_MAX);
    old.truncate(NAMED_MAX);
    if more > 0 {
        old.push(format!("and {more} more"));
    }
    (!old.is_empty()).then(|| {
        let old = Notice::OldAgents {
            agent: needs.agent(),
            needs: &needs.words(),
            instances: &old.join(", "),
        };
        old.to_string()
    })
}
