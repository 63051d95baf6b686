//! Limits on what a request may hold.
//!
//! Source: CloudFormation API reference, `CreateStack`, `UpdateStack`, `DeleteStack` and `Tag`, unless a line says
//! otherwise.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{template, text};
use crate::proxy::Refusal;

const NAME_MAX: usize = 128;
const TOKEN_MAX: usize = 128;
/// Source: CloudFormation user guide, "Understand CloudFormation quotas".
const TEMPLATE_MAX_BYTES: usize = 51_200;
const TAGS_MAX: usize = 50;
const TAG_NAME_MAX: usize = 128;
const TAG_VALUE_MAX: usize = 256;

/// Types that need a capability, and the property that gives each a name.
const IAM_TYPES: [(&str, &str); 8] = [
    ("AWS::IAM::AccessKey", ""),
    ("AWS::IAM::Group", "GroupName"),
    ("AWS::IAM::InstanceProfile", "InstanceProfileName"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::IAM::Policy", ""),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::IAM::User", "UserName"),
    ("AWS::IAM::UserToGroupAddition", ""),
];

/// The name of a stack to be.
pub(super) fn name(body: &Value) -> Result<&str, Refusal> {
    let name = text(body, "StackName");
    let of_token = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let letter_first = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic());
    if !(of_token && letter_first) {
        return Err(constraint(
            "stackName",
            "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
        ));
    }
    within("stackName", name.len(), NAME_MAX)?;
    Ok(name)
}

/// What creations and updates have in common.
pub(super) fn request(body: &Value) -> Result<(), Refusal> {
    token(body)?;
    let role = body["RoleARN"].as_str();
    if role.is_some_and(|role| !(20..=2048).contains(&role.len())) {
        return Err(constraint(
            "roleARN",
            "Member must have length between 20 and 2048",
        ));
    }
    tags(body)
}

pub(super) fn token(body: &Value) -> Result<(), Refusal> {
    let Some(token) = body["ClientRequestToken"].as_str() else {
        return Ok(());
    };
    let inner = token
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !inner || token.is_empty() || token.starts_with('-') {
        return Err(constraint(
            "clientRequestToken",
            "Member must satisfy regular expression pattern: [a-zA-Z0-9][-a-zA-Z0-9]*",
        ));
    }
    within("clientRequestToken", token.len(), TOKEN_MAX)
}

fn tags(body: &Value) -> Result<(), Refusal> {
    let tags = body["Tags"].as_array().map_or(&[][..], Vec::as_slice);
    within("tags", tags.len(), TAGS_MAX)?;
    let mut names = BTreeSet::new();
    for tag in tags {
        let name = text(tag, "Key");
        part_of_tag("tags.key", name, TAG_NAME_MAX)?;
        part_of_tag("tags.value", text(tag, "Value"), TAG_VALUE_MAX)?;
        if name.to_ascii_lowercase().starts_with("aws:") {
            return Err(validation(
                "aws: prefixed tag key names are not allowed for external use.",
            ));
        }
        if !names.insert(name) {
            return Err(validation("Duplicate tag keys are not allowed"));
        }
    }
    Ok(())
}

/// Source: CloudFormation user guide, "Resource tags": letters, digits, space and `_.:/=+-@`.
fn part_of_tag(field: &str, part: &str, most: usize) -> Result<(), Refusal> {
    let valid = |char: char| char.is_alphanumeric() || " _.:/=+-@".contains(char);
    if part.is_empty() {
        let rule = "Member must have length greater than or equal to 1";
        return Err(constraint(field, rule));
    }
    within(field, part.chars().count(), most)?;
    if part.chars().all(valid) {
        return Ok(());
    }
    Err(constraint(
        field,
        "Member must satisfy regular expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$",
    ))
}

/// The template of a request, checked.
pub(super) fn template(body: &Value) -> Result<Value, Refusal> {
    let Some(written) = body["TemplateBody"].as_str() else {
        return Err(validation(
            "Either Template URL or Template Body must be specified.",
        ));
    };
    within("templateBody", written.len(), TEMPLATE_MAX_BYTES)?;
    let parsed = parsed(written)
        .ok_or_else(|| template::format_error("JSON not well-formed, or no object"))?;
    template::check(&parsed)?;
    Ok(parsed)
}

/// A template that is a JSON object.
pub(super) fn parsed(template: &str) -> Option<Value> {
    serde_json::from_str(template).ok().filter(Value::is_object)
}

/// Source: `CreateStack`, `Capabilities`.
pub(super) fn capabilities(body: &Value, template: &Value) -> Result<(), Refusal> {
    let given = body["Capabilities"].as_array().into_iter().flatten();
    let given: BTreeSet<&str> = given.filter_map(Value::as_str).collect();
    let resources = template["Resources"].as_object().into_iter().flatten();
    let mut needed = None;
    for (_, resource) in resources {
        let of_iam = IAM_TYPES.iter().find(|(name, _)| resource["Type"] == *name);
        let Some((_, property)) = of_iam else {
            continue;
        };
        if resource["Properties"].get(*property).is_some() {
            needed = Some("CAPABILITY_NAMED_IAM");
        }
        needed = needed.or(Some("CAPABILITY_IAM"));
    }
    match needed {
        Some(needed) if !given.contains(needed) && !given.contains("CAPABILITY_NAMED_IAM") => {
            let message = format!("Requires capabilities : [{needed}]");
            Err(Refusal::new("InsufficientCapabilitiesException", message))
        }
        _ => Ok(()),
    }
}

fn within(field: &str, length: usize, most: usize) -> Result<(), Refusal> {
    if length <= most {
        return Ok(());
    }
    let rule = format!("Member must have length less than or equal to {most}");
    Err(constraint(field, &rule))
}

fn constraint(field: &str, rule: &str) -> Refusal {
    validation(&format!(
        "1 validation error detected: Value at '{field}' failed to satisfy constraint: {rule}"
    ))
}

pub(super) fn validation(message: &str) -> Refusal {
    Refusal::new("ValidationError", message)
}
