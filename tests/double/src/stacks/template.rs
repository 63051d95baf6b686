//! What CloudFormation refuses in a template before it does anything.
//!
//! Source: CloudFormation user guide, "Template sections", "Resources", and the intrinsic functions' pages; the words
//! are CloudFormation's.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::checks::validation;
use super::text;
use crate::proxy::Refusal;

const SECTIONS: [&str; 10] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
];
/// Source: CloudFormation user guide, "Understand CloudFormation quotas".
const RESOURCES_MAX: usize = 500;

/// `Template format error: …`
pub(super) fn format_error(message: impl std::fmt::Display) -> Refusal {
    validation(&format!("Template format error: {message}"))
}

pub(super) fn check(template: &Value) -> Result<(), Refusal> {
    no_null("", template)?;
    let sections = template.as_object().into_iter().flatten();
    let unknown: Vec<&str> = sections
        .map(|(name, _)| name.as_str())
        .filter(|name| !SECTIONS.contains(name))
        .collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(validation(&format!(
            "Invalid template property or properties [{unknown}]"
        )));
    }
    let none = Map::new();
    let resources = template["Resources"].as_object().unwrap_or(&none);
    if resources.is_empty() {
        return Err(format_error(
            "At least one Resources member must be defined.",
        ));
    }
    if resources.len() > RESOURCES_MAX {
        return Err(format_error(format!(
            "Number of resources, {}, is greater than maximum allowed, {RESOURCES_MAX}",
            resources.len()
        )));
    }
    for (name, resource) in resources {
        alphanumeric("Resource", name)?;
        if text(resource, "Type").is_empty() {
            return Err(format_error(format!(
                "[/Resources/{name}] Every Resources object must contain a Type member."
            )));
        }
    }
    for (name, output) in template["Outputs"].as_object().into_iter().flatten() {
        alphanumeric("Output", name)?;
        if output.get("Value").is_none() {
            return Err(format_error(format!(
                "[/Outputs/{name}] Every Outputs member must contain a Value object"
            )));
        }
    }
    references(template)
}

/// A template as an update compares it: what is never updated by itself does not count.
///
/// Source: CloudFormation user guide, "Update stacks directly": creation, deletion and update policies cannot be updated
/// by themselves; "Metadata" and "Description": nor can these sections.
pub(super) fn as_compared(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(sections) = template.as_object_mut() {
        sections.retain(|name, _| name != "Metadata" && name != "Description");
    }
    let resources = template.get_mut("Resources").and_then(Value::as_object_mut);
    for resource in resources.into_iter().flat_map(|all| all.values_mut()) {
        if let Some(resource) = resource.as_object_mut() {
            for policy in ["CreationPolicy", "DeletionPolicy", "UpdatePolicy"] {
                resource.remove(policy);
            }
        }
    }
    template
}

fn no_null(path: &str, value: &Value) -> Result<(), Refusal> {
    match value {
        Value::Null => Err(format_error(format!(
            "[{path}] Null values are not allowed in templates"
        ))),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(place, item)| no_null(&format!("{path}/{place}"), item)),
        Value::Object(members) => members
            .iter()
            .try_for_each(|(name, member)| no_null(&format!("{path}/{name}"), member)),
        _ => Ok(()),
    }
}

fn alphanumeric(what: &str, name: &str) -> Result<(), Refusal> {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(format_error(format!(
        "{what} name {name} is non alphanumeric."
    )))
}

/// Everything that is referred to is there.
fn references(template: &Value) -> Result<(), Refusal> {
    let names = |section: &str| -> BTreeSet<&str> {
        let members = template[section].as_object().into_iter().flatten();
        members.map(|(name, _)| name.as_str()).collect()
    };
    let (resources, parameters) = (names("Resources"), names("Parameters"));
    for section in ["Resources", "Outputs"] {
        let mut found = Found::default();
        found.collect(&template[section]);
        let is_known = |name: &str| {
            name.starts_with("AWS::") || resources.contains(name) || parameters.contains(name)
        };
        let missing: BTreeSet<&str> = found
            .values
            .iter()
            .map(String::as_str)
            .filter(|name| !is_known(name))
            .collect();
        if !missing.is_empty() {
            let missing = Vec::from_iter(missing).join(", ");
            return Err(format_error(format!(
                "Unresolved resource dependencies [{missing}] in the {section} block of the template"
            )));
        }
        let mut attributes = found.attributes.iter();
        if let Some(missing) = attributes.find(|name| !resources.contains(name.as_str())) {
            return Err(validation(&format!(
                "Template error: instance of Fn::GetAtt references undefined resource {missing}"
            )));
        }
    }
    Ok(())
}

/// What a piece of a template refers to.
#[derive(Debug, Default)]
struct Found {
    /// By `Ref`, `Fn::Sub` and `DependsOn`.
    values: Vec<String>,
    /// By `Fn::GetAtt`, and `Fn::Sub` with a dot.
    attributes: Vec<String>,
}

impl Found {
    fn collect(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Value::Object(members) => {
                for (name, member) in members {
                    self.collect_member(name, member);
                }
            }
            _ => {}
        }
    }

    fn collect_member(&mut self, name: &str, member: &Value) {
        match (name, member) {
            ("Ref" | "DependsOn", Value::String(of)) => self.values.push(of.clone()),
            ("DependsOn", Value::Array(all)) => {
                let all = all.iter().filter_map(Value::as_str);
                self.values.extend(all.map(str::to_owned));
            }
            ("Fn::GetAtt", Value::Array(parts)) => {
                let of = parts.first().and_then(Value::as_str);
                self.attributes.push(of.unwrap_or_default().to_owned());
            }
            ("Fn::GetAtt", Value::String(of)) => {
                let (of, _) = of.split_once('.').unwrap_or((of, ""));
                self.attributes.push(of.to_owned());
            }
            ("Fn::Sub", Value::String(text)) => self.collect_from_text(text, &Map::new()),
            ("Fn::Sub", Value::Array(parts)) => {
                let none = Map::new();
                let own = parts.get(1).and_then(Value::as_object).unwrap_or(&none);
                let text = parts.first().and_then(Value::as_str);
                self.collect_from_text(text.unwrap_or_default(), own);
                own.values().for_each(|value| self.collect(value));
            }
            _ => self.collect(member),
        }
    }

    /// `${Name}` and `${Name.Attribute}`; `${!Name}` is text.
    fn collect_from_text(&mut self, text: &str, own: &Map<String, Value>) {
        let names = text.split("${").skip(1);
        let names = names.filter_map(|rest| Some(rest.split_once('}')?.0));
        for name in names.filter(|name| !name.starts_with('!') && !own.contains_key(*name)) {
            match name.split_once('.') {
                Some((of, _)) => self.attributes.push(of.to_owned()),
                None => self.values.push(name.to_owned()),
            }
        }
    }
}
