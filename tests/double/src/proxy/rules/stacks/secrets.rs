//! The secrets of a stack, which the emulator's Secrets Manager holds and ours must have.

use aws_sdk_cloudformation::Client;
use serde_json::{Value, json};

use super::super::super::Shared;

/// Every secret of the stack, with its value.
pub(super) async fn of(shared: &Shared, stacks: &Client, stack: &str) -> Vec<Value> {
    let resources = stacks.describe_stack_resources();
    let Ok(resources) = resources.stack_name(stack).send().await else {
        return Vec::new(); // the stack is gone
    };
    let mut secrets = Vec::new();
    for resource in resources.stack_resources() {
        let is_secret = resource.resource_type() == Some("AWS::SecretsManager::Secret");
        let Some(id) = resource.physical_resource_id().filter(|_| is_secret) else {
            continue;
        };
        let question = json!({"SecretId": id});
        let ask = |operation| ask(shared, operation, &question);
        let (mut secret, value) = (ask("DescribeSecret").await, ask("GetSecretValue").await);
        if secret["ARN"].is_string() {
            secret["SecretString"] = value["SecretString"].clone();
            secret["VersionId"] = value["VersionId"].clone();
            secrets.push(secret);
        }
    }
    secrets
}

async fn ask(shared: &Shared, operation: &str, question: &Value) -> Value {
    let target = format!("secretsmanager.{operation}");
    let (upstream, account) = (&shared.upstream, shared.account.as_str());
    upstream
        .call(account, "secretsmanager", &target, question)
        .await
}
