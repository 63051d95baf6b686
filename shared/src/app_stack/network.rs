//! Where resources are and who may connect to them: the tasks' security groups, and nobody else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::rendering::Rendering;
use super::template::{get_att, reference};
use crate::resources::Resource;

/// Kinds of logical ids.
pub(super) const SECURITY_GROUP: &str = "SecurityGroup";
pub(super) const DATABASE_SUBNETS: &str = "DatabaseSubnets";
pub(super) const CACHE_SUBNETS: &str = "CacheSubnets";
/// The property of an ingress rule that names who may connect.
pub(super) const SOURCE_GROUP: &str = "SourceSecurityGroupId";

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
            let message = "needs subnets in two Availability Zones: add one to the Rack's parameter `Subnets`";
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
        let left = &inputs.before_settings.security_groups;
        let left = left
            .iter()
            .filter(|group| !inputs.security_groups.contains(group));
        let groups = inputs.security_groups.iter().chain(left);
        let ingress = groups.map(|group| {
            json!({
                "IpProtocol": "tcp",
                "FromPort": port,
                "ToPort": port,
                SOURCE_GROUP: group,
            })
        });
        let properties = json!({
            "GroupDescription": "Connections from tasks of the App",
            "VpcId": self.inputs.vpc_id.unwrap_or_default(),
            "SecurityGroupIngress": ingress.collect::<Vec<_>>(),
            "Tags": self.template.tags_with(&resource.tags),
        });
        self.template
            .add(&id, "AWS::EC2::SecurityGroup", properties);
        get_att(&id, "GroupId")
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
