//! What ECS needs of an App's stack to move requests from the tasks of one revision to those of the next: a second target group for
//! each Service and side, a listener rule that leads to both, and a role.
//!
//! ECS changes the weights of such a rule, and no template says how they are. CloudFormation compares templates, so it leaves them alone
//! as long as nothing of the rule changes, and writes all of it where anything does, forwards and back. So a rule that stands keeps its
//! weights as its template says them, and where one is to change, what is first brought to it are the weights of now alone.
//!
//! Source: ECS developer guide, "Application Load Balancer resources for blue/green, linear, and canary deployments", "Amazon ECS
//! infrastructure IAM role for load balancers"; AWS managed policy reference, `AmazonECSInfrastructureRolePolicyForLoadBalancers`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::boundary::BOUNDARY;
use super::ingress::{Ingress, LISTENER_RULE, TARGET_GROUP, half_id, is_of, rule_id};
use super::rendering::Rendering;
use super::template::{get_att, named_ids, object, reference};
use crate::entrance::{Advanced, Attachment, Half, Route, Routes};

/// The role by which ECS moves requests.
pub const DEPLOYMENT_ROLE: &str = "DeploymentRole";
/// Its ARN, beside which each rule that it changes is an output too.
const ROLE_OUTPUT: &str = "DeploymentRoleArn";
const RULE_OUTPUT: &str = "Arn";

/// The target groups of a route: the one with the tasks of now first.
pub(super) fn group_ids(route: &Route) -> Vec<String> {
    let live = route.pair.live;
    let other = route.pair.is_whole.then(|| half_id(route, live.other()));
    [half_id(route, live)].into_iter().chain(other).collect()
}

/// The logical ids of both target groups that a route can have, the first one first.
#[must_use]
pub fn pair_ids(route: &Route) -> [String; 2] {
    [Half::First, Half::Second].map(|half| half_id(route, half))
}

/// The rule that ECS changes for a route: it takes one for each target group.
fn production_rule(route: &Route) -> Option<String> {
    let rule = route.rules.first()?;
    Some(rule_id(&route.service, route.side, &rule.part))
}

/// What an ECS service is attached to for a route, by what the App's stack gives; `None` as long as the stack has not all of it.
#[must_use]
pub fn attachment(outputs: &BTreeMap<String, String>, route: &Route) -> Option<Attachment> {
    let groups = group_ids(route);
    let arns = groups.iter().map(|id| outputs.get(id).cloned());
    let mut arns = arns.collect::<Option<Vec<String>>>()?.into_iter();
    let live = arns.next();
    let advanced = match arns.next() {
        None => None,
        Some(other) => {
            let rule = outputs.get(&format!("{}{RULE_OUTPUT}", production_rule(route)?));
            Some(Advanced {
                alternate_target_group_arn: other,
                production_listener_rule: rule?.clone(),
                role_arn: outputs.get(ROLE_OUTPUT)?.clone(),
            })
        }
    };
    Some(Attachment {
        target_group_arn: live,
        container_name: route.service.to_string(),
        container_port: i32::from(route.port),
        advanced,
    })
}

/// The same template with the weights of now in each listener rule of `routes` that leads to two target groups, where a template that is
/// to follow it changes such a rule: CloudFormation writes the weights of the one template when it goes forward, and those of the other
/// when it goes back. `None` where that changes nothing.
#[must_use]
pub fn with_live_weights(stands: &Value, follows: &Value, routes: &Routes) -> Option<Value> {
    let mut template = stands.clone();
    let resources = template.get_mut("Resources")?.as_object_mut()?;
    for route in &routes.list {
        for rule in &route.rules {
            let id = rule_id(&route.service, route.side, &rule.part);
            let next = follows.pointer(&format!("/Resources/{id}"));
            let Some(resource) = resources.get_mut(&id).filter(|it| Some(&**it) != next) else {
                continue;
            };
            if let Some(actions) = leads_to_both(resource, route) {
                *actions = json!([weighted(route)]);
            }
        }
    }
    (template != *stands).then_some(template)
}

/// Whether one of the listener rules of a route is another one in the second template.
#[must_use]
pub fn changes_rules(stands: &Value, follows: &Value, route: &Route) -> bool {
    let mut rules = route.rules.iter();
    rules.any(|rule| {
        let id = rule_id(&route.service, route.side, &rule.part);
        let place = format!("/Resources/{id}");
        let stands = stands.pointer(&place);
        stands.is_some() && stands != follows.pointer(&place)
    })
}

