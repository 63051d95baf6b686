//! Creating, writing, reading, listing and tagging.

use serde_json::{Value, json};

use super::labels::{self, CURRENT};
use super::secret::{Content, Secret, Version};
use super::{Outcome, SecretStore, checks, invalid_parameter, invalid_request, not_found, now};
use crate::proxy::Refusal;

/// Younger than a day, and ours all are. Source: facts/aws.md 2.1, 2.3.
const YOUNG_VERSIONS_MAX: usize = 100;

impl SecretStore {
    /// The value that comes with it is current and has no other label: the request has no `VersionStages`.
    ///
    /// Source: facts/aws.md 2.5 (token), 2.6 (name in use or scheduled for deletion); Secrets Manager API reference,
    /// `CreateSecret`.
    pub(super) fn create(&mut self, body: &Value) -> Outcome {
        let (name, token) = (checks::name(body)?, checks::token(body)?);
        let content = checks::content(body)?;
        checks::description(body)?;
        let tags = checks::tags(body)?;
        if let Some(secret) = self.secrets.get(name) {
            return create_again(secret, token, content.as_ref());
        }
        let mut secret = Secret::new(&self.account, name, body);
        secret.tags.extend(tags);
        let mut answer = json!({"ARN": secret.arn, "Name": name});
        if let Some(content) = content {
            add_version(&mut secret, token, content, &[CURRENT])?;
            answer["VersionId"] = json!(token);
        }
        self.secrets.insert(name.to_owned(), secret);
        Ok(answer)
    }

    /// Whatever labels it names, a secret's first version is current too. A request that is answered as one before attaches none.
    ///
    /// Source: facts/aws.md 2.4 (labels), 2.5 (token); Secrets Manager API reference, `PutSecretValue`.
    pub(super) fn put_value(&mut self, body: &Value) -> Outcome {
        let token = checks::token(body)?;
        let content = checks::content(body)?.ok_or_else(|| {
            invalid_parameter("You must provide either SecretString or SecretBinary.")
        })?;
        let mut stages = checks::labels(body)?;
        let secret = self.find_active(body)?;
        if secret.versions.is_empty() && !stages.contains(&CURRENT) {
            stages.push(CURRENT);
        }
        if !is_replay(secret, token, Some(&content))? {
            add_version(secret, token, content, &stages)?;
        }
        let stages = &secret.versions[token].stages;
        Ok(
            json!({"ARN": secret.arn, "Name": secret.name, "VersionId": token, "VersionStages": stages}),
        )
    }

    pub(super) fn get_value(&mut self, body: &Value) -> Outcome {
        let secret = self.find_active(body)?;
        let stage = body["VersionStage"].as_str();
        let found = match body["VersionId"].as_str() {
            Some(id) => secret.versions.get_key_value(id),
            None => secret.version_with(stage.unwrap_or(CURRENT)),
        };
        let Some((id, version)) = found else {
            let sought = match body["VersionId"].as_str() {
                Some(id) => format!("VersionId: {id}"),
                None => format!("staging label: {}", stage.unwrap_or(CURRENT)),
            };
            let message =
                format!("Secrets Manager can't find the specified secret value for {sought}");
            return Err(not_found(&message));
        };
        if stage.is_some_and(|stage| !version.stages.iter().any(|own| own == stage)) {
            return Err(invalid_request(
                "You provided a VersionStage that is not associated to the provided VersionId.",
            ));
        }
        let mut answer = json!({
            "ARN": secret.arn,
            "Name": secret.name,
            "VersionId": id,
            "VersionStages": version.stages,
            "CreatedDate": version.created,
        });
        version.content.write_to(&mut answer);
        Ok(answer)
    }

