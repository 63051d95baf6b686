//! AWS as promote's attempt sees it, over the model of the outside: each call is a step of the schedule.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws::call_error::CallError;
use aws::ecs::{
    AtGateways, Change, EcsService, NewService, OneOff, Ran, Rollout, SeenCluster, SeenGateway,
};
use aws::event_rules::SeenRule;
use aws::schedules::SeenSchedule;
use aws::secrets::{ReadableSecret, SecretError, SecretWrite, StandingSecret, ValueWrite, Written};
use aws::stacks::{Operation, Update};
use chrono::{DateTime, Utc};
use environment::ReadEnvironment;
use lambda::release::{ReadRelease, ReleaseError};
use lambda::state_store::Snapshot;
use lambda::unwanted::{Keep, Unwanted};
use lambda::work::RecordRead;
use manifest::Manifest;
use names::{AppId, ReleaseId, SecretArn, keys};
use promote::facts::{self, Agents, Facts, Named, Surroundings, Wanted};
use promote::plan::SecretPlan;
use promote::{Config, Edge, PromoteError};
use promotion::release_commands::{SeenTask, Sought};
use promotion::stop_reason::StopCause;
use promotion::{Applied, KeptVersion, Record};
use release::entrance;
use release::stack_state::SeenStack;
use release::task_definition::TaskDefinition;
use release::timer_rule::{TimerRule, TimerSchedule};

use super::commands::RUNS_SECONDS;
use super::counting;
use super::model::Model;
use super::outside::{Outside, Secret, cluster_arn};
use super::releases::{self, OUTAGE, REFUSED};
use super::stack::Stack;
use super::store::{Access, Luck, failed};

impl Model {
    /// A call that reads.
    async fn look<T>(
        &self,
        call: &str,
        see: impl FnOnce(&Outside, i64) -> T,
    ) -> Result<T, CallError> {
        if self.access.step(call).await != Luck::Good {
            return Err(failed(call));
        }
        let sim = self.access.sim.borrow();
        Ok(see(&sim.outside, sim.now))
    }

    /// A call that changes something, where AWS takes it.
    async fn change<T>(
        &self,
        call: &str,
        change: impl FnOnce(&mut Outside) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.write(call, change).await?
    }

    fn once_in(&self, times: usize) -> bool {
        self.access.sim.borrow_mut().chance.once_in(times)
    }

    /// What AWS says of everything that is refused, whoever asks; of some of it already here.
    fn refuses(&self, definition: &TaskDefinition, times: usize) -> Result<(), CallError> {
        if definition.tags["convox:release"].ends_with(REFUSED) && self.once_in(times) {
            return Err(refused());
        }
        Ok(())
    }

    /// The same of a revision.
    fn refuses_revision(&self, arn: &str, times: usize) -> Result<(), CallError> {
        let sim = self.access.sim.borrow();
        let is_refused = sim.outside.release_of(arn).ends_with(REFUSED);
        drop(sim);
        if is_refused && self.once_in(times) {
            return Err(refused());
        }
        Ok(())
    }

    /// What a Release ran when it was live before.
    pub fn record(&self, id: &AppId, release: &ReleaseId) -> Option<Box<Record>> {
        let key = keys::record(&id.app, release);
        let sim = self.access.sim.borrow();
        let (bytes, _) = sim.objects.get(&key)?;
        Some(serde_json::from_slice(bytes).unwrap())
    }

    /// The same with this environment, where the App is applied.
    fn recorded(&self, wanted: &Wanted<'_>) -> Option<Record> {
        let applied = wanted.applied?;
        let record = match wanted.record {
            RecordRead::Known(record) => record.clone(),
            RecordRead::NotYet => self.record(wanted.id, wanted.release),
        }?;
        let is_same = record.env_version_id == wanted.env_version_id;
        (is_same && applied.release != *wanted.release).then_some(*record)
    }

    /// Whether there is one with any environment.
    fn was_live(&self, wanted: &Wanted<'_>) -> bool {
        let others = wanted
            .applied
            .is_some_and(|it| it.release != *wanted.release);
        let known = match wanted.record {
            RecordRead::Known(record) => record.is_some(),
            RecordRead::NotYet => self.record(wanted.id, wanted.release).is_some(),
        };
        others && known
    }

