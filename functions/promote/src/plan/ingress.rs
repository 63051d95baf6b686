//! How the App is reached: what the Rack's load balancers send to its Services, and what its ECS services are attached to.

use std::collections::BTreeMap;

use aws::ecs::EcsService;
use manifest::Service;
use manifest::capacity::LaunchType;
use names::ServiceName;
use release::app_stack::{
    Attached, Ingress, PlacedRule, attached, attachment, listener_group_arn, nlb_name, placed_rules,
};
use release::entrance::{
    Addresses, Attachment, Balancing, Entrance, NetworkListeners, NetworkPlaces, Reserved, Routes,
    TargetKind, Unreservable, too_many_groups,
};
use release::problem::ReleaseProblem;

use super::checks::Checks;
use super::problem::PlanProblem;
use super::{Process, Runs, StackPlan, strategies};
use crate::config::Config;
use crate::facts::{Facts, Wanted};

/// How the App is reached.
#[derive(Default)]
pub struct IngressPlan<'a> {
    /// The Rack's load balancers.
    pub entrance: Option<&'a Entrance>,
    /// What of the App is reached.
    pub routes: Routes,
    /// What is reserved for it, before its rules say so.
    pub reserved: Reserved,
    /// What load balancers of its own send to it.
    pub(super) listeners: NetworkListeners,
    /// What its ECS services are attached to as they stand.
    attached: Attached,
    /// What each Service of ours is to be attached to; those whose attachments are nobody's business here are left out.
    balancing: BTreeMap<ServiceName, Balancing>,
    /// The addresses of each Service, as they may be shown.
    pub addresses: Addresses,
}

impl IngressPlan<'_> {
    /// What the App's stack is rendered by.
    pub(super) fn of_stack(&self) -> Ingress<'_> {
        Ingress {
            entrance: self.entrance,
            routes: &self.routes,
            reserved: &self.reserved,
            listeners: &self.listeners,
            attached: &self.attached,
        }
    }

    /// What an ECS service is to be attached to, where that is for us to say.
    #[must_use]
    pub fn balancing(&self, process: &Process<'_>) -> Option<&Balancing> {
        let of_service = self.balancing.get(&process.service.name);
        of_service.filter(|_| !process.is_timer())
    }

    /// The addresses of a process, as they may be shown.
    #[must_use]
    pub fn addresses(&self, process: &Process<'_>) -> Vec<String> {
        let of_service = self.addresses.get(&process.service.name);
        let of_service = of_service.filter(|_| !process.is_timer());
        of_service.cloned().unwrap_or_default()
    }

    /// The addresses that links have, by Service.
    pub(super) fn links(&self) -> BTreeMap<String, String> {
        self.entrance
            .map(|entrance| self.routes.links(entrance))
            .unwrap_or_default()
    }

    /// The rules that the stack says once it is as planned.
    #[must_use]
    pub fn placed(&self, stack: &StackPlan) -> Vec<PlacedRule> {
        self.entrance
            .map(|entrance| placed_rules(&stack.template, entrance))
            .unwrap_or_default()
    }
}

