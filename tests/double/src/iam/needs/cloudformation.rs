//! `CloudFormation`, which does the work with the role that it is given.

use super::super::facts::{Facts, tags};
use super::{Need, Row, pass_role, text, unknown};
use crate::proxy::Call;

const OPERATION: &str = "SAR for CloudFormation: the action of the operation's name, on the stack";
const TAG: &str =
    "SAR for CloudFormation, TagResource: where CreateStack and UpdateStack have tags";
const PASS: &str = "CloudFormation user guide, \"CloudFormation service role\": iam:PassRole to give a stack a role; later \
                    operations use it without";

pub(super) fn needs(facts: &Facts<'_>, call: &Call) -> Row {
    let stack = stack(facts, text(&call.body, "StackName"));
    let operation = call.operation.as_str();
    let need = Need::new(
        &format!("cloudformation:{operation}"),
        stack.clone(),
        OPERATION,
    );
    match operation {
        "CreateStack" | "UpdateStack" | "DeleteStack" => {}
        "DescribeStackEvents" | "DescribeStacks" | "GetTemplate" => return Ok(vec![need]),
        _ => return unknown(call),
    }
    let asked = tags(&call.body["Tags"], "Key", "Value");
    let stands = tags(&call.answer["Tags"], "Key", "Value");
    let mut need = need
        .with_tags("aws:RequestTag", &asked)
        .with_tags("aws:ResourceTag", &stands);
    let role = call.body["RoleARN"].as_str();
    if let Some(role) = role {
        need = need.with("cloudformation:RoleArn", role);
    }
    let mut needs = vec![need];
    if !asked.is_empty() {
        let tag = Need::new("cloudformation:TagResource", stack, TAG);
        let tag = tag.with_tags("aws:RequestTag", &asked);
        needs.push(tag.with_tags("aws:ResourceTag", &stands));
    }
    needs.extend(role.map(|role| pass_role(role, "cloudformation.amazonaws.com", PASS)));
    Ok(needs)
}

/// A name stands for any stack that has it or will have it.
fn stack(facts: &Facts<'_>, name_or_arn: &str) -> String {
    if name_or_arn.starts_with("arn:") {
        return name_or_arn.to_owned();
    }
    let stack = format!("stack/{name_or_arn}/*");
    facts.deployment.arn("cloudformation", &stack)
}
