//! The App's own stack: what the Release wants of it, and what is to be done before anything of the Release runs.

use std::collections::BTreeSet;

use names::AppId;
use release::app_stack::{
    self, Before, INLINE_POLICIES_MAX, MANAGED_POLICIES, Needs, RackNeeds, RemovedResource,
    Rendered, StackInputs, StackNeeds, StackOutputs, TEMPLATE_BODY_MAX_BYTES,
    execution_policy_size, template_body,
};
use release::stack_state::{RequestToken, StackStep};
use release::timer_rule::Network;
use serde_json::Value;

use super::checks::Checks;
use super::joined::{Joined, joined};
use super::notice::Notice;
use super::problem::PlanProblem;
use super::scaling::Scaling;
use super::{IngressPlan, Process, network};
use crate::config::Config;
use crate::error::PromoteError;
use crate::facts::{Facts, Wanted};

/// How the App's stack comes to what the Release needs.
pub struct StackPlan {
    /// The call, or the wait; never [`StackStep::Failed`].
    pub step: StackStep,
    /// The template.
    pub template: Value,
    /// The template as CloudFormation is sent it; empty where nothing is sent.
    pub body: String,
    /// The request's `ClientRequestToken` for that template.
    pub token: String,
    /// What the Release itself needs of it.
    pub needs: StackNeeds,
    /// The customer keys that its roles may read the App's secrets with, those of before included.
    pub secret_keys: BTreeSet<String>,
    /// The resources that leave it with this Release, and what becomes of their data.
    pub removed: Vec<RemovedResource>,
    /// What of it follows once all ECS services stand.
    pub later: Option<LaterUpdate>,
}

/// An update of the stack after ECS services were created that something in it scales.
pub struct LaterUpdate {
    /// The template as CloudFormation is sent it.
    pub body: String,
    /// The request's `ClientRequestToken` for it.
    pub token: String,
}

impl StackPlan {
    /// Whether the stack is as wanted.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.step == StackStep::Ready
    }

    /// What becomes of it, for answers.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (&self.step, &self.later) {
            (StackStep::Ready, Some(_)) => StackStep::Update.name(),
            (step, _) => step.name(),
        }
    }

    /// What has to end before CloudFormation takes another change of the stack.
    #[must_use]
    pub fn waits(&self, id: &AppId) -> Option<PromoteError> {
        let (StackStep::Wait(status) | StackStep::Failed(status)) = &self.step else {
            return None;
        };
        let reason = format!("the stack `{}` is in {status}", id.stack());
        Some(PromoteError::StackAtWork { reason })
    }

    /// The network of the App's own tasks once the stack is as wanted. A group that it makes first has no id yet: nothing is
    /// moved there by this plan, since CloudFormation has to end before.
    pub(super) fn network(&self, config: &Config, facts: &Facts) -> Network {
        let (stands, is_ready) = (outputs(facts), self.step == StackStep::Ready);
        let has_group = is_ready || stands.security_group().is_some();
        if !has_group && app_stack::has_own_group(&self.template) {
            config.release.network.with(Some("the App's own"))
        } else {
            network::of_app(config, facts)
        }
    }
}

/// What the App's stack gives to tasks as it stands; nothing where there is none.
#[must_use]
pub fn outputs(facts: &Facts) -> StackOutputs {
    let outputs = facts.stack.as_ref().map(|stack| stack.outputs.clone());
    StackOutputs::read(outputs.unwrap_or_default())
}

/// What CloudFormation is asked for first on the way to `wanted`: a boundary by itself, then weights of now; what else is
/// wanted comes with the update after that one.
fn due(config: &Config, facts: &Facts, ingress: &IngressPlan<'_>, wanted: Value) -> Value {
    let standing = facts.stack.as_ref().filter(|seen| seen.has_come_up());
    let first = standing.and_then(|seen| {
        let stands = &seen.template;
        app_stack::bounded(stands, &config.app_boundary_arn)
            .or_else(|| app_stack::with_live_weights(stands, &wanted, &ingress.routes))
    });
    first.unwrap_or(wanted)
}