    async fn begin(&self, call: &str, body: Option<&str>, token: &str) -> Result<(), CallError> {
        let ends_at = self.stack_ends_at();
        self.change(call, |outside| {
            let number = outside.stacks;
            outside.stacks += 1;
            let stack = outside.stack.get_or_insert_with(|| Stack::new(number));
            stack.begin(body, token, ends_at);
            Ok(())
        })
        .await
    }

    /// Puts a value under the first of these ids that Secrets Manager takes.
    async fn put(&self, call: &str, ids: &[String], value: &str) -> Result<Written, SecretError> {
        for id in ids {
            let somebody_is_quicker = self.access.sim.borrow().trouble > 0 && self.once_in(6);
            let put = self.change(call, |outside| {
                let secret = outside.secret.as_mut().filter(|_| somebody_is_quicker);
                secret.map(Secret::audit);
                let taken = outside.put_secret(id, value)?;
                Ok(taken.then(|| outside.written(id, true)))
            });
            if let Some(written) = put.await? {
                return Ok(written);
            }
        }
        Err(SecretError::Contended {
            name: counting::id().secret(),
        })
    }

    fn is_out(value: &str) -> bool {
        value.contains(OUTAGE)
    }

    fn timed_out(&self) -> SecretError {
        SecretError::TimedOut(self.config.release.secrets_manager_timeout)
    }

    /// Encrypts the secret with the Rack's key.
    async fn encrypt_anew(&self) -> Result<(), CallError> {
        self.change("encrypt the secret anew", |outside| {
            if let Some(secret) = &mut outside.secret {
                secret.encrypt_anew(self.config.secret_key_arn.as_ref());
            }
            Ok(())
        })
        .await
    }

    /// What moves to a revision of the Release that is promoted finds its release commands ended well, unless it was live before.
    fn finds_commands_ended(&self, definition: &str) {
        let promotes = self.promotes.borrow();
        let sim = self.access.sim.borrow();
        let own = promotes.as_ref().map(|(release, _)| release.as_str());
        let own = own.filter(|own| sim.outside.release_of(definition) == *own);
        let Some(release) = own.and_then(|own| ReleaseId::new(own).ok()) else {
            return;
        };
        let applied = sim.promotion().applied;
        let is_applied = applied.is_some_and(|applied| applied.release == release);
        let key = keys::record(&counting::id().app, &release);
        if is_applied || sim.objects.contains_key(&key) {
            return;
        }
        for service in releases::with_commands(release.as_str()) {
            let (commands, now) = (&sim.outside.commands, sim.now);
            assert!(
                commands.has_ended_well(release.as_str(), &service, now),
                "nothing of {release} moves before the release command of {service} has ended well"
            );
        }
    }

    /// What a move to a revision without a version in its references has to find: its own Release's environment is current.
    fn moves_to(&self, definition: &str) {
        self.finds_commands_ended(definition);
        let mut sim = self.access.sim.borrow_mut();
        let applied = sim.promotion().applied;
        let mut known = applied.iter().flat_map(Applied::definitions);
        // What is applied, or stood in its place, may be put back, whatever could be done for the secret.
        let is_new = known.all(|known| {
            let stands = known.stands.as_ref().map(|stands| &stands.arn);
            known.arn != definition && stands.is_none_or(|stands| stands != definition)
        });
        if is_new && sim.outside.floats(definition) {
            sim.outside.met.count("moves to what names no version");
        }
        let outside = &sim.outside;
        let secret = outside.secret.as_ref();
        let is_theirs = secret.is_some_and(|secret| secret.is_overwritten);
        let is_early = outside.floats(definition)
            && outside.sees(definition).as_ref() != Ok(outside.own(definition));
        if is_new && !is_theirs && is_early {
            sim.outside.moved_early = Some(definition.to_owned());
        }
    }
}

fn refused() -> CallError {
    CallError::stated("ask for it", "AccessDeniedException", Some("it is denied"))
}

fn standing_secret(outside: &Outside, value: &str, ids: &[String]) -> StandingSecret {
    let Some(secret) = &outside.secret else {
        return StandingSecret::default();
    };
    let held = |id: &str| Some(secret.versions.get(id)?.value.as_str());
    let standing = if secret.is_deleted {
        StandingSecret::scheduled(secret.arn(), secret.stages())
    } else {
        StandingSecret::active(secret.arn(), secret.stages(), (value, ids), held)
    };
    standing.encrypted_with(secret.key.as_deref())
}

