//! What of an App the Rack's load balancers send requests to.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::words::{Unreached, Unroutable};
use super::{Addresses, Entrance, Pair, Side, hosts, times};
use manifest::{Health, Service};
use names::{AppId, ServiceName};
use yaml::Problem;

/// A rule takes no more hosts (Application Load Balancer user guide, "Quotas", condition values per rule).
const HOSTS_PER_RULE: usize = 5;
/// The most characters of a part of a host between dots (RFC 1035, 2.3.4).
const LABEL_MAX: usize = 63;
/// The most characters of a health check's path (API reference of Elastic Load Balancing, `CreateTargetGroup`).
const PATH_MAX: usize = 1024;

/// What a load balancer speaks with tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetProtocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/1.1 over TLS.
    Https,
    /// gRPC.
    Grpc,
    /// gRPC over TLS.
    SecureGrpc,
}

/// Where a load balancer finds tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// By the address of their own network interface.
    Ip,
    /// By their instance and a port of it.
    Instance,
}

/// A Service on one side.
#[derive(Clone, PartialEq, Eq)]
pub struct Route {
    /// The Service.
    pub service: ServiceName,
    /// The side.
    pub side: Side,
    /// The rules that lead to it.
    pub rules: Vec<RouteRule>,
    /// The port of its container.
    pub port: u16,
    /// What is spoken there.
    pub protocol: TargetProtocol,
    /// Where its tasks are found.
    pub kind: TargetKind,
    /// How its tasks are asked whether they are well.
    pub health: Health,
    /// Whether a client comes to the same task again.
    pub sticky: bool,
    /// How many seconds connections have to end in.
    pub drain: u32,
    /// Its target groups; who knows what ECS has moved says which.
    pub pair: Pair,
}

/// One listener rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRule {
    /// What tells it from the other rules of its Service and side.
    pub part: String,
    /// Its hosts.
    pub hosts: Vec<Host>,
    /// Whether they are patterns: what is named exactly comes before them.
    pub is_pattern: bool,
}

/// A name, or a pattern of names, under which a Service is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// As rules are told it.
    pub name: String,
    /// What a message may show of it: `${NAME}` in place.
    pub shown: String,
}

/// What of an App is reached, and what is to be said of it.
#[derive(Default)]
pub struct Routes {
    /// The routes, in the order of convox.yml.
    pub list: Vec<Route>,
    /// What no load balancer takes.
    pub problems: Vec<Problem>,
    /// What the author should know, each with its line.
    pub notices: Vec<String>,
}

impl Routes {
    /// Finds out what of an App is reached; `kinds` says where tasks of each Service of ours are found.
    #[must_use]
    pub fn of(
        entrance: &Entrance,
        id: &AppId,
        services: &[(&Service, Option<TargetKind>)],
    ) -> Self {
        let mut routes = Self::default();
        let mut taken = BTreeMap::new();
        for (service, kind) in services {
            let mut reading = Reading {
                entrance,
                id,
                service,
                routes: &mut routes,
            };
            reading.service(*kind, &mut taken);
        }
        routes
    }

    /// The addresses of each Service, its own in the Rack's domain first, as messages may show them; patterns are none.
    #[must_use]
    pub fn addresses(&self, entrance: &Entrance) -> Addresses {
        let mut addresses = Addresses::new();
        for route in &self.list {
            let of_service = addresses.entry(route.service.clone()).or_default();
            for url in route.exact_hosts().map(|it| entrance.url(&it.shown)) {
                if !of_service.contains(&url) {
                    of_service.push(url);
                }
            }
        }
        addresses
    }

    /// The addresses that links have, by Service: the first one of each.
    #[must_use]
    pub fn links(&self, entrance: &Entrance) -> BTreeMap<String, String> {
        let link = |route: &Route| {
            let host = route.exact_hosts().next()?;
            Some((route.service.to_string(), entrance.url(&host.name)))
        };
        self.list.iter().filter_map(link).collect()
    }
}

