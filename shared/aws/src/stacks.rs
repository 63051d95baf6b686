//! The App's own CloudFormation stack: read whole, created, updated and deleted with the Rack's service role.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::types::{Capability, Stack, StackEvent, Tag};
use aws_sdk_cloudformation::{Client, config};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures_util::future::try_join;
use serde_json::Value;

use crate::call_error::CallError;
use crate::clients::{self, OnDemand};
use names::AppId;
use release::app_stack::read_template;
use release::stack_state::{Failure, SeenStack};

/// Pages of events, newest first, that are read to find why an operation failed; a page has a hundred.
const PAGES_MAX: usize = 10;
/// What CloudFormation says of a resource that only stopped because another one failed.
const CANCELLED: &str = "cancelled";
/// What a `ValidationError` says of a stack that is not there (API reference, `DescribeStacks`), and of an update without a
/// change.
const MISSING: &str = "does not exist";
const NO_UPDATES: &str = "No updates are to be performed";

/// The App stacks of one Rack.
#[derive(Debug)]
pub struct Stacks {
    client: OnDemand<Client>,
}

/// What an operation on a stack does.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// The template, as [`template_body`](release::app_stack::template_body) makes it.
    pub body: &'a str,
    /// CloudFormation's service role.
    pub role_arn: &'a str,
    /// The `ClientRequestToken`.
    pub token: &'a str,
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// CloudFormation is at work on it.
    Begun,
    /// The stack is as wanted already, whatever its template says.
    Needless,
}

impl Stacks {
    /// The stacks of the configured account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        let sdk = sdk.clone();
        let client = OnDemand::new(move || {
            let config = config::Builder::from(&sdk);
            Client::from_conf(config.retry_partition(clients::without_budget()).build())
        });
        Self { client }
    }

    /// The App's stack; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn see(&self, id: &AppId) -> Result<Option<SeenStack>, CallError> {
        let name = id.stack();
        let (stack, template) = try_join(self.describe(&name), self.template(&name)).await?;
        let (Some(stack), Some(template)) = (stack, template) else {
            return Ok(None);
        };
        let mut seen = seen(&stack, template);
        if seen.status.contains("ROLLBACK_COMPLETE") || seen.status.ends_with("_FAILED") {
            seen.failure = self.failure(&name).await?;
        }
        Ok(Some(seen))
    }

    /// The outputs of the App's stack, as far as it has any; `None` where there is none, or it is somebody else's.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn outputs(&self, id: &AppId) -> Result<Option<BTreeMap<String, String>>, CallError> {
        let stack = self.describe(&id.stack()).await?;
        let seen = stack.map(|stack| seen(&stack, Value::Null));
        Ok(seen
            .filter(|seen| id.owns(&seen.tags))
            .map(|seen| seen.outputs))
    }

    /// Begins to create the App's stack.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn create(&self, id: &AppId, operation: Operation<'_>) -> Result<(), CallError> {
        let name = id.stack();
        let request = self
            .client
            .create_stack()
            .stack_name(&name)
            .template_body(operation.body)
            .role_arn(operation.role_arn)
            .client_request_token(operation.token)
            .capabilities(Capability::CapabilityIam)
            .set_tags(Some(tags(id)));
        let answer = request.send().await;
        answer
            .map(drop)
            .map_err(|err| CallError::new(format!("create the stack `{name}`"), &err))
    }

    /// Begins to update the App's stack, unless CloudFormation finds that nothing of it changes: it says so of templates that
    /// differ only where an update changes nothing, such as in what holds for a resource's end.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn update(&self, id: &AppId, operation: Operation<'_>) -> Result<Update, CallError> {
        let name = id.stack();
        let request = self
            .client
            .update_stack()
            .stack_name(&name)
            .template_body(operation.body)
            .role_arn(operation.role_arn)
            .client_request_token(operation.token)
            .capabilities(Capability::CapabilityIam)
            .set_tags(Some(tags(id)));
        match request.send().await {
            Ok(_) => Ok(Update::Begun),
            Err(err) if refused_since(&err, NO_UPDATES) => Ok(Update::Needless),
            Err(err) => Err(CallError::new(format!("update the stack `{name}`"), &err)),
        }
    }

    /// Begins to delete a stack. By its ARN, so that one that is created anew meanwhile stays; with the role of now, since the one
    /// that the stack was made with is gone where the Rack's own stack was made anew.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails; a stack that is gone is none.
    pub async fn delete(&self, arn: &str, role_arn: &str, token: &str) -> Result<(), CallError> {
        let request = self.client.delete_stack().stack_name(arn);
        let request = request.role_arn(role_arn);
        let answer = request.client_request_token(token).send().await;
        answer
            .map(drop)
            .map_err(|err| CallError::new(format!("delete the stack `{arn}`"), &err))
    }

    async fn describe(&self, name: &str) -> Result<Option<Stack>, CallError> {
        match self.client.describe_stacks().stack_name(name).send().await {
            Ok(answer) => Ok(answer.stacks.into_iter().flatten().next()),
            Err(err) if is_missing(&err) => Ok(None),
            Err(err) => Err(CallError::new(format!("read the stack `{name}`"), &err)),
        }
    }

    async fn template(&self, name: &str) -> Result<Option<Value>, CallError> {
        match self.client.get_template().stack_name(name).send().await {
            Ok(answer) => {
                let body = answer.template_body.unwrap_or_default();
                Ok(Some(read_template(&body)))
            }
            Err(err) if is_missing(&err) => Ok(None),
            Err(err) => Err(CallError::new(
                format!("read the template of the stack `{name}`"),
                &err,
            )),
        }
    }

    /// Why the last operation failed: what failed first in it.
    async fn failure(&self, name: &str) -> Result<Option<Failure>, CallError> {
        let mut newest: Option<String> = None;
        let mut reason = None;
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let request = self.client.describe_stack_events().stack_name(name);
            let answer = request.set_next_token(next).send().await;
            let answer = answer.map_err(|err| {
                CallError::new(format!("read the events of the stack `{name}`"), &err)
            })?;
            for event in answer.stack_events() {
                let token = event.client_request_token().unwrap_or_default();
                if newest.get_or_insert_with(|| token.to_owned()) != token {
                    return Ok(newest.map(|token| failure(token, reason)));
                }
                reason = failed(event).or(reason);
            }
            next = answer.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(newest.map(|token| failure(token, reason)))
    }
}

