//! The work of both functions, in the order of their own steps, on the model of the outside. The way through the state
//! around it is the real one.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use lambda::state_store::StoreError;
use lambda::work::{Attempt, Function};
use manifest::precedence::EnvDelivery;
use names::error_type::ErrorCode;
use names::{AppId, SecretArn};
use promotion::events::{Event, EventType};
use promotion::{
    Applied, Desired, Finished, Kind, Outcome, OutcomeResult, Runs, SecretVersion, Status,
};

use super::counting;
use super::outside::{Definition, Secret, Service};
use super::stack;
use super::store::{Access, Luck, failed};

/// A Release whose environment lacks a variable: the user's error, found before anything is written.
pub const BAD: &str = "bad";
/// A Release that ECS refuses after the secret was written: a permanent error.
pub const REFUSED: &str = "refused";
/// A Release while Secrets Manager is out: it falls back.
pub const OUTAGE: &str = "outage";
/// A Release whose stack CloudFormation cannot bring up.
pub const STUCK: &str = "stuck";
const DRAINS_SECONDS: i64 = 90;

/// A function of one kind.
#[derive(Debug)]
pub struct Model {
    pub kind: Kind,
    pub access: Access,
}

#[derive(Debug)]
pub enum ModelError {
    /// Transient: the message comes back.
    Again,
}

impl From<StoreError> for ModelError {
    fn from(_: StoreError) -> Self {
        Self::Again
    }
}

impl From<aws::call_error::CallError> for ModelError {
    fn from(_: aws::call_error::CallError) -> Self {
        Self::Again
    }
}

impl Function for Model {
    type Report = ();
    type Error = ModelError;
    type Objects = Access;
    type Bus = Access;

    fn kind(&self) -> Kind {
        self.kind
    }

    fn objects(&self) -> &Access {
        &self.access
    }

    fn bus(&self) -> &Access {
        &self.access
    }

    fn now(&self) -> DateTime<Utc> {
        self.access.now()
    }

    async fn attempt(
        &self,
        id: &AppId,
        desired: &Desired,
        applied: Option<&Applied>,
    ) -> Result<Attempt<()>, ModelError> {
        let finished = match desired.promotes() {
            Some((release, version)) => {
                let wanted = (release.as_str(), version);
                self.promote(id, desired, applied, wanted).await?
            }
            None => self.delete(id, desired).await?,
        };
        let report = matches!(finished.status, Status::Done | Status::Failed { .. });
        Ok(Attempt {
            finished,
            report: report.then_some(()),
        })
    }
}

impl Model {
    /// A call that changes something outside.
    pub async fn write<T>(
        &self,
        call: &str,
        change: impl FnOnce(&mut super::outside::Outside) -> T,
    ) -> Result<T, ModelError> {
        let luck = self.access.step(call).await;
        if luck == Luck::Refused {
            return Err(failed(call).into());
        }
        let mut sim = self.access.sim.borrow_mut();
        // Who writes outside holds the lease: that is what it is for.
        let holder = sim.promotion().lease.map(|lease| lease.owner);
        assert_eq!(
            holder.as_deref(),
            Some(self.access.owner.as_str()),
            "only the holder of the lease changes anything outside: {call}"
        );
        let value = change(&mut sim.outside);
        match luck {
            Luck::LostAnswer => Err(failed(call).into()),
            _ => Ok(value),
        }
    }

