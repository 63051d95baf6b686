//! Describing stacks, in the XML of the query protocol.
//!
//! Source: CloudFormation API reference, `DescribeStacks`, `DescribeStackEvents`, `GetTemplate`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::checks::validation;
use super::event::StackEvent;
use super::stack::Stack;
use super::{StackTable, text};
use crate::proxy::{Refusal, xml};

impl StackTable {
    /// The result of `DescribeStacks`.
    pub(crate) fn describe(&self, body: &Value) -> Result<String, Refusal> {
        let name = text(body, "StackName");
        let found: Vec<&Stack> = if name.is_empty() {
            let there = self.stacks.iter().filter(|stack| !stack.is_gone());
            there.collect()
        } else {
            let stack = self.find(name);
            vec![stack.ok_or_else(|| validation(&format!("Stack with id {name} does not exist")))?]
        };
        let members: String = found.into_iter().map(described).collect();
        Ok(format!("<Stacks>{members}</Stacks>"))
    }

    /// The result of `DescribeStackEvents`: the newest first.
    pub(crate) fn describe_events(&self, body: &Value) -> Result<String, Refusal> {
        let name = text(body, "StackName");
        let missing = || validation(&format!("Stack [{name}] does not exist"));
        let stack = self.find(name).ok_or_else(missing)?;
        let events = stack.events.iter().rev();
        let members: String = events.map(|event| told(stack, event)).collect();
        Ok(format!("<StackEvents>{members}</StackEvents>"))
    }

    /// The result of `GetTemplate`: as it was sent, but mangled.
    pub(crate) fn template(&self, body: &Value) -> Result<String, Refusal> {
        let name = text(body, "StackName");
        let missing = || validation(&format!("Stack with id {name} does not exist"));
        let stack = self.find(name).ok_or_else(missing)?;
        Ok(xml::element("TemplateBody", &mangled(&stack.template)))
    }
}

/// Only ASCII comes back, although CloudFormation works with all that it was sent.
///
/// Source: aws-cloudformation/cloudformation-coverage-roadmap#814, #1220.
fn mangled(text: &str) -> String {
    text.replace(|c: char| !c.is_ascii(), "?")
}

fn described(stack: &Stack) -> String {
    let mut out = String::from("<member>");
    let mut add = |name: &str, value: &str| out += &xml::element(name, value);
    add("StackName", &stack.name);
    add("StackId", &stack.id);
    add("StackStatus", stack.status);
    add("CreationTime", &stack.created);
    add("DisableRollback", "false");
    let optional = [
        ("StackStatusReason", Some(&stack.reason)),
        ("LastUpdatedTime", stack.updated.as_ref()),
        ("DeletionTime", stack.deleted.as_ref()),
        ("RoleARN", stack.role.as_ref()),
    ];
    for (name, value) in optional {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            add(name, value);
        }
    }
    let capabilities: String = stack
        .capabilities
        .iter()
        .map(|one| xml::element("member", one))
        .collect();
    let outputs = stack.outputs.iter();
    let outputs: BTreeMap<_, _> = outputs
        .map(|(name, value)| (name.clone(), mangled(value)))
        .collect();
    let lists = [
        ("Tags", members(&stack.tags, ["Key", "Value"])),
        ("Outputs", members(&outputs, ["OutputKey", "OutputValue"])),
        (
            "Parameters",
            members(&stack.parameters, ["ParameterKey", "ParameterValue"]),
        ),
        ("Capabilities", capabilities),
    ];
    for (name, list) in lists {
        let _ = write!(out, "<{name}>{list}</{name}>");
    }
    out + "</member>"
}

fn members<'a>(
    pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
    [name, value]: [&str; 2],
) -> String {
    let member = |(key, of): (&String, &String)| {
        let (key, of) = (xml::element(name, key), xml::element(value, of));
        format!("<member>{key}{of}</member>")
    };
    pairs.into_iter().map(member).collect()
}

fn told(stack: &Stack, event: &StackEvent) -> String {
    let mut out = String::from("<member>");
    let token = event.token.as_deref().unwrap_or_default();
    for (name, value) in [
        ("StackId", stack.id.as_str()),
        ("StackName", &stack.name),
        ("EventId", &event.id),
        ("LogicalResourceId", &event.resource),
        ("PhysicalResourceId", &event.physical_id),
        ("ResourceType", &event.resource_type),
        ("ResourceStatus", &event.status),
        ("ResourceStatusReason", &event.reason),
        ("ClientRequestToken", token),
        ("Timestamp", &event.time),
    ] {
        if !value.is_empty() {
            out += &xml::element(name, value);
        }
    }
    out + "</member>"
}
