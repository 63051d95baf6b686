//! What the App's stack has to give beside what the Release itself needs: tasks of Releases before it may run or start again.

use std::collections::BTreeSet;

use release::app_stack::{Before, RackNeeds, StackNeeds};

use super::{network_of, outputs};
use crate::facts::{Facts, Wanted};

/// What the Release and those before it need.
pub(super) struct Joined {
    /// All of them together.
    pub(super) all: StackNeeds,
    /// What follows from the settings that the Rack has and had.
    pub(super) settings: RackNeeds,
}

/// Joins what the Release `needs` with what those before it do. Where nobody wrote down which those are, all stays that there
/// is: `before` is the template that stands.
pub(super) fn joined(
    wanted: &Wanted<'_>,
    facts: &Facts,
    needs: &StackNeeds,
    before: Option<&Before>,
) -> Joined {
    let running = wanted.applied.and_then(|applied| applied.stack.as_ref());
    let unknown = wanted.interrupted || wanted.applied.is_none();
    let left = before.filter(|_| unknown).map(Before::holds);
    // What was promoted before the settings were written down.
    let unsaid = running.is_none_or(|needs| needs.rack.is_none());
    let admitted = before.filter(|_| unsaid).map(Before::of_settings);
    let mut all = running
        .into_iter()
        .chain(&left)
        .fold(needs.clone(), StackNeeds::and);
    // Nobody wrote down how these mount.
    let unsaid = wanted.applied.is_some() && running.is_none();
    all.mounted_by_role &= !unsaid && !went_back(wanted, facts);
    let settings = all.rack.clone().unwrap_or_default();
    let mut settings = admitted.iter().fold(settings, RackNeeds::and);
    // What ECS went back to stands where it stood before, and is let in for as long.
    let let_in = before.map(Before::of_settings).unwrap_or_default();
    let stand = groups_of_what_stands(wanted, facts).into_iter();
    let groups = &mut settings.security_groups;
    groups.extend(stand.filter(|group| let_in.security_groups.contains(group)));
    // What ECS went back to, or still may, reads its environment under the keys of then.
    if !facts.surroundings.not_applied(wanted).is_empty() {
        settings.secret_keys.extend(let_in.secret_keys);
        settings.environment_keys.extend(let_in.environment_keys);
    }
    Joined { all, settings }
}

/// Whether an ECS service runs another revision than was applied: what that mounts, and how, is not known here.
fn went_back(wanted: &Wanted<'_>, facts: &Facts) -> bool {
    let applied = wanted.applied.map(|applied| &applied.services);
    let mut known = applied.into_iter().flatten().map(|(_, known)| known);
    known.any(|known| {
        let stands = facts.surroundings.services.get(&known.runs_as);
        stands.is_some_and(|stands| stands.task_definition != known.arn)
    })
}

/// The security groups in which something of the App's own stands that is not in the App's own group too.
fn groups_of_what_stands(wanted: &Wanted<'_>, facts: &Facts) -> BTreeSet<String> {
    let outputs = outputs(facts);
    let own = outputs.security_group();
    let is_in_own = |group: &String| Some(group.as_str()) == own;
    let around = &facts.surroundings;
    let services = around.services.values().chain(&around.unwanted.services);
    let services = services.filter(|service| wanted.id.owns(&service.tags));
    let networks = services
        .filter_map(|service| service.network.as_ref())
        .chain(
            around
                .timer_targets()
                .filter_map(|target| network_of(&target.placement)),
        );
    networks
        .filter(|network| !network.security_groups.iter().any(is_in_own))
        .flat_map(|network| network.security_groups.iter().cloned())
        .collect()
}