/// The cluster has a gateway for everybody.
fn gateways(manifest: &Manifest) -> Vec<SeenGateway> {
    let mut services = manifest.services.iter();
    let is_asked = services.any(|service| service.gateway);
    let gateway = is_asked.then(|| SeenGateway {
        arn: "arn:aws:ecs:us-east-1:123456789012:gateway/all".to_owned(),
        access: Some(entrance::Access::Public),
        subnets: BTreeSet::new(),
    });
    gateway.into_iter().collect()
}

impl Edge for Model {
    type Objects = Access;

    fn config(&self) -> &Config {
        self.config
    }

    fn now(&self) -> DateTime<Utc> {
        self.access.now()
    }

    /// Nobody's clock waits for it: others go on meanwhile.
    async fn wait_until(&self, _: DateTime<Utc>) {
        self.access.step("wait for a minute without a run").await;
    }

    fn objects(&self) -> &Access {
        &self.access
    }

    async fn facts(&self, wanted: &Wanted<'_>) -> Result<Facts, PromoteError> {
        let now = self.access.now();
        let was_live = self.was_live(wanted);
        let record = self.recorded(wanted);
        let release = wanted.release.as_str();
        let own = releases::environment(release, wanted.env_version_id);
        *self.promotes.borrow_mut() = Some((release.to_owned(), own.environment));
        let facts = self.look("gather", |outside, second| {
            let broken = outside.settings_are_broken;
            let release = releases::read(release, wanted.env_version_id, broken)?;
            let (settings, manifest) = (&release.settings, &release.manifest);
            let (decision, env_version, refused) =
                facts::decide_delivery(self.config, settings, manifest);
            let before = wanted.applied.map(|applied| {
                let (release, version) = (applied.release.as_str(), &applied.env_version_id);
                releases::environment(release, version).environment
            });
            let environment = &release.environment.environment;
            let version_ids = facts::version_ids(
                self.config,
                wanted,
                wanted.env_version_id,
                environment,
                before.as_ref(),
            );
            let value = environment.to_secret_string();
            let secret = standing_secret(outside, &value, &version_ids);
            let mut timers = manifest.timers.iter();
            let looks_at_schedules =
                wanted.may_stand.schedules || timers.any(|timer| timer.timezone.is_some());
            let (own_services, own_rules) = releases::runs_as(wanted.release.as_str());
            let keep = Keep {
                services: &own_services,
                rules: &own_rules,
                schedules: looks_at_schedules,
            };
            let services = outside.services_at(second);
            let services = services.filter(|service| own_services.contains(&service.name));
            let services = services.map(|service| (service.name.clone(), service.clone()));
            let rules = outside.rules.iter();
            let rules = rules.filter(|(name, _)| own_rules.contains(*name));
            let rules = rules.map(|(name, rule)| (name.clone(), rule.clone()));
            let schedules = outside.schedules.iter();
            let schedules =
                schedules.filter(|(name, _)| looks_at_schedules && own_rules.contains(*name));
            let schedules = schedules.map(|(name, seen)| (name.clone(), seen.clone()));
            let newest = wanted.may_find_more().then(|| outside.newest_revisions());
            let mut surroundings = Surroundings {
                services: services.collect(),
                named: Named::default(),
                rules: rules.collect(),
                schedules: schedules.collect(),
                newest: newest.unwrap_or_default(),
                dead: BTreeSet::new(),
                elsewhere: BTreeSet::new(),
                live_groups: BTreeSet::new(),
                gateways: gateways(manifest),
                agents: Agents::NotAsked,
                unwanted: outside.unwanted(keep, second),
            };
            if surroundings.looks_at_connectors(wanted, manifest) {
                outside.attach(&mut surroundings);
            }
            let idle = wanted.applied.map(|applied| surroundings.idle(applied));
            let idle = idle.into_iter().flatten();
            surroundings.dead = idle.filter(|arn| !outside.is_active(arn)).collect();
            let others = surroundings.not_applied(wanted).into_iter();
            let references = others.flat_map(|arn| outside.references(&arn));
            surroundings.elsewhere = references.collect();
            let recorded = record
                .iter()
                .flat_map(|it| it.services.values().chain(it.timers.values()));
            let dead = recorded.map(|known| known.arn.clone());
            surroundings
                .dead
                .extend(dead.filter(|arn| !outside.is_active(arn)));
            let stack = outside.stack.as_ref().map(|stack| stack.seen(wanted.id));
            Ok(Facts {
                release,
                environment_bytes: 0,
                record,
                was_live,
                applied_environment: before.map(Ok),
                env_version_id: wanted.env_version_id.to_owned(),
                decision,
                env_version,
                refused,
                cluster: cluster(),
                stranded: None,
                stack,
                reservations: Snapshot::default(),
                secret: Some(secret),
                version_ids,
                secret_key_arn: self.config.secret_key_arn.clone(),
                surroundings,
                now,
            })
        });
        facts.await?
    }

