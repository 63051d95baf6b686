//! The template that stands, as far as the next one depends on it. Whatever else it holds is passed over.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::metadata::{ACCESS, NOTES, Note, REMOVED, Removed};
use super::network::OWN_GROUP;
use super::statements::{DECRYPT_ENVIRONMENTS, DECRYPT_SECRETS};
use super::template::{SOURCE_GROUP, get_att};
use super::{Needs, RackNeeds, StackNeeds};

/// What stands. It can hold what convox.yml interpolates, so it has no `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Before {
    pub(super) resources: Map<String, Value>,
    pub(super) outputs: Map<String, Value>,
    /// By the name of the resource.
    pub(super) notes: BTreeMap<String, Note>,
    access: Needs,
    pub(super) removed: Removed,
}

impl Before {
    /// Keeps of the template that `GetTemplate` answered what is understood.
    #[must_use]
    pub fn read(template: &Value) -> Self {
        let members = |name: &str| template.get(name).and_then(Value::as_object).cloned();
        let metadata = |name: &str| template.get("Metadata").and_then(|all| all.get(name));
        let access = metadata(ACCESS).and_then(|access| Needs::deserialize(access).ok());
        let removed = metadata(REMOVED).and_then(|removed| Removed::deserialize(removed).ok());
        let notes = metadata(NOTES)
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let note =
            |(name, note): (&String, &Value)| Some((name.clone(), Note::deserialize(note).ok()?));
        Self {
            resources: members("Resources").unwrap_or_default(),
            outputs: members("Outputs").unwrap_or_default(),
            notes: notes.filter_map(note).collect(),
            access: access.unwrap_or_default(),
            removed: removed.unwrap_or_default(),
        }
    }

    /// Whether CloudFormation makes a snapshot when it removes the resource.
    pub(super) fn leaves_a_snapshot(&self, logical_id: &str) -> bool {
        let resource = self.resources.get(logical_id);
        resource.is_some_and(|resource| resource["DeletionPolicy"] == "Snapshot")
    }

    /// All that it gives to tasks, for whichever Release.
    #[must_use]
    pub fn holds(&self) -> StackNeeds {
        StackNeeds {
            access: self.access.clone(),
            resources: self.notes.keys().cloned().collect(),
            rack: Some(self.of_settings()),
            mounted_by_role: false,
        }
    }

    /// The groups and keys that it admits beside the App's own group, whatever the settings were when it was made.
    #[must_use]
    pub fn of_settings(&self) -> RackNeeds {
        let all = self.resources.values();
        let properties = all.filter_map(|resource| resource.get("Properties"));
        // Stacks of before have the rules inside of the groups.
        let inside = properties
            .clone()
            .filter_map(|all| all.get("SecurityGroupIngress")?.as_array());
        // What is let into the App's own group are load balancers.
        let own = get_att(OWN_GROUP, "GroupId");
        let is_of_own = |rule: &&Value| rule.get("GroupId") == Some(&own);
        let beside = properties.clone().filter(|rule| !is_of_own(rule));
        let rules = inside.flatten().chain(beside);
        let groups = rules.filter_map(|rule| rule.get(SOURCE_GROUP)?.as_str());
        let policies = properties.filter_map(|all| all.get("Policies")?.as_array());
        let documents = policies
            .flatten()
            .filter_map(|policy| policy.get("PolicyDocument"));
        let statements = documents.filter_map(|all| all.get("Statement")?.as_array());
        let statements: Vec<&Value> = statements.flatten().collect();
        let keys = |sid: &str| {
            let named = statements
                .iter()
                .filter(|one| one.get("Sid").and_then(Value::as_str) == Some(sid));
            let resources = named.filter_map(|one| one.get("Resource"));
            resources.flat_map(texts).collect::<BTreeSet<String>>()
        };
        RackNeeds {
            security_groups: groups.map(str::to_owned).collect(),
            secret_keys: keys(DECRYPT_SECRETS),
            environment_keys: keys(DECRYPT_ENVIRONMENTS),
        }
    }

    pub(super) fn has(&self, logical_id: &str) -> bool {
        self.resources.contains_key(logical_id)
    }

    pub(super) fn property(&self, logical_id: &str, name: &str) -> Option<&Value> {
        let resource = self.resources.get(logical_id)?;
        resource.get("Properties")?.get(name)
    }

    pub(super) fn text(&self, logical_id: &str, name: &str) -> Option<String> {
        let text = self.property(logical_id, name)?.as_str();
        text.map(str::to_owned)
    }

    pub(super) fn flag(&self, logical_id: &str, name: &str) -> Option<bool> {
        self.property(logical_id, name)?.as_bool()
    }

    /// What messages may call the resources whose database, cache or file system is one of `those`.
    fn shown(&self, those: impl Fn(&str) -> bool) -> Vec<String> {
        let notes = self.notes.values().filter(|note| those(&note.id));
        notes.map(|note| note.shown.clone()).collect()
    }

    /// Whether CloudFormation cannot delete the database.
    pub(super) fn is_protected(&self, logical_id: &str) -> bool {
        self.flag(logical_id, "DeletionProtection") == Some(true)
    }
}

/// The databases of a template that CloudFormation cannot delete, as a message may call them.
#[must_use]
pub fn protected(template: &Value) -> Vec<String> {
    let before = Before::read(template);
    before.shown(|id| before.is_protected(id))
}

/// The resources of a template that leave a final snapshot, as a message may call them.
#[must_use]
pub fn leave_snapshots(template: &Value) -> Vec<String> {
    let before = Before::read(template);
    before.shown(|id| before.leaves_a_snapshot(id))
}

/// A text, or the texts of a list.
fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    let texts = list.chain(Some(value)).filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
