//! Lets the emulator do what an operation says, and waits until it has.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::types::{Capability, Parameter, Stack, Tag};
use serde_json::Value;

use super::super::super::Refusal;
use super::super::{array, text, validation_error};
use crate::stacks::{Effect, Failure, as_the_emulator_knows_it};

const PAUSE: Duration = Duration::from_millis(10);
/// Its operations take some milliseconds.
const LIMIT: Duration = Duration::from_secs(20);

/// What came of it; a refusal is the emulator's, in AWS's words.
pub(super) async fn take(
    client: &Client,
    operation: &str,
    name: &str,
    body: &Value,
) -> Result<Effect, Refusal> {
    let before = find(client, name).await;
    if operation == "DeleteStack" {
        let deleted = client.delete_stack().stack_name(name).send().await;
        deleted.map_err(refusal)?;
        return ended(client, name).await;
    }
    let asked = match before {
        Some(_) if operation == "UpdateStack" => update(client, name, body).await,
        // One that failed was deleted, or its creation was only said to fail.
        _ => create(client, name, body).await,
    };
    match asked {
        // Our own comparison is finer, and has found something.
        Err(refusal) if refusal.message.contains("No updates are to be performed") => {
            let stack = find(client, name).await;
            return Ok(Effect {
                outputs: stack.as_ref().map(outputs).unwrap_or_default(),
                failure: None,
            });
        }
        other => other?,
    }
    ended(client, name).await
}

async fn create(client: &Client, name: &str, body: &Value) -> Result<(), Refusal> {
    let create = client
        .create_stack()
        .stack_name(name)
        .template_body(template(body))
        .set_tags(Some(tags(body)))
        .set_parameters(Some(parameters(body)))
        .capabilities(Capability::CapabilityNamedIam);
    create.send().await.map(drop).map_err(refusal)
}

async fn update(client: &Client, name: &str, body: &Value) -> Result<(), Refusal> {
    let has_tags = !body["Tags"].is_null();
    let update = client
        .update_stack()
        .stack_name(name)
        .template_body(template(body))
        .set_tags(has_tags.then(|| tags(body)))
        .set_parameters(Some(parameters(body)))
        .capabilities(Capability::CapabilityNamedIam);
    update.send().await.map(drop).map_err(refusal)
}

fn template(body: &Value) -> String {
    let template = serde_json::from_str(text(body, "TemplateBody"));
    let template: Value = template.expect("the rules let only JSON pass");
    as_the_emulator_knows_it(&template).to_string()
}

fn tags(body: &Value) -> Vec<Tag> {
    let tag = |tag: &Value| {
        let (key, value) = (text(tag, "Key"), text(tag, "Value"));
        Tag::builder().key(key).value(value).build()
    };
    array(body, "Tags").iter().map(tag).collect()
}

fn parameters(body: &Value) -> Vec<Parameter> {
    let parameter = |one: &Value| {
        Parameter::builder()
            .parameter_key(text(one, "ParameterKey"))
            .parameter_value(text(one, "ParameterValue"))
            .build()
    };
    array(body, "Parameters").iter().map(parameter).collect()
}

/// Waits for the end. A stack that is gone had nothing against it.
async fn ended(client: &Client, name: &str) -> Result<Effect, Refusal> {
    let waited = tokio::time::timeout(LIMIT, async {
        loop {
            let stack = find(client, name).await;
            let status = stack.as_ref().and_then(Stack::stack_status);
            let running = status.is_some_and(|status| status.as_str().ends_with("_IN_PROGRESS"));
            if !running {
                return stack;
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    let Some(stack) = waited.await.expect("the emulator does not end a stack") else {
        return Ok(Effect::default());
    };
    let status = stack.stack_status().map_or("", |status| status.as_str());
    let failed = status.contains("ROLLBACK") || status.ends_with("FAILED");
    Ok(Effect {
        outputs: outputs(&stack),
        failure: if failed {
            failure(client, name).await
        } else {
            None
        },
    })
}

fn outputs(stack: &Stack) -> BTreeMap<String, String> {
    let outputs = stack.outputs().iter().filter_map(|output| {
        let (key, value) = (output.output_key()?, output.output_value()?);
        Some((key.to_owned(), value.to_owned()))
    });
    outputs.collect()
}

/// The newest failure of a resource.
async fn failure(client: &Client, name: &str) -> Option<Failure> {
    let events = client.describe_stack_events().stack_name(name).send();
    let events = events.await.expect("the emulator tells of its stacks");
    let of_stack = "AWS::CloudFormation::Stack";
    let failed = events.stack_events().iter().find(|event| {
        let status = event.resource_status().map_or("", |status| status.as_str());
        status.ends_with("_FAILED") && event.resource_type() != Some(of_stack)
    })?;
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Some(Failure {
        resource: owned(failed.logical_resource_id()),
        resource_type: owned(failed.resource_type()),
        reason: owned(failed.resource_status_reason()),
    })
}

async fn find(client: &Client, name: &str) -> Option<Stack> {
    let described = client.describe_stacks().stack_name(name).send().await;
    described.ok()?.stacks?.pop()
}

fn refusal<E, R>(error: SdkError<E, R>) -> Refusal
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match error
        .as_service_error()
        .and_then(ProvideErrorMetadata::message)
    {
        Some(message) => validation_error(message),
        None => panic!("the emulator: {}", DisplayErrorContext(error)),
    }
}