    async fn promote(
        &self,
        id: &AppId,
        desired: &Desired,
        applied: Option<&Applied>,
        (release, version): (&str, &str),
    ) -> Result<Finished, ModelError> {
        let request_id = desired.order.request_id.as_str();
        if self.access.step("gather").await != Luck::Good {
            return Err(ModelError::Again);
        }
        if desired.deadline <= self.now() {
            return self
                .fail(id, desired, applied, "DeadlineExceeded", None, false)
                .await;
        }
        if release == BAD || self.access.sim.borrow().outside.settings_are_broken {
            return self
                .fail(id, desired, applied, "MissingVariables", None, false)
                .await;
        }
        if self.drains() {
            return Ok(self.waiting(request_id, "draining"));
        }
        let ended = self.settle_stack(id, desired, applied, release).await?;
        if let Some(finished) = ended {
            return Ok(finished);
        }
        let environment = format!("{release}@{version}");
        let (secret, outcome) = if release == OUTAGE {
            (None, result(OutcomeResult::Failed, Some("Timeout")))
        } else {
            let token = format!("{request_id}-{environment}");
            self.write("put secret", |outside| {
                put_secret(&mut outside.secret, &token, &environment);
            })
            .await?;
            (Some(token), result(OutcomeResult::Ok, None))
        };
        let definition = self
            .write("register", |outside| {
                outside.register(&environment, secret.as_deref())
            })
            .await?;
        if release == REFUSED {
            return self
                .fail(
                    id,
                    desired,
                    applied,
                    "AccessDeniedException",
                    Some(outcome),
                    true,
                )
                .await;
        }
        let runs = Service::Runs(definition.clone());
        self.write("move service", |outside| outside.service = Some(runs))
            .await?;
        let target = definition.clone();
        self.write("put rule", |outside| outside.rule = Some(target))
            .await?;
        if self.access.step("report").await == Luck::Refused {
            return Err(ModelError::Again);
        }
        let now = applied_now(desired, &definition);
        Ok(finished(
            id,
            request_id,
            Status::Done,
            Runs::Now(Box::new(now)),
            Some(outcome),
        ))
    }

    async fn delete(&self, id: &AppId, desired: &Desired) -> Result<Finished, ModelError> {
        let request_id = desired.order.request_id.as_str();
        self.write("remove rule", |outside| outside.rule = None)
            .await?;
        let now = self.access.sim.borrow().now;
        self.write("delete service", |outside| {
            if let Some(Service::Runs(definition)) = &outside.service {
                outside.deregistered.push(definition.arn.clone());
                outside.service = Some(Service::Drains(now + DRAINS_SECONDS));
            }
        })
        .await?;
        self.write("deregister", |outside| {
            let gone = &outside.deregistered;
            outside.revisions.retain(|known| !gone.contains(&known.arn));
        })
        .await?;
        if self.drains() {
            return Ok(self.waiting(request_id, "draining"));
        }
        if let Some(at_work) = self.stack_is_at_work() {
            if !at_work {
                self.delete_stack(request_id).await?;
            }
            return Ok(self.waiting(request_id, "the stack"));
        }
        self.write("delete secret", |outside| {
            if let Some(secret) = &mut outside.secret {
                secret.is_deleted = true;
            }
        })
        .await?;
        let outcome = Some(result(OutcomeResult::Deleted, None));
        Ok(finished(
            id,
            request_id,
            Status::Done,
            Runs::Nothing,
            outcome,
        ))
    }

    /// Ends for good; what this request, or an unfinished one before it, changed is put back first.
    pub async fn fail(
        &self,
        id: &AppId,
        desired: &Desired,
        applied: Option<&Applied>,
        reason: &str,
        outcome: Option<Outcome>,
        wrote: bool,
    ) -> Result<Finished, ModelError> {
        if let Some(applied) = applied.filter(|_| wrote || desired.interrupted) {
            self.put_back(applied).await?;
        }
        let status = Status::Failed {
            reason: ErrorCode::answered(reason),
            unrestored: Vec::new(),
        };
        let request_id = desired.order.request_id.as_str();
        Ok(finished(id, request_id, status, Runs::AsBefore, outcome))
    }