impl Route {
    fn exact_hosts(&self) -> impl Iterator<Item = &Host> {
        let exact = self.rules.iter().filter(|rule| !rule.is_pattern);
        exact.flat_map(|rule| &rule.hosts)
    }
}

struct Reading<'a> {
    entrance: &'a Entrance,
    id: &'a AppId,
    service: &'a Service,
    routes: &'a mut Routes,
}

impl Reading<'_> {
    fn service(&mut self, kind: Option<TargetKind>, taken: &mut BTreeMap<String, ServiceName>) {
        let service = self.service;
        let wants = !service.domains.is_empty() || service.internal;
        let (Some(port), Some(kind)) = (&service.port, kind) else {
            if wants {
                self.notice(&Unreached::NothingToSendTo);
            }
            return;
        };
        let sides = self.sides();
        if sides.is_empty() {
            return;
        }
        let hosts = self.hosts(taken);
        let protocol = self.protocol(&port.scheme);
        self.check_health();
        let (Some(protocol), false) = (protocol, hosts.is_empty()) else {
            return;
        };
        let rules = rules(&hosts);
        self.routes.list.extend(sides.into_iter().map(|side| Route {
            service: service.name.clone(),
            side,
            rules: rules.clone(),
            port: port.port,
            protocol,
            kind,
            health: health(service, protocol),
            sticky: service.sticky,
            drain: service.drain,
            pair: Pair::NONE,
        }));
    }

    /// The sides that it is on.
    fn sides(&mut self) -> Vec<Side> {
        let service = self.service;
        let wanted: &[Side] = match (service.internal_and_external, service.internal) {
            (true, _) => &Side::ALL,
            (false, true) => &[Side::Internal],
            (false, false) => &[Side::Public],
        };
        let (has, lacks): (Vec<Side>, Vec<Side>) = wanted
            .iter()
            .partition(|side| self.entrance.listener(**side).is_some());
        for side in lacks {
            self.notice(&match side {
                Side::Public => Unreached::NotPublic,
                Side::Internal => Unreached::NotInternal,
            });
        }
        has
    }

    /// Its hosts, the Rack's own first; one that another Service of the App has is a problem.
    fn hosts(&mut self, taken: &mut BTreeMap<String, ServiceName>) -> Vec<Host> {
        let service = self.service;
        let mut hosts: Vec<Host> = Vec::new();
        if let Some(domain) = &self.entrance.domain {
            let label = format!("{}-{}", service.name, self.id.app);
            if label.len() > LABEL_MAX {
                let (label, domain) = (label.clone(), domain.clone());
                let max = LABEL_MAX;
                self.problem("", &Unroutable::LongLabel { label, domain, max });
            }
            let name = format!("{label}.{domain}").to_ascii_lowercase();
            let shown = name.clone();
            hosts.push(Host { name, shown });
        }
        for (place, domain) in service.domains.iter().enumerate() {
            match hosts::host(&domain.name) {
                Ok(name) if self.matches_others(&name) => {
                    let part = format!(".domain[{place}]");
                    self.problem(&part, &Unroutable::MatchesOthers);
                }
                Ok(name) if hosts.iter().any(|host| host.name == name) => {}
                Ok(name) => hosts.push(Host {
                    name,
                    shown: domain.shown.clone(),
                }),
                Err(wrong) => self.problem(&format!(".domain[{place}]"), &wrong),
            }
        }
        if hosts.is_empty() && self.routes.problems.is_empty() {
            self.notice(&Unreached::NoHost);
        }
        hosts.retain(|host| {
            let mut others = taken.iter();
            let other = others.find(|(other, _)| hosts::overlap(other, &host.name));
            let Some((_, other)) = other else {
                return true;
            };
            let other = other.to_string();
            let message = Unroutable::HostOfAnother { other }.to_string();
            self.routes
                .problems
                .push(problem(service, ".domain", message));
            false
        });
        for host in &hosts {
            taken.insert(host.name.clone(), service.name.clone());
        }
        hosts
    }

    /// Whether a pattern matches names that other Apps get in the Rack's domain: it would take them from all.
    fn matches_others(&self, host: &str) -> bool {
        let domain = self.entrance.domain.as_ref();
        let all = domain.map(|domain| format!("*.{domain}"));
        hosts::is_pattern(host) && all.is_some_and(|all| hosts::overlap(host, &all))
    }

    fn protocol(&mut self, scheme: &str) -> Option<TargetProtocol> {
        let protocol = match scheme.to_ascii_lowercase().as_str() {
            "http" => TargetProtocol::Http,
            "https" => TargetProtocol::Https,
            "grpc" => TargetProtocol::Grpc,
            "secure-grpc" => TargetProtocol::SecureGrpc,
            _ => {
                self.problem(".port", &Unroutable::Scheme);
                return None;
            }
        };
        if protocol.is_grpc() && !self.entrance.is_https {
            self.problem(".port", &Unroutable::GrpcWithoutTls);
        }
        Some(protocol)
    }

    /// What no target group takes.
    fn check_health(&mut self) {
        if let Some(wrong) = wrong_path(self.service) {
            self.problem(".health", &wrong);
        }
        for (part, wrong) in times::wrong(self.service) {
            self.problem(part, &wrong);
        }
    }

    fn problem(&mut self, part: &str, wrong: &dyn Display) {
        self.routes
            .problems
            .push(problem(self.service, part, wrong.to_string()));
    }

    fn notice(&mut self, says: &Unreached) {
        let (line, name) = (self.service.line, &self.service.name);
        self.routes
            .notices
            .push(format!("line {line}: `services.{name}` {says}"));
    }
}

