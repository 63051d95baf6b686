//! ECS services and rules: created, moved and removed.

use std::time::{Duration, Instant};

use futures_util::future::join;
use futures_util::{StreamExt as _, stream};
use shared::call_error::CallError;
use shared::ecs::{Change, EcsService, NewService};
use shared::promotion::Definition;
use shared::timer_rule::{Network, Placement, TimerRule, TimerTarget};

use super::{Job, Progress};
use crate::error::PromoteError;
use crate::plan::{Process, Runs};

/// Calls of ECS and EventBridge under way at once; ECS changes five services a second after a burst of 50.
const MOVES_AT_ONCE: usize = 32;

/// A Service or Timer to be moved, with the name of what runs it.
type Moved<'a, T> = (&'a Process<'a>, &'a str, T);

impl Job<'_> {
    /// Moves ECS services and rules, neither waiting for the other.
    pub(super) async fn move_all(
        &self,
        definitions: &[Definition],
        progress: &mut Progress,
    ) -> Result<(), PromoteError> {
        let services = self.services(definitions, progress);
        let rules = self.rules(definitions, progress);
        let ((services, took_services), (rules, took_rules)) = join(
            timed(self.move_services(services)),
            timed(self.put_rules(rules)),
        )
        .await;
        progress.took("services", took_services);
        progress.took("rules", took_rules);
        services?;
        rules
    }

    /// ECS services that are missing, and those that run something else.
    fn services<'d>(
        &'d self,
        definitions: &'d [Definition],
        progress: &mut Progress,
    ) -> Vec<Moved<'d, &'d str>> {
        let mut moves = Vec::new();
        for (process, definition) in self.plan.processes.iter().zip(definitions) {
            let Runs::Service { ecs_service, found } = &process.runs else {
                continue;
            };
            let placement = self.placement(process);
            let change = found.map(|found| self.change(process, found, &placement));
            let runs = found.is_some_and(|found| found.task_definition == definition.arn);
            if !runs || change != Some(Change::default()) {
                progress
                    .wrote
                    .push(format!("the ECS service `{ecs_service}`"));
                progress.created |= found.is_none();
                progress.touched.services.insert(ecs_service.clone());
                moves.push((process, ecs_service.as_str(), definition.arn.as_str()));
            }
        }
        moves
    }

    async fn move_services(&self, moves: Vec<Moved<'_, &str>>) -> Result<(), PromoteError> {
        let ended = stream::iter(moves)
            .map(async |(process, name, definition)| {
                self.move_or_create(process, name, definition).await
            })
            .buffer_unordered(MOVES_AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        all(ended)
    }

    async fn move_or_create(
        &self,
        process: &Process<'_>,
        name: &str,
        definition: &str,
    ) -> Result<(), CallError> {
        let cluster = &self.shell.cluster;
        let placement = &self.placement(process);
        if let Runs::Service {
            found: Some(found), ..
        } = &process.runs
        {
            let change = self.change(process, found, placement);
            return cluster.move_service(name, definition, change).await;
        }
        let service = NewService {
            name,
            definition,
            count: process.service.scale.min,
            is_daemon: process.service.agent.is_some(),
            deployment: process.deployment(),
            placement,
            request_id: self.request_id,
            tags: &self.wanted.id.tags(),
        };
        cluster.create_service(&service).await
    }

    /// What else changes, of ours only: an ECS service that app.json names gets its task definition and nothing else.
    fn change<'p>(
        &self,
        process: &Process<'_>,
        found: &EcsService,
        placement: &'p Placement,
    ) -> Change<'p> {
        if !self.wanted.id.owns(&found.tags) {
            return Change::default();
        }
        let deployment = process.deployment();
        let moves = found.capacity != process.capacity;
        Change {
            deployment: (found.deployment != deployment).then_some(deployment),
            placement: moves.then_some(placement),
            network: self.other_network(found, placement).filter(|_| !moves),
        }
    }

    /// The network that a service of ours is to be in, where it is in another one.
    fn other_network<'p>(
        &self,
        found: &EcsService,
        placement: &'p Placement,
    ) -> Option<&'p Network> {
        let Placement::Fargate { network, .. } = placement else {
            return None;
        };
        let before = self
            .wanted
            .applied
            .and_then(|applied| applied.network.as_ref());
        let seen = found.network.as_ref()?;
        network.differs_from(seen, before).then_some(network)
    }

    /// Whether what runs it is told something else, to run `definition`: its schedule, percentages, what it runs on.
    pub(crate) fn differs(&self, process: &Process<'_>, definition: &str) -> bool {
        match &process.runs {
            Runs::Service { found: None, .. } => true,
            Runs::Service {
                found: Some(found), ..
            } => {
                let placement = self.placement(process);
                found.task_definition != definition
                    || self.change(process, found, &placement) != Change::default()
            }
            Runs::Timer { schedule, seen, .. } => {
                let wanted = TimerRule {
                    schedule: schedule.clone(),
                    target: self.target(process, definition),
                };
                seen.is_none_or(|seen| !seen.says(&wanted))
            }
        }
    }

    fn placement(&self, process: &Process<'_>) -> Placement {
        Placement::on(process.capacity, &self.shell.config.network)
    }

    /// Rules that say something else than they are to say.
    fn rules<'d>(
        &'d self,
        definitions: &[Definition],
        progress: &mut Progress,
    ) -> Vec<Moved<'d, TimerRule>> {
        let mut puts = Vec::new();
        for (process, definition) in self.plan.processes.iter().zip(definitions) {
            let Runs::Timer {
                rule,
                schedule,
                seen,
                ..
            } = &process.runs
            else {
                continue;
            };
            let wanted = TimerRule {
                schedule: schedule.clone(),
                target: self.target(process, &definition.arn),
            };
            if seen.is_none_or(|seen| !seen.says(&wanted)) {
                progress.wrote.push(format!("the rule `{rule}`"));
                progress.created |= seen.is_none();
                progress.touched.rules.insert(rule.clone());
                puts.push((process, rule.as_str(), wanted));
            }
        }
        puts
    }

    async fn put_rules(&self, puts: Vec<Moved<'_, TimerRule>>) -> Result<(), PromoteError> {
        let tags = &self.wanted.id.tags();
        let ended = stream::iter(puts)
            .map(async |(process, rule, wanted)| {
                let seen = match &process.runs {
                    Runs::Timer { seen, .. } => *seen,
                    Runs::Service { .. } => None,
                };
                self.shell.rules.put(rule, &wanted, seen, tags).await
            })
            .buffer_unordered(MOVES_AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        all(ended)
    }

    /// Removes what convox.yml no longer has.
    pub(super) async fn remove(&self, progress: &mut Progress) -> Result<(), PromoteError> {
        let removals = &self.plan.removals;
        for service in &removals.services {
            progress
                .wrote
                .push(format!("the ECS service `{service}`, which is removed"));
            progress.touched.services.insert(service.clone());
            self.shell.cluster.delete_service(service).await?;
        }
        for rule in &removals.rules {
            progress
                .wrote
                .push(format!("the rule `{rule}`, which is removed"));
            progress.touched.rules.insert(rule.clone());
            self.shell.rules.remove(rule).await?;
        }
        Ok(())
    }

    fn target(&self, process: &Process<'_>, definition: &str) -> TimerTarget {
        let config = &self.shell.config;
        TimerTarget {
            cluster_arn: self.gathered.cluster.arn.clone(),
            role_arn: config.timer_role_arn.clone(),
            task_definition: definition.to_owned(),
            placement: self.placement(process),
        }
    }
}

/// The first error, once every call has ended: one that is dropped half-way can still take effect after what was changed
/// has been put back.
fn all(ended: Vec<Result<(), CallError>>) -> Result<(), PromoteError> {
    Ok(ended.into_iter().collect::<Result<(), _>>()?)
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    let result = work.await;
    (result, started.elapsed())
}