    /// The key alone: values are written with `PutSecretValue` here. The account's own has no name when it is described.
    ///
    /// Source: Secrets Manager API reference, `UpdateSecret`, `DescribeSecret` (`KmsKeyId`).
    pub(super) fn update(&mut self, body: &Value) -> Outcome {
        if !body["SecretString"].is_null() || !body["SecretBinary"].is_null() {
            return Err(invalid_request("the double's UpdateSecret takes no value"));
        }
        let key = body["KmsKeyId"].as_str().map(ToOwned::to_owned);
        let secret = self.find_active(body)?;
        if let Some(key) = key {
            secret.kms_key_id = Some(key).filter(|key| key != "alias/aws/secretsmanager");
        }
        Ok(json!({"ARN": secret.arn, "Name": secret.name}))
    }

    pub(super) fn describe(&mut self, body: &Value) -> Outcome {
        Ok(self.find(body)?.describe())
    }

    /// Everything on one page; of the filters, `name` (a prefix).
    pub(super) fn list(&self, body: &Value) -> Value {
        let planned = body["IncludePlannedDeletion"] == true;
        let filters = body["Filters"].as_array().into_iter().flatten();
        let prefixes: Vec<&str> = filters
            .filter(|filter| filter["Key"] == "name")
            .flat_map(|filter| filter["Values"].as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .collect();
        let listed: Vec<Value> = self
            .secrets
            .values()
            .filter(|secret| planned || secret.deletion.is_none())
            .filter(|secret| {
                prefixes.is_empty()
                    || prefixes
                        .iter()
                        .any(|prefix| secret.name.starts_with(prefix))
            })
            .map(Secret::describe)
            .collect();
        json!({"SecretList": listed})
    }

    pub(super) fn list_versions(&mut self, body: &Value) -> Outcome {
        let deprecated = body["IncludeDeprecated"] == true;
        let secret = self.find(body)?;
        let versions: Vec<Value> = secret
            .versions
            .iter()
            .filter(|(_, version)| deprecated || !version.stages.is_empty())
            .map(|(id, version)| {
                json!({"VersionId": id, "VersionStages": version.stages, "CreatedDate": version.created})
            })
            .collect();
        Ok(json!({"ARN": secret.arn, "Name": secret.name, "Versions": versions}))
    }

    pub(super) fn tag(&mut self, body: &Value) -> Outcome {
        let tags = checks::tags(body)?;
        self.find_active(body)?.tags.extend(tags);
        Ok(json!({}))
    }

    pub(super) fn untag(&mut self, body: &Value) -> Outcome {
        let secret = self.find_active(body)?;
        let keys = body["TagKeys"].as_array().into_iter().flatten();
        for key in keys.filter_map(Value::as_str) {
            secret.tags.remove(key);
        }
        Ok(json!({}))
    }
}

fn create_again(secret: &Secret, token: &str, content: Option<&Content>) -> Outcome {
    if secret.deletion.is_some() {
        return Err(invalid_request(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ));
    }
    if is_replay(secret, token, content)? {
        return Ok(json!({"ARN": secret.arn, "Name": secret.name, "VersionId": token}));
    }
    let message = format!(
        "The operation failed because the secret {} already exists.",
        secret.name
    );
    Err(Refusal::new("ResourceExistsException", message))
}

/// Whether this token has already written this value; nothing must happen then.
fn is_replay(secret: &Secret, token: &str, content: Option<&Content>) -> Result<bool, Refusal> {
    match secret.versions.get(token) {
        Some(version) if content == Some(&version.content) => return Ok(true),
        None if !secret.taken.contains(token) => return Ok(false),
        _ => {}
    }
    let message = format!(
        "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {}.",
        secret.arn
    );
    Err(Refusal::new("ResourceExistsException", message))
}

fn add_version(
    secret: &mut Secret,
    id: &str,
    content: Content,
    stages: &[&str],
) -> Result<(), Refusal> {
    if secret.versions.len() >= YOUNG_VERSIONS_MAX {
        let message = "You've exceeded the quota of versions of a secret.";
        return Err(Refusal::new("LimitExceededException", message));
    }
    labels::check_room(secret, stages, id)?;
    let version = Version {
        content,
        stages: Vec::new(),
        created: now(),
    };
    secret.versions.insert(id.to_owned(), version);
    secret.changed = now();
    for stage in stages {
        labels::attach(secret, stage, id);
    }
    Ok(())
}
