//! ECS services: moved back, or made again where they are gone.

use shared::call_error::{CallError, ErrorClass};
use shared::capacity::Capacity;
use shared::ecs::{Change, EcsService, NewService};
use shared::error_chain::Chain;
use shared::intake::Failure as _;
use shared::manifest::{Manifest, Service};
use shared::names::AppId;
use shared::promotion::Definition;
use shared::timer_rule::{Network, Placement};

use super::{PutBack, named};
use crate::error::PromoteError;
use crate::gather;
use crate::standing::is_older;

impl PutBack<'_> {
    pub(super) async fn services(&self) -> Result<Vec<String>, PromoteError> {
        let shell = self.shell;
        let known = self.in_question(&self.applied.services, &self.touched.services);
        let former = self.applied.cluster.as_deref();
        if let Some(former) = former.filter(|former| !shell.cluster.is_called(former)) {
            // They are not gone: they run where nobody of this Rack moves anything any more.
            let now = shell.cluster.name();
            let says = format!(
                "the ECS services of Release {} are those of cluster `{former}`, so none was made in `{now}`",
                self.applied.release
            );
            return Ok((!known.is_empty()).then_some(says).into_iter().collect());
        }
        let names: Vec<String> = known
            .iter()
            .map(|(_, known)| known.runs_as.clone())
            .collect();
        let running = shell.cluster.services(&names).await?;
        let mut left = Vec::new();
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
                Way::Impossible(why) => left.push(format!("the ECS service `{runs_as}` {why}")),
                Way::Move(capacity) => {
                    let network = aim.network.unwrap_or(&shell.config.network);
                    let placement = capacity.map(|capacity| Placement::on(capacity, network));
                    let change = Change {
                        placement: placement.as_ref(),
                        network: aim.other_network(service).filter(|_| capacity.is_none()),
                        ..Change::default()
                    };
                    let moved = shell.cluster.move_service(runs_as, aim.arn, change).await;
                    left.extend(named(moved, || {
                        format!("the ECS service `{runs_as}` could not be moved back")
                    })?);
                }
            }
        }
        left.extend(self.make_again(gone).await?);
        Ok(left)
    }

    /// Creates services that are gone, as convox.yml of the applied Release has them.
    async fn make_again(
        &self,
        gone: Vec<(&String, &Definition)>,
    ) -> Result<Vec<String>, PromoteError> {
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        let mut left = Vec::new();
        let manifest = match gather::manifest(self.shell, &self.of_applied()).await {
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
                Err(says) => left.push(says),
                Ok((service, capacity)) => {
                    let created = self.create(known, service, capacity).await;
                    left.extend(named(created, || is_gone(""))?);
                }
            }
        }
        Ok(left)
    }

    fn aim<'a>(&'a self, known: &'a Definition) -> Aim<'a> {
        let today = &self.shell.config.network;
        Aim::of(known, self.applied.network.as_ref(), today)
    }

    async fn create(
        &self,
        known: &Definition,
        service: &Service,
        capacity: Capacity,
    ) -> Result<(), CallError> {
        let aim = self.aim(known);
        let network = aim.network.unwrap_or(&self.shell.config.network);
        let placement = Placement::on(capacity, network);
        let new = NewService {
            name: &known.runs_as,
            definition: aim.arn,
            count: service.scale.min,
            is_daemon: service.agent.is_some(),
            deployment: service.deployment,
            placement: &placement,
            request_id: &self.own_id(),
            tags: &self.id.tags(),
        };
        self.shell.cluster.create_service(&new).await
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
    /// That of today's settings, to which the request may have moved it.
    today: &'a Network,
}

/// The way of an ECS service back.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// It stays as it is.
    None,
    /// With what its tasks run on, where that changes too.
    Move(Option<Capacity>),
    /// Why there is none.
    Impossible(&'static str),
}

impl<'a> Aim<'a> {
    fn of(known: &'a Definition, recorded: Option<&'a Network>, today: &'a Network) -> Self {
        let stands = known.stands.as_ref();
        let network = stands
            .and_then(|stands| stands.network.as_ref())
            .or(recorded);
        Self {
            arn: stands.map_or(known.arn.as_str(), |stands| stands.arn.as_str()),
            network: network.filter(|_| known.capacity.is_some()),
            today,
        }
    }

    fn other_network(&self, service: &EcsService) -> Option<&'a Network> {
        let seen = service.network.as_ref()?;
        self.network
            .filter(|own| own.differs_from(seen, Some(self.today)))
    }

    fn way(&self, id: &AppId, service: &EcsService, known: &Definition, interrupted: bool) -> Way {
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
                && self.other_network(service).is_none() =>
            {
                Way::None
            }
            capacity => Way::Move(capacity),
        }
    }
}
