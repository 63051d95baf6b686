//! EventBridge rules of Timers: read, and put only where something differs.

mod target;

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::operation::describe_rule::{DescribeRuleError, DescribeRuleOutput};
use aws_sdk_eventbridge::operation::list_targets_by_rule::ListTargetsByRuleError;
use aws_sdk_eventbridge::types::{Rule, RuleState, Tag, Target};
use aws_sdk_eventbridge::{Client, config};
use futures_util::future::try_join;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::call_error::CallError;
use crate::clients::{self, OnDemand};
use names::error_type::ErrorType;
use release::timer_rule::{TimerRule, TimerTarget};

/// The id of the one target that a Timer's rule has.
const TARGET_ID: &str = "task";
/// Reads under way at once.
const READS_AT_ONCE: usize = 32;

/// The rules of the default bus.
#[derive(Debug)]
pub struct EventRules {
    client: OnDemand<Client>,
}

/// A rule as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenRule {
    /// Its schedule; empty for a rule that has none.
    pub schedule: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What it runs, where that is a task.
    pub target: Option<TimerTarget>,
    state: Option<RuleState>,
    raw_target: Option<Target>,
}

impl SeenRule {
    /// One that says `rule` and fires.
    #[must_use]
    pub fn firing(rule: TimerRule, tags: BTreeMap<String, String>) -> Self {
        Self {
            schedule: rule.schedule,
            tags,
            target: Some(rule.target),
            state: Some(RuleState::Enabled),
            raw_target: None,
        }
    }

    /// Whether it says exactly `wanted`.
    #[must_use]
    pub fn says(&self, wanted: &TimerRule) -> bool {
        self.schedule == wanted.schedule && self.target.as_ref() == Some(&wanted.target)
    }

    /// Whether it does not fire.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.state == Some(RuleState::Disabled)
    }
}