    async fn applied_release(
        &self,
        _: &AppId,
        applied: &Applied,
    ) -> Result<ReadRelease, ReleaseError> {
        let (release, version) = (applied.release.as_str(), &applied.env_version_id);
        self.look("read the applied Release", |outside, _| {
            releases::read(release, version, outside.settings_are_broken)
        })
        .await?
    }

    async fn environment(
        &self,
        _: &AppId,
        release: &ReleaseId,
        env_version_id: &str,
    ) -> Result<ReadEnvironment, ReleaseError> {
        let read = self.look("read an environment", |_, _| {
            releases::environment(release.as_str(), env_version_id)
        });
        Ok(read.await?)
    }

    async fn cluster(&self) -> Result<Option<SeenCluster>, CallError> {
        self.look("see the cluster", |_, _| Some(cluster())).await
    }

    async fn services(&self, names: &[String]) -> Result<BTreeMap<String, EcsService>, CallError> {
        self.look("see services", |outside, now| {
            let found = names.iter().filter_map(|name| {
                let service = outside.service_called(name, now)?;
                Some((name.clone(), service.clone()))
            });
            found.collect()
        })
        .await
    }

    async fn at_gateways(
        &self,
        services: &[&EcsService],
    ) -> Result<BTreeMap<String, AtGateways>, CallError> {
        self.look("see what attaches services", |outside, _| {
            let names = services.iter().map(|service| &service.name);
            let at = names.filter_map(|it| Some((it.clone(), outside.at_gateways(it)?)));
            at.collect()
        })
        .await
    }

    async fn rule(&self, name: &str) -> Result<Option<SeenRule>, CallError> {
        self.look("see the rule", |outside, _| {
            outside.rules.get(name).cloned()
        })
        .await
    }

    async fn schedule(&self, name: &str) -> Result<Option<SeenSchedule>, CallError> {
        self.look("see the schedule", |outside, _| {
            outside.schedules.get(name).cloned()
        })
        .await
    }

    async fn rollouts(&self, names: &[String]) -> Result<BTreeMap<String, Rollout>, CallError> {
        self.look("see deployments", |outside, _| outside.rollouts(names))
            .await
    }

    async fn stop_cause(&self, _: &str, _: &str) -> Result<Option<StopCause>, CallError> {
        self.look("see stopped tasks", |_, _| None).await
    }

    async fn seen_task(&self, sought: &Sought) -> Result<SeenTask, CallError> {
        self.look("see a task", |outside, now| {
            outside.commands.seen(sought, now)
        })
        .await
    }

    async fn remove_mark(&self, key: &str) -> Result<(), CallError> {
        let luck = self.access.step("take a mark away").await;
        if luck != Luck::Refused {
            self.access.sim.borrow_mut().objects.remove(key);
        }
        match luck {
            Luck::Good => Ok(()),
            _ => Err(failed("take a mark away")),
        }
    }

    async fn is_active(&self, revision: &str) -> Result<bool, CallError> {
        let see = self.look("see a revision", |outside, _| outside.is_active(revision));
        see.await
    }

    async fn unwanted(&self, _: &AppId, keep: Keep<'_>) -> Result<Unwanted, CallError> {
        self.look("see what is unwanted", |outside, now| {
            outside.unwanted(keep, now)
        })
        .await
    }

    async fn stack(&self, id: &AppId) -> Result<Option<SeenStack>, CallError> {
        self.look("see the stack", |outside, _| {
            outside.stack.as_ref().map(|stack| stack.seen(id))
        })
        .await
    }

    async fn create_stack(&self, _: &AppId, operation: Operation<'_>) -> Result<(), CallError> {
        let Operation { body, token, .. } = operation;
        self.begin("create the stack", Some(body), token).await
    }

