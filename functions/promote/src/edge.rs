//! The edge of AWS as an attempt sees it: what it reads, and what it does. It decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use aws::call_error::CallError;
use aws::ecs::{AtGateways, Change, EcsService, NewService, OneOff, Ran, Rollout, SeenCluster};
use aws::event_rules::SeenRule;
use aws::schedules::SeenSchedule;
use aws::secrets::{ReadableSecret, SecretError, SecretWrite, Target, Written};
use aws::settings_bucket::SettingsBucket;
use aws::stacks::{Operation, Update};
use chrono::{DateTime, Utc};
use environment::ReadEnvironment;
use lambda::release::{ReadRelease, ReleaseError};
use lambda::state_store::StateObjects;
use lambda::unwanted::{Keep, Unwanted};
use names::{AppId, ReleaseId, SecretArn};
use promotion::release_commands::{SeenTask, Sought};
use promotion::stop_reason::StopCause;
use promotion::{Applied, KeptVersion};
use release::stack_state::SeenStack;
use release::task_definition::TaskDefinition;
use release::timer_rule::{TimerRule, TimerSchedule};

use crate::config::Config;
use crate::error::PromoteError;
use crate::facts::{Facts, Wanted};
use crate::plan::SecretPlan;
use crate::read;
use crate::shell::Shell;

/// AWS, as an attempt reads and changes it: [`Shell`], or a test's model of it.
///
/// Every error is that of the call; what it means is the attempt's to say.
pub trait Edge {
    /// Where the state and reports are kept.
    type Objects: StateObjects;

    /// The Rack's settings.
    fn config(&self) -> &Config;
    /// The time.
    fn now(&self) -> DateTime<Utc>;
    /// Lets the time pass until then.
    fn wait_until(&self, then: DateTime<Utc>) -> impl Future<Output = ()>;
    /// Where the state and reports are kept.
    fn objects(&self) -> &Self::Objects;

