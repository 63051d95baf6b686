//! The App's own stack: what the Release wants of it, and what is to be done before anything of the Release runs.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::app_stack::{
    self, Before, INLINE_POLICIES_MAX, MANAGED_POLICIES, Needs, RackNeeds, RemovedResource,
    Rendered, StackInputs, StackNeeds, StackOutputs, TEMPLATE_BODY_MAX_BYTES,
    execution_policy_size,
};
use shared::manifest;
use shared::stack_state::{RequestToken, StackStep};

use super::checks::Checks;
use crate::config::Config;
use crate::gather::{Gathered, Wanted};
use crate::standing::network_of;

/// What becomes of the App's stack.
pub struct StackPlan {
    /// What is to be done; never [`StackStep::Failed`].
    pub step: StackStep,
    /// The template.
    pub template: Value,
    /// The request's `ClientRequestToken` for that template.
    pub token: String,
    /// What the Release itself needs of it.
    pub needs: StackNeeds,
    /// The customer keys that its roles may read the App's secrets with, those of before included.
    pub secret_keys: BTreeSet<String>,
    /// The resources that leave it with this Release, and what becomes of their data.
    pub removed: Vec<RemovedResource>,
}

/// What the App's stack gives to tasks as it stands; nothing where there is none.
#[must_use]
pub fn outputs(gathered: &Gathered) -> StackOutputs {
    let outputs = gathered.stack.as_ref().map(|stack| stack.outputs.clone());
    StackOutputs::read(outputs.unwrap_or_default())
}

impl Checks {
    /// Decides on the stack; `None` only with a problem noted.
    pub(super) fn stack(
        &mut self,
        config: &Config,
        wanted: &Wanted<'_>,
        gathered: &Gathered,
        request_id: &str,
    ) -> Option<StackPlan> {
        // Without what convox.yml says of resources, all of them would seem to be removed.
        if !gathered.problems.is_empty() {
            return None;
        }
        let seen = gathered.stack.as_ref();
        let name = wanted.id.stack();
        if seen.is_some_and(|seen| !wanted.id.owns(&seen.tags)) {
            self.problem("StackNotOurs", format!(
                "the CloudFormation stack `{name}` exists without the tags convox:rack and convox:app of this App, so it is \
                 somebody else's; delete or tag it"
            ));
            return None;
        }
        let resources = gathered.resources.list.iter();
        let needs = StackNeeds {
            access: self.of_manifest(gathered, Needs::of(&gathered.manifest))?,
            resources: resources.map(|resource| resource.name.clone()).collect(),
            rack: Some(of_settings(config)),
        };
        self.policies(config, &needs.access);
        let (rendered, secret_keys) =
            self.rendered_stack(config, wanted, gathered, (&needs, request_id))?;
        let (template, removed) = (rendered.template, rendered.removed);
        let token = RequestToken::new(wanted.id, request_id);
        let step = seen.map_or(StackStep::Create, |seen| seen.step(&template, &token));
        if let StackStep::Failed(reason) = &step {
            self.problem("StackFailed", format!(
                "CloudFormation could not bring the stack `{name}` to what this Release needs: {reason}; mend the cause, then \
                 promote again"
            ));
            return None;
        }
        // What stands already was not too large, and is not sent again.
        let body = (step != StackStep::Ready).then(|| template.to_string());
        let body = body.unwrap_or_default();
        if body.len() > TEMPLATE_BODY_MAX_BYTES {
            let size = body.len();
            self.problem("StackTooLarge", format!(
                "the App's stack takes {size} bytes and CloudFormation takes {TEMPLATE_BODY_MAX_BYTES}; let the App have fewer \
                 resources"
            ));
            return None;
        }
        Some(StackPlan {
            step,
            template,
            token: token.of(&body),
            needs,
            secret_keys,
            removed,
        })
    }