fn failure(token: String, reason: Option<String>) -> Failure {
    let reason = reason.unwrap_or_else(|| "CloudFormation gives no reason".to_owned());
    Failure { token, reason }
}

/// What an event says of a resource that failed by itself.
fn failed(event: &StackEvent) -> Option<String> {
    let status = event.resource_status()?.as_str();
    let reason = event.resource_status_reason()?;
    let resource = event.logical_resource_id()?;
    let itself = status.ends_with("_FAILED") && !reason.contains(CANCELLED);
    itself.then(|| format!("`{resource}` is in {status}: {reason}"))
}

fn is_missing<E>(err: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata,
{
    refused_since(err, MISSING)
}

/// Whether it is a `ValidationError` with these words.
fn refused_since<E>(err: &SdkError<E, HttpResponse>, words: &str) -> bool
where
    E: ProvideErrorMetadata,
{
    let err = err.as_service_error();
    err.is_some_and(|err| {
        let says = err.message().is_some_and(|message| message.contains(words));
        err.code() == Some("ValidationError") && says
    })
}

/// Outputs come back mangled as templates do; those of ours are ARNs, ids and names in ASCII.
fn seen(stack: &Stack, template: Value) -> SeenStack {
    let outputs = stack.outputs().iter();
    let outputs = outputs.filter_map(|output| {
        Some((
            output.output_key()?.to_owned(),
            output.output_value()?.to_owned(),
        ))
    });
    let tags = stack.tags().iter();
    let tags = tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
    SeenStack {
        arn: stack.stack_id().unwrap_or_default().to_owned(),
        status: stack
            .stack_status()
            .map_or("", |status| status.as_str())
            .to_owned(),
        tags: tags.collect(),
        outputs: outputs.collect(),
        template,
        failure: None,
    }
}

fn tags(id: &AppId) -> Vec<Tag> {
    let tags = id.tags().into_iter();
    tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