    async fn update_stack(&self, _: &AppId, operation: Operation<'_>) -> Result<Update, CallError> {
        let Operation { body, token, .. } = operation;
        self.begin("update the stack", Some(body), token).await?;
        Ok(Update::Begun)
    }

    async fn delete_stack(&self, _: &str, token: &str) -> Result<(), CallError> {
        self.begin("delete the stack", None, token).await
    }

    async fn create_secret(
        &self,
        _: &AppId,
        _: Duration,
    ) -> Result<Option<SecretArn>, SecretError> {
        let is_slower = self.access.sim.borrow().trouble > 0 && self.once_in(6);
        let created = self.change("create the secret", |outside| {
            let secret = outside.create_secret();
            secret.key.clone_from(&self.config.secret_key_arn);
            Ok(secret.arn())
        });
        let arn = created.await?;
        Ok((!is_slower).then_some(arn))
    }

    async fn write_secret(
        &self,
        id: &AppId,
        plan: &SecretPlan<'_>,
        (write, _): (Option<SecretWrite>, Duration),
    ) -> Result<Written, SecretError> {
        // Without a write what stands is looked at again; here it is as it was planned.
        let write = write.unwrap_or_else(|| plan.write.clone());
        let value = plan.value.as_str();
        let is_out = Self::is_out(value);
        if is_out && self.once_in(2) {
            return Err(self.timed_out());
        }
        let other_key = match &write {
            SecretWrite::Existing { other_key, .. } => other_key.is_some(),
            SecretWrite::Create { .. } => false,
        };
        if other_key {
            self.encrypt_anew().await?;
        }
        if let SecretWrite::Existing { arn, .. } = &write {
            for version_id in &plan.make_room {
                self.forget(id, arn, version_id, false).await?;
            }
        }
        let ids = write.version_id().into_iter().flat_map(|first| {
            let ids = plan.version_ids.iter();
            ids.skip_while(move |id| *id != first).cloned()
        });
        let ids: Vec<String> = ids.collect();
        let written = match &write {
            SecretWrite::Create { .. } => {
                self.create_secret(id, Duration::ZERO).await?;
                self.put("put the first version", &ids, value).await
            }
            SecretWrite::Existing { then, .. } => match then {
                ValueWrite::Put { .. } | ValueWrite::First { .. } => {
                    self.put("put a version", &ids, value).await
                }
                ValueWrite::Restore { .. } => {
                    self.change("restore the secret", |outside| {
                        if let Some(secret) = &mut outside.secret {
                            secret.is_deleted = false;
                        }
                        Ok(())
                    })
                    .await?;
                    self.put("put a version", &ids, value).await
                }
                ValueWrite::Label { version_id } => {
                    let labelled = self.change("label the version", |outside| {
                        let changed = outside.label(version_id)?;
                        Ok(outside.written(version_id, changed))
                    });
                    Ok(labelled.await?)
                }
                other => panic!("the model never asks for {other:?}"),
            },
        };
        if is_out {
            Err(self.timed_out())
        } else {
            written
        }
    }

    async fn readable_secret(&self, id: &AppId) -> Result<ReadableSecret, SecretError> {
        let name = id.secret();
        let seen = self.look("see the secret", |outside, _| match &outside.secret {
            None => Err(SecretError::Missing { name }),
            Some(secret) if secret.is_deleted => Err(SecretError::ScheduledForDeletion { name }),
            Some(secret) => Ok(ReadableSecret {
                arn: secret.arn(),
                stages: secret.stages(),
            }),
        });
        seen.await?
    }

    async fn put_version_back(
        &self,
        _: &AppId,
        version: &KeptVersion,
        value: &str,
    ) -> Result<Written, SecretError> {
        let ids = [version.id.clone()];
        self.encrypt_anew().await?;
        self.put("put a version back", &ids, value).await
    }

    async fn make_current(
        &self,
        _: &AppId,
        _: &ReadableSecret,
        version_id: &str,
    ) -> Result<(), SecretError> {
        let made = self.change("make a version current", |outside| {
            let secret = outside.secret.as_mut().filter(|secret| !secret.is_deleted);
            let secret = secret.filter(|secret| secret.versions.contains_key(version_id));
            let gone = || CallError::stated("move AWSCURRENT", "ResourceNotFoundException", None);
            secret.ok_or_else(gone)?.make_current(version_id);
            Ok(())
        });
        Ok(made.await?)
    }

