//! What stands where something else is applied. Pure.
//!
//! ECS itself goes back to an earlier revision where tasks of a new one do not start. Whatever fails afterwards must leave
//! that as it is: it runs, and what is written down as applied does not. And what is taken away tells nobody any more how it
//! was set.

use std::collections::BTreeSet;

use aws::ecs::EcsService;
use aws::event_rules::SeenRule;
use aws::schedules::SeenSchedule;
use promotion::verdict::is_older;
use promotion::{Applied, Definition, OriginalDefinition, Setting, Was};
use release::timer_rule::{Network, TimerTarget};

use crate::config::Config;
use crate::facts::{Facts, Wanted};
use crate::plan::{Plan, network_of, of_app};

/// The applied Release with what stands in the place of its parts, what `plan` changes of its ECS services, the key that its
/// secret gets now, and the older revisions that it may be moved to; `None` where nothing differs from what is written down.
///
/// After an interrupted request only what is older than the applied revision counts: anything else may be its doing.
#[must_use]
pub fn amended(
    wanted: &Wanted<'_>,
    facts: &Facts,
    config: &Config,
    plan: &Plan<'_>,
) -> Option<Applied> {
    let before = wanted.applied?;
    let record = Record {
        recorded: before.network.as_ref(),
        network: &of_app(config, facts),
        interrupted: wanted.interrupted,
        going_back_to: &before.going_back_to,
    };
    let mut applied = before.clone();
    let around = &facts.surroundings;
    let looked = around.looks_at_connectors(wanted, &facts.release.manifest);
    for known in applied.services.values_mut() {
        let mut others = around.unwanted.services.iter();
        let found = around.services.get(&known.runs_as);
        let found = found.or_else(|| others.find(|one| one.name == known.runs_as));
        if let Some(service) = found.filter(|service| !service.is_draining()) {
            let balanced = known.balancing.is_some();
            let seen = OriginalDefinition {
                connectors: looked.then(|| service.at_gateways.connectors.clone()),
                ..seen_service(service, balanced)
            };
            record.at(known, seen);
        }
    }
    let changes = plan.changes();
    for known in applied.services.values_mut() {
        let was = changes.get(known.runs_as.as_str());
        record.changed(known, was.cloned().unwrap_or_default());
    }
    for known in applied.services.values_mut() {
        let mut leaves = around.unwanted.own_services(wanted.id);
        let leaves = leaves.find(|service| service.name == known.runs_as);
        let leaves = leaves.filter(|service| !service.is_draining());
        record.set(known, leaves.map(setting));
    }
    for known in applied.timers.values_mut() {
        if let Some(target) = target_of(known, facts) {
            let network = network_of(&target.placement).cloned();
            let arn = target.task_definition.clone();
            record.at(
                known,
                OriginalDefinition {
                    arn,
                    network,
                    deployment: None,
                    balancing: None,
                    connectors: None,
                },
            );
        }
        let is_disabled = timer_that_leaves(known, wanted, facts, plan);
        let leaves = is_disabled.map(|is_disabled| Setting::Rule { is_disabled });
        record.set(known, leaves);
    }
    // An earlier version did not write it down; what an interrupted request made of it is not what was applied.
    let unsaid = applied.stack_digest.is_none() && !wanted.interrupted;
    if let Some(stack) = facts.stack.as_ref().filter(|_| unsaid) {
        applied.stack_digest = Some(stack.digest());
    }
    applied.going_back_to.extend(plan.goes_back_to());
    // Whatever fails later, the secret may be encrypted with today's key by then, and nothing encrypts it back.
    let needs = applied.stack.as_mut().and_then(|needs| needs.rack.as_mut());
    if let Some(needs) = needs {
        needs.secret_keys.extend(config.secret_key_arn.clone());
    }
    (applied != *before).then_some(applied)
}

/// What the rule or the schedule of an applied Timer starts, wanted or not.
fn target_of<'f>(known: &Definition, facts: &'f Facts) -> Option<&'f TimerTarget> {
    let around = &facts.surroundings;
    let unwanted = &around.unwanted;
    around.timer_target(known).or_else(|| {
        if known.timezone.is_some() {
            return unwanted.schedules.get(&known.runs_as)?.target();
        }
        unwanted.rules.get(&known.runs_as)?.target.as_ref()
    })
}