impl Checks {
    /// Decides on the stack; `None` only with a problem noted.
    pub(super) fn stack(
        &mut self,
        config: &Config,
        wanted: &Wanted<'_>,
        facts: &Facts,
        (processes, ingress, request_id): (&[Process<'_>], &IngressPlan<'_>, &str),
    ) -> Option<StackPlan> {
        // Without what convox.yml says of resources, all of them would seem to be removed.
        if !facts.release.problems.is_empty() {
            return None;
        }
        let seen = facts.stack.as_ref();
        let name = wanted.id.stack();
        if seen.is_some_and(|seen| !wanted.id.owns(&seen.tags)) {
            self.problem(PlanProblem::StackNotOurs { stack: &name });
            return None;
        }
        let resources = facts.release.resources.list.iter();
        let let_in = network::let_in(config, wanted, facts, processes);
        let needs = StackNeeds {
            access: self.of_manifest(facts, Needs::of(&facts.release.manifest))?,
            resources: resources.map(|resource| resource.name.clone()).collect(),
            rack: Some(of_settings(config, let_in)),
            mounted_by_role: true,
        };
        self.policies(config, &needs.access);
        self.copied(config, wanted, facts);
        let scaling = Scaling::of(wanted, facts, processes);
        self.scaling(wanted, processes, Some(&ingress.of_stack()));
        let (rendered, secret_keys, later) = self.rendered_stack(
            config,
            wanted,
            facts,
            (&needs, ingress, &scaling, request_id),
        )?;
        let removed = rendered.removed;
        let template = due(config, facts, ingress, rendered.template);
        let token = RequestToken::new(wanted.id, request_id);
        let step = seen.map_or(StackStep::Create, |seen| seen.step(&template, &token));
        if let StackStep::Failed(reason) = &step {
            let stack = &name;
            self.problem(PlanProblem::StackFailed { stack, reason });
            return None;
        }
        // What stands already was not too large, and is not sent again.
        let body = (step != StackStep::Ready).then(|| template_body(&template));
        let body = body.unwrap_or_default();
        let later = later.map(|template| template_body(&template));
        let size = body.len().max(later.as_ref().map_or(0, String::len));
        if size > TEMPLATE_BODY_MAX_BYTES {
            self.problem(PlanProblem::StackTooLarge { size });
            return None;
        }
        Some(StackPlan {
            step,
            template,
            token: token.of(&body),
            body,
            needs,
            secret_keys,
            removed,
            later: later.map(|body| LaterUpdate {
                token: token.of(&body),
                body,
            }),
        })
    }

    /// Renders the template: for this Release and for those before it whose tasks may still start.
    fn rendered_stack(
        &mut self,
        config: &Config,
        wanted: &Wanted<'_>,
        facts: &Facts,
        (needs, ingress, scaling, request_id): (&StackNeeds, &IngressPlan<'_>, &Scaling<'_>, &str),
    ) -> Option<(Rendered, BTreeSet<String>, Option<Value>)> {
        // What never came up has nothing to keep.
        let standing = facts.stack.as_ref().filter(|stack| stack.has_come_up());
        let before = standing.map(|stack| Before::read(&stack.template));
        let Joined { all, settings } = joined(wanted, facts, needs, before.as_ref());
        let none = BTreeSet::new();
        let let_in = needs.rack.as_ref();
        let let_in = let_in.map_or(&none, |rack| &rack.security_groups);
        self.let_in_once_more(facts, settings.security_groups.difference(let_in));
        let inputs = StackInputs {
            id: wanted.id,
            release: wanted.release,
            request_id,
            needs: &all.access,
            keep: &all.resources,
            boundary_arn: &config.app_boundary_arn,
            settings_bucket: &config.release.bucket,
            unversioned_reads: config.unversioned_reads,
            environment_key_arn: config.release.environment_key_arn.as_deref(),
            secret_key_arn: config.secret_key_arn.as_deref(),
            log_retention_days: config.log_retention_days,
            subnets: &config.release.network.subnets,
            vpc_id: config.vpc.as_deref(),
            security_groups: &config.release.network.security_groups,
            let_in,
            before_settings: &settings,
            mounted_by_role: all.mounted_by_role,
            ingress: Some(ingress.of_stack()),
            scaled: &scaling.now,
            allow_replacement: wanted.allowed.replacement,
        };
        let render = |inputs: &StackInputs<'_>| {
            app_stack::render(inputs, &facts.release.resources.list, before.as_ref())
        };
        let rendered = self.of_manifest(facts, render(&inputs))?;
        let alone = || {
            let needs = &needs.access;
            render(&StackInputs { needs, ..inputs })
        };
        self.role_size(facts, &rendered.template, alone);
        self.attached(&needs.access, &all.access);
        let file = facts.release.manifest.file();
        let notices = rendered.notices.iter();
        notices.for_each(|notice| self.warn(format!("{file}, {notice}")));
        let later = scaling.later.as_ref().map(|all| StackInputs {
            scaled: all,
            ..inputs
        });
        let later = later.and_then(|inputs| self.of_manifest(facts, render(&inputs)));
        let later = later.map(|rendered| rendered.template);
        Some((rendered, settings.secret_keys, later))
    }

