//! What the calls so far have shown of the account: tags, keys and roles, which IAM knows and a later call does not name.

use std::collections::BTreeMap;

use serde_json::Value;

use super::deployment::Deployment;
use crate::proxy::Call;

type Tags = BTreeMap<String, String>;

/// A secret.
#[derive(Debug, Clone, Default)]
pub(super) struct Secret {
    pub(super) arn: String,
    /// The customer key; none where it is Secrets Manager's own.
    pub(super) key: Option<String>,
    pub(super) tags: Tags,
}

/// The roles of a task definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// The agent's.
    pub execution: String,
    /// The App's.
    pub task: String,
}

/// What is known of one stack's account.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    pub(super) deployment: &'a Deployment,
    services: BTreeMap<String, Tags>,
    secrets: BTreeMap<String, Secret>,
    definitions: BTreeMap<String, Roles>,
    /// Keys of before, by the path of what was written with them.
    objects: BTreeMap<String, String>,
}

impl<'a> Facts<'a> {
    /// Nothing is known but the stack.
    #[must_use]
    pub fn new(deployment: &'a Deployment) -> Self {
        Self {
            deployment,
            services: BTreeMap::new(),
            secrets: BTreeMap::new(),
            definitions: BTreeMap::new(),
            objects: BTreeMap::new(),
        }
    }

    /// Remembers what an object was written with: a key of before, or that of today.
    pub(super) fn learn_object(&mut self, path: &str, key: Option<&str>) {
        match key {
            Some(key) => drop(self.objects.insert(path.to_owned(), key.to_owned())),
            None => drop(self.objects.remove(path)),
        }
    }

    /// The key that opens the object at `path` of the settings bucket.
    pub(super) fn key_of_object(&self, path: &str) -> &str {
        let before = self.objects.get(path);
        before.unwrap_or(&self.deployment.environment_key)
    }

    /// Remembers what a call and its answer show.
    pub fn learn(&mut self, call: &Call) {
        let (body, answer) = (&call.body, &call.answer);
        match call.operation.as_str() {
            "CreateService" => self.learn_service(&answer["service"]),
            "DescribeServices" => {
                let services = answer["services"].as_array().into_iter().flatten();
                services.for_each(|service| self.learn_service(service));
            }
            "RegisterTaskDefinition" => self.learn_definition(&answer["taskDefinition"]),
            "CreateSecret" => self.learn_secret(answer, body),
            "DescribeSecret" => self.learn_secret(answer, answer),
            "UpdateSecret" => self.learn_key(answer, &body["KmsKeyId"]),
            _ => {}
        }
    }

    /// The tags of an ECS service, by its name.
    pub(super) fn service_tags(&self, name: &str) -> Tags {
        self.services.get(name).cloned().unwrap_or_default()
    }

    /// The secret that a name or ARN leads to.
    pub(super) fn secret(&self, name_or_arn: &str) -> Option<&Secret> {
        let by_arn = |secret: &&Secret| secret.arn == name_or_arn;
        let named = self.secrets.get(name_or_arn);
        named.or_else(|| self.secrets.values().find(by_arn))
    }

    /// The roles of a revision; those of the stack for one that was registered before anybody looked, since promote
    /// gives every revision these two.
    pub(super) fn roles(&self, definition: &str) -> Roles {
        let role = |logical_id| self.deployment.role(logical_id).to_owned();
        let known = self.definitions.get(definition).cloned();
        known.unwrap_or_else(|| Roles {
            execution: role("TaskExecutionRole"),
            task: role("TaskRole"),
        })
    }

    fn learn_service(&mut self, service: &Value) {
        if let Some(name) = service["serviceName"].as_str() {
            let tags = tags(&service["tags"], "key", "value");
            self.services.insert(name.to_owned(), tags);
        }
    }

    fn learn_definition(&mut self, definition: &Value) {
        let text = |name: &str| definition[name].as_str().map(str::to_owned);
        if let (Some(arn), Some(execution), Some(task)) = (
            text("taskDefinitionArn"),
            text("executionRoleArn"),
            text("taskRoleArn"),
        ) {
            self.definitions.insert(arn, Roles { execution, task });
        }
    }

    /// The account's own key is named by its alias, and has no policy of anybody's.
    fn learn_key(&mut self, answer: &Value, key: &Value) {
        let name = answer["Name"].as_str().unwrap_or_default();
        if let (Some(secret), Some(key)) = (self.secrets.get_mut(name), key.as_str()) {
            secret.key = Some(key.to_owned()).filter(|key| key.starts_with("arn:"));
        }
    }

    fn learn_secret(&mut self, answer: &Value, described: &Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if let (Some(arn), Some(name)) = (text(&answer["ARN"]), text(&answer["Name"])) {
            let tags = tags(&described["Tags"], "Key", "Value");
            let key = text(&described["KmsKeyId"]);
            self.secrets.insert(name, Secret { arn, key, tags });
        }
    }
}

/// Tags as a service spells them.
pub(super) fn tags(list: &Value, key: &str, value: &str) -> Tags {
    let tags = list.as_array().into_iter().flatten();
    tags.filter_map(|tag| {
        Some((
            tag[key].as_str()?.to_owned(),
            tag[value].as_str()?.to_owned(),
        ))
    })
    .collect()
}
