//! The functions of the template, and what feeds them.

use std::collections::BTreeMap;

use double::iam;
use serde_json::{Map, Value};

/// A function, as SAM deploys it.
#[derive(Debug)]
pub struct Function {
    /// Its package and binary.
    pub name: String,
    /// Its name in the template.
    pub logical_id: String,
    /// Its properties, the globals included.
    pub properties: Value,
    /// The event source that feeds it.
    pub source: Value,
}

impl Function {
    /// The logical id of its queue.
    pub fn queue(&self) -> &str {
        referred(&self.source["Queue"])
    }
}

/// All functions.
pub fn functions() -> Vec<Function> {
    let resources = iam::template()["Resources"].as_object().unwrap().iter();
    let functions = resources.filter(|(_, one)| one["Type"] == "AWS::Serverless::Function");
    functions.map(|(id, one)| function(id, one)).collect()
}

/// The function of that name.
pub fn named(name: &str) -> Function {
    let mut functions = functions().into_iter();
    functions.find(|function| function.name == name).unwrap()
}

fn function(logical_id: &str, resource: &Value) -> Function {
    let mut properties = iam::template()["Globals"]["Function"].clone();
    overlay(&mut properties, &resource["Properties"]);
    let name = resource["Metadata"]["BuildProperties"]["Binary"].as_str();
    let events = properties["Events"].as_object().unwrap();
    assert_eq!(events.len(), 1, "{logical_id} has one intake");
    let source = events.values().next().unwrap();
    assert_eq!(source["Type"], "SQS", "{logical_id}");
    Function {
        name: name.unwrap().to_owned(),
        logical_id: logical_id.to_owned(),
        source: source["Properties"].clone(),
        properties,
    }
}

/// Maps are merged, anything else is replaced.
///
/// Source: SAM developer guide, "Globals section of the template", overridable properties.
fn overlay(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) if !is_intrinsic(over) => {
            for (name, value) in over {
                overlay(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

fn is_intrinsic(members: &Map<String, Value>) -> bool {
    members
        .keys()
        .any(|name| name == "Ref" || name.starts_with("Fn::"))
}

/// The logical id in a `Ref` or a `Fn::GetAtt`.
pub fn referred(value: &Value) -> &str {
    let target = match value.get("Ref") {
        Some(target) => target,
        None => &value["Fn::GetAtt"][0],
    };
    target
        .as_str()
        .unwrap_or_else(|| panic!("{value} refers to nothing"))
}

/// The rules that feed a queue, by logical id, each with its target.
pub fn rules_of(queue: &str) -> BTreeMap<&'static str, &'static Value> {
    let resources = iam::template()["Resources"].as_object().unwrap().iter();
    let rules = resources.filter(|(_, resource)| resource["Type"] == "AWS::Events::Rule");
    let feeding = rules.filter_map(|(id, rule)| {
        let mut targets = rule["Properties"]["Targets"].as_array().unwrap().iter();
        let target = targets.find(|target| referred(&target["Arn"]) == queue)?;
        Some((id.as_str(), target))
    });
    feeding.collect()
}
