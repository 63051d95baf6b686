//! A template that is being put together, and the few functions of CloudFormation that it uses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Needs;
use super::metadata::{ACCESS, NOTES, Note, REMOVED, Removed};
use names::AppId;

/// The property of an ingress rule that names who may connect.
pub(super) const SOURCE_GROUP: &str = "SourceSecurityGroupId";

/// What becomes of a thing that CloudFormation removes or replaces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AtItsEnd {
    /// A snapshot of it stays.
    Snapshot,
    /// Nothing stays.
    Delete,
}

/// The parts of a template.
pub(super) struct Template {
    id: AppId,
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
    notes: Map<String, Value>,
    access: Value,
    removed: Option<Value>,
}

impl Template {
    pub(super) fn new(id: &AppId) -> Self {
        Self {
            id: id.clone(),
            resources: Map::new(),
            outputs: Map::new(),
            notes: Map::new(),
            access: json!({}),
            removed: None,
        }
    }

    /// Adds something that can be made again.
    pub(super) fn add(&mut self, logical_id: &str, resource_type: &str, properties: Value) {
        let resource = object([("Type", resource_type.into()), ("Properties", properties)]);
        self.insert(logical_id, resource);
    }

    /// Adds something that holds data.
    pub(super) fn add_data(
        &mut self,
        logical_id: &str,
        resource_type: &str,
        end: AtItsEnd,
        properties: Value,
    ) {
        let policy = match end {
            AtItsEnd::Snapshot => "Snapshot",
            AtItsEnd::Delete => "Delete",
        };
        let resource = object([
            ("Type", resource_type.into()),
            ("DeletionPolicy", policy.into()),
            ("UpdateReplacePolicy", policy.into()),
            ("Properties", properties),
        ]);
        self.insert(logical_id, resource);
    }

    /// Adds a resource as it is.
    pub(super) fn insert(&mut self, logical_id: &str, resource: Value) {
        self.resources.insert(logical_id.to_owned(), resource);
    }

    pub(super) fn resources(&self) -> &Map<String, Value> {
        &self.resources
    }

    /// Whether a resource is of a type.
    pub(super) fn is(&self, logical_id: &str, resource_type: &str) -> bool {
        let resource = self.resources.get(logical_id);
        resource.is_some_and(|resource| resource["Type"] == resource_type)
    }

    pub(super) fn has(&self, logical_id: &str) -> bool {
        self.resources.contains_key(logical_id)
    }

    /// Whether a resource names another one.
    pub(super) fn names(&self, logical_id: &str) -> bool {
        let mut resources = self.resources.values();
        resources.any(|resource| named_ids(resource).iter().any(|id| id == logical_id))
    }

    pub(super) fn output(&mut self, name: &str, value: Value) {
        self.insert_output(name, object([("Value", value)]));
    }

    /// Adds an output as it is.
    pub(super) fn insert_output(&mut self, name: &str, output: Value) {
        self.outputs.insert(name.to_owned(), output);
    }

    pub(super) fn note(&mut self, resource: &str, note: &Note) {
        self.notes.insert(resource.to_owned(), json!(note));
    }

    /// Says what the roles follow.
    pub(super) fn access(&mut self, needs: &Needs) {
        self.access = json!(needs);
    }

    /// Says what left, if anything did.
    pub(super) fn removed(&mut self, removed: &Removed) {
        self.removed = (!removed.resources.is_empty()).then(|| json!(removed));
    }

    /// The tags of what is the App's.
    pub(super) fn tags(&self) -> Value {
        tags(&self.id.tags())
    }

    /// The tags of a resource: its own, but for the ones that say whose it is.
    pub(super) fn tags_with(&self, own: &BTreeMap<String, String>) -> Value {
        let mut all = own.clone();
        all.extend(self.id.tags());
        tags(&all)
    }

    pub(super) fn finish(self) -> Value {
        let description = format!("App {} of Rack {}", self.id.app, self.id.rack);
        let mut metadata = object([(ACCESS, self.access), (NOTES, self.notes.into())]);
        if let Some(removed) = self.removed {
            set(&mut metadata, REMOVED, removed);
        }
        object([
            ("AWSTemplateFormatVersion", "2010-09-09".into()),
            ("Description", description.into()),
            ("Metadata", metadata),
            ("Outputs", self.outputs.into()),
            ("Resources", self.resources.into()),
        ])
    }
}

/// An object that its members are moved into: `json!` copies what it is given, and a template is nested deep.
pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members = members.map(|(name, value)| (name.to_owned(), value));
    Value::Object(members.into_iter().collect())
}

/// The form that all types take tags in.
fn tags(tags: &BTreeMap<String, String>) -> Value {
    let pairs = tags.iter();
    pairs
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

/// `text` with `${…}` put in. Nothing of convox.yml may stand in it.
pub(super) fn sub(text: &str) -> Value {
    json!({"Fn::Sub": text})
}

pub(super) fn get_att(logical_id: &str, attribute: &str) -> Value {
    json!({"Fn::GetAtt": [logical_id, attribute]})
}

pub(super) fn reference(logical_id: &str) -> Value {
    json!({"Ref": logical_id})
}

/// Adds a member to an object.
pub(super) fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

/// The logical ids that a part of a template names; those of CloudFormation itself are left out.
pub(super) fn named_ids(part: &Value) -> Vec<String> {
    match part {
        Value::Array(items) => items.iter().flat_map(named_ids).collect(),
        Value::Object(members) => members.iter().flat_map(named_by).collect(),
        _ => Vec::new(),
    }
}

fn named_by((key, value): (&String, &Value)) -> Vec<String> {
    let of_resource = |id: &&str| !id.contains(':');
    match (key.as_str(), value) {
        ("Ref", Value::String(id)) => {
            let id = Some(id.as_str()).filter(of_resource);
            id.map(str::to_owned).into_iter().collect()
        }
        ("Fn::GetAtt", Value::Array(parts)) => {
            let id = parts.first().and_then(Value::as_str);
            id.map(str::to_owned).into_iter().collect()
        }
        ("Fn::Sub", Value::String(text)) => {
            let names = text.split("${").skip(1).filter_map(|rest| {
                let name = rest.split('}').next()?;
                name.split('.').next()
            });
            names.filter(of_resource).map(str::to_owned).collect()
        }
        _ => named_ids(value),
    }
}
