//! Deployments for which ECS moves requests from one target group to another: which Services can have them, which of two target groups has
//! the tasks of now, and how a service that stands comes to another strategy. Pure.
//!
//! ECS takes another strategy, or other load balancers, only while it is at no deployment, and requests are moved only for a service whose
//! load balancers say so already. So a service that stands comes to it with two promotes, the first of which is rolling, and back with
//! two. How far it has come is what was applied: what an unfinished attempt has done is done once more, and not the next step.
//!
//! Source: ECS developer guide, "Update the Amazon ECS deployment strategy", "Required resources for Amazon ECS blue/green deployments".

use std::collections::{BTreeMap, BTreeSet};

use aws::ecs::EcsService;
use manifest::{Deployment, Strategy};
use promotion::Definition;
use release::app_stack::{self, pair_ids};
use release::entrance::{Balancing, Half, Pair, Route, Routes, TargetKind};
use release::platform::Needs;

use super::checks::Checks;
use super::ingress::IngressPlan;
use super::notice::Notice;
use super::problem::{Deploying, NotShifted, PlanProblem};
use super::{Process, Runs, StackPlan};
use crate::config::Config;
use crate::facts::{Facts, Wanted};

/// Pairs of target groups of one App: each takes some 400 characters of the role by which ECS moves requests, and IAM takes 10,240.
const PAIRS_MAX: usize = 20;

impl Process<'_> {
    /// The ECS service that stands and is the App's own.
    fn own_found(&self, wanted: &Wanted<'_>) -> Option<&EcsService> {
        let Runs::Service { found, .. } = &self.runs else {
            return None;
        };
        found.filter(|found| wanted.id.owns(&found.tags))
    }

    /// What was applied of it last.
    fn known<'w>(&self, wanted: &Wanted<'w>) -> Option<&'w Definition> {
        self.applied(wanted.applied?)
    }

    /// How ECS is to move requests, of what is the App's own.
    fn own_strategy(&self, wanted: &Wanted<'_>) -> Strategy {
        let own = self.own_deployment(wanted.id);
        own.map_or(Strategy::Rolling, |deployment| deployment.strategy())
    }
}

