//! ECS services: moved back, or made again where they are gone. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws::ecs::EcsService;
use manifest::capacity::Capacity;
use manifest::{Deployment, Manifest, Service};
use names::AppId;
use names::error_chain::Chain;
use promotion::verdict::is_older;
use promotion::{Applied, Definition, Setting, Was};
use release::entrance::{Balancing, Connector};
use release::timer_rule::{Network, Placement};

use super::plan::{Deed, Draft, Step};
use crate::error::PromoteError;
use crate::plan::{Action, NewEcsService, ServiceMove};

impl<'a> Draft<'a> {
    pub(super) fn services(&mut self) -> Result<(), PromoteError> {
        let known = self.case.services();
        if let Some(former) = self.case.elsewhere(self.config) {
            // They are not gone: they run where nobody of this Rack moves anything any more.
            if !known.is_empty() {
                self.left(format!(
                    "the ECS services of Release {} are those of cluster `{former}`, so none was \
                     made in `{}`",
                    self.case.applied.release, self.config.release.cluster
                ));
            }
            return Ok(());
        }
        let running = self.seen.services.as_ref().map_err(Clone::clone)?;
        let (standing, gone): (Vec<_>, Vec<_>) = known
            .into_iter()
            .partition(|(_, known)| running.contains_key(&known.runs_as));
        for (_, known) in standing {
            self.steps.extend(self.back(known, running));
        }
        for (name, known) in gone {
            self.steps.push(self.made_again(name, known));
        }
        Ok(())
    }

    /// Moves an ECS service back, where it runs something else.
    fn back(
        &self,
        known: &'a Definition,
        running: &'a BTreeMap<String, EcsService>,
    ) -> Option<Step<'a>> {
        let (name, aim) = (&known.runs_as, self.aim(known));
        let service = running.get(name)?;
        match aim.way(self.case.id, service, known, self.case.interrupted) {
            Way::None => None,
            Way::Impossible(why) => Some(Step::Left(format!("the ECS service `{name}` {why}"))),
            Way::Move(moved) => Some(Step::Do {
                deed: Box::new(Deed::Run {
                    action: Action::Move(*moved),
                    definition: aim.arn,
                }),
                failed: format!("the ECS service `{name}` could not be moved back"),
                made: None,
            }),
        }
    }

    /// Creates a service that is gone, as convox.yml of the applied Release has it.
    fn made_again(&self, name: &str, known: &'a Definition) -> Step<'a> {
        let runs_as = &known.runs_as;
        let is_gone = |why: &str| format!("the ECS service `{runs_as}` is gone{why}");
        let Some(capacity) = known.capacity else {
            return Step::Left(is_gone(", and it was not this App's to create"));
        };
        let service = match &self.seen.manifest {
            Some(Err(err)) => return Step::Left(is_gone(&format!(" ({})", Chain(err)))),
            Some(Ok(manifest)) => service_of(manifest, name),
            None => None, // it is read where anything is gone
        };
        let Some(service) = service else {
            let why = ", and convox.yml of the applied Release does not have it";
            return Step::Left(is_gone(why));
        };
        let (tasks, aim) = (Tasks::of(known, service), self.aim(known));
        Step::Do {
            deed: Box::new(Deed::Run {
                action: Action::Create(self.new_service(known, tasks, (service, capacity))),
                definition: aim.arn,
            }),
            failed: is_gone(""),
            made: Some(format!("the ECS service `{runs_as}` with {tasks}")),
        }
    }

    fn aim(&self, known: &'a Definition) -> Aim<'a> {
        let today = &self.config.release.network;
        Aim::of(known, self.case.applied, today)
    }

    fn new_service(
        &self,
        known: &Definition,
        tasks: Tasks,
        (service, capacity): (&Service, Capacity),
    ) -> NewEcsService {
        let aim = self.aim(known);
        let network = aim.network.unwrap_or(&self.config.release.network);
        let is_daemon = matches!(tasks, Tasks::OnEveryInstance);
        let was = known.was.as_ref();
        let deployment = aim.deployment.unwrap_or_else(|| service.deployment.clone());
        NewEcsService {
            name: known.runs_as.clone(),
            count: tasks.count(),
            is_daemon,
            deployment: if is_daemon {
                deployment.of_daemon()
            } else {
                deployment
            },
            placement: Placement::on(capacity, network),
            exec: was.and_then(|was| was.exec).unwrap_or(known.exec),
            balancing: aim.balancing.cloned().unwrap_or_default(),
            connectors: aim.connectors.unwrap_or(&known.connectors).to_vec(),
        }
    }
}

/// How many tasks an ECS service that is made again runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tasks {
    /// As many as it was to run.
    AsBefore(u32),
    /// What convox.yml says: nobody wrote down how many it was to run.
    OfManifest(u32),
    /// One on every instance.
    OnEveryInstance,
}