/// Whether the App's own rule or schedule of an applied Timer does not fire, where it is taken away: with its Timer, or since
/// the other kind comes in its place.
fn timer_that_leaves(
    known: &Definition,
    wanted: &Wanted<'_>,
    facts: &Facts,
    plan: &Plan<'_>,
) -> Option<bool> {
    let (around, name) = (&facts.surroundings, &known.runs_as);
    let mut timers = plan.processes.iter().filter(|process| process.is_timer());
    let of_name = timers.find(|process| process.runs_as() == name);
    let stays = of_name.is_some_and(|it| it.timezone().is_some() == known.timezone.is_some());
    if stays {
        return None;
    }
    if known.timezone.is_some() {
        let schedules = &around.schedules;
        let schedule = schedules.get(name).or(around.unwanted.schedules.get(name));
        let own = schedule.filter(|schedule| schedule.is_of(wanted.id));
        return own.map(SeenSchedule::is_disabled);
    }
    let rule = around.rules.get(name).or(around.unwanted.rules.get(name));
    let own = rule.filter(|rule| wanted.id.owns(&rule.tags));
    own.map(SeenRule::is_disabled)
}

fn seen_service(service: &EcsService, balanced: bool) -> OriginalDefinition {
    OriginalDefinition {
        arn: service.task_definition.clone(),
        network: service.network.clone(),
        deployment: Some(service.deployment.clone()),
        balancing: balanced.then(|| service.balancing.clone()),
        connectors: None,
    }
}

fn setting(service: &EcsService) -> Setting {
    if service.is_daemon {
        Setting::Daemon
    } else {
        Setting::Replica {
            desired_count: service.desired_count,
        }
    }
}

struct Record<'a> {
    /// The network that is written down.
    recorded: Option<&'a Network>,
    /// The network that the App is to be in now.
    network: &'a Network,
    interrupted: bool,
    /// The older revisions that a promote may have moved to.
    going_back_to: &'a BTreeSet<String>,
}

impl Record<'_> {
    fn at(&self, known: &mut Definition, seen: OriginalDefinition) {
        let is_ours = self.going_back_to.contains(&seen.arn);
        let went_back = is_older(&seen.arn, &known.arn) && !is_ours;
        if self.interrupted {
            if went_back && known.stands.is_none() {
                // ECS goes back to a revision; the percentages are those of whoever moved it.
                let deployment = None;
                known.stands = Some(OriginalDefinition { deployment, ..seen });
            }
            return;
        }
        let is_ours = known.capacity.is_some();
        let mut seen = seen;
        seen.deployment = seen.deployment.filter(|_| is_ours);
        // Where nothing is written down, what is in today's network already needs no note.
        let recorded = self.recorded.unwrap_or(self.network);
        let network = seen.network.as_ref().filter(|_| is_ours);
        let elsewhere = network.is_some_and(|seen| recorded.differs_from(seen, None));
        let replaced = seen.deployment.as_ref().is_some_and(|seen| {
            let known = known.deployment.as_ref();
            known.is_none_or(|known| known.differs_from(seen))
        });
        let differs = seen.arn != known.arn || elsewhere || replaced;
        known.stands = differs.then_some(seen);
    }

    /// What is changed of it now. What an interrupted request may have changed stays written down as it was before that.
    fn changed(&self, known: &mut Definition, was: Was) {
        let noted = known.was.take().filter(|_| self.interrupted);
        let mut was = was;
        // What is written down as applied is gone back to.
        was.balancing = was.balancing.filter(|_| known.balancing.is_none());
        let was = noted.unwrap_or_default().or(was);
        known.was = (!was.is_nothing()).then_some(was);
    }

    /// How what runs it is set, where that is taken away now. What an interrupted request has taken stays written down.
    fn set(&self, known: &mut Definition, leaves: Option<Setting>) {
        if leaves.is_some() || !self.interrupted {
            known.set = leaves;
        }
    }
}

#[cfg(test)]
mod tests {
    use manifest::Deployment;
    use manifest::capacity::Capacity;

    use super::*;

    const HALF: Deployment = Deployment {
        minimum: 50,
        maximum: 200,
        course: None,
    };

    fn arn(revision: u64) -> String {
        format!("arn:aws:ecs:us-east-1:123456789012:task-definition/myrack_shop_web:{revision}")
    }

    fn network(group: &str) -> Network {
        Network {
            subnets: vec!["subnet-1".to_owned()],
            security_groups: vec![group.to_owned()],
            assign_public_ip: false,
        }
    }

    fn known(stands: Option<OriginalDefinition>) -> Definition {
        Definition {
            arn: arn(12),
            digest: "digest".to_owned(),
            core: None,
            release: None,
            secret_version_id: None,
            runs_as: "myrack_shop_web".to_owned(),
            schedule: None,
            timezone: None,
            capacity: Some(Capacity::Fargate),
            deployment: Some(HALF),
            exec: false,
            count: None,
            was: None,
            balancing: None,
            connectors: Vec::new(),
            set: None,
            stands,
        }
    }

    fn standing(revision: u64, group: &str) -> OriginalDefinition {
        OriginalDefinition {
            arn: arn(revision),
            network: Some(network(group)),
            deployment: Some(HALF),
            balancing: None,
            connectors: None,
        }
    }

