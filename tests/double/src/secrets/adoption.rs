//! The secrets that a stack creates, changes and removes.

use serde_json::Value;

use super::labels::{self, CURRENT};
use super::secret::{Content, Secret, Version};
use super::{SecretStore, now};

impl SecretStore {
    /// Takes over the secrets of a stack as they are now; those that it no longer has are gone at once.
    ///
    /// Source: `AWS::SecretsManager::Secret` is deleted without a recovery window.
    pub(crate) fn adopt(&mut self, stack: &str, secrets: Vec<Value>) {
        let names: Vec<String> = secrets.iter().map(name).collect();
        let stays = |secret: &Secret| {
            secret.stack.as_deref() != Some(stack) || names.contains(&secret.name)
        };
        self.secrets.retain(|_, secret| stays(secret));
        for described in secrets {
            let name = name(&described);
            let new = || Secret::new(&self.account, &name, &described);
            let secret = self.secrets.entry(name.clone()).or_insert_with(new);
            secret.stack = Some(stack.to_owned());
            let text = |field: &str| described[field].as_str().map(str::to_owned);
            secret.arn = text("ARN").unwrap_or_default();
            let tags = described["Tags"].as_array().into_iter().flatten();
            let tags = tags.filter_map(|tag| Some((tag["Key"].as_str()?, tag["Value"].as_str()?)));
            secret.tags = tags
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            if let (Some(content), Some(id)) = (Content::of(&described), text("VersionId")) {
                renew(secret, content, &id);
            }
        }
    }
}

/// A version that the secret has already changes nothing.
fn renew(secret: &mut Secret, content: Content, id: &str) {
    if secret.versions.contains_key(id) {
        return;
    }
    let version = Version {
        content,
        stages: Vec::new(),
        created: now(),
    };
    secret.versions.insert(id.to_owned(), version);
    labels::attach(secret, CURRENT, id);
    secret.changed = now();
}

fn name(described: &Value) -> String {
    described["Name"].as_str().unwrap_or_default().to_owned()
}