    /// Renders the template: for this Release and for those before it whose tasks may still start. Where nobody wrote down
    /// which those are, all stays that there is.
    fn rendered_stack(
        &mut self,
        config: &Config,
        wanted: &Wanted<'_>,
        gathered: &Gathered,
        (needs, request_id): (&StackNeeds, &str),
    ) -> Option<(Rendered, BTreeSet<String>)> {
        // What never came up has nothing to keep.
        let standing = gathered.stack.as_ref().filter(|stack| stack.has_come_up());
        let before = standing.map(|stack| Before::read(&stack.template));
        let running = wanted.applied.and_then(|applied| applied.stack.clone());
        let unknown = wanted.interrupted || wanted.applied.is_none();
        let left = before.as_ref().filter(|_| unknown).map(Before::holds);
        // What was promoted before the settings were written down.
        let unsaid = running.as_ref().is_none_or(|needs| needs.rack.is_none());
        let admitted = before.as_ref().filter(|_| unsaid).map(Before::of_settings);
        let all = running
            .iter()
            .chain(&left)
            .fold(needs.clone(), StackNeeds::and);
        let before_settings = all.rack.unwrap_or_default();
        let mut before_settings = admitted.iter().fold(before_settings, RackNeeds::and);
        // What ECS went back to stands where it stood before, and is let in for as long.
        let let_in = before.as_ref().map(Before::of_settings);
        let let_in = let_in.unwrap_or_default().security_groups;
        let stand = groups_of_what_stands(wanted, gathered).into_iter();
        let groups = &mut before_settings.security_groups;
        groups.extend(stand.filter(|group| let_in.contains(group)));
        let inputs = StackInputs {
            id: wanted.id,
            release: wanted.release,
            request_id,
            needs: &all.access,
            keep: &all.resources,
            settings_bucket: &config.bucket,
            environment_key_arn: config.environment_key_arn.as_deref(),
            secret_key_arn: config.secret_key_arn.as_deref(),
            log_retention_days: config.log_retention_days,
            subnets: &config.network.subnets,
            vpc_id: config.vpc.as_deref(),
            security_groups: &config.network.security_groups,
            before_settings: &before_settings,
            allow_replacement: wanted.allowed.replacement,
        };
        let render = |inputs| app_stack::render(inputs, &gathered.resources.list, before.as_ref());
        let rendered = self.of_manifest(gathered, render(&inputs))?;
        let size = |template: &Value| execution_policy_size(template, &gathered.cluster.arn);
        let joined = size(&rendered.template);
        if joined > INLINE_POLICIES_MAX {
            let alone = StackInputs {
                needs: &needs.access,
                ..inputs
            };
            let alone = render(&alone).map_or(joined, |alone| size(&alone.template));
            self.problem("RoleTooLarge", role_too_large(joined, alone));
        }
        self.attached(&needs.access, &all.access);
        let file = gathered.manifest.file();
        let notices = rendered.notices.iter();
        notices.for_each(|notice| self.warn(format!("{file}, {notice}")));
        Some((rendered, before_settings.secret_keys))
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
            let kept = if of_own < count {
                format!(
                    ", {} of them for the Release before, whose tasks may still start",
                    count - of_own
                )
            } else {
                String::new()
            };
            self.warn(format!(
                "`{path}` makes a role with {count} policies{kept}; IAM attaches {MANAGED_POLICIES} to a role unless the account's quota \
                 \"Managed policies attached to an IAM role\" was raised, and CloudFormation fails where it was not"
            ));
        }
    }

    fn of_manifest<T>(
        &mut self,
        gathered: &Gathered,
        result: Result<T, Vec<manifest::Problem>>,
    ) -> Option<T> {
        result
            .map_err(|problems| {
                let error = gathered.manifest.invalid(problems);
                self.problem("InvalidManifest", error.to_string());
            })
            .ok()
    }
}

/// The security groups in which something of the App's own stands.
fn groups_of_what_stands(wanted: &Wanted<'_>, gathered: &Gathered) -> BTreeSet<String> {
    let around = &gathered.around;
    let services = around.services.values().chain(&around.leftovers.services);
    let services = services.filter(|service| wanted.id.owns(&service.tags));
    let rules = around.rules.values().chain(around.leftovers.rules.values());
    let targets = rules.filter_map(|rule| rule.target.as_ref());
    let networks = services
        .filter_map(|service| service.network.as_ref())
        .chain(targets.filter_map(|target| network_of(&target.placement)));
    networks
        .flat_map(|network| network.security_groups.iter().cloned())
        .collect()
}

/// What a Release of today needs.
fn of_settings(config: &Config) -> RackNeeds {
    let key = |key: &Option<String>| key.iter().cloned().collect();
    RackNeeds {
        security_groups: config.network.security_groups.iter().cloned().collect(),
        secret_keys: key(&config.secret_key_arn),
        environment_keys: key(&config.environment_key_arn),
    }
}

/// What to do depends on whether the Release alone would fit.
fn role_too_large(joined: usize, alone: usize) -> String {
    let takes = format!("IAM takes {INLINE_POLICIES_MAX} characters of policies for a role");
    if alone > INLINE_POLICIES_MAX {
        return format!(
            "the role that starts the App's tasks would have a policy of {alone} characters, and {takes}; name fewer secrets and \
             environment files: several values as keys of one secret, or in the App's environment"
        );
    }
    format!(
        "the role that starts the App's tasks would have a policy of {joined} characters, since it also reads what the Release before \
         names, whose tasks may still start, and {takes}; this Release alone takes {alone}: promote the change of secrets and environment \
         files in two steps, half of them with each Release"
    )
}
