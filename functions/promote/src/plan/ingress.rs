//! How the App is reached: what the Rack's load balancers send to its Services, and what its ECS services are attached to.

use std::collections::BTreeMap;

use aws::ecs::EcsService;
use manifest::Service;
use manifest::capacity::LaunchType;
use names::ServiceName;
use release::app_stack::{Attached, Ingress, PlacedRule, attached, placed_rules, target_group_arn};
use release::entrance::{
    Addresses, Attachment, Balancing, Entrance, Reserved, Route, Routes, TargetKind, Unreservable,
};
use release::problem::ReleaseProblem;

use super::checks::Checks;
use super::problem::PlanProblem;
use super::{Process, Runs, StackPlan};
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
        let mut plan = IngressPlan {
            entrance,
            attached,
            ..IngressPlan::default()
        };
        if let Some(entrance) = entrance {
            plan.routes = self.routes(entrance, config, wanted, facts, processes);
            plan.reserved = self.reserve(entrance, wanted, facts, &plan.routes);
            plan.addresses = plan.routes.addresses(entrance);
        }
        for process in processes {
            let balancing = balancing(process, wanted, &plan.routes, &outputs);
            let name = process.service.name.clone();
            plan.balancing
                .extend(balancing.map(|balancing| (name, balancing)));
        }
        plan
    }

    fn routes(
        &mut self,
        entrance: &Entrance,
        config: &Config,
        wanted: &Wanted<'_>,
        facts: &Facts,
        processes: &[Process<'_>],
    ) -> Routes {
        let services = processes.iter().filter(|process| !process.is_timer());
        let services: Vec<(&Service, Option<TargetKind>)> = services
            .map(|process| (process.service, kind(process, wanted)))
            .collect();
        let mut routes = Routes::of(entrance, wanted.id, &services);
        let file = facts.release.manifest.file();
        for notice in &routes.notices {
            self.warn(format!("{file}, {notice}"));
        }
        let problems = std::mem::take(&mut routes.problems);
        if !problems.is_empty() {
            self.problem(facts.release.manifest.invalid(problems));
        }
        if !routes.list.is_empty() && config.vpc.is_none() {
            self.problem(PlanProblem::NoVpc);
        }
        routes
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

/// What an ECS service is to be attached to: the target groups of its routes, and beside them whatever somebody else attached it
/// to. `None` where nothing of ours is, or was.
fn balancing(
    process: &Process<'_>,
    wanted: &Wanted<'_>,
    routes: &Routes,
    outputs: &BTreeMap<String, String>,
) -> Option<Balancing> {
    let Runs::Service { found, .. } = &process.runs else {
        return None;
    };
    process.own_capacity(wanted.id)?;
    let service = process.service;
    let is_of_service = |route: &&Route| route.service == service.name;
    let is_routed = routes.list.iter().any(|route| is_of_service(&route));
    let applied = wanted.applied.and_then(|applied| process.applied(applied));
    let before = applied.and_then(|applied| applied.balancing.as_ref());
    let was_routed = before.is_some_and(|before| !before.attachments.is_empty());
    // A request that did not end may have attached it, and nobody put that back.
    let foreign = found.map(|found| foreign(found, outputs, before));
    let foreign = foreign.unwrap_or_default();
    let is_attached = found.is_some_and(|it| it.balancing.attachments.len() > foreign.len());
    if !is_routed && !was_routed && !is_attached {
        return None;
    }
    let of_service = routes.list.iter().filter(is_of_service);
    let attachments = of_service.filter_map(|route| {
        Some(Attachment {
            target_group_arn: Some(target_group_arn(outputs, route)?.clone()),
            container_name: service.name.to_string(),
            container_port: i32::from(route.port),
        })
    });
    let mut attachments: Vec<Attachment> = attachments.chain(foreign).collect();
    attachments.sort_unstable();
    let grace = if attachments.is_empty() {
        0
    } else {
        service.health.grace
    };
    Some(Balancing { attachments, grace })
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
        of_before || own.any(|own| Some(own) == attachment.target_group_arn.as_ref())
    };
    let attachments = found.balancing.attachments.iter();
    attachments
        .filter(|attachment| !ours(attachment))
        .cloned()
        .collect()
}