impl Checks {
    /// Decides how the App is reached.
    pub(super) fn ingress<'a>(
        &mut self,
        config: &'a Config,
        wanted: &Wanted<'_>,
        facts: &Facts,
        processes: &[Process<'_>],
    ) -> IngressPlan<'a> {
        let outputs = facts.stack.as_ref().map(|stack| stack.outputs.clone());
        let outputs = outputs.unwrap_or_default();
        let around = &facts.surroundings;
        let standing = around.services.values();
        let standing = standing.chain(around.unwanted.own_services(wanted.id));
        let attached = attached(standing.map(|service| &service.balancing), &outputs);
        let entrance = config.release.entrance.as_ref();
        let services = of_load_balancers(wanted, processes);
        let mut plan = IngressPlan {
            entrance,
            attached,
            listeners: NetworkListeners::of(&places(config), &services),
            ..IngressPlan::default()
        };
        if let Some(entrance) = entrance {
            plan.routes = Routes::of(entrance, wanted.id, &services);
            let now = (processes, &outputs);
            strategies::pair(&mut plan.routes, (wanted, facts), now);
        }
        self.unreachable(facts, &mut plan);
        if let Some(entrance) = entrance {
            if !plan.routes.list.is_empty() && config.vpc.is_none() {
                self.problem(PlanProblem::NoVpc);
            }
            plan.reserved = self.reserve(entrance, wanted, facts, &plan.routes);
            plan.addresses = plan.routes.addresses(entrance);
        }
        let names = |side| nlb_name(&outputs, side);
        plan.listeners.add_addresses(names, &mut plan.addresses);
        for process in processes {
            let urls = process.gateway_urls(wanted.id);
            if !urls.is_empty() {
                plan.addresses.insert(process.service.name.clone(), urls);
            }
            let foreign = foreign_of(process, wanted, &outputs);
            self.group_count(facts, process, &plan, foreign.len());
            let balancing = balancing(process, wanted, &plan, (&outputs, foreign));
            let name = process.service.name.clone();
            plan.balancing
                .extend(balancing.map(|balancing| (name, balancing)));
        }
        self.strategies(config, (wanted, facts), (processes, &plan));
        plan
    }

    /// What load balancers do not take, and what they do not reach.
    fn unreachable(&mut self, facts: &Facts, plan: &mut IngressPlan<'_>) {
        let file = facts.release.manifest.file();
        for notice in plan.routes.notices.iter().chain(&plan.listeners.notices) {
            self.warn(format!("{file}, {notice}"));
        }
        let mut problems = std::mem::take(&mut plan.routes.problems);
        for problem in std::mem::take(&mut plan.listeners.problems) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        if !problems.is_empty() {
            self.problem(facts.release.manifest.invalid(problems));
        }
    }

    /// Whether ECS attaches the service of a process to all that sends to it.
    fn group_count(
        &mut self,
        facts: &Facts,
        process: &Process<'_>,
        plan: &IngressPlan<'_>,
        others: usize,
    ) {
        if process.is_timer() {
            return;
        }
        let name = &process.service.name;
        let routes = plan.routes.list.iter();
        let routes = routes.filter(|route| route.service == *name);
        let own = routes.count() + plan.listeners.of_service(name).count();
        if let Some(problem) = too_many_groups(process.service, own, others) {
            self.problem(facts.release.manifest.invalid(vec![problem]));
        }
    }

    fn reserve(
        &mut self,
        entrance: &Entrance,
        wanted: &Wanted<'_>,
        facts: &Facts,
        routes: &Routes,
    ) -> Reserved {
        let standing = &facts.reservations.state;
        let reserved = standing.reserve(entrance, &wanted.id.app, routes);
        reserved.unwrap_or_else(|problems: Vec<Unreservable>| {
            self.problems
                .extend(problems.into_iter().map(ReleaseProblem::from));
            Reserved::default()
        })
    }
}

/// Where load balancers find the tasks of a Service of ours. An agent's tasks are none of theirs, and an ECS service that app.json
/// names keeps its own.
fn kind(process: &Process<'_>, wanted: &Wanted<'_>) -> Option<TargetKind> {
    let capacity = process.own_capacity(wanted.id)?;
    let kind = match capacity.launch_type() {
        LaunchType::Fargate => TargetKind::Ip,
        LaunchType::Ec2 => TargetKind::Instance,
    };
    (!process.is_daemon()).then_some(kind)
}

/// The Services that load balancers may send to, and where they find the tasks of each. One with a gateway is not among them.
fn of_load_balancers<'p>(
    wanted: &Wanted<'_>,
    processes: &[Process<'p>],
) -> Vec<(&'p Service, Option<TargetKind>)> {
    let services = processes.iter();
    let services = services.filter(|process| !process.is_timer() && !process.service.gateway);
    services
        .map(|process| (process.service, kind(process, wanted)))
        .collect()
}