impl EventRules {
    /// The rules of the configured account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        let sdk = sdk.clone();
        let client = OnDemand::new(move || {
            let config = config::Builder::from(&sdk);
            Client::from_conf(config.retry_partition(clients::without_budget()).build())
        });
        Self { client }
    }

    /// The rule called `name`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn see(&self, name: &str) -> Result<Option<SeenRule>, CallError> {
        let Some(rule) = self.describe(name).await? else {
            return Ok(None);
        };
        let tags = self.tags(name, rule.arn().unwrap_or_default());
        let (targets, tags) = try_join(self.targets(name), tags).await?;
        Ok(Some(seen(
            rule.schedule_expression(),
            rule.state(),
            (targets, tags),
        )))
    }

    /// Those of the `known` rules that are there, each by its name; all of these start with `prefix`.
    ///
    /// What is known of each is the revision that it starts. One that still starts that one is taken for ours, as far as it is
    /// only to be changed: of others alone the tags are read.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn see_known(
        &self,
        prefix: &str,
        known: &BTreeMap<String, String>,
        own: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, SeenRule>, CallError> {
        if known.is_empty() {
            return Ok(BTreeMap::new());
        }
        let targets = stream::iter(known.keys())
            .map(async |name| Ok((name, self.targets(name).await?)))
            .buffer_unordered(READS_AT_ONCE);
        let targets = targets.try_collect::<BTreeMap<_, _>>();
        let (listed, mut targets) = try_join(self.list(prefix), targets).await?;
        let found = known.iter().filter_map(|(name, starts)| {
            let rule = listed.get(name)?;
            let of_rule = (targets.remove(name).unwrap_or_default(), own.clone());
            let seen = seen(rule.schedule_expression(), rule.state(), of_rule);
            Some((name, rule.arn().unwrap_or_default(), starts, seen))
        });
        let found: Vec<_> = found.collect();
        let owned = stream::iter(found).map(async |(name, arn, starts, mut seen)| {
            let target = seen.target.as_ref();
            if target.is_none_or(|target| target.task_definition != *starts) {
                seen.tags = self.tags(name, arn).await?;
            }
            Ok((name.clone(), seen))
        });
        owned.buffer_unordered(READS_AT_ONCE).try_collect().await
    }

    /// `None` where there is no such rule.
    async fn describe(&self, name: &str) -> Result<Option<DescribeRuleOutput>, CallError> {
        match self.client.describe_rule().name(name).send().await {
            Ok(rule) => Ok(Some(rule)),
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(DescribeRuleError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(err) => Err(CallError::new(format!("read rule `{name}`"), &err)),
        }
    }

    /// None where there is no such rule.
    async fn targets(&self, name: &str) -> Result<Vec<Target>, CallError> {
        match self.client.list_targets_by_rule().rule(name).send().await {
            Ok(answer) => Ok(answer.targets.unwrap_or_default()),
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(ListTargetsByRuleError::is_resource_not_found_exception) =>
            {
                Ok(Vec::new())
            }
            Err(err) => {
                let attempted = format!("read the targets of rule `{name}`");
                Err(CallError::new(attempted, &err))
            }
        }
    }

    async fn tags(&self, name: &str, arn: &str) -> Result<BTreeMap<String, String>, CallError> {
        let request = self.client.list_tags_for_resource().resource_arn(arn);
        let answer = request.send().await;
        let answer = answer
            .map_err(|err| CallError::new(format!("read the tags of rule `{name}`"), &err))?;
        let tags = answer.tags().iter();
        Ok(tags
            .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
            .collect())
    }

    /// Makes the rule say `wanted`. What is there and differs is replaced, what a Timer does not define is kept: a
    /// disabled rule stays disabled, a target keeps its dead-letter queue.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn put(
        &self,
        name: &str,
        wanted: &TimerRule,
        seen: Option<&SeenRule>,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), CallError> {
        if seen.is_none_or(|seen| seen.schedule != wanted.schedule) {
            let state = seen.and_then(|seen| seen.state.clone());
            let state = state.unwrap_or(RuleState::Enabled);
            let tags = seen.is_none().then_some(tags);
            self.put_rule(name, &wanted.schedule, state, tags).await?;
        }
        if seen.and_then(|seen| seen.target.as_ref()) != Some(&wanted.target) {
            let raw = seen.and_then(|seen| seen.raw_target.as_ref());
            self.put_target(name, target::wanted(&wanted.target, raw))
                .await?;
        }
        Ok(())
    }

    /// Makes a rule that is gone say `wanted` again, disabled where it was.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn make_again(
        &self,
        name: &str,
        wanted: &TimerRule,
        is_disabled: bool,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), CallError> {
        let state = if is_disabled {
            RuleState::Disabled
        } else {
            RuleState::Enabled
        };
        self.put_rule(name, &wanted.schedule, state, Some(tags))
            .await?;
        self.put_target(name, target::wanted(&wanted.target, None))
            .await
    }

    /// The names of all rules that start with `prefix`.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn names(&self, prefix: &str) -> Result<Vec<String>, CallError> {
        Ok(self.list(prefix).await?.into_keys().collect())
    }

    /// The rules whose names start with `prefix`, by name.
    async fn list(&self, prefix: &str) -> Result<BTreeMap<String, Rule>, CallError> {
        let mut rules = BTreeMap::new();
        let mut next = None;
        loop {
            let request = self
                .client
                .list_rules()
                .name_prefix(prefix)
                .set_next_token(next);
            let answer = request.send().await;
            let answer = answer
                .map_err(|err| CallError::new(format!("list the rules `{prefix}*`"), &err))?;
            let listed = answer.rules.into_iter().flatten();
            rules.extend(listed.filter_map(|rule| Some((rule.name()?.to_owned(), rule))));
            next = answer.next_token;
            if next.is_none() {
                return Ok(rules);
            }
        }
    }

    /// Removes a rule and its targets.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails; a rule that is gone is none.
    pub async fn remove(&self, name: &str) -> Result<(), CallError> {
        let attempted = || format!("remove rule `{name}`");
        let targets = match self.client.list_targets_by_rule().rule(name).send().await {
            Ok(answer) => answer.targets,
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(ListTargetsByRuleError::is_resource_not_found_exception) =>
            {
                return Ok(());
            }
            Err(err) => return Err(CallError::new(attempted(), &err)),
        };
        let ids: Vec<String> = targets
            .into_iter()
            .flatten()
            .map(|target| target.id)
            .collect();
        if !ids.is_empty() {
            let answer = self
                .client
                .remove_targets()
                .rule(name)
                .set_ids(Some(ids))
                .send()
                .await;
            let answer = answer.map_err(|err| CallError::new(attempted(), &err))?;
            if let Some(entry) = answer.failed_entries().first() {
                let code = entry.error_code().unwrap_or(ErrorType::Unknown.as_str());
                return Err(CallError::stated(attempted(), code, entry.error_message()));
            }
        }
        // A rule that is gone is deleted with success (API reference, `DeleteRule`).
        let answer = self.client.delete_rule().name(name).send().await;
        answer
            .map(drop)
            .map_err(|err| CallError::new(attempted(), &err))
    }

    /// An omitted state would be ENABLED; tags are for a new rule only (API reference, `PutRule`).
    async fn put_rule(
        &self,
        name: &str,
        schedule: &str,
        state: RuleState,
        tags: Option<&BTreeMap<String, String>>,
    ) -> Result<(), CallError> {
        let request = self.client.put_rule().name(name);
        let request = request.schedule_expression(schedule);
        let tags = tags.map(|tags| {
            let tags = tags.iter();
            tags.filter_map(|(key, value)| tag(key, value)).collect()
        });
        let answer = request.state(state).set_tags(tags).send().await;
        answer
            .map(drop)
            .map_err(|err| CallError::new(format!("put rule `{name}`"), &err))
    }

    async fn put_target(&self, name: &str, target: Option<Target>) -> Result<(), CallError> {
        let attempted = || format!("put the target of rule `{name}`");
        let target = target.ok_or_else(|| CallError::unbuilt(attempted()))?;
        let answer = self
            .client
            .put_targets()
            .rule(name)
            .targets(target)
            .send()
            .await;
        let answer = answer.map_err(|err| CallError::new(attempted(), &err))?;
        // Status 200 can still be a failure (API reference, `PutTargets`).
        match answer.failed_entries().first() {
            None => Ok(()),
            Some(entry) => {
                let code = entry.error_code().unwrap_or(ErrorType::Unknown.as_str());
                Err(CallError::stated(attempted(), code, entry.error_message()))
            }
        }
    }
}

fn seen(
    schedule: Option<&str>,
    state: Option<&RuleState>,
    (targets, tags): (Vec<Target>, BTreeMap<String, String>),
) -> SeenRule {
    let raw_target = targets.into_iter().find(|target| target.id() == TARGET_ID);
    SeenRule {
        schedule: schedule.unwrap_or_default().to_owned(),
        tags,
        target: raw_target.as_ref().and_then(target::seen),
        state: state.cloned(),
        raw_target,
    }
}

fn tag(key: &str, value: &str) -> Option<Tag> {
    Tag::builder().key(key).value(value).build().ok()
}
