//! Where resources are and who may connect to them: the App's own tasks, and nobody else.
//!
//! The App's tasks are in a security group of their own, beside those of the Rack, which all Apps share. Only what cannot be in
//! it (tasks on instances have no groups, an ECS service of others keeps its own) is let in by a group of the Rack.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::outputs;
use super::rendering::Rendering;
use super::template::{SOURCE_GROUP, get_att, reference};
use manifest::resources::Resource;
use names::hash8;

/// Kinds of logical ids.
pub(super) const SECURITY_GROUP: &str = "SecurityGroup";
/// One for each group that may connect.
pub(super) const INGRESS: &str = "Ingress";
/// The logical id of the App's own group. Those of resources have their name in front.
pub(super) const OWN_GROUP: &str = SECURITY_GROUP;
pub(super) const DATABASE_SUBNETS: &str = "DatabaseSubnets";
pub(super) const CACHE_SUBNETS: &str = "CacheSubnets";
/// Whether a template makes the App's own security group.
#[must_use]
pub fn has_own_group(template: &Value) -> bool {
    let resources = template.get("Resources");
    resources.is_some_and(|resources| resources.get(OWN_GROUP).is_some())
}

impl<'a> Rendering<'a> {
    /// Finds out whether `resource` has a place; one that fails over needs two subnets at least, in two zones. Which zone a
    /// subnet is in, only AWS knows.
    pub(super) fn check_network(&mut self, resource: &Resource, needs_two_zones: bool) {
        let inputs = self.inputs;
        if inputs.vpc_id.is_none() {
            let message = "has no network to be in: set the Rack's parameter `Vpc`";
            self.problem(resource, "", message);
        }
        let count = self.subnet_ids().len();
        if count == 0 {
            let message = "has no subnets to be in: set the Rack's parameter `Subnets`";
            self.problem(resource, "", message);
        } else if needs_two_zones && count < 2 {
            let message = "needs subnets in two Availability Zones: add one to the Rack's \
                           parameter `Subnets`";
            self.problem(resource, "", message);
        }
        if inputs.security_groups.is_empty() {
            let message = "could be reached by no task: set the Rack's parameter `SecurityGroups`";
            self.problem(resource, "", message);
        }
    }

    /// Adds the group of a resource that tasks may connect to on `port`, and gives what names it.
    pub(super) fn add_security_group(&mut self, resource: &Resource, port: u16) -> Value {
        let id = Self::id(resource, SECURITY_GROUP);
        let inputs = self.inputs;
        let properties = json!({
            "GroupDescription": "Connections from tasks of the App",
            "VpcId": inputs.vpc_id.unwrap_or_default(),
            "Tags": self.template.tags_with(&resource.tags),
        });
        self.template
            .add(&id, "AWS::EC2::SecurityGroup", properties);
        self.admit(resource, port, "Own", &get_att(OWN_GROUP, "GroupId"));
        let left = &inputs.before_settings.security_groups;
        for group in inputs.let_in.union(left) {
            self.admit(resource, port, &hash8(group), &json!(group));
        }
        get_att(&id, "GroupId")
    }

    /// Adds the group of the App's tasks. One that has it keeps it when the last of its resources is gone: tasks are still in
    /// it, and a group with tasks in it cannot be deleted.
    pub(super) fn add_own_group(&mut self) {
        if !self.resources.is_empty() || self.is_reached_by_address() {
            let properties = json!({
                "GroupDescription": "Tasks of the App",
                "VpcId": self.inputs.vpc_id.unwrap_or_default(),
                "Tags": self.template.tags(),
            });
            self.template
                .add(OWN_GROUP, "AWS::EC2::SecurityGroup", properties);
        } else if self.before.has(OWN_GROUP) {
            self.keep_resource(OWN_GROUP);
        } else {
            return;
        }
        let id = get_att(OWN_GROUP, "GroupId");
        self.template.output(outputs::SECURITY_GROUP, id);
    }

    /// Lets `group` connect to a resource.
    fn admit(&mut self, resource: &Resource, port: u16, name: &str, group: &Value) {
        let id = Self::id(resource, &format!("{INGRESS}{name}"));
        self.admit_into(&Self::id(resource, SECURITY_GROUP), port, &id, group);
    }

    /// Lets `group` connect to what is in the group with the logical id `admitting`. The rule is a resource of its own: rules
    /// inside of a group may be authorized before the group has its tags, and by its tags the stack's role is allowed to
    /// authorize them (aws/aws-cdk#13256).
    pub(super) fn admit_into(&mut self, admitting: &str, port: u16, id: &str, group: &Value) {
        let properties = json!({
            "GroupId": get_att(admitting, "GroupId"),
            "IpProtocol": "tcp",
            "FromPort": port,
            "ToPort": port,
            SOURCE_GROUP: group,
        });
        self.template
            .add(id, "AWS::EC2::SecurityGroupIngress", properties);
    }

    /// Adds the subnet group of a database, and gives what names it.
    pub(super) fn add_database_subnets(&mut self, resource: &Resource) -> Value {
        let id = Self::id(resource, DATABASE_SUBNETS);
        let properties = json!({
            "DBSubnetGroupDescription": "Subnets of the Rack",
            "SubnetIds": self.subnet_ids(),
            "Tags": self.template.tags_with(&resource.tags),
        });
        self.template
            .add(&id, "AWS::RDS::DBSubnetGroup", properties);
        reference(&id)
    }

    /// Adds the subnet group of a cache, and gives what names it.
    pub(super) fn add_cache_subnets(&mut self, resource: &Resource) -> Value {
        let id = Self::id(resource, CACHE_SUBNETS);
        let properties = json!({
            "Description": "Subnets of the Rack",
            "SubnetIds": self.subnet_ids(),
            "Tags": self.template.tags_with(&resource.tags),
        });
        self.template
            .add(&id, "AWS::ElastiCache::SubnetGroup", properties);
        reference(&id)
    }

    /// Each once, in an order of their own: the Rack can list them in another without a change of the template.
    pub(super) fn subnet_ids(&self) -> BTreeSet<&'a str> {
        self.inputs.subnets.iter().map(String::as_str).collect()
    }
}
