//! What services refuse of the resources of a template: CloudFormation begins, and takes back what it has begun.

use serde_json::{Value, json};

use super::super::{array, text};
use crate::stacks::Effect;

/// Source: IAM user guide, "IAM and AWS STS quotas" (the inline policies of a role, without white space).
const INLINE_POLICIES_MAX: usize = 10_240;
/// Source: the same, managed policies attached to a role, in an account whose quota nobody raised.
const MANAGED_POLICIES_MAX: usize = 10;
/// The lengths of what CloudFormation puts in here: partition, region, account and the suffix of hosts.
const PUT_IN: [(&str, &str); 4] = [
    ("${AWS::Partition}", "aws"),
    ("${AWS::Region}", "us-east-1"),
    ("${AWS::AccountId}", "123456789012"),
    ("${AWS::URLSuffix}", "amazonaws.com"),
];

/// The effect of an operation whose template holds what a service refuses; `before` is the template that it takes the place of.
pub(super) fn exceeded(body: &Value, before: &Value) -> Option<Effect> {
    let template: Value = serde_json::from_str(text(body, "TemplateBody")).ok()?;
    let resources = template["Resources"].as_object()?;
    resources.iter().find_map(|(name, resource)| {
        let resource_type = text(resource, "Type");
        let properties = &resource["Properties"];
        let before = &before["Resources"][name]["Properties"];
        let with_role = body["RoleARN"].is_string();
        let reason = match resource_type {
            "AWS::IAM::Role" => {
                let unbound = with_role.then(|| unbound(properties, before)).flatten();
                unbound.or_else(|| role(name, properties, &template))
            }
            "AWS::EC2::SecurityGroup" => {
                let untagged = with_role.then(|| untagged(properties, before)).flatten();
                untagged.or_else(|| tags(properties))
            }
            _ => tags(properties),
        }?;
        Some(Effect::failed(
            name.clone(),
            resource_type.to_owned(),
            reason,
        ))
    })
}

/// What the Rack's role for stacks refuses of a role and its boundary: none without one, none loses it, and none gets policies
/// before it has it, since nobody says in which order CloudFormation does these.
fn unbound(role: &Value, before: &Value) -> Option<String> {
    const BOUNDARY: &str = "PermissionsBoundary";
    let differs = |name: &str| role[name] != before[name];
    let action = match (&role[BOUNDARY], before) {
        (Value::Null, Value::Null) => "CreateRole",
        (Value::Null, _) if before[BOUNDARY].is_null() => return None,
        (Value::Null, _) => "DeleteRolePermissionsBoundary",
        (_, Value::Object(_)) if differs(BOUNDARY) && differs("Policies") => "PutRolePolicy",
        (_, Value::Object(_)) if differs(BOUNDARY) && differs("ManagedPolicyArns") => {
            "AttachRolePolicy"
        }
        _ => return None,
    };
    Some(format!(
        "is not authorized to perform: iam:{action} because no identity-based policy allows the iam:{action} action (Service: \
         Iam, Status Code: 403)"
    ))
}

/// What the Rack's role for stacks refuses of a new security group: rules inside of it, which CloudFormation authorizes before
/// the group has the tags that the role goes by.
///
/// Source: aws/aws-cdk#13256; aws-cloudformation/cloudformation-coverage-roadmap#714.
fn untagged(group: &Value, before: &Value) -> Option<String> {
    let rules = ["SecurityGroupIngress", "SecurityGroupEgress"];
    let mut rules = rules.into_iter().filter(|_| before.is_null());
    let rules = rules.find(|name| !array(group, name).is_empty())?;
    Some(format!(
        "You are not authorized to perform this operation: no identity-based policy allows the ec2:Authorize{rules} action on a \
         group without tags (Service: Ec2, Status Code: 403)"
    ))
}

fn role(name: &str, role: &Value, template: &Value) -> Option<String> {
    let documents = array(role, "Policies").iter();
    let documents = documents.map(|policy| resolved(&policy["PolicyDocument"], template));
    let documents: Vec<String> = documents.map(|document| document.to_string()).collect();
    let mut characters = documents.iter().flat_map(|document| document.chars());
    if !characters.all(is_of_a_policy) {
        let reason =
            "The specified value for policyDocument is invalid (Service: Iam, Status Code: 400)";
        return Some(reason.to_owned());
    }
    let size = |document: &String| document.chars().filter(|c| !c.is_whitespace()).count();
    if documents.iter().map(size).sum::<usize>() > INLINE_POLICIES_MAX {
        return Some(format!(
            "Maximum policy size of {INLINE_POLICIES_MAX} bytes exceeded for role {name} (Service: Iam, Status Code: 409)"
        ));
    }
    (array(role, "ManagedPolicyArns").len() > MANAGED_POLICIES_MAX).then(|| {
        format!("Cannot exceed quota for PoliciesPerRole: {MANAGED_POLICIES_MAX} (Service: Iam, Status Code: 409)")
    })
}

/// Source: IAM API reference, `PutRolePolicy`, `PolicyDocument` (the pattern).
fn is_of_a_policy(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FF}')
}

/// Source: RDS user guide, "Tagging Amazon RDS resources"; ElastiCache, EFS and Secrets Manager have the same rules.
fn tags(properties: &Value) -> Option<String> {
    let tags = array(properties, "Tags");
    let valid = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    let wrong = tags.iter().find(|tag| {
        let (key, value) = (text(tag, "Key"), text(tag, "Value"));
        let lengths = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
        !lengths
            || !key.chars().chain(value.chars()).all(valid)
            || key.to_lowercase().starts_with("aws:")
    });
    (wrong.is_some() || tags.len() > 50).then(|| "Tags are not valid (Status Code: 400)".to_owned())
}

/// A document with texts in place of the functions that a role's policy uses.
fn resolved(value: &Value, template: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| resolved(item, template)).collect(),
        Value::Object(members) => {
            if let Some(text) = members.get("Fn::Sub").and_then(Value::as_str) {
                let put_in = |text: String, (name, value): &(&str, &str)| text.replace(name, value);
                return PUT_IN.iter().fold(text.to_owned(), put_in).into();
            }
            if let Some(id) = members
                .get("Fn::GetAtt")
                .and_then(|parts| parts[0].as_str())
            {
                let properties = &template["Resources"][id]["Properties"];
                let name = text(properties, "Name").to_owned() + text(properties, "LogGroupName");
                return json!(format!(
                    "arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf"
                ));
            }
            let members = members.iter();
            members
                .map(|(name, member)| (name.clone(), resolved(member, template)))
                .collect()
        }
        other => other.clone(),
    }
}
