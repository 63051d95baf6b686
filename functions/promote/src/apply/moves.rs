//! ECS services and rules: created, moved and removed.

use futures_util::{StreamExt as _, stream};
use shared::call_error::CallError;
use shared::ecs::NewService;
use shared::promotion::Definition;
use shared::timer_rule::{TimerRule, TimerTarget};

use super::{Job, Progress};
use crate::error::PromoteError;
use crate::plan::Runs;

/// Calls of ECS and EventBridge under way at once; ECS changes five services a second after a burst of 50.
const MOVES_AT_ONCE: usize = 5;

impl Job<'_> {
    /// Creates ECS services that are missing, moves those that run something else.
    pub(super) async fn move_services(
        &self,
        definitions: &[Definition],
        progress: &mut Progress,
    ) -> Result<(), PromoteError> {
        let mut moves = Vec::new();
        for (process, definition) in self.plan.processes.iter().zip(definitions) {
            let Runs::Service { ecs_service, found } = &process.runs else {
                continue;
            };
            // Only ours: one that app.json names gets its task definition and nothing else.
            let wanted = process.service.deployment;
            let ours = found.is_some_and(|found| self.wanted.id.owns(&found.tags));
            let deployment = found.filter(|found| ours && found.deployment != wanted);
            let runs = found.is_some_and(|found| found.task_definition == definition.arn);
            if !runs || deployment.is_some() {
                progress
                    .wrote
                    .push(format!("the ECS service `{ecs_service}`"));
                progress.created |= found.is_none();
                let create = found.is_none().then_some(process.service);
                let deployment = deployment.map(|_| wanted);
                moves.push((
                    ecs_service.as_str(),
                    definition.arn.as_str(),
                    create,
                    deployment,
                ));
            }
        }
        let (cluster, tags) = (&self.shell.cluster, &self.wanted.id.tags());
        let placement = &self.shell.config.placement;
        let ended = stream::iter(moves)
            .map(
                async |(name, definition, create, deployment)| match create {
                    None => cluster.move_service(name, definition, deployment).await,
                    Some(service) => {
                        let service = NewService {
                            name,
                            definition,
                            count: service.scale.min,
                            is_daemon: service.agent.is_some(),
                            deployment: service.deployment,
                            placement,
                            request_id: self.request_id,
                            tags,
                        };
                        cluster.create_service(&service).await
                    }
                },
            )
            .buffer_unordered(MOVES_AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        all(ended)
    }

    /// Puts the rules that say something else.
    pub(super) async fn put_rules(
        &self,
        definitions: &[Definition],
        progress: &mut Progress,
    ) -> Result<(), PromoteError> {
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
                target: self.target(&definition.arn),
            };
            if seen.is_none_or(|seen| !seen.says(&wanted)) {
                progress.wrote.push(format!("the rule `{rule}`"));
                progress.created |= seen.is_none();
                puts.push((rule.as_str(), wanted, *seen));
            }
        }
        let tags = &self.wanted.id.tags();
        let ended = stream::iter(puts)
            .map(async |(rule, wanted, seen)| self.shell.rules.put(rule, &wanted, seen, tags).await)
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
            self.shell.cluster.delete_service(service).await?;
        }
        for rule in &removals.rules {
            progress
                .wrote
                .push(format!("the rule `{rule}`, which is removed"));
            self.shell.rules.remove(rule).await?;
        }
        Ok(())
    }

    fn target(&self, definition: &str) -> TimerTarget {
        let config = &self.shell.config;
        TimerTarget {
            cluster_arn: self.gathered.cluster_arn.clone(),
            role_arn: config.timer_role_arn.clone(),
            task_definition: definition.to_owned(),
            placement: config.placement.clone(),
        }
    }
}

/// The first error, once every call has ended: one that is dropped half-way can still take effect after what was changed
/// has been put back.
fn all(ended: Vec<Result<(), CallError>>) -> Result<(), PromoteError> {
    Ok(ended.into_iter().collect::<Result<(), _>>()?)
}