impl Tasks {
    fn of(known: &Definition, service: &Service) -> Self {
        if let Some(count) = known.was.as_ref().and_then(|was| was.count) {
            return Self::AsBefore(count);
        }
        match known.set {
            Some(Setting::Daemon) => Self::OnEveryInstance,
            Some(Setting::Replica { desired_count }) => Self::AsBefore(desired_count),
            _ if service.agent.is_some() => Self::OnEveryInstance,
            _ => Self::OfManifest(service.scale.min),
        }
    }

    /// Counts for nothing where there is one on every instance.
    fn count(self) -> u32 {
        match self {
            Self::AsBefore(count) | Self::OfManifest(count) => count,
            Self::OnEveryInstance => 1,
        }
    }
}

impl fmt::Display for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsBefore(count) => write!(f, "{count} tasks"),
            Self::OfManifest(count) => write!(
                f,
                "{count} tasks, as convox.yml has it, since how many it was to run is not written \
                 down"
            ),
            Self::OnEveryInstance => f.write_str("a task on every instance"),
        }
    }
}

fn service_of<'m>(manifest: &'m Manifest, name: &str) -> Option<&'m Service> {
    let mut services = manifest.services.iter();
    services.find(|service| service.name.as_str() == name)
}

/// What an ECS service goes back to: what stood when the request began, else what is applied.
struct Aim<'a> {
    arn: &'a str,
    /// Of ours only; `None` where nobody wrote it down.
    network: Option<&'a Network>,
    /// The same.
    deployment: Option<Deployment>,
    /// What the request may have changed beside these, of ours only.
    was: Was,
    /// The same.
    balancing: Option<&'a Balancing>,
    /// The same.
    connectors: Option<&'a [Connector]>,
    /// That of today's settings, to which the request may have moved it.
    today: &'a Network,
    /// The older revisions to which a request may have moved it.
    going_back_to: &'a BTreeSet<String>,
}

