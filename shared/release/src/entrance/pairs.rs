//! Two target groups for a Service and side, between which ECS moves requests while it deploys. Which of the two has the tasks of now
//! is ECS's to say, and changes with each deployment. Pure.
//!
//! Source: ECS API reference, `AdvancedConfiguration`; ECS developer guide, "Application Load Balancer resources for blue/green, linear,
//! and canary deployments".

use serde::{Deserialize, Serialize};

use super::{Attachment, Balancing};

/// What ECS moves requests by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Advanced {
    /// The other target group.
    pub alternate_target_group_arn: String,
    /// The listener rule whose weights it changes.
    pub production_listener_rule: String,
    /// The role by which it does.
    pub role_arn: String,
}

/// One of the two target groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// The one that a Service has before requests are ever moved.
    First,
    /// The one beside it.
    Second,
}

impl Half {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// The target groups of a route between which requests were, or are to be, moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The one with the tasks of now.
    pub live: Half,
    /// Whether there are to be both.
    pub is_whole: bool,
}

impl Pair {
    /// What a Service has that nothing was ever moved for.
    pub const NONE: Self = Self {
        live: Half::First,
        is_whole: false,
    };
}

impl Attachment {
    /// Both of its target groups, where it has two, in one order.
    #[must_use]
    pub fn groups(&self) -> Vec<&str> {
        let own = self.target_group_arn.as_deref();
        let other = self.advanced.as_ref();
        let other = other.map(|advanced| advanced.alternate_target_group_arn.as_str());
        let mut groups: Vec<&str> = own.into_iter().chain(other).collect();
        groups.sort_unstable();
        groups
    }

    /// Whether it says the same as another one, whichever of the two groups has the tasks of now.
    fn is_as(&self, other: &Self) -> bool {
        let way = |it: &Self| {
            let advanced = it.advanced.as_ref();
            advanced.map(|it| (it.production_listener_rule.clone(), it.role_arn.clone()))
        };
        let container = |it: &Self| (it.container_name.clone(), it.container_port);
        self.groups() == other.groups()
            && way(self) == way(other)
            && container(self) == container(other)
    }
}

impl Balancing {
    /// Whether an ECS service that has `found` has all of it, whichever groups have the tasks of now.
    #[must_use]
    pub fn is_as(&self, found: &Self) -> bool {
        let has = |attachment: &Attachment| found.attachments.iter().any(|it| it.is_as(attachment));
        self.grace == found.grace
            && self.attachments.len() == found.attachments.len()
            && self.attachments.iter().all(has)
    }

    /// Whether ECS moves requests for any of it.
    #[must_use]
    pub fn is_shifted(&self) -> bool {
        let mut all = self.attachments.iter();
        all.any(|attachment| attachment.advanced.is_some())
    }

    /// The same, with the tasks of now where an ECS service that has `found` has them.
    #[must_use]
    pub fn placed_as(mut self, found: &Self) -> Self {
        for attachment in &mut self.attachments {
            let mut all = found.attachments.iter();
            let stands = all.find(|it| it.groups() == attachment.groups());
            let stands = stands.filter(|it| it.target_group_arn != attachment.target_group_arn);
            if let (Some(stands), Some(advanced)) = (stands, &mut attachment.advanced) {
                let live = stands.target_group_arn.clone();
                let other = std::mem::replace(&mut attachment.target_group_arn, live);
                advanced.alternate_target_group_arn = other.unwrap_or_default();
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    fn attachment(live: &str, other: Option<&str>) -> Attachment {
        Attachment {
            target_group_arn: Some(live.to_owned()),
            container_name: "web".to_owned(),
            container_port: 3000,
            advanced: other.map(|other| Advanced {
                alternate_target_group_arn: other.to_owned(),
                production_listener_rule: "rule".to_owned(),
                role_arn: "role".to_owned(),
            }),
        }
    }

    fn balancing(attachments: &[Attachment]) -> Balancing {
        Balancing {
            attachments: attachments.to_vec(),
            grace: 5,
        }
    }

    #[test]
    fn which_group_has_the_tasks_of_now_is_no_difference() {
        let (one, swapped) = (attachment("a", Some("b")), attachment("b", Some("a")));
        let (alone, other) = (attachment("a", None), attachment("c", Some("d")));
        for (wanted, found, same) in [
            (vec![one.clone()], vec![swapped.clone()], true),
            (
                vec![one.clone(), other.clone()],
                vec![other.clone(), swapped.clone()],
                true,
            ),
            (vec![one.clone()], vec![alone.clone()], false),
            (vec![alone.clone()], vec![one.clone()], false),
            (vec![one.clone()], vec![other.clone()], false),
            (vec![one.clone()], vec![one.clone(), other], false),
            (vec![], vec![], true),
        ] {
            let (wanted, found) = (balancing(&wanted), balancing(&found));
            assert_eq!(wanted.is_as(&found), same, "{wanted:?} {found:?}");
            assert!(
                wanted.clone().placed_as(&found).is_as(&wanted),
                "{wanted:?}"
            );
        }
        let later = Balancing {
            grace: 6,
            ..balancing(from_ref(&one))
        };
        assert!(!later.is_as(&balancing(from_ref(&one))));
        let placed = balancing(&[one]).placed_as(&balancing(from_ref(&swapped)));
        assert_eq!(placed, balancing(&[swapped]));
    }
}