    async fn put_back(&self, applied: &Applied) -> Result<(), ModelError> {
        if let Some(secret) = &applied.secret {
            let (version, environment) = (secret.version_id.clone(), applied_environment(applied));
            self.write("put secret back", |outside| {
                put_secret(&mut outside.secret, &version, &environment);
            })
            .await?;
        }
        let known = applied.services["web"].arn.clone();
        let definition = Definition {
            environment: applied_environment(applied),
            secret_version: applied
                .secret
                .as_ref()
                .map(|secret| secret.version_id.clone()),
            arn: known,
        };
        // A deletion that was under way cannot be undone: what is gone is told and stays gone.
        let again = definition.clone();
        self.write("move service back", |outside| {
            if let Some(Service::Runs(_)) = outside.service {
                outside.service = Some(Service::Runs(again));
            }
        })
        .await?;
        self.write("put rule back", |outside| {
            if outside.rule.is_some() {
                outside.rule = Some(definition);
            }
        })
        .await
    }

    fn drains(&self) -> bool {
        let sim = self.access.sim.borrow();
        matches!(sim.outside.service_at(sim.now), Some(Service::Drains(_)))
    }

    pub fn waiting(&self, request_id: &str, reason: &str) -> Finished {
        let kind = match self.kind {
            Kind::Promote => EventType::ReleasePromoteWaiting,
            Kind::Delete => EventType::AppDeletionWaiting,
        };
        let fields = [("message", reason.into())];
        Finished {
            request_id: request_id.to_owned(),
            status: Status::Waiting {
                reason: reason.to_owned(),
                until: self.now() + TimeDelta::seconds(60),
            },
            runs: Runs::AsBefore,
            outcome: None,
            events: vec![Event::new(kind, &counting::id(), request_id, fields)],
        }
    }
}

/// Writes a value under a token, as promote does: restored where it must be, current in the end.
fn put_secret(secret: &mut Option<Secret>, token: &str, environment: &str) {
    let secret = secret.get_or_insert_default();
    secret.is_deleted = false;
    let version = secret.versions.entry(token.to_owned());
    let held = version.or_insert_with(|| environment.to_owned());
    assert_eq!(held, environment, "a token stands for one value");
    token.clone_into(&mut secret.current);
}

fn result(result: OutcomeResult, error_type: Option<&str>) -> Outcome {
    Outcome {
        result,
        error_type: error_type.map(ErrorCode::answered),
    }
}

/// The environment that an applied Release delivers.
pub fn applied_environment(applied: &Applied) -> String {
    format!("{}@{}", applied.release, applied.env_version_id)
}

fn applied_now(desired: &Desired, definition: &Definition) -> Applied {
    let (release, version) = desired.promotes().expect("a promote");
    let registered = promotion::Definition {
        arn: definition.arn.clone(),
        digest: definition.environment.clone(),
        runs_as: "rack_shop_web".to_owned(),
        schedule: None,
        capacity: None,
        deployment: None,
        set: None,
        stands: None,
    };
    let secret = definition.secret_version.clone();
    Applied {
        release: release.clone(),
        request_id: desired.order.request_id.clone(),
        env_version_id: version.to_owned(),
        delivery: match secret {
            Some(_) => EnvDelivery::SecretsManager,
            None => EnvDelivery::S3,
        },
        secret: secret.map(|version_id| SecretVersion {
            arn: SecretArn::returned("arn"),
            version_id,
        }),
        services: BTreeMap::from([("web".to_owned(), registered)]),
        timers: BTreeMap::new(),
        stack: Some(stack::needs(release.as_str())),
        cluster: None,
        network: None,
        stack_digest: None,
    }
}

fn finished(
    id: &AppId,
    request_id: &str,
    status: Status,
    runs: Runs,
    outcome: Option<Outcome>,
) -> Finished {
    let kind = match (&status, &runs) {
        (Status::Failed { .. }, _) => EventType::ReleasePromoteFailed,
        (_, Runs::Nothing) => EventType::AppSecretDeletionScheduled,
        _ => EventType::ReleasePromoted,
    };
    let event = Event::new(kind, id, request_id, []);
    let outcome = outcome.map(|outcome| {
        let event = Event::of_outcome(id, None, request_id, &outcome);
        (outcome, event)
    });
    Finished {
        request_id: request_id.to_owned(),
        status,
        runs,
        outcome,
        events: vec![event],
    }
}