    async fn forget(
        &self,
        _: &AppId,
        _: &SecretArn,
        version_id: &str,
        _: bool,
    ) -> Result<(), SecretError> {
        let forgotten = self.change("forget a version", |outside| {
            outside.forget(version_id);
            Ok(())
        });
        Ok(forgotten.await?)
    }

    async fn register(&self, definition: &TaskDefinition) -> Result<String, CallError> {
        self.refuses(definition, 4)?;
        let own = {
            let promotes = self.promotes.borrow();
            let (release, environment) = promotes.as_ref().expect("a Release is promoted");
            releases::given(release, &definition.family, environment)
        };
        self.change("register", |outside| Ok(outside.register(definition, own)))
            .await
    }

    async fn run(&self, one: &OneOff<'_>) -> Result<Ran, CallError> {
        let runs = self.access.sim.borrow_mut().chance.one_of(&RUNS_SECONDS);
        let now = self.access.sim.borrow().now;
        self.change("run a task", |outside| {
            Ok(Ran::Started(outside.commands.run(one, now, now + runs)))
        })
        .await
    }

    async fn create_service(&self, service: &NewService<'_>) -> Result<(), CallError> {
        self.refuses_revision(service.definition, 2)?;
        self.moves_to(service.definition);
        let now = self.access.sim.borrow().now;
        self.change("create the service", |outside| {
            outside.create_service(service, now)
        })
        .await
    }

    async fn move_service(
        &self,
        service: &EcsService,
        definition: &str,
        change: Change<'_>,
    ) -> Result<(), CallError> {
        self.refuses_revision(definition, 2)?;
        self.moves_to(definition);
        let now = self.access.sim.borrow().now;
        let name = &service.name;
        self.change("move the service", |outside| {
            outside.move_service(name, (definition, now), change)
        })
        .await
    }

    async fn delete_service(&self, name: &str) -> Result<(), CallError> {
        let now = self.access.sim.borrow().now;
        self.change("delete the service", |outside| {
            outside.delete_service(name, now);
            Ok(())
        })
        .await
    }

    async fn put_rule(
        &self,
        name: &str,
        rule: &TimerRule,
        _: Option<&SeenRule>,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), CallError> {
        self.refuses_revision(&rule.target.task_definition, 1)?;
        self.moves_to(&rule.target.task_definition);
        let rule = SeenRule::firing(rule.clone(), tags.clone());
        self.change("put the rule", |outside| {
            outside.rules.insert(name.to_owned(), rule);
            Ok(())
        })
        .await
    }

    async fn make_rule_again(
        &self,
        name: &str,
        rule: &TimerRule,
        _: bool,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), CallError> {
        let rule = SeenRule::firing(rule.clone(), tags.clone());
        self.change("make the rule again", |outside| {
            outside.rules.insert(name.to_owned(), rule);
            Ok(())
        })
        .await
    }

    async fn remove_rule(&self, name: &str) -> Result<(), CallError> {
        self.change("remove the rule", |outside| {
            outside.remove_rule(name);
            Ok(())
        })
        .await
    }

    async fn put_schedule(
        &self,
        name: &str,
        schedule: &TimerSchedule,
        seen: Option<&SeenSchedule>,
        (id, is_disabled): (&AppId, bool),
    ) -> Result<(), CallError> {
        self.refuses_revision(&schedule.rule.target.task_definition, 1)?;
        self.moves_to(&schedule.rule.target.task_definition);
        let put = SeenSchedule::firing(schedule.clone(), id, is_disabled);
        self.change("put the schedule", |outside| {
            let stands = outside.schedules.contains_key(name);
            if stands != seen.is_some() {
                let code = if stands {
                    "OperationAborted" // what EventBridge Scheduler calls a conflict is looked at again
                } else {
                    "ResourceNotFoundException"
                };
                return Err(CallError::stated("put the schedule", code, None));
            }
            outside.schedules.insert(name.to_owned(), put);
            Ok(())
        })
        .await
    }

    async fn remove_schedule(&self, name: &str) -> Result<(), CallError> {
        self.change("remove the schedule", |outside| {
            outside.remove_schedule(name);
            Ok(())
        })
        .await
    }
}

fn cluster() -> SeenCluster {
    SeenCluster {
        arn: cluster_arn(),
        capacity_providers: Vec::new(),
    }
}
