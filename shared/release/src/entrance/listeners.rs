//! What Network Load Balancers send to an App: the `nlb` of its Services. Each App has its own, one for each side.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::words::{Unconnected, Unroutable};
use super::{Addresses, Side, TargetKind, routes, times};
use manifest::{Listener, Scheme, Service};
use names::ServiceName;
use yaml::Problem;

/// A load balancer has no more (Network Load Balancer user guide, "Quotas"): it can be raised, and whether it was is not known
/// here.
const LISTENERS_MAX: usize = 50;
/// A security group has no more rules for what comes in (VPC user guide, "Amazon VPC quotas"): the same.
const NETWORKS_MAX: usize = 60;
/// An ECS service has no more (ECS developer guide, "Register multiple target groups with a service").
const GROUPS_MAX: usize = 5;
/// Who may connect where `allow_cidr` does not say: everybody, or the addresses that networks use among themselves, since
/// nobody tells which of them the VPC has.
const EVERYBODY: [&str; 1] = ["0.0.0.0/0"];
const PRIVATE: [&str; 4] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "172.16.0.0/12",
    "192.168.0.0/16",
];

/// Where the load balancers of Apps can stand.
#[derive(Debug, Clone, Copy)]
pub struct NetworkPlaces<'a> {
    /// The region.
    pub region: &'a str,
    /// Whether the Rack names its network.
    pub has_vpc: bool,
    /// The subnets that the internet reaches.
    pub public: &'a [String],
    /// The subnets of tasks.
    pub internal: &'a [String],
}

/// A listener of a Network Load Balancer.
#[derive(Clone, PartialEq, Eq)]
pub struct NetworkListener {
    /// The Service whose tasks it sends to.
    pub service: ServiceName,
    /// The line of that Service.
    pub line: usize,
    /// Where it stands in convox.yml, such as `services.web.nlb[0]`.
    pub path: String,
    /// The side that its load balancer is on.
    pub side: Side,
    /// Its port.
    pub port: u16,
    /// What a message may show of that: `${NAME}` in place.
    pub shown: String,
    /// The certificate that it ends TLS with; none where what comes goes on as it is.
    pub certificate: Option<String>,
    /// The port of the container.
    pub container_port: u16,
    /// Where tasks are found.
    pub kind: TargetKind,
    /// The networks that may connect.
    pub networks: BTreeSet<String>,
    /// Whether it sends to tasks of other zones too; none where the load balancer decides.
    pub cross_zone: Option<bool>,
    /// Whether tasks see the client's address and not the load balancer's.
    pub preserves_client_ip: bool,
    /// How many seconds are between two health checks.
    pub interval: u32,
    /// How many seconds one takes at most.
    pub timeout: u32,
    /// How many seconds connections have to end in.
    pub drain: u32,
}

/// The listeners of an App, and what is to be said of them.
#[derive(Default)]
pub struct NetworkListeners {
    /// The listeners, in the order of convox.yml.
    pub list: Vec<NetworkListener>,
    /// The subnets of each load balancer.
    pub subnets: BTreeMap<Side, BTreeSet<String>>,
    /// What no load balancer takes.
    pub problems: Vec<Problem>,
    /// What the author should know, each with its line.
    pub notices: Vec<String>,
}

impl NetworkPlaces<'_> {
    /// The subnets of a side, or why no load balancer stands there.
    fn subnets(&self, side: Side) -> Result<&[String], Unconnected> {
        let (subnets, lack) = match side {
            Side::Public => (self.public, Unconnected::NotPublic),
            Side::Internal => (self.internal, Unconnected::NotInternal),
        };
        match (self.has_vpc, subnets) {
            (false, _) => Err(Unconnected::NoVpc),
            (true, []) => Err(lack),
            (true, subnets) => Ok(subnets),
        }
    }
}

impl NetworkListeners {
    /// Finds out the listeners of an App; the kinds say where tasks of each Service of ours are found.
    #[must_use]
    pub fn of(places: &NetworkPlaces<'_>, services: &[(&Service, Option<TargetKind>)]) -> Self {
        let mut all = Self::default();
        let with = services.iter();
        for (service, kind) in with.filter(|(service, _)| !service.nlb.is_empty()) {
            let Some(kind) = kind else {
                all.notice(service, &Unconnected::NotOurs);
                continue;
            };
            all.service(places, service, *kind);
        }
        for side in Side::ALL {
            all.check_sizes(side);
        }
        all
    }