/// Where load balancers of Apps can stand.
fn places(config: &Config) -> NetworkPlaces<'_> {
    NetworkPlaces {
        region: &config.release.region,
        has_vpc: config.vpc.is_some(),
        public: &config.load_balancer_subnets,
        internal: &config.release.network.subnets,
    }
}

/// What an ECS service is to be attached to: the target groups of its routes and listeners, and beside them whatever somebody
/// else attached it to. `None` where nothing of ours is, or was.
fn balancing(
    process: &Process<'_>,
    wanted: &Wanted<'_>,
    plan: &IngressPlan<'_>,
    (outputs, foreign): (&BTreeMap<String, String>, Vec<Attachment>),
) -> Option<Balancing> {
    let Runs::Service { found, .. } = &process.runs else {
        return None;
    };
    process.own_capacity(wanted.id)?;
    let service = process.service;
    let routes = plan.routes.list.iter();
    let routes = routes.filter(|route| route.service == service.name);
    let listeners = plan.listeners.of_service(&service.name);
    let of_listeners = listeners.map(|listener| {
        let group = listener_group_arn(outputs, listener);
        (group, listener.container_port)
    });
    let of_listeners: Vec<(Option<&String>, u16)> = of_listeners.collect();
    let was_routed = before(process, wanted).is_some_and(|before| !before.attachments.is_empty());
    // A request that did not end may have attached it, and nobody put that back.
    let is_attached = found.is_some_and(|it| it.balancing.attachments.len() > foreign.len());
    let is_routed = routes.clone().count() + of_listeners.len() > 0;
    if !is_routed && !was_routed && !is_attached {
        return None;
    }
    let of_listeners = of_listeners.into_iter().filter_map(|(group, port)| {
        Some(Attachment {
            target_group_arn: Some(group?.clone()),
            container_name: service.name.to_string(),
            container_port: i32::from(port),
            advanced: None,
        })
    });
    let routes = routes.map(|route| strategies::attached_by(route, process, wanted));
    let attachments = routes.filter_map(|route| attachment(outputs, &route));
    let attachments = attachments.chain(of_listeners);
    let mut attachments: Vec<Attachment> = attachments.chain(foreign).collect();
    attachments.sort_unstable();
    let grace = if attachments.is_empty() {
        0
    } else {
        service.health.grace
    };
    Some(Balancing { attachments, grace })
}

/// What a process was attached to when it was applied.
fn before<'w>(process: &Process<'_>, wanted: &Wanted<'w>) -> Option<&'w Balancing> {
    let applied = process.applied(wanted.applied?)?;
    applied.balancing.as_ref()
}

/// What somebody else attached the ECS service of a process to; nothing where it is not the App's own.
fn foreign_of(
    process: &Process<'_>,
    wanted: &Wanted<'_>,
    outputs: &BTreeMap<String, String>,
) -> Vec<Attachment> {
    let found = match &process.runs {
        Runs::Service { found, .. } => *found,
        Runs::Timer { .. } => None,
    };
    let found = found.filter(|_| process.own_capacity(wanted.id).is_some());
    let foreign = found.map(|found| foreign(found, outputs, before(process, wanted)));
    foreign.unwrap_or_default()
}

/// What somebody else attached an ECS service of ours to.
pub(super) fn foreign(
    found: &EcsService,
    outputs: &BTreeMap<String, String>,
    before: Option<&Balancing>,
) -> Vec<Attachment> {
    let ours = |attachment: &&Attachment| {
        let mut own = outputs.values();
        let of_before = before.is_some_and(|before| before.attachments.contains(attachment));
        let groups = attachment.groups();
        of_before || own.any(|own| groups.contains(&own.as_str()))
    };
    let attachments = found.balancing.attachments.iter();
    attachments
        .filter(|attachment| !ours(attachment))
        .cloned()
        .collect()
}
