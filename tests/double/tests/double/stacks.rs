//! CloudFormation's rules about operations on stacks, and what tests can do with them.

mod requests;
mod templates;

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::SdkError;
use aws_sdk_cloudformation::operation::create_stack::{CreateStackError, CreateStackOutput};
use aws_sdk_cloudformation::operation::update_stack::{UpdateStackError, UpdateStackOutput};
use aws_sdk_cloudformation::types::{Stack, Tag};
use rig::World;
use serde_json::{Value, json};

use super::{code, refusal};

pub const NAME: &str = "rack-shop-1a2b3c4d";
const REASON: &str = "The maximum number of databases is reached";

/// A log group and a secret with a generated password; `days` tells versions of it apart.
pub fn template(days: u32) -> Value {
    json!({
        "Resources": {
            "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": days}},
            "Password": {"Type": "AWS::SecretsManager::Secret", "Properties": {
                "Name": "rack_shop_password",
                "GenerateSecretString": {
                    "SecretStringTemplate": "{\"username\": \"app\"}", "GenerateStringKey": "password",
                    "PasswordLength": 40, "ExcludePunctuation": true,
                },
            }},
        },
        "Outputs": {"Password": {"Value": {"Ref": "Password"}}, "Days": {"Value": days.to_string()}},
    })
}

pub async fn create(
    client: &Client,
    template: &Value,
) -> Result<CreateStackOutput, SdkError<CreateStackError>> {
    let tag = Tag::builder().key("convox:app").value("shop").build();
    let create = client.create_stack().stack_name(NAME).tags(tag);
    let create = create.template_body(template.to_string());
    create.client_request_token("create-1").send().await
}

pub async fn update(
    client: &Client,
    template: &Value,
    token: &str,
) -> Result<UpdateStackOutput, SdkError<UpdateStackError>> {
    let update = client.update_stack().stack_name(NAME);
    let update = update.template_body(template.to_string());
    update.client_request_token(token).send().await
}

async fn delete(client: &Client) {
    let delete = client.delete_stack().stack_name(NAME);
    delete
        .client_request_token("delete-1")
        .send()
        .await
        .unwrap();
}

async fn described(client: &Client, name_or_arn: &str) -> Stack {
    let described = client.describe_stacks().stack_name(name_or_arn).send();
    described.await.unwrap().stacks.unwrap().remove(0)
}

async fn status(client: &Client) -> String {
    let stack = described(client, NAME).await;
    stack.stack_status.unwrap().as_str().to_owned()
}

fn outputs(stack: &Stack) -> BTreeMap<&str, &str> {
    let outputs = stack.outputs().iter();
    outputs
        .map(|output| (output.output_key().unwrap(), output.output_value().unwrap()))
        .collect()
}

/// Status and reason of each event, the newest first; every one has the token of its operation.
async fn history(client: &Client, token: &str) -> Vec<(String, String, String)> {
    let events = client.describe_stack_events().stack_name(NAME).send();
    let events = events.await.unwrap().stack_events.unwrap();
    let of_operation = |event: &&aws_sdk_cloudformation::types::StackEvent| {
        event.client_request_token() == Some(token)
    };
    let events = events.iter().filter(of_operation);
    events
        .map(|event| {
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            (
                text(event.logical_resource_id()),
                event.resource_status().unwrap().as_str().to_owned(),
                text(event.resource_status_reason()),
            )
        })
        .collect()
}

/// The status and the token of `EventBridge`'s events.
fn told(events: &[Value]) -> Vec<(&str, &str)> {
    let told = events.iter().map(|event| {
        let detail = &event["detail"];
        (
            detail["status-details"]["status"].as_str().unwrap(),
            detail["client-request-token"].as_str().unwrap(),
        )
    });
    told.collect()
}

#[tokio::test]
async fn an_operation_is_in_progress_until_it_is_ended_and_tells_of_both() {
    let world = World::new().await;
    let client = &world.cloudformation;
    let id = create(client, &template(1))
        .await
        .unwrap()
        .stack_id
        .unwrap();
    assert_eq!(status(client).await, "CREATE_IN_PROGRESS");
    assert!(outputs(&described(client, NAME).await).is_empty());
    let ends = world.proxy.end_stacks();
    assert_eq!(told(&ends), [("CREATE_COMPLETE", "create-1")]);
    let event = &ends[0];
    assert_eq!(event["source"], "aws.cloudformation");
    assert_eq!(event["detail-type"], "CloudFormation Stack Status Change");
    assert_eq!(event["resources"], json!([id]));
    assert_eq!(event["detail"]["stack-id"], id);
    let stack = described(client, &id).await;
    assert_eq!(stack.tags()[0].value(), Some("shop"));
    assert_eq!(outputs(&stack)["Days"], "1");

    update(client, &template(3), "update-1").await.unwrap();
    assert_eq!(status(client).await, "UPDATE_IN_PROGRESS");
    assert_eq!(outputs(&described(client, NAME).await)["Days"], "1");
    assert_eq!(world.proxy.end_stacks().len(), 1);
    assert_eq!(outputs(&described(client, NAME).await)["Days"], "3");
    let written = client.get_template().stack_name(NAME).send().await.unwrap();
    assert_eq!(
        written.template_body(),
        Some(template(3).to_string().as_str())
    );

    delete(client).await;
    assert_eq!(status(client).await, "DELETE_IN_PROGRESS");
    let ends = world.proxy.end_stacks();
    assert_eq!(told(&ends), [("DELETE_COMPLETE", "delete-1")]);
    let gone = client.describe_stacks().stack_name(NAME).send().await;
    let message = format!("Stack with id {NAME} does not exist");
    assert_eq!(refusal(gone), ("ValidationError".to_owned(), message));
    let by_arn = described(client, &id).await.stack_status.unwrap();
    assert_eq!(by_arn.as_str(), "DELETE_COMPLETE");
    let all = world.proxy.stack_events();
    let all: Vec<&str> = told(&all).into_iter().map(|(status, _)| status).collect();
    assert_eq!(
        all,
        [
            "CREATE_IN_PROGRESS",
            "CREATE_COMPLETE",
            "UPDATE_IN_PROGRESS",
            "UPDATE_COMPLETE",
            "DELETE_IN_PROGRESS",
            "DELETE_COMPLETE"
        ]
    );
    create(client, &template(1)).await.unwrap(); // the name is free again
}