/// Says of each route which target groups it has.
pub(super) fn pair(
    routes: &mut Routes,
    (wanted, facts): (&Wanted<'_>, &Facts),
    (processes, outputs): (&[Process<'_>], &BTreeMap<String, String>),
) {
    let live = &facts.surroundings.live_groups;
    for route in &mut routes.list {
        let mut processes = processes.iter().filter(|process| !process.is_timer());
        let process = processes.find(|process| process.service.name == route.service);
        let Some(process) = process else {
            continue;
        };
        let ids = pair_ids(route);
        let arns = ids.map(|id| outputs.get(&id).map(String::as_str));
        let found = process.own_found(wanted);
        let known = process.known(wanted);
        let had = known.and_then(|known| known.balancing.as_ref());
        let had = had.is_some_and(Balancing::is_shifted);
        let is_wanted = had || process.own_strategy(wanted).shifts();
        route.pair = pair_of(found, arns, (is_wanted, live));
    }
}

fn pair_of(
    found: Option<&EcsService>,
    [first, second]: [Option<&str>; 2],
    (is_wanted, live): (bool, &BTreeSet<String>),
) -> Pair {
    let attachments = found.iter().flat_map(|it| &it.balancing.attachments);
    let groups = attachments
        .clone()
        .flat_map(|attachment| attachment.groups());
    let groups: BTreeSet<&str> = groups.collect();
    let has = |arn: Option<&str>| arn.is_some_and(|arn| groups.contains(arn));
    let is_live = |arn: Option<&str>| arn.is_some_and(|arn| live.contains(arn));
    let mut named = attachments.filter_map(|attachment| attachment.target_group_arn.as_deref());
    let is_second = match (has(first), has(second)) {
        (true, true) if is_live(first) != is_live(second) => is_live(second),
        // ECS does not say, or is moving: the one that it was told.
        (true, true) => named.any(|arn| Some(arn) == second),
        (_, has_second) => has_second,
    };
    Pair {
        live: if is_second { Half::Second } else { Half::First },
        is_whole: is_wanted || (has(first) && has(second)),
    }
}

/// The routes by which the ECS service of a process is attached now: with two target groups where requests are moved, or were until now.
pub(super) fn attached_by(route: &Route, process: &Process<'_>, wanted: &Wanted<'_>) -> Route {
    let found = process.own_found(wanted).map(|found| &found.deployment);
    let known = process.known(wanted);
    let known = known.and_then(|known| known.deployment.as_ref());
    let mut until_now = found.into_iter().chain(known);
    let moved = until_now.any(|deployment| deployment.strategy().shifts());
    let is_whole = moved || process.own_strategy(wanted).shifts();
    let pair = Pair {
        is_whole: route.pair.is_whole && is_whole,
        ..route.pair
    };
    Route {
        pair,
        ..route.clone()
    }
}

/// How ECS is told to replace the tasks of a service that stands: with the strategy of convox.yml once its load balancers are as that
/// needs them.
pub(super) fn told_now(
    mut deployment: Deployment,
    (process, found): (&Process<'_>, &EcsService),
    (wanted, ingress): (&Wanted<'_>, &IngressPlan<'_>),
) -> Deployment {
    let starts = deployment.strategy().shifts() && !found.deployment.strategy().shifts();
    let balancing = ingress.balancing(process);
    let known = process.known(wanted);
    let had = known.is_none_or(|it| it.balancing.as_ref().is_some_and(Balancing::is_shifted));
    let is_ready = had && balancing.is_some_and(|it| it.is_as(&found.balancing));
    if starts
        && !is_ready
        && let Some(course) = &mut deployment.course
    {
        course.strategy = Strategy::Rolling;
        course.pause = None;
    }
    deployment
}

impl Checks {
    /// What ECS does not move requests for, and what has to wait.
    pub(super) fn strategies(
        &mut self,
        config: &Config,
        (wanted, facts): (&Wanted<'_>, &Facts),
        (processes, plan): (&[Process<'_>], &IngressPlan<'_>),
    ) {
        let outputs = facts.stack.as_ref().map(|stack| stack.outputs.clone());
        let outputs = outputs.unwrap_or_default();
        for process in processes.iter().filter(|process| !process.is_timer()) {
            let service = &process.service.name;
            let strategy = process.own_strategy(wanted);
            let found = process.own_found(wanted);
            let mut routes = plan.routes.list.iter();
            let has_route = routes.any(|route| route.service == *service);
            if strategy.shifts() {
                if self.shifted(config, (process, strategy), plan) {
                    self.on_the_way((process, found), wanted, (plan, &outputs));
                }
            } else if found.is_some_and(|found| found.deployment.strategy().shifts()) && has_route {
                self.warn(Notice::StrategyEnds { service });
            }
            self.settled((process, found), wanted, plan);
        }
        let whole = plan.routes.list.iter().filter(|route| route.pair.is_whole);
        let count = whole.count();
        if count > PAIRS_MAX {
            self.problem(PlanProblem::TooManyPairs {
                count,
                most: PAIRS_MAX,
            });
        }
    }

    /// What of a Service stands against it; whether nothing does.
    fn shifted(
        &mut self,
        config: &Config,
        (process, strategy): (&Process<'_>, Strategy),
        plan: &IngressPlan<'_>,
    ) -> bool {
        let (service, strategy) = (&process.service.name, strategy.name());
        let of_service = plan
            .routes
            .list
            .iter()
            .filter(|route| route.service == *service);
        let of_service: Vec<&Route> = of_service.collect();
        let any = |is: fn(&Route) -> bool| of_service.iter().any(|route| is(route));
        let scale = &process.service.scale;
        let has_gateway = process.service.gateway;
        let has_listeners = plan.listeners.of_service(service).count() > 0;
        let reasons = [
            (has_gateway, NotShifted::Gateway),
            (has_listeners, NotShifted::Listeners),
            (
                of_service.is_empty() && !has_gateway,
                NotShifted::NoLoadBalancer,
            ),
            (
                any(|it| it.kind == TargetKind::Instance),
                NotShifted::OnInstances,
            ),
            (any(|it| it.rules.len() > 1), NotShifted::SeveralRules),
            (
                scale.scales() && scale.targets.requests > 0,
                NotShifted::ByRequests,
            ),
        ];
        let can = !reasons.iter().any(|(is_so, _)| *is_so);
        for (_, why) in reasons.into_iter().filter(|(is_so, _)| *is_so) {
            self.problem(PlanProblem::NotShifted {
                service,
                strategy,
                why,
            });
        }
        let Runs::Service {
            found: Some(found), ..
        } = &process.runs
        else {
            return can;
        };
        let version = &found.platform_version;
        let is_old = Needs::ALL.exceed_platform(version);
        if is_old {
            self.problem(PlanProblem::PlatformVersion {
                ecs: &found.name,
                version,
                needs: strategy,
                cluster: &config.release.cluster,
            });
        }
        can && !is_old
    }

    /// How a service that stands comes to its strategy.
    fn on_the_way(
        &mut self,
        (process, found): (&Process<'_>, Option<&EcsService>),
        wanted: &Wanted<'_>,
        (plan, outputs): (&IngressPlan<'_>, &BTreeMap<String, String>),
    ) {
        let Some(found) = found else {
            return;
        };
        let service = &process.service.name;
        let strategy = process.service.deployment.strategy().name();
        let routes = plan.routes.list.iter();
        let own = routes.filter(|route| route.service == *service);
        let own: BTreeSet<String> = own.flat_map(pair_ids).collect();
        let attached = app_stack::attached([&found.balancing].into_iter(), outputs);
        if attached.target_groups.keys().any(|id| !own.contains(id)) {
            let why = NotShifted::AnotherKind;
            self.problem(PlanProblem::NotShifted {
                service,
                strategy,
                why,
            });
            return;
        }
        let starts = !found.deployment.strategy().shifts();
        let told = told_now(process.deployment(), (process, found), (wanted, plan));
        if starts && !told.strategy().shifts() {
            self.warn(Notice::StrategyStarts { service, strategy });
        }
    }

    /// ECS takes another strategy and other load balancers only while it is at no deployment.
    fn settled(
        &mut self,
        (process, found): (&Process<'_>, Option<&EcsService>),
        wanted: &Wanted<'_>,
        plan: &IngressPlan<'_>,
    ) {
        let Some(found) = found.filter(|found| found.is_deploying) else {
            return;
        };
        let stands = found.deployment.strategy();
        let told = told_now(process.deployment(), (process, found), (wanted, plan)).strategy();
        let balancing = plan.balancing(process);
        let moves = balancing.is_some_and(|own| !own.is_as(&found.balancing));
        let is_shifted = stands.shifts() || told.shifts() || found.balancing.is_shifted();
        if is_shifted && (stands.shifts() != told.shifts() || moves) {
            let ecs = &found.name;
            self.deploying = Some(Deploying::Strategy { ecs }.to_string());
        }
    }

    /// CloudFormation writes the weights of a listener rule that it changes, so ECS may not be moving them meanwhile.
    pub(super) fn still(
        &mut self,
        (wanted, facts): (&Wanted<'_>, &Facts),
        (processes, routes): (&[Process<'_>], &Routes),
        stack: Option<&StackPlan>,
    ) {
        let stack = stack.filter(|stack| !stack.is_ready());
        let (Some(stack), Some(stands)) = (stack, &facts.stack) else {
            return;
        };
        for process in processes {
            let found = process.own_found(wanted);
            let Some(found) = found.filter(|it| it.is_deploying && it.balancing.is_shifted())
            else {
                continue;
            };
            let name = &process.service.name;
            let mut of_service = routes.list.iter().filter(|route| route.service == *name);
            if of_service
                .any(|route| app_stack::changes_rules(&stands.template, &stack.template, route))
            {
                let ecs = &found.name;
                self.deploying = Some(Deploying::Rule { ecs }.to_string());
            }
        }
    }
}
