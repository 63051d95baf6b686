//! What stands where something else is applied. Pure.
//!
//! ECS itself goes back to an earlier revision where tasks of a new one do not start. Whatever fails afterwards must leave
//! that as it is: it runs, and what is written down as applied does not.

use shared::ecs::EcsService;
use shared::promotion::{Applied, Definition, Standing};
use shared::timer_rule::{Network, Placement};

use crate::config::Config;
use crate::gather::{Gathered, Wanted};

/// The applied Release with what stands in the place of its parts, and the key that its secret gets now; `None` where nothing
/// differs from what is written down.
///
/// After an interrupted request only what is older than the applied revision counts: anything else may be its doing.
#[must_use]
pub fn amended(wanted: &Wanted<'_>, gathered: &Gathered, config: &Config) -> Option<Applied> {
    let before = wanted.applied?;
    let look = Look {
        recorded: before.network.as_ref(),
        network: &config.network,
        interrupted: wanted.interrupted,
    };
    let mut applied = before.clone();
    let around = &gathered.around;
    for known in applied.services.values_mut() {
        let mut others = around.leftovers.services.iter();
        let found = around.services.get(&known.runs_as);
        let found = found.or_else(|| others.find(|one| one.name == known.runs_as));
        if let Some(service) = found.filter(|service| !service.is_draining()) {
            look.at(known, seen_service(service));
        }
    }
    for known in applied.timers.values_mut() {
        let rules = &around.rules;
        let rule = rules.get(&known.runs_as);
        let rule = rule.or_else(|| around.leftovers.rules.get(&known.runs_as));
        if let Some(target) = rule.and_then(|rule| rule.target.as_ref()) {
            let network = network_of(&target.placement).cloned();
            let arn = target.task_definition.clone();
            look.at(known, Standing { arn, network });
        }
    }
    // Whatever fails later, the secret may be encrypted with today's key by then, and nothing encrypts it back.
    let needs = applied.stack.as_mut().and_then(|needs| needs.rack.as_mut());
    if let Some(needs) = needs {
        needs.secret_keys.extend(config.secret_key_arn.clone());
    }
    (applied != *before).then_some(applied)
}

/// The network that a placement is in.
#[must_use]
pub fn network_of(placement: &Placement) -> Option<&Network> {
    match placement {
        Placement::Fargate { network, .. } => Some(network),
        Placement::Ec2 => None,
    }
}

fn seen_service(service: &EcsService) -> Standing {
    Standing {
        arn: service.task_definition.clone(),
        network: service.network.clone(),
    }
}

struct Look<'a> {
    /// The network that is written down.
    recorded: Option<&'a Network>,
    /// The network of today's settings.
    network: &'a Network,
    interrupted: bool,
}

impl Look<'_> {
    fn at(&self, known: &mut Definition, seen: Standing) {
        let went_back = is_older(&seen.arn, &known.arn);
        if self.interrupted {
            if went_back && known.stands.is_none() {
                known.stands = Some(seen);
            }
            return;
        }
        let is_ours = known.capacity.is_some();
        // Where nothing is written down, what is in today's network already needs no note.
        let recorded = self.recorded.unwrap_or(self.network);
        let network = seen.network.as_ref().filter(|_| is_ours);
        let elsewhere = network.is_some_and(|seen| recorded.differs_from(seen, None));
        let differs = seen.arn != known.arn || elsewhere;
        known.stands = differs.then_some(seen);
    }
}

/// Whether `arn` is an earlier revision of the family of `than`: numbers only rise.
#[must_use]
pub fn is_older(arn: &str, than: &str) -> bool {
    let parts = |arn: &str| {
        let (family, revision) = arn.rsplit_once(':')?;
        Some((family.to_owned(), revision.parse::<u64>().ok()?))
    };
    match (parts(arn), parts(than)) {
        (Some((family, revision)), Some((of, than))) => family == of && revision < than,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use shared::capacity::Capacity;

    use super::*;

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

    fn known(stands: Option<Standing>) -> Definition {
        Definition {
            arn: arn(12),
            digest: "digest".to_owned(),
            runs_as: "myrack_shop_web".to_owned(),
            schedule: None,
            capacity: Some(Capacity::Fargate),
            stands,
        }
    }

    fn standing(revision: u64, group: &str) -> Standing {
        Standing {
            arn: arn(revision),
            network: Some(network(group)),
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
            (true, None, standing(11, "sg-1"), went_back()),
            (true, None, standing(13, "sg-2"), None),
            (true, went_back(), standing(13, "sg-2"), went_back()),
            (true, went_back(), standing(12, "sg-1"), went_back()),
        ] {
            let look = Look {
                recorded: Some(&network("sg-1")),
                network: &network("sg-2"),
                interrupted,
            };
            let mut known = known(noted.clone());
            look.at(&mut known, seen.clone());
            assert_eq!(known.stands, want, "{interrupted} {noted:?} {seen:?}");
        }
    }

    #[test]
    fn a_network_that_nobody_wrote_down_is_noted_before_it_is_left() {
        for (group, want) in [("sg-2", None), ("sg-1", Some(standing(12, "sg-1")))] {
            let look = Look {
                recorded: None,
                network: &network("sg-2"),
                interrupted: false,
            };
            let mut known = known(None);
            look.at(&mut known, standing(12, group));
            assert_eq!(known.stands, want);
        }
    }
}