    #[test]
    fn an_older_revision_is_one_of_the_same_family_with_a_smaller_number() {
        let other = "arn:aws:ecs:us-east-1:123456789012:task-definition/myrack_shop_api:3";
        for (one, want) in [
            (arn(11).as_str(), true),
            (&arn(9), true),
            (&arn(12), false),
            (&arn(13), false),
            (other, false),
            ("dummy", false),
        ] {
            assert_eq!(is_older(one, &arn(12)), want, "{one}");
        }
    }

    #[test]
    fn what_stood_is_what_nobody_of_ours_can_have_moved() {
        let went_back = || Some(standing(11, "sg-1"));
        // Its percentages may be those of the interrupted request.
        let found_back = OriginalDefinition {
            deployment: None,
            ..standing(11, "sg-1")
        };
        for (interrupted, noted, seen, want) in [
            (false, None, standing(12, "sg-1"), None),
            (false, None, standing(11, "sg-1"), went_back()),
            (
                false,
                None,
                standing(13, "sg-1"),
                Some(standing(13, "sg-1")),
            ),
            (
                false,
                None,
                standing(12, "sg-2"),
                Some(standing(12, "sg-2")),
            ),
            (false, went_back(), standing(12, "sg-1"), None),
            (true, None, standing(11, "sg-1"), Some(found_back)),
            (true, None, standing(13, "sg-2"), None),
            (true, went_back(), standing(13, "sg-2"), went_back()),
            (true, went_back(), standing(12, "sg-1"), went_back()),
        ] {
            let record = Record {
                recorded: Some(&network("sg-1")),
                network: &network("sg-2"),
                interrupted,
                going_back_to: &BTreeSet::new(),
            };
            let mut known = known(noted.clone());
            record.at(&mut known, seen.clone());
            assert_eq!(known.stands, want, "{interrupted} {noted:?} {seen:?}");
        }
    }

    /// Whether the promote before was interrupted, what is written down, what stands, and what is noted of it.
    type Case = (
        bool,
        fn(&mut Definition),
        OriginalDefinition,
        Option<OriginalDefinition>,
    );

    #[test]
    fn percentages_that_are_not_those_of_the_release_are_noted() {
        let by_hand = OriginalDefinition {
            deployment: Some(HALF.of_daemon()),
            ..standing(12, "sg-1")
        };
        let (same, none) = (network("sg-1"), BTreeSet::new());
        let record = |interrupted| Record {
            recorded: Some(&same),
            network: &same,
            interrupted,
            going_back_to: &none,
        };
        let of_lent = |known: &mut Definition| (known.capacity, known.deployment) = (None, None);
        let unsaid = |known: &mut Definition| known.deployment = None;
        let own = |_: &mut Definition| ();
        let cases: [Case; 5] = [
            (false, own, standing(12, "sg-1"), None),
            (false, own, by_hand.clone(), Some(by_hand.clone())),
            (
                false,
                unsaid,
                standing(12, "sg-1"),
                Some(standing(12, "sg-1")),
            ),
            (false, of_lent, by_hand.clone(), None),
            (true, own, by_hand, None),
        ];
        for (n, (interrupted, change, seen, want)) in cases.into_iter().enumerate() {
            let mut known = known(None);
            change(&mut known);
            record(interrupted).at(&mut known, seen);
            assert_eq!(known.stands, want, "case {n}");
        }
    }

    #[test]
    fn how_it_was_set_is_written_down_while_it_stands_and_kept_once_it_is_gone() {
        let of_three = Some(Setting::Replica { desired_count: 3 });
        let of_five = Some(Setting::Replica { desired_count: 5 });
        for (interrupted, noted, leaves, want) in [
            (false, None, of_three, of_three),
            (false, of_three, of_five, of_five),
            (false, of_three, None, None),
            (true, of_three, None, of_three),
            (true, of_three, of_five, of_five),
        ] {
            let record = Record {
                recorded: None,
                network: &network("sg-1"),
                interrupted,
                going_back_to: &BTreeSet::new(),
            };
            let mut known = known(None);
            known.set = noted;
            record.set(&mut known, leaves);
            assert_eq!(known.set, want, "{interrupted} {noted:?} {leaves:?}");
        }
    }

    #[test]
    fn a_network_that_nobody_wrote_down_is_noted_before_it_is_left() {
        for (group, want) in [("sg-2", None), ("sg-1", Some(standing(12, "sg-1")))] {
            let record = Record {
                recorded: None,
                network: &network("sg-2"),
                interrupted: false,
                going_back_to: &BTreeSet::new(),
            };
            let mut known = known(None);
            record.at(&mut known, standing(12, group));
            assert_eq!(known.stands, want);
        }
    }
}
