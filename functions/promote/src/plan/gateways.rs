//! Services that ECS Gateways of the cluster reach, in the place of load balancers: which can be, and what attaches them. Pure.
//!
//! Source: ECS developer guide, "Connect Amazon ECS services to a gateway", "Troubleshoot a gateway".

use std::collections::BTreeSet;

use aws::ecs::{EcsService, SeenGateway};
use manifest::capacity::LaunchType;
use names::AppId;
use release::entrance::{Access, Connector};

use super::checks::Checks;
use super::notice::Notice;
use super::problem::PlanProblem;
use super::{Process, Runs};
use crate::config::Config;
use crate::facts::{Facts, Wanted};

impl Process<'_> {
    /// What attaches the ECS service to gateways; nothing where none is wanted, and of what is not the App's own.
    #[must_use]
    pub fn connectors(&self, id: &AppId) -> Vec<Connector> {
        let is_attached = self.is_own_at_gateways(id) && self.has_own_addresses();
        let connector = is_attached.then(|| Connector::of(self.service));
        connector.into_iter().collect()
    }

    /// Whether a gateway is to reach it, and whether that is for us to say.
    fn is_own_at_gateways(&self, id: &AppId) -> bool {
        let is_wanted = self.service.gateway && !self.is_timer();
        is_wanted && self.own_capacity(id).is_some()
    }

    /// Whether its tasks have network interfaces of their own.
    fn has_own_addresses(&self) -> bool {
        self.capacity.launch_type() == LaunchType::Fargate
    }

    /// The addresses that gateways have given it, where it stays at them.
    pub(super) fn gateway_urls(&self, id: &AppId) -> Vec<String> {
        let Runs::Service {
            found: Some(found), ..
        } = &self.runs
        else {
            return Vec::new();
        };
        let stands = Connector::access_of(&found.at_gateways.connectors);
        let stays = Connector::access_of(&self.connectors(id)) == stands;
        let urls = Some(&found.at_gateways.urls).filter(|_| stays);
        urls.cloned().unwrap_or_default()
    }
}

impl Checks {
    /// What no gateway reaches, and what leaves one.
    pub(super) fn gateways(
        &mut self,
        config: &Config,
        (wanted, facts): (&Wanted<'_>, &Facts),
        processes: &[Process<'_>],
    ) {
        for process in processes.iter().filter(|process| !process.is_timer()) {
            let service = &process.service.name;
            if !process.service.gateway {
                if is_left(process) {
                    self.warn(Notice::GatewayLeft { service });
                }
                continue;
            }
            if !process.is_own_at_gateways(wanted.id) {
                self.warn(Notice::GatewayNotOurs { service });
            } else if !process.has_own_addresses() || process.is_daemon() {
                self.problem(PlanProblem::GatewayOnInstances { service });
            } else {
                let problems = Connector::problems(process.service);
                if !problems.is_empty() {
                    self.problem(facts.release.manifest.invalid(problems));
                }
                self.reached(config, facts, process);
            }
        }
    }

    /// Whether the cluster has gateways for a Service.
    fn reached(&mut self, config: &Config, facts: &Facts, process: &Process<'_>) {
        let service = &process.service.name;
        let cluster = config.release.cluster.as_str();
        let gateways = &facts.surroundings.gateways;
        if gateways.is_empty() {
            self.problem(PlanProblem::NoGateway { service, cluster });
            return;
        }
        let wants = Connector::of(process.service).access_types;
        self.beside(config, process, (gateways, &wants));
        // One that nobody knows here may be for everybody.
        let all: Option<BTreeSet<Access>> = gateways.iter().map(|it| it.access).collect();
        let Some(has) = all else {
            return;
        };
        let lacks: Vec<&str> = wants.difference(&has).map(|it| it.name()).collect();
        let access = lacks.join(" or ");
        if lacks.len() == wants.len() {
            let access = access.as_str();
            self.problem(PlanProblem::NoGatewayOf {
                service,
                cluster,
                access,
            });
        } else if !lacks.is_empty() {
            let access = access.as_str();
            self.warn(Notice::NotAtAll {
                service,
                cluster,
                access,
            });
        }
    }

    /// Whether a gateway stands where the tasks of a Service run that comes to it. ECS wants one VPC and every zone of the tasks, and
    /// nothing that is read here knows either of a subnet, but that both are so where all subnets of the tasks are the gateway's.
    fn beside(
        &mut self,
        config: &Config,
        process: &Process<'_>,
        (gateways, wants): (&[SeenGateway], &BTreeSet<Access>),
    ) {
        let Runs::Service { found, .. } = &process.runs else {
            return;
        };
        let connectors = found.as_ref().map(|found| &*found.at_gateways.connectors);
        let has = Connector::access_of(connectors.unwrap_or_default());
        let tasks = &config.release.network.subnets;
        let holds = |gateway: &SeenGateway| tasks.iter().all(|it| gateway.subnets.contains(it));
        let of = |access: Access| {
            let is_of = move |it: Access| it == access;
            gateways
                .iter()
                .filter(move |it| it.access.is_none_or(is_of))
        };
        let elsewhere = wants
            .difference(&has)
            .copied()
            .filter(|&access| !of(access).any(holds));
        let elsewhere: Vec<&SeenGateway> = elsewhere.flat_map(of).collect();
        if elsewhere.is_empty() {
            return;
        }
        let arns: BTreeSet<&str> = elsewhere.iter().map(|gateway| &*gateway.arn).collect();
        let arns: Vec<&str> = arns.into_iter().collect();
        let subnets = elsewhere
            .iter()
            .flat_map(|gateway| &gateway.subnets)
            .chain(tasks);
        let subnets: BTreeSet<&str> = subnets.map(String::as_str).collect();
        let subnets: Vec<&str> = subnets.into_iter().collect();
        self.warn(Notice::GatewayElsewhere {
            service: &process.service.name,
            gateways: &arns.join(", "),
            subnets: &subnets.join(" "),
        });
    }
}

fn is_left(process: &Process<'_>) -> bool {
    let attached = |found: &&EcsService| !found.at_gateways.connectors.is_empty();
    match &process.runs {
        Runs::Service { found, .. } => found.as_ref().is_some_and(attached),
        Runs::Timer { .. } => false,
    }
}
