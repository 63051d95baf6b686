//! Which App has which hosts and rule priorities of the Rack's load balancers: one object of the settings bucket for all Apps,
//! written only if nobody else wrote.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Entrance, Routes, Side, hosts};
use crate::app_stack::{PlacedRule, rule_id};
use crate::problem::UserError;
use names::error_type::ErrorType;
use names::{AppName, ServiceName};

/// Rules of a load balancer beside its listeners' own (Application Load Balancer user guide, "Quotas"): it can be raised, and
/// whether it was is not known here.
pub const RULES_MAX: usize = 100;
/// The last priority (API reference of Elastic Load Balancing, `CreateRule`): rules of patterns have theirs from there on down.
const PRIORITY_MAX: u32 = 50_000;

/// What all Apps have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Reservations {
    /// Whose each host is.
    hosts: BTreeMap<String, AppName>,
    /// Whose each priority of the public listener is.
    public: BTreeMap<u32, Holder>,
    /// The same of the internal one.
    internal: BTreeMap<u32, Holder>,
}

/// Whose a priority is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Holder {
    app: AppName,
    /// The logical id of the rule in the App's stack.
    rule: String,
}

/// What an App has reserved for its routes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reserved {
    /// What is reserved from now on: what was, and what it wants beside.
    pub all: Reservations,
    /// The priority of each of its rules, by logical id.
    pub priorities: BTreeMap<String, u32>,
}

/// Why something cannot be reserved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreservable {
    /// Another App has the host, or a pattern that matches it.
    #[error(
        "`services.{service}` has the host `{host}`, and the App `{holder}` has it, or a pattern that matches it: a host \
         belongs to one App; take it out there and promote that App, then this one"
    )]
    Held {
        /// The Service that wants it.
        service: ServiceName,
        /// What it wants, as it may be shown.
        host: String,
        /// Who has it.
        holder: AppName,
    },
    /// There is no room for another rule.
    #[error(
        "the Rack's {side} load balancer has {RULES_MAX} rules already, as many as one takes; delete Apps or domains that \
         nobody needs, or make another Rack"
    )]
    Full {
        /// Which load balancer.
        side: &'static str,
    },
}

impl UserError for Unreservable {
    fn error_type(&self) -> ErrorType {
        match self {
            Self::Held { .. } => ErrorType::HostTaken,
            Self::Full { .. } => ErrorType::ListenerFull,
        }
    }
}

impl Reservations {
    /// Reserves what the App's routes want, beside what is reserved.
    ///
    /// # Errors
    ///
    /// Every host that another App has, and every side that has no room.
    pub fn reserve(
        &self,
        entrance: &Entrance,
        app: &AppName,
        routes: &Routes,
    ) -> Result<Reserved, Vec<Unreservable>> {
        let mut problems = self.held(app, routes);
        let mut reserved = Reserved {
            all: self.clone(),
            priorities: BTreeMap::new(),
        };
        for route in &routes.list {
            for rule in &route.rules {
                let hosts = rule.hosts.iter();
                let hosts = hosts.map(|host| (host.name.clone(), app.clone()));
                reserved.all.hosts.extend(hosts);
                let holder = Holder {
                    app: app.clone(),
                    rule: rule_id(&route.service, route.side, &rule.part),
                };
                let rules = reserved.all.side_mut(route.side);
                let priority = priority_of(rules, &holder)
                    .or_else(|| free(rules, rule.is_pattern, entrance.first_priority));
                if let Some(priority) = priority {
                    rules.insert(priority, holder.clone());
                    reserved.priorities.insert(holder.rule, priority);
                } else {
                    problems.push(Unreservable::Full {
                        side: match route.side {
                            Side::Public => "public",
                            Side::Internal => "internal",
                        },
                    });
                }
            }
        }
        problems.dedup();
        if problems.is_empty() {
            Ok(reserved)
        } else {
            Err(problems)
        }
    }

    /// The hosts of the routes that other Apps have.
    fn held(&self, app: &AppName, routes: &Routes) -> Vec<Unreservable> {
        let mut problems = Vec::new();
        for route in &routes.list {
            for host in route.rules.iter().flat_map(|rule| &rule.hosts) {
                if let Some(holder) = self.other_holder(app, &host.name) {
                    problems.push(Unreservable::Held {
                        service: route.service.clone(),
                        host: host.shown.clone(),
                        holder: holder.clone(),
                    });
                }
            }
        }
        problems
    }

    /// The same where the App has what its stack's rules say, and nothing else.
    #[must_use]
    pub fn settled(&self, app: &AppName, rules: &[PlacedRule]) -> Self {
        let hosts: BTreeSet<&String> = rules.iter().flat_map(|rule| &rule.hosts).collect();
        let mut settled = self.clone();
        settled
            .hosts
            .retain(|host, holder| holder != app || hosts.contains(host));
        for side in Side::ALL {
            settled.side_mut(side).retain(|priority, holder| {
                let stands = |rule: &PlacedRule| {
                    rule.id == holder.rule && rule.priority == *priority && rule.side == side
                };
                holder.app != *app || rules.iter().any(stands)
            });
        }
        settled
    }

    /// The other App that has a name which `host` matches too.
    fn other_holder(&self, app: &AppName, host: &str) -> Option<&AppName> {
        let mut others = self.hosts.iter().filter(|(_, holder)| *holder != app);
        let (_, holder) = others.find(|(held, _)| hosts::overlap(held, host))?;
        Some(holder)
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<u32, Holder> {
        match side {
            Side::Public => &mut self.public,
            Side::Internal => &mut self.internal,
        }
    }
}

fn priority_of(rules: &BTreeMap<u32, Holder>, holder: &Holder) -> Option<u32> {
    let mut rules = rules.iter();
    let (priority, _) = rules.find(|(_, held)| *held == holder)?;
    Some(*priority)
}

/// A priority that nobody has. Patterns come behind all exact names.
fn free(rules: &BTreeMap<u32, Holder>, is_pattern: bool, first: u32) -> Option<u32> {
    if rules.len() >= RULES_MAX {
        return None;
    }
    let mut all = first..=PRIORITY_MAX;
    let is_free = |priority: &u32| !rules.contains_key(priority);
    if is_pattern {
        all.rev().find(is_free)
    } else {
        all.find(is_free)
    }
}