/// What is wrong with the path of a Service's health check.
pub(super) fn wrong_path(service: &Service) -> Option<Unroutable> {
    let path = &service.health.path;
    let is_wrong = !path.starts_with('/') || path.len() > PATH_MAX || path.contains("{{");
    is_wrong.then_some(Unroutable::HealthPath { max: PATH_MAX })
}

impl TargetProtocol {
    /// Whether it is gRPC.
    #[must_use]
    pub fn is_grpc(self) -> bool {
        matches!(self, Self::Grpc | Self::SecureGrpc)
    }
}

/// gRPC has no path `/`: what is asked by default is AWS's own (user guide, "Health check settings").
fn health(service: &Service, protocol: TargetProtocol) -> Health {
    let path = if protocol.is_grpc() && service.health.path == "/" {
        "/AWS.ALB/healthcheck".to_owned()
    } else {
        service.health.path.clone()
    };
    Health {
        path,
        timeout: times::timeout(&service.health),
        ..service.health.clone()
    }
}

/// The rules of exact names first, then those of patterns.
fn rules(hosts: &[Host]) -> Vec<RouteRule> {
    let (patterns, exact): (Vec<&Host>, Vec<&Host>) =
        hosts.iter().partition(|host| hosts::is_pattern(&host.name));
    let rules = |hosts: Vec<&Host>, is_pattern: bool| {
        let word = if is_pattern { "Pattern" } else { "" };
        let chunks = hosts.chunks(HOSTS_PER_RULE).enumerate();
        let rule = |(place, hosts): (usize, &[&Host])| RouteRule {
            part: format!("{word}{place}"),
            hosts: hosts.iter().map(|host| (*host).clone()).collect(),
            is_pattern,
        };
        chunks.map(rule).collect::<Vec<_>>()
    };
    let mut all = rules(exact, false);
    all.extend(rules(patterns, true));
    all
}

pub(super) fn problem(service: &Service, part: &str, message: String) -> Problem {
    let path = format!("services.{}{part}", service.name);
    Problem::at(service.line, path, message)
}