    fn service(&mut self, places: &NetworkPlaces<'_>, service: &Service, kind: TargetKind) {
        for (place, listener) in service.nlb.iter().enumerate() {
            let side = match listener.scheme {
                Scheme::Public => Side::Public,
                Scheme::Internal => Side::Internal,
            };
            let subnets = match places.subnets(side) {
                Ok(subnets) => subnets,
                Err(lack) => {
                    self.notice(service, &lack);
                    continue;
                }
            };
            let of_side = self.subnets.entry(side).or_default();
            of_side.extend(subnets.iter().cloned());
            let certificate = listener.certificate.as_deref();
            if certificate.is_some_and(|arn| !is_of(places.region, arn)) {
                let part = format!(".nlb[{place}].certificate");
                self.problem(service, &part, &Unroutable::CertificateElsewhere);
            }
            let path = format!("services.{}.nlb[{place}]", service.name);
            self.list
                .push(NetworkListener::of(service, listener, (side, kind), path));
        }
        for (part, wrong) in times::wrong(service) {
            self.problem(service, part, &wrong);
        }
    }

    /// Finds out whether a load balancer has room for its listeners, and its group for their networks.
    fn check_sizes(&mut self, side: Side) {
        let of_side = self.list.iter().filter(|listener| listener.side == side);
        let of_side: Vec<&NetworkListener> = of_side.collect();
        let mut wrong = Vec::new();
        if let Some(listener) = of_side.get(LISTENERS_MAX) {
            let max = LISTENERS_MAX;
            wrong.push(listener.problem(&Unroutable::TooManyListeners { max }));
        }
        let mut networks = 0;
        for listener in of_side {
            networks += listener.networks.len();
            if networks > NETWORKS_MAX {
                let (max, private) = (NETWORKS_MAX, PRIVATE.len());
                wrong.push(listener.problem(&Unroutable::TooManyNetworks { max, private }));
                break;
            }
        }
        self.problems.extend(wrong);
    }

    /// Those of a Service.
    pub fn of_service(&self, service: &ServiceName) -> impl Iterator<Item = &NetworkListener> {
        let list = self.list.iter();
        list.filter(move |listener| listener.service == *service)
    }

    /// Adds the address of each, as it may be shown, where its load balancer has a `name` in DNS.
    pub fn add_addresses<'n>(
        &self,
        name: impl Fn(Side) -> Option<&'n String>,
        addresses: &mut Addresses,
    ) {
        for listener in &self.list {
            let Some(name) = name(listener.side) else {
                continue;
            };
            let scheme = match listener.certificate {
                Some(_) => "tls",
                None => "tcp",
            };
            let address = format!("{scheme}://{name}:{}", listener.shown);
            let of_service = addresses.entry(listener.service.clone()).or_default();
            of_service.push(address);
        }
    }

    fn problem(&mut self, service: &Service, part: &str, wrong: &Unroutable) {
        let problem = routes::problem(service, part, wrong.to_string());
        self.problems.push(problem);
    }

    /// One for all listeners of a Service.
    fn notice(&mut self, service: &Service, says: &dyn Display) {
        let (line, name) = (service.line, &service.name);
        let notice = format!("line {line}: `services.{name}.nlb` {says}");
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }
}

impl NetworkListener {
    fn of(
        service: &Service,
        listener: &Listener,
        (side, kind): (Side, TargetKind),
        path: String,
    ) -> Self {
        let all: &[&str] = match side {
            Side::Public => &EVERYBODY,
            Side::Internal => &PRIVATE,
        };
        let networks: BTreeSet<String> = match listener.allow_cidr.as_slice() {
            [] => all.iter().map(|network| (*network).to_owned()).collect(),
            some => some.iter().cloned().collect(),
        };
        Self {
            service: service.name.clone(),
            line: service.line,
            path,
            side,
            port: listener.port,
            shown: listener.shown.clone(),
            certificate: listener.certificate.clone(),
            container_port: listener.container_port,
            kind,
            networks,
            cross_zone: listener.cross_zone,
            // As target groups have it by themselves (Network Load Balancer user guide, "Client IP preservation").
            preserves_client_ip: listener
                .preserve_client_ip
                .unwrap_or(kind == TargetKind::Instance),
            interval: service.health.interval,
            timeout: times::timeout(&service.health),
            drain: service.drain,
        }
    }

    fn problem(&self, wrong: &Unroutable) -> Problem {
        Problem::at(self.line, self.path.clone(), wrong.to_string())
    }
}

/// What is wrong with attaching the ECS service of a Service to `own` target groups of the App's stack and `others`.
#[must_use]
pub fn too_many_groups(service: &Service, own: usize, others: usize) -> Option<Problem> {
    let count = own + others;
    let wrong = Unroutable::TooManyGroups {
        count,
        others,
        max: GROUPS_MAX,
    };
    let is_wrong = own > 0 && count > GROUPS_MAX;
    is_wrong.then(|| routes::problem(service, "", wrong.to_string()))
}

/// Whether a load balancer of a region takes a certificate; those of IAM are of all.
fn is_of(region: &str, certificate: &str) -> bool {
    let of = certificate.split(':').nth(3).unwrap_or_default();
    of.is_empty() || of == region
}
