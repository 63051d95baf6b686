//! Who reaches the App's resources: tasks in the App's own security group. What cannot be in it is let in by the Rack's groups,
//! as far as it is in those.

use std::collections::BTreeSet;

use aws::ecs::EcsService;
use manifest::capacity::Capacity;
use release::timer_rule::{Network, Placement};

use super::notice::Notice;
use super::{Process, Runs, outputs};
use crate::config::Config;
use crate::facts::{Facts, Wanted};

/// The network of the App's own tasks: the Rack's, and the App's own group, which it has from its first resource on.
#[must_use]
pub fn of_app(config: &Config, facts: &Facts) -> Network {
    config.release.network.with(outputs(facts).security_group())
}

/// The network that a placement is in.
#[must_use]
pub fn network_of(placement: &Placement) -> Option<&Network> {
    match placement {
        Placement::Fargate { network, .. } => Some(network),
        Placement::Ec2 => None,
    }
}

/// The groups of the Rack that resources have to let in beside the App's own: all of them where tasks cannot be in that one,
/// and those of ECS services that app.json names, which keep their network.
pub(super) fn let_in(
    config: &Config,
    wanted: &Wanted<'_>,
    facts: &Facts,
    processes: &[Process<'_>],
) -> BTreeSet<String> {
    let of_rack = &config.release.network.security_groups;
    let mut all = processes.iter();
    if !config.release.network.has_room() || all.any(|process| on_instances(config, process)) {
        return of_rack.iter().cloned().collect();
    }
    let outputs = outputs(facts);
    let others = processes.iter();
    let others = others.filter_map(|process| of_others(wanted, process));
    let outside = others.filter(|(_, groups)| !is_in(groups, outputs.security_group()));
    let groups = outside.flat_map(|(_, groups)| groups);
    groups
        .filter(|group| of_rack.contains(group))
        .cloned()
        .collect()
}

/// Whether tasks of it, or one-off processes, run on instances and have the groups of those.
fn on_instances(config: &Config, process: &Process<'_>) -> bool {
    let has_interfaces = match &process.runs {
        Runs::Service { found, .. } => found.is_some_and(|found| found.network.is_some()),
        Runs::Timer { .. } => false,
    };
    let of_processes = process
        .service
        .capacity
        .unwrap_or(config.release.launch_type.into());
    of_processes == Capacity::Ec2 || process.capacity == Capacity::Ec2 && !has_interfaces
}

/// The ECS service of others that runs it, and its security groups, where it names some.
fn of_others<'p>(
    wanted: &Wanted<'_>,
    process: &Process<'p>,
) -> Option<(&'p EcsService, &'p Vec<String>)> {
    let Runs::Service { found, .. } = &process.runs else {
        return None;
    };
    let found = found.filter(|found| !wanted.id.owns(&found.tags))?;
    let groups = &found.network.as_ref()?.security_groups;
    (!groups.is_empty()).then_some((found, groups))
}

fn is_in(groups: &[String], own: Option<&str>) -> bool {
    groups.iter().any(|group| Some(group.as_str()) == own)
}

/// Whom the App's resources let in beside its own tasks, and whom they do not, although it links them.
pub(super) fn warnings(
    config: &Config,
    wanted: &Wanted<'_>,
    facts: &Facts,
    processes: &[Process<'_>],
) -> Vec<String> {
    let mut warnings = Vec::new();
    if facts.release.resources.list.is_empty() {
        return warnings;
    }
    let of_rack = &config.release.network.security_groups;
    let has_room = config.release.network.has_room();
    if !has_room {
        let count = of_rack.len();
        warnings.push(Notice::NoRoomForGroup { count }.to_string());
    }
    let outputs = outputs(facts);
    let own = outputs.security_group();
    let output = || {
        format!(
            "the output SecurityGroupId of the stack `{}`",
            wanted.id.stack()
        )
    };
    let give = own.map_or_else(output, str::to_owned);
    for process in processes {
        let Some((found, groups)) =
            of_others(wanted, process).filter(|(_, groups)| !is_in(groups, own))
        else {
            continue;
        };
        let (service, ecs, listed) = (&process.service.name, &found.name, groups.join(", "));
        let let_in = groups.iter().any(|group| of_rack.contains(group));
        if let_in && has_room {
            let let_in = Notice::LetInWithOthers {
                service,
                ecs,
                groups: &listed,
                own: &give,
            };
            warnings.push(let_in.to_string());
        } else if !let_in && !process.service.resources.is_empty() {
            let not_let_in = Notice::NotLetIn {
                service,
                ecs,
                groups: &listed,
                own: &give,
            };
            warnings.push(not_let_in.to_string());
        }
    }
    warnings
}