#[tokio::test]
async fn the_secrets_of_a_stack_are_there_with_a_password_as_asked_and_go_with_it() {
    let world = World::new().await;
    let client = &world.cloudformation;
    create(client, &template(1)).await.unwrap();
    let _ = world.proxy.end_stacks();
    let stack = described(client, NAME).await;
    let arn = outputs(&stack)["Password"];
    assert!(arn.starts_with("arn:aws:secretsmanager:"), "{arn}");
    let read = || {
        world
            .secrets_manager
            .get_secret_value()
            .secret_id(arn)
            .send()
    };
    let value = read().await.unwrap().secret_string.unwrap();
    let value: Value = serde_json::from_str(&value).unwrap();
    let password = value["password"].as_str().unwrap();
    assert_eq!(password.len(), 40);
    assert!(password.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    update(client, &template(3), "update-1").await.unwrap();
    let again = read().await.unwrap().secret_string.unwrap();
    assert_eq!(value, serde_json::from_str::<Value>(&again).unwrap());
    let _ = world.proxy.end_stacks();
    delete(client).await;
    assert_eq!(code(read().await), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_failed_operation_is_rolled_back_and_the_oldest_failure_has_the_reason() {
    let world = World::new().await;
    let client = &world.cloudformation;
    world.proxy.fail_stacks(REASON);
    create(client, &template(1)).await.unwrap();
    let ends = world.proxy.end_stacks();
    assert_eq!(told(&ends), [("ROLLBACK_COMPLETE", "create-1")]);
    let history = history(client, "create-1").await;
    let failures: Vec<_> = history
        .iter()
        .filter(|(_, status, _)| status == "CREATE_FAILED")
        .map(|(resource, _, reason)| (resource.as_str(), reason.as_str()))
        .collect();
    let cancelled = ("Password", "Resource creation cancelled");
    assert_eq!(failures, [cancelled, ("Log", REASON)]);
    assert_eq!(history[0].1, "ROLLBACK_COMPLETE");
    assert_eq!(history.last().unwrap().1, "CREATE_IN_PROGRESS");

    let (code, message) = refusal(update(client, &template(3), "update-1").await);
    assert_eq!(code, "ValidationError");
    assert!(message.ends_with("is in ROLLBACK_COMPLETE state and can not be updated."));
    delete(client).await;
    let _ = world.proxy.end_stacks();
    create(client, &template(1)).await.unwrap();
    let _ = world.proxy.end_stacks();
    world.proxy.fail_stacks(REASON);
    update(client, &template(3), "update-2").await.unwrap();
    let ends = world.proxy.end_stacks();
    assert_eq!(told(&ends), [("UPDATE_ROLLBACK_COMPLETE", "update-2")]);
    let stack = described(client, NAME).await;
    assert_eq!(outputs(&stack)["Days"], "1");
    let written = client.get_template().stack_name(NAME).send().await.unwrap();
    assert_eq!(
        written.template_body(),
        Some(template(1).to_string().as_str())
    );
    world.proxy.fail_stacks(REASON);
    let delete = client.delete_stack().stack_name(NAME);
    delete
        .client_request_token("delete-2")
        .send()
        .await
        .unwrap();
    let ends = world.proxy.end_stacks();
    assert_eq!(told(&ends), [("DELETE_FAILED", "delete-2")]);
}

#[tokio::test]
async fn what_the_emulator_cannot_create_is_rolled_back_with_its_reason() {
    let world = World::new().await;
    let client = &world.cloudformation;
    let subnets = json!({"Description": "d", "SubnetIds": ["subnet-of-nobody"]});
    let broken = json!({"Resources": {
        "Subnets": {"Type": "AWS::ElastiCache::SubnetGroup", "Properties": subnets},
    }});
    create(client, &broken).await.unwrap();
    let ends = world.proxy.end_stacks();
    assert_eq!(told(&ends), [("ROLLBACK_COMPLETE", "create-1")]);
    let history = history(client, "create-1").await;
    let failed = history
        .iter()
        .find(|(_, status, _)| status == "CREATE_FAILED");
    let (resource, _, reason) = failed.unwrap();
    assert_eq!(resource, "Subnets");
    assert!(reason.contains("InvalidSubnet"), "{reason}");
}
