//! ECS services: moved back, or made again where they are gone.

use std::fmt;

use aws::call_error::{CallError, ErrorClass};
use aws::ecs::{EcsService, is_same_cluster};
use lambda::intake::Failure as _;
use manifest::capacity::Capacity;
use manifest::{Deployment, Manifest, Service};
use names::AppId;
use names::error_chain::Chain;
use promotion::{Definition, Setting};
use release::timer_rule::{Network, Placement};

use super::{Back, Undo, named};
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::plan::{Action, NewEcsService, ServiceMove};
use crate::standing::is_older;

impl<E: Edge> Undo<'_, E> {
    pub(super) async fn services(&self, back: &mut Back) -> Result<(), PromoteError> {
        let known = self.in_question(&self.applied.services, &self.touched.services);
        let cluster = &self.edge.config().release.cluster;
        let former = self.applied.cluster.as_deref();
        if let Some(former) = former.filter(|former| !is_same_cluster(cluster, former)) {
            // They are not gone: they run where nobody of this Rack moves anything any more.
            let says = format!(
                "the ECS services of Release {} are those of cluster `{former}`, so none was made \
                 in `{cluster}`",
                self.applied.release
            );
            back.left.extend((!known.is_empty()).then_some(says));
            return Ok(());
        }
        let names: Vec<String> = known
            .iter()
            .map(|(_, known)| known.runs_as.clone())
            .collect();
        let running = self.edge.services(&names).await?;
        let mut gone = Vec::new();
        for (name, known) in known {
            let runs_as = &known.runs_as;
            let Some(service) = running.get(runs_as) else {
                gone.push((name, known));
                continue;
            };
            let aim = self.aim(known);
            match aim.way(self.id, service, known, self.interrupted) {
                Way::None => {}
                Way::Impossible(why) => {
                    back.left.push(format!("the ECS service `{runs_as}` {why}"));
                }
                Way::Move(moved) => {
                    let moved = self.perform(&Action::Move(moved), aim.arn).await;
                    back.left.extend(named(moved, || {
                        format!("the ECS service `{runs_as}` could not be moved back")
                    })?);
                }
            }
        }
        self.make_again(gone, back).await
    }

    /// Creates services that are gone, as convox.yml of the applied Release has them.
    async fn make_again(
        &self,
        gone: Vec<(&String, &Definition)>,
        back: &mut Back,
    ) -> Result<(), PromoteError> {
        if gone.is_empty() {
            return Ok(());
        }
        let manifest = match self.manifest().await {
            Err(err) if err.class() == ErrorClass::Transient => return Err(err),
            manifest => manifest,
        };
        for (name, known) in gone {
            let runs_as = &known.runs_as;
            let is_gone = |why: &str| format!("the ECS service `{runs_as}` is gone{why}");
            let service = match (&manifest, known.capacity) {
                (_, None) => Err(is_gone(", and it was not this App's to create")),
                (Err(err), _) => Err(is_gone(&format!(" ({})", Chain(err)))),
                (Ok(manifest), Some(capacity)) => match service_of(manifest, name) {
                    None => Err(is_gone(
                        ", and convox.yml of the applied Release does not have it",
                    )),
                    Some(service) => Ok((service, capacity)),
                },
            };
            match service {
                Err(says) => back.left.push(says),
                Ok((service, capacity)) => {
                    let tasks = Tasks::of(known, service);
                    let created = self.create(known, tasks, (service, capacity)).await;
                    let says = format!("the ECS service `{runs_as}` with {tasks}");
                    back.note(named(created, || is_gone(""))?, says);
                }
            }
        }
        Ok(())
    }

    fn aim<'a>(&'a self, known: &'a Definition) -> Aim<'a> {
        let today = &self.edge.config().release.network;
        Aim::of(known, self.applied.network.as_ref(), today)
    }

    async fn create(
        &self,
        known: &Definition,
        tasks: Tasks,
        (service, capacity): (&Service, Capacity),
    ) -> Result<(), CallError> {
        let aim = self.aim(known);
        let network = aim.network.unwrap_or(&self.edge.config().release.network);
        let is_daemon = matches!(tasks, Tasks::OnEveryInstance);
        let deployment = aim.deployment.unwrap_or(service.deployment);
        let new = NewEcsService {
            name: known.runs_as.clone(),
            count: tasks.count(),
            is_daemon,
            deployment: if is_daemon {
                deployment.of_daemon()
            } else {
                deployment
            },
            placement: Placement::on(capacity, network),
        };
        self.perform(&Action::Create(new), aim.arn).await
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
    /// That of today's settings, to which the request may have moved it.
    today: &'a Network,
}

/// The way of an ECS service back.
enum Way<'a> {
    /// It stays as it is.
    None,
    /// It is moved.
    Move(ServiceMove<'a>),
    /// Why there is none.
    Impossible(&'static str),
}

impl<'a> Aim<'a> {
    fn of(known: &'a Definition, recorded: Option<&'a Network>, today: &'a Network) -> Self {
        let stands = known.stands.as_ref();
        let network = stands
            .and_then(|stands| stands.network.as_ref())
            .or(recorded);
        let deployment = stands.and_then(|stands| stands.deployment);
        let deployment = deployment.or(known.deployment);
        Self {
            arn: stands.map_or(known.arn.as_str(), |stands| stands.arn.as_str()),
            network: network.filter(|_| known.capacity.is_some()),
            deployment: deployment.filter(|_| known.capacity.is_some()),
            today,
        }
    }

    fn other_network(&self, service: &EcsService) -> Option<&'a Network> {
        let seen = service.network.as_ref()?;
        self.network
            .filter(|own| own.differs_from(seen, Some(self.today)))
    }

    fn other_deployment(&self, service: &EcsService) -> Option<Deployment> {
        self.deployment.filter(|own| *own != service.deployment)
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
        // A request only ever moves to newer revisions: it was ECS that went back, while nobody of ours looked.
        let went_back = is_older(&service.task_definition, &known.arn);
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
                && self.other_deployment(service).is_none() =>
            {
                Way::None
            }
            capacity => {
                let network = self.network.unwrap_or(self.today);
                let other_network = self.other_network(service).cloned();
                Way::Move(ServiceMove {
                    found: service,
                    deployment: self.other_deployment(service),
                    placement: capacity.map(|capacity| Placement::on(capacity, network)),
                    network: other_network.filter(|_| capacity.is_none()),
                })
            }
        }
    }
}