    /// Reads all that a plan is made from.
    fn facts(&self, wanted: &Wanted<'_>) -> impl Future<Output = Result<Facts, PromoteError>>;
    /// Reads the Release that is applied.
    fn applied_release(
        &self,
        id: &AppId,
        applied: &Applied,
    ) -> impl Future<Output = Result<ReadRelease, ReleaseError>>;
    /// Reads a version of a Release's environment.
    fn environment(
        &self,
        id: &AppId,
        release: &ReleaseId,
        env_version_id: &str,
    ) -> impl Future<Output = Result<ReadEnvironment, ReleaseError>>;
    /// The cluster; `None` where there is no active one.
    fn cluster(&self) -> impl Future<Output = Result<Option<SeenCluster>, CallError>>;
    /// Those of these ECS services that exist, by name.
    fn services(
        &self,
        names: &[String],
    ) -> impl Future<Output = Result<BTreeMap<String, EcsService>, CallError>>;
    /// How each of these ECS services is attached to gateways, by name.
    fn at_gateways(
        &self,
        services: &[&EcsService],
    ) -> impl Future<Output = Result<BTreeMap<String, AtGateways>, CallError>>;
    /// A rule; `None` where there is none.
    fn rule(&self, name: &str) -> impl Future<Output = Result<Option<SeenRule>, CallError>>;
    /// A schedule; `None` where there is none.
    fn schedule(&self, name: &str)
    -> impl Future<Output = Result<Option<SeenSchedule>, CallError>>;
    /// The deployments of those of these ECS services that exist, by name.
    fn rollouts(
        &self,
        names: &[String],
    ) -> impl Future<Output = Result<BTreeMap<String, Rollout>, CallError>>;
    /// Why the newest of an ECS service's stopped tasks of that revision failed; `None` where ECS shows none that did.
    fn stop_cause(
        &self,
        service: &str,
        revision: &str,
    ) -> impl Future<Output = Result<Option<StopCause>, CallError>>;
    /// What became of the task of a release command.
    fn seen_task(&self, sought: &Sought) -> impl Future<Output = Result<SeenTask, CallError>>;
    /// Takes away the mark of a Release whose verdict is known.
    fn remove_mark(&self, key: &str) -> impl Future<Output = Result<(), CallError>>;
    /// Whether tasks can still be started with a revision.
    fn is_active(&self, revision: &str) -> impl Future<Output = Result<bool, CallError>>;
    /// All that carries a name of the App and is not to be kept.
    fn unwanted(
        &self,
        id: &AppId,
        keep: Keep<'_>,
    ) -> impl Future<Output = Result<Unwanted, CallError>>;
    /// The App's stack; `None` where there is none.
    fn stack(&self, id: &AppId) -> impl Future<Output = Result<Option<SeenStack>, CallError>>;

    /// Begins to create the App's stack.
    fn create_stack(
        &self,
        id: &AppId,
        operation: Operation<'_>,
    ) -> impl Future<Output = Result<(), CallError>>;
    /// Begins to update the App's stack.
    fn update_stack(
        &self,
        id: &AppId,
        operation: Operation<'_>,
    ) -> impl Future<Output = Result<Update, CallError>>;
    /// Begins to delete the stack of that ARN; the token stands for this deletion.
    fn delete_stack(&self, arn: &str, token: &str) -> impl Future<Output = Result<(), CallError>>;
    /// Creates the App's secret without a value, in the time that is left; `None` where somebody else was quicker.
    fn create_secret(
        &self,
        id: &AppId,
        took: Duration,
    ) -> impl Future<Output = Result<Option<SecretArn>, SecretError>>;
    /// Makes the App's secret hold the planned value by such a write, in the time that is left; without one, what stands now says
    /// which.
    fn write_secret(
        &self,
        id: &AppId,
        plan: &SecretPlan<'_>,
        write: (Option<SecretWrite>, Duration),
    ) -> impl Future<Output = Result<Written, SecretError>>;
    /// The App's secret, where tasks can read it.
    fn readable_secret(
        &self,
        id: &AppId,
    ) -> impl Future<Output = Result<ReadableSecret, SecretError>>;
    /// Reads the App's secret, then makes a version hold a value and be current.
    fn put_version_back(
        &self,
        id: &AppId,
        version: &KeptVersion,
        value: &str,
    ) -> impl Future<Output = Result<Written, SecretError>>;
    /// Makes a version of the App's secret the current one.
    fn make_current(
        &self,
        id: &AppId,
        readable: &ReadableSecret,
        version_id: &str,
    ) -> impl Future<Output = Result<(), SecretError>>;
    /// Takes the own label of a version of the App's secret away, and the short one where it has that.
    fn forget(
        &self,
        id: &AppId,
        arn: &SecretArn,
        version_id: &str,
        has_short_label: bool,
    ) -> impl Future<Output = Result<(), SecretError>>;
    /// Registers a task definition: the revision's ARN.
    fn register(
        &self,
        definition: &TaskDefinition,
    ) -> impl Future<Output = Result<String, CallError>>;
    /// Starts a task, unless its token has started one.
    fn run(&self, one: &OneOff<'_>) -> impl Future<Output = Result<Ran, CallError>>;
    /// Creates an ECS service.
    fn create_service(
        &self,
        service: &NewService<'_>,
    ) -> impl Future<Output = Result<(), CallError>>;
    /// Moves an ECS service to a revision.
    fn move_service(
        &self,
        service: &EcsService,
        definition: &str,
        change: Change<'_>,
    ) -> impl Future<Output = Result<(), CallError>>;
    /// Deletes an ECS service; its tasks stop.
    fn delete_service(&self, name: &str) -> impl Future<Output = Result<(), CallError>>;
    /// Creates a rule, or makes one that was `seen` say this.
    fn put_rule(
        &self,
        name: &str,
        rule: &TimerRule,
        seen: Option<&SeenRule>,
        tags: &BTreeMap<String, String>,
    ) -> impl Future<Output = Result<(), CallError>>;
    /// Creates a rule that is gone, disabled where it was.
    fn make_rule_again(
        &self,
        name: &str,
        rule: &TimerRule,
        is_disabled: bool,
        tags: &BTreeMap<String, String>,
    ) -> impl Future<Output = Result<(), CallError>>;
    /// Removes a rule and its targets.
    fn remove_rule(&self, name: &str) -> impl Future<Output = Result<(), CallError>>;
    /// Creates a schedule of the App, disabled where that is said, or makes one that was `seen` say this.
    fn put_schedule(
        &self,
        name: &str,
        schedule: &TimerSchedule,
        seen: Option<&SeenSchedule>,
        as_ours: (&AppId, bool),
    ) -> impl Future<Output = Result<(), CallError>>;
    /// Removes a schedule.
    fn remove_schedule(&self, name: &str) -> impl Future<Output = Result<(), CallError>>;
}

impl Edge for Shell {
    type Objects = SettingsBucket;

    fn config(&self) -> &Config {
        &self.config
    }

    fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    async fn wait_until(&self, then: DateTime<Utc>) {
        let left = then - self.now();
        tokio::time::sleep(left.to_std().unwrap_or_default()).await;
    }

    fn objects(&self) -> &SettingsBucket {
        &self.bucket
    }

    async fn facts(&self, wanted: &Wanted<'_>) -> Result<Facts, PromoteError> {
        read::read_facts(self, wanted).await
    }

    async fn applied_release(
        &self,
        id: &AppId,
        applied: &Applied,
    ) -> Result<ReadRelease, ReleaseError> {
        let objects = read::applied_objects(self, id, applied);
        let raw = objects.raw().await?;
        objects.read(&raw).await
    }

    async fn environment(
        &self,
        id: &AppId,
        release: &ReleaseId,
        env_version_id: &str,
    ) -> Result<ReadEnvironment, ReleaseError> {
        let objects = read::release_objects(self, id, release, env_version_id);
        objects.environment().await
    }

    async fn cluster(&self) -> Result<Option<SeenCluster>, CallError> {
        self.cluster.see().await
    }

    async fn services(&self, names: &[String]) -> Result<BTreeMap<String, EcsService>, CallError> {
        self.cluster.services(names).await
    }

    async fn at_gateways(
        &self,
        services: &[&EcsService],
    ) -> Result<BTreeMap<String, AtGateways>, CallError> {
        self.cluster.at_gateways(services).await
    }

    async fn rule(&self, name: &str) -> Result<Option<SeenRule>, CallError> {
        self.rules.see(name).await
    }

    async fn schedule(&self, name: &str) -> Result<Option<SeenSchedule>, CallError> {
        self.schedules.see(name).await
    }

    async fn rollouts(&self, names: &[String]) -> Result<BTreeMap<String, Rollout>, CallError> {
        self.cluster.rollouts(names).await
    }

    async fn stop_cause(
        &self,
        service: &str,
        revision: &str,
    ) -> Result<Option<StopCause>, CallError> {
        self.cluster.stop_cause(service, revision).await
    }

    async fn seen_task(&self, sought: &Sought) -> Result<SeenTask, CallError> {
        self.cluster.seen_task(sought).await
    }

    async fn remove_mark(&self, key: &str) -> Result<(), CallError> {
        self.bucket.delete(key).await
    }

    async fn is_active(&self, revision: &str) -> Result<bool, CallError> {
        let found = self.cluster.definition(revision).await?;
        Ok(found.is_some_and(|found| found.is_active))
    }

    async fn unwanted(&self, id: &AppId, keep: Keep<'_>) -> Result<Unwanted, CallError> {
        Unwanted::find(self.places(), id, None, true, keep).await
    }

    async fn stack(&self, id: &AppId) -> Result<Option<SeenStack>, CallError> {
        self.stacks.see(id).await
    }

    async fn create_stack(&self, id: &AppId, operation: Operation<'_>) -> Result<(), CallError> {
        self.stacks.create(id, operation).await
    }

    async fn update_stack(
        &self,
        id: &AppId,
        operation: Operation<'_>,
    ) -> Result<Update, CallError> {
        self.stacks.update(id, operation).await
    }

    async fn delete_stack(&self, arn: &str, token: &str) -> Result<(), CallError> {
        let role_arn = &self.config.app_stack_role_arn;
        self.stacks.delete(arn, role_arn, token).await
    }

    async fn create_secret(
        &self,
        id: &AppId,
        took: Duration,
    ) -> Result<Option<SecretArn>, SecretError> {
        self.secrets.of(id).create_empty(took).await
    }

    async fn write_secret(
        &self,
        id: &AppId,
        plan: &SecretPlan<'_>,
        write: (Option<SecretWrite>, Duration),
    ) -> Result<Written, SecretError> {
        let secret = self.secrets.of(id);
        let target = Target {
            value: &plan.value,
            ids: plan.version_ids,
            by_label: plan.by_label,
            make_room: &plan.make_room,
        };
        secret.write_through(target, write).await
    }

    async fn readable_secret(&self, id: &AppId) -> Result<ReadableSecret, SecretError> {
        self.secrets.of(id).readable().await
    }

    async fn put_version_back(
        &self,
        id: &AppId,
        version: &KeptVersion,
        value: &str,
    ) -> Result<Written, SecretError> {
        let (version_id, by_label) = (&version.id, version.by_label);
        let secret = self.secrets.of(id);
        secret.put_back(version_id, value, by_label).await
    }

    async fn make_current(
        &self,
        id: &AppId,
        readable: &ReadableSecret,
        version_id: &str,
    ) -> Result<(), SecretError> {
        self.secrets.of(id).make_current(readable, version_id).await
    }

    async fn forget(
        &self,
        id: &AppId,
        arn: &SecretArn,
        version_id: &str,
        has_short_label: bool,
    ) -> Result<(), SecretError> {
        let secret = self.secrets.of(id);
        secret.forget(arn, version_id, has_short_label).await
    }

    async fn register(&self, definition: &TaskDefinition) -> Result<String, CallError> {
        self.cluster.register(definition).await
    }

    async fn run(&self, one: &OneOff<'_>) -> Result<Ran, CallError> {
        self.cluster.run(one).await
    }

    async fn create_service(&self, service: &NewService<'_>) -> Result<(), CallError> {
        self.cluster.create_service(service).await
    }

    async fn move_service(
        &self,
        service: &EcsService,
        definition: &str,
        change: Change<'_>,
    ) -> Result<(), CallError> {
        self.cluster.move_service(service, definition, change).await
    }

    async fn delete_service(&self, name: &str) -> Result<(), CallError> {
        self.cluster.delete_service(name).await
    }

    async fn put_rule(
        &self,
        name: &str,
        rule: &TimerRule,
        seen: Option<&SeenRule>,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), CallError> {
        self.rules.put(name, rule, seen, tags).await
    }

    async fn make_rule_again(
        &self,
        name: &str,
        rule: &TimerRule,
        is_disabled: bool,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), CallError> {
        self.rules.make_again(name, rule, is_disabled, tags).await
    }

    async fn remove_rule(&self, name: &str) -> Result<(), CallError> {
        self.rules.remove(name).await
    }

    async fn put_schedule(
        &self,
        name: &str,
        schedule: &TimerSchedule,
        seen: Option<&SeenSchedule>,
        as_ours: (&AppId, bool),
    ) -> Result<(), CallError> {
        self.schedules.put(name, schedule, seen, as_ours).await
    }

    async fn remove_schedule(&self, name: &str) -> Result<(), CallError> {
        self.schedules.remove(name).await
    }
}
