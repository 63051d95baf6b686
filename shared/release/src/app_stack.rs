//! An App's own CloudFormation stack: its roles, its log group and what its `resources:` ask for. Pure: what convox.yml
//! says and the template that stands -> the template to be.
//!
//! The same inputs render the same JSON, and rendering again over what was rendered changes nothing: the template is
//! compared with the one that stands, so a stack is updated only where it differs.

mod before;
mod body;
mod boundary;
mod cache;
mod database;
mod file_system;
mod ingress;
mod kept;
mod link;
mod link_variables;
mod logical_id;
mod metadata;
mod needs;
mod network;
mod nlb;
mod outputs;
mod removed;
mod rendering;
mod role_limits;
mod roles;
mod scaling;
mod stack_needs;
mod statements;
mod strategies;
mod template;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use manifest::resources::{Resource, ResourceKind};
use names::{AppId, ReleaseId};
use yaml::Problem;

pub use before::{Before, leave_snapshots, protected};
pub use body::{is_as_wanted, read_template, template_body};
pub use boundary::bounded;
pub use ingress::{Attached, Ingress, PlacedRule, attached, placed_rules, rule_id};
pub use link_variables::link_variables;
pub use metadata::{DataAfter, RemovedResource};
pub use needs::Needs;
pub use network::has_own_group;
pub use nlb::{listener_group_arn, nlb_name};
pub use outputs::StackOutputs;
use rendering::{Opened, Rendering};
pub use role_limits::{INLINE_POLICIES_MAX, MANAGED_POLICIES, execution_policy_size};
pub use scaling::{Scaled, counts_requests};
pub use stack_needs::{RackNeeds, StackNeeds};
pub use strategies::{DEPLOYMENT_ROLE, attachment, changes_rules, pair_ids, with_live_weights};
use template::{Template, reference};

/// CloudFormation takes a template of so many bytes in the request itself (user guide, "Understand CloudFormation quotas").
pub const TEMPLATE_BODY_MAX_BYTES: usize = 51_200;

/// What a template is made from beside the resources.
pub struct StackInputs<'a> {
    /// The App.
    pub id: &'a AppId,
    /// The Release that it is rendered for.
    pub release: &'a ReleaseId,
    /// The request: all of its attempts tell of what it removed, and no other request does.
    pub request_id: &'a str,
    /// What convox.yml wants its roles to allow.
    pub needs: &'a Needs,
    /// Names of resources that stay where they stand, although convox.yml has them no more: tasks of the Release before
    /// may still use them.
    pub keep: &'a BTreeSet<String>,
    /// The permissions boundary of its roles.
    pub boundary_arn: &'a str,
    /// The Rack's bucket.
    pub settings_bucket: &'a str,
    /// Whether images ask S3 for the newest version of an environment, and not for the one of their Release.
    pub unversioned_reads: bool,
    /// The key of the bucket and of envelopes.
    pub environment_key_arn: Option<&'a str>,
    /// The key of secrets; `None` = the account's `aws/secretsmanager`.
    pub secret_key_arn: Option<&'a str>,
    /// Days that the App's logs are kept.
    pub log_retention_days: u32,
    /// Where resources are reachable: one for each Availability Zone, since a file system has one mount target in a zone.
    pub subnets: &'a [String],
    /// The network of the subnets; without it there are no resources.
    pub vpc_id: Option<&'a str>,
    /// Security groups that the Rack gives to tasks. Without one there are no resources.
    pub security_groups: &'a [String],
    /// What resources let in beside the App's own group: the groups of tasks that cannot be in that one.
    pub let_in: &'a BTreeSet<String>,
    /// What the settings were before: tasks that started then may still run, or start again.
    pub before_settings: &'a RackNeeds,
    /// Whether all tasks that may run or start mount file systems as their role: those of Releases that were promoted before
    /// roles were allowed to do so mount as nobody, and a file system that stands goes on to let them in.
    pub mounted_by_role: bool,
    /// What load balancers send to the App; none where nobody asks.
    pub ingress: Option<Ingress<'a>>,
    /// What is scaled.
    pub scaled: &'a [Scaled<'a>],
    /// Whether a change that replaces a resource by an empty one is wanted.
    pub allow_replacement: bool,
}

/// A template and what is to be known about it. It can hold what convox.yml interpolates, so it has no `Debug`.
pub struct Rendered {
    /// The template, without parameters.
    pub template: Value,
    /// Whether another update follows: once this one is done, rendering again gives another template.
    pub more: bool,
    /// What the author should know, each with its line of convox.yml where it has one.
    pub notices: Vec<String>,
    /// The resources that leave with this Release, or have left with it already.
    pub removed: Vec<RemovedResource>,
}

/// Renders the template; `before` is the one that stands.
///
/// # Errors
///
/// All that CloudFormation would refuse, or do in a way that loses data.
pub fn render(
    inputs: &StackInputs<'_>,
    resources: &[Resource],
    before: Option<&Before>,
) -> Result<Rendered, Vec<Problem>> {
    let nothing = Before::default();
    let mut stack = Rendering {
        inputs,
        resources,
        before: before.unwrap_or(&nothing),
        template: Template::new(inputs.id),
        opened: Opened::default(),
        logins: BTreeSet::new(),
        replaced: BTreeSet::new(),
        more: false,
        notices: Vec::new(),
        problems: Vec::new(),
    };
    for resource in resources {
        match &resource.kind {
            ResourceKind::Database(database) => database::add(&mut stack, resource, database),
            ResourceKind::Cache(cache) => cache::add(&mut stack, resource, cache),
            ResourceKind::FileSystem(files) => file_system::add(&mut stack, resource, files),
        }
    }
    stack.add_credentials();
    let removed = stack.leave();
    stack.add_ingress();
    stack.add_scaling();
    stack.add_own_group();
    stack.opened.sort();
    let mut template = stack.template;
    log_group(&mut template, inputs);
    roles::add(&mut template, inputs, &stack.opened);
    template.access(inputs.needs);
    if !stack.problems.is_empty() {
        return Err(stack.problems);
    }
    Ok(Rendered {
        template: template.finish(),
        more: stack.more,
        notices: stack.notices,
        removed,
    })
}

fn log_group(template: &mut Template, inputs: &StackInputs<'_>) {
    template.add(
        "LogGroup",
        "AWS::Logs::LogGroup",
        json!({
            "LogGroupName": inputs.id.log_group(),
            "RetentionInDays": inputs.log_retention_days,
            "Tags": template.tags(),
        }),
    );
    template.output(outputs::LOG_GROUP, reference("LogGroup"));
}
