//! Whether what runs the tasks is new enough for how they get their variables.

use shared::platform::Needs;
use shared::task_definition::{EnvSource, LaunchType, Release};

use super::checks::Checks;
use super::{Process, Runs};
use crate::config::Config;
use crate::gather::{Agents, Gathered};

/// More names than this help nobody.
const NAMED_MAX: usize = 20;

impl Checks {
    /// Services of Fargate that are pinned to a platform without what convox.yml asks for: the task would not start.
    pub(super) fn platforms(
        &mut self,
        config: &Config,
        processes: &[Process<'_>],
        release: &Release<'_>,
        s3: &EnvSource,
    ) {
        for (ecs, version, needs) in pinned(processes, release, s3) {
            self.problem("PlatformVersion", format!(
                "the ECS service `{ecs}` is pinned to Fargate platform {version}, and {} need 1.4.0; {}",
                needs.words(), unpin(config, ecs)
            ));
        }
    }
}

/// What the user should know of platforms and agents, given the source that tasks will read.
pub(super) fn warnings(
    config: &Config,
    gathered: &Gathered,
    processes: &[Process<'_>],
    release: &Release<'_>,
    source: &EnvSource,
) -> Vec<String> {
    let pinned = pinned(processes, release, source).into_iter();
    let mut warnings: Vec<String> = pinned
        .map(|(ecs, version, _)| {
            format!(
                "the ECS service `{ecs}` is pinned to Fargate platform {version}, which cannot read single keys of the App's \
                 secret, and its tasks will not start; {}",
                unpin(config, ecs)
            )
        })
        .collect();
    let on_instances = processes
        .iter()
        .filter(|process| process.launch.launch_type == LaunchType::Ec2);
    let needs = on_instances.map(|process| needs(process, release, source));
    let needs = needs.fold(Needs::default(), Needs::and);
    warnings.extend(agents(&gathered.around.agents, needs));
    warnings
}

fn needs(process: &Process<'_>, release: &Release<'_>, source: &EnvSource) -> Needs {
    let rendered = process.render(release, source);
    rendered.map_or_else(|_| Needs::default(), |definition| Needs::of(&definition))
}

/// ECS services on Fargate whose platform is too old: name, version, and what for.
fn pinned<'p>(
    processes: &'p [Process<'_>],
    release: &Release<'_>,
    source: &EnvSource,
) -> Vec<(&'p str, &'p str, Needs)> {
    let pinned = processes.iter().filter_map(|process| {
        let Runs::Service { found, .. } = &process.runs else {
            return None;
        };
        let found = (*found).filter(|found| found.capacity.launch_type() == LaunchType::Fargate)?;
        let needs = needs(process, release, source);
        let version = found.platform_version.as_str();
        needs
            .exceed_platform(version)
            .then_some((found.name.as_str(), version, needs))
    });
    pinned.collect()
}

fn unpin(config: &Config, ecs: &str) -> String {
    let cluster = &config.cluster;
    format!(
        "unpin it with `aws ecs update-service --cluster {cluster} --service {ecs} --platform-version LATEST`"
    )
}

fn agents(agents: &Agents, needs: Needs) -> Option<String> {
    let instances = match agents {
        Agents::NotAsked => return None,
        Agents::Unknown { reason } => {
            return needs.any().then(|| {
                format!(
                    "whether the ECS agents of the cluster's instances are new enough ({} or later) is not known: {reason}",
                    needs.agent()
                )
            });
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
        format!(
            "the ECS agent of container instances is older than {}, which {} need, and tasks that are placed there will not \
             start; update it on {}",
            needs.agent(),
            needs.words(),
            old.join(", ")
        )
    })
}