/// The actions of a rule that leads to both target groups of a route, and to no other.
fn leads_to_both<'r>(resource: &'r mut Value, route: &Route) -> Option<&'r mut Value> {
    let own = BTreeSet::from(pair_ids(route));
    let actions = resource.pointer_mut("/Properties/Actions")?;
    let named: BTreeSet<String> = named_ids(actions).into_iter().collect();
    (named == own).then_some(actions)
}

/// Everything to the target group with the tasks of now, and nothing yet to the other.
fn weighted(route: &Route) -> Value {
    let live = route.pair.live;
    let groups = [(live, 100), (live.other(), 0)].map(|(half, weight)| {
        let group = reference(&half_id(route, half));
        json!({"TargetGroupArn": group, "Weight": weight})
    });
    json!({"Type": "forward", "ForwardConfig": {"TargetGroups": groups}})
}

impl Rendering<'_> {
    /// A rule of a route with two target groups leads to both; one that stands keeps its weights as its template says them.
    pub(super) fn with_weights(&mut self, route: &Route, id: &str, mut rule: Value) -> Value {
        if !route.pair.is_whole {
            return rule;
        }
        let mut before = self.before.resources.get(id).cloned();
        let stands = before.as_mut().and_then(|rule| leads_to_both(rule, route));
        let actions = stands.cloned().unwrap_or_else(|| json!([weighted(route)]));
        if let Some(members) = rule.as_object_mut() {
            members.insert("Actions".to_owned(), actions);
        }
        if production_rule(route).as_deref() == Some(id) {
            let output = format!("{id}{RULE_OUTPUT}");
            self.template.output(&output, reference(id));
        }
        rule
    }

    /// The role, for as long as an ECS service has it: it changes the rules that lead to two target groups, and those groups.
    pub(super) fn add_deployment_role(&mut self, ingress: &Ingress<'_>) {
        let mut routes = ingress.routes.list.iter();
        let is_wanted = routes.any(|route| route.pair.is_whole);
        let is_used = ingress.attached.is_shifted && self.before.has(DEPLOYMENT_ROLE);
        if !is_wanted && !is_used {
            return;
        }
        let (rules, groups) = self.template.shifted();
        let statements = [
            json!({
                "Sid": "LookAtLoadBalancers",
                "Effect": "Allow",
                "Action": [
                    "elasticloadbalancing:DescribeListeners",
                    "elasticloadbalancing:DescribeRules",
                    "elasticloadbalancing:DescribeTargetGroups",
                    "elasticloadbalancing:DescribeTargetHealth",
                ],
                "Resource": "*",
            }),
            json!({
                "Sid": "RegisterTasks",
                "Effect": "Allow",
                "Action": [
                    "elasticloadbalancing:DeregisterTargets",
                    "elasticloadbalancing:RegisterTargets",
                ],
                "Resource": groups.iter().map(|id| reference(id)).collect::<Vec<_>>(),
            }),
            json!({
                "Sid": "MoveRequests",
                "Effect": "Allow",
                "Action": "elasticloadbalancing:ModifyRule",
                "Resource": rules.iter().map(|id| reference(id)).collect::<Vec<_>>(),
            }),
        ];
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        let path = format!("/convox/{}/", self.inputs.id.rack);
        let properties = object([
            (
                "Description",
                "What ECS may do to move requests from one revision to the next".into(),
            ),
            ("Path", path.into()),
            ("AssumeRolePolicyDocument", trust()),
            (BOUNDARY, self.inputs.boundary_arn.into()),
            (
                "Policies",
                json!([{"PolicyName": "move-requests", "PolicyDocument": document}]),
            ),
            ("Tags", self.template.tags()),
        ]);
        self.template
            .add(DEPLOYMENT_ROLE, "AWS::IAM::Role", properties);
        self.template
            .output(ROLE_OUTPUT, get_att(DEPLOYMENT_ROLE, "Arn"));
    }
}

impl super::template::Template {
    /// The listener rules that lead to two target groups, and those groups.
    fn shifted(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut rules, mut all) = (BTreeSet::new(), BTreeSet::new());
        for (id, resource) in self.resources() {
            let groups = named_ids(resource).into_iter();
            let groups: BTreeSet<String> = groups.filter(|id| self.is(id, TARGET_GROUP)).collect();
            if is_of(resource, LISTENER_RULE) && groups.len() > 1 {
                rules.insert(id.clone());
                all.extend(groups);
            }
        }
        (rules, all)
    }
}

/// Source: as the module. ECS documents no condition for it, so what it does not say is passed over.
fn trust() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "ecs.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEqualsIfExists": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        }],
    })
}