/// The way of an ECS service back.
enum Way<'a> {
    /// It stays as it is.
    None,
    /// It is moved.
    Move(Box<ServiceMove<'a>>),
    /// Why there is none.
    Impossible(&'static str),
}

impl<'a> Aim<'a> {
    fn of(known: &'a Definition, applied: &'a Applied, today: &'a Network) -> Self {
        let (stands, recorded) = (known.stands.as_ref(), applied.network.as_ref());
        let network = stands
            .and_then(|stands| stands.network.as_ref())
            .or(recorded);
        let was = known.was.clone().unwrap_or_default();
        let deployment = stands.and_then(|stands| stands.deployment.clone());
        let deployment = was.deployment.clone().or(deployment);
        let deployment = deployment.or_else(|| known.deployment.clone());
        let is_ours = known.capacity.is_some();
        let balancing = match stands {
            Some(stands) => stands.balancing.as_ref(),
            None => known.balancing.as_ref(),
        };
        let attached = known.was.as_ref().and_then(|was| was.balancing.as_ref());
        let balancing = attached.or(balancing);
        let connectors = match stands {
            Some(stands) => stands.connectors.as_deref(),
            None => Some(known.connectors.as_slice()),
        };
        Self {
            arn: stands.map_or(known.arn.as_str(), |stands| stands.arn.as_str()),
            network: network.filter(|_| known.capacity.is_some()),
            deployment: deployment.filter(|_| known.capacity.is_some()),
            was: if is_ours { was } else { Was::default() },
            balancing: balancing.filter(|_| known.capacity.is_some()),
            connectors: connectors.filter(|_| is_ours),
            today,
            going_back_to: &applied.going_back_to,
        }
    }

    fn other_network(&self, service: &EcsService) -> Option<&'a Network> {
        let seen = service.network.as_ref()?;
        self.network
            .filter(|own| own.differs_from(seen, Some(self.today)))
    }

    fn other_balancing(&self, service: &EcsService) -> Option<&'a Balancing> {
        self.balancing.filter(|own| !own.is_as(&service.balancing))
    }

    fn other_connectors(&self, service: &EcsService) -> Option<&'a [Connector]> {
        let stand = service.at_gateways.connectors.as_slice();
        self.connectors.filter(|own| *own != stand)
    }

    fn other_deployment(&self, service: &EcsService) -> Option<Deployment> {
        let mut own = self.deployment.clone()?;
        let stands = service.deployment.strategy();
        // ECS takes no other strategy while it is at a deployment.
        let is_fixed = service.is_deploying && own.strategy().shifts() != stands.shifts();
        if let Some(course) = own.course.as_mut().filter(|_| is_fixed) {
            course.strategy = stands;
            course.pause = service
                .deployment
                .course
                .as_ref()
                .and_then(|it| it.pause.clone());
        }
        own.differs_from(&service.deployment).then_some(own)
    }

    fn other_exec(&self, service: &EcsService) -> Option<bool> {
        self.was.exec.filter(|was| *was != service.exec)
    }

    fn other_count(&self, service: &EcsService) -> Option<u32> {
        self.was.count.filter(|was| *was != service.desired_count)
    }

    fn way<'s>(
        &self,
        id: &AppId,
        service: &'s EcsService,
        known: &Definition,
        interrupted: bool,
    ) -> Way<'s> {
        if service.is_draining() {
            return Way::Impossible("is on its way out (DRAINING), which nothing ends early");
        }
        if known.capacity.is_some() && !id.owns(&service.tags) {
            return Way::Impossible("does not carry this App's tags any more, so it is left alone");
        }
        // One that app.json names runs what its owner gave it since: nothing of ours has put that there.
        let runs = &service.task_definition;
        if known.capacity.is_none() && runs != self.arn && !id.names_definition(runs) {
            return Way::None;
        }
        if known.capacity.is_none() && runs != self.arn && !id.may_move(&service.tags) {
            return Way::Impossible(
                "does not carry the tag convox:lent-to of this App any more, so it is left alone",
            );
        }
        // A request moves to newer revisions, or to older ones that it writes down first: it was ECS that went back, while nobody
        // of ours looked.
        let went_back = is_older(runs, &known.arn) && !self.going_back_to.contains(runs);
        if interrupted && known.stands.is_none() && went_back {
            return Way::None;
        }
        let capacity = known.capacity.filter(|known| *known != service.capacity);
        match capacity {
            Some(Capacity::Ec2) => {
                Way::Impossible("runs on Fargate now, and ECS cannot move it back to instances")
            }
            None if service.task_definition == self.arn
                && self.other_network(service).is_none()
                && self.other_deployment(service).is_none()
                && self.other_exec(service).is_none()
                && self.other_balancing(service).is_none()
                && self.other_connectors(service).is_none()
                && self.other_count(service).is_none() =>
            {
                Way::None
            }
            capacity => {
                let network = self.network.unwrap_or(self.today);
                let other_network = self.other_network(service).cloned();
                Way::Move(Box::new(ServiceMove {
                    found: service,
                    deployment: self.other_deployment(service),
                    placement: capacity.map(|capacity| Placement::on(capacity, network)),
                    network: other_network.filter(|_| capacity.is_none()),
                    exec: self.other_exec(service),
                    balancing: self
                        .other_balancing(service)
                        .map(|own| own.clone().placed_as(&service.balancing)),
                    connectors: self.other_connectors(service).map(<[Connector]>::to_vec),
                    count: self.other_count(service),
                }))
            }
        }
    }
}