    /// Security groups of the settings before, which resources let in until the tasks of these are gone.
    fn let_in_once_more<'s>(&mut self, facts: &Facts, left: impl Iterator<Item = &'s String>) {
        let left: Vec<&str> = left.map(String::as_str).collect();
        if !left.is_empty() && !facts.release.resources.list.is_empty() {
            let groups = &left.join(", ");
            self.warn(Notice::LetInOnceMore { groups });
        }
    }

    /// The execution role has to hold what this Release and the one before read. What to do where it cannot depends on whether
    /// the Release alone would fit, which `alone` renders.
    fn role_size<E>(
        &mut self,
        facts: &Facts,
        joined: &Value,
        alone: impl FnOnce() -> Result<Rendered, E>,
    ) {
        let size = |template: &Value| execution_policy_size(template, &facts.cluster.arn);
        let joined = size(joined);
        if joined <= INLINE_POLICIES_MAX {
            return;
        }
        let alone = alone().map_or(joined, |alone| size(&alone.template));
        self.problem(if alone > INLINE_POLICIES_MAX {
            PlanProblem::RoleTooLarge { alone }
        } else {
            PlanProblem::RoleTooLargeForTwo { joined, alone }
        });
    }

    /// The policies of each role, its own and those that it keeps for the Release before. The quota can be raised, and whether
    /// it was is not known here.
    fn attached(&mut self, own: &Needs, all: &Needs) {
        for (path, arns) in all
            .policies()
            .filter(|(_, arns)| arns.len() > MANAGED_POLICIES)
        {
            let count = arns.len();
            let mut of_own = own.policies();
            let of_own = of_own.find(|(other, _)| *other == path);
            let of_own = of_own.map_or(0, |(_, arns)| arns.len());
            self.warn(Notice::ManyPolicies {
                path: &path,
                count,
                kept: count.saturating_sub(of_own),
            });
        }
    }

    fn of_manifest<T>(
        &mut self,
        facts: &Facts,
        result: Result<T, Vec<yaml::Problem>>,
    ) -> Option<T> {
        result
            .map_err(|problems| {
                self.problem(facts.release.manifest.invalid(problems));
            })
            .ok()
    }
}

/// What a Release of today needs.
fn of_settings(config: &Config, security_groups: BTreeSet<String>) -> RackNeeds {
    let key = |key: &Option<String>| key.iter().cloned().collect();
    RackNeeds {
        security_groups,
        secret_keys: key(&config.secret_key_arn),
        environment_keys: key(&config.release.environment_key_arn),
    }
}
