//! Where a Rack is: its bucket and its functions, by the outputs of its stack, or as somebody says.

use std::collections::BTreeMap;

use aws::call_error::CallError;
use aws::clients::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata as _;
use aws_sdk_cloudformation::types::Stack;
use names::RackName;

use crate::error::RackError;

/// A Rack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rack {
    /// Its name.
    pub name: RackName,
    /// Its settings bucket.
    pub bucket: String,
    /// What else is known of it, by output of its stack.
    outputs: BTreeMap<String, String>,
}

/// What stands for the outputs of a stack: variable and output.
pub const OVERRIDES: [(&str, &str); 5] = [
    ("RACK_BUCKET", BUCKET),
    ("RACK_PROMOTE_FUNCTION", "PromoteFunction"),
    ("RACK_APP_DELETION_FUNCTION", "AppDeletionFunction"),
    ("RACK_PROCESS_RUN_FUNCTION", "ProcessRunFunction"),
    ("RACK_ENVIRONMENT_KEY_ARN", "EnvironmentKeyArn"),
];
const BUCKET: &str = "SettingsBucket";
const NAME: &str = "RackName";

impl Rack {
    /// The Rack of these outputs, if they are a Rack's.
    #[must_use]
    pub fn of(name: &RackName, outputs: BTreeMap<String, String>) -> Option<Self> {
        let bucket = outputs.get(BUCKET)?.clone();
        Some(Self {
            name: name.clone(),
            bucket,
            outputs,
        })
    }

    /// What an output says.
    ///
    /// # Errors
    ///
    /// [`RackError::NoOutput`] where it says nothing.
    pub fn output(&self, output: &'static str) -> Result<&str, RackError> {
        let value = self.outputs.get(output).filter(|value| !value.is_empty());
        let variables = OVERRIDES.iter().find(|(_, known)| *known == output);
        let variable = variables.map_or("RACK", |(variable, _)| variable);
        value
            .map(String::as_str)
            .ok_or(RackError::NoOutput { output, variable })
    }
}

/// Finds the Rack: as `lookup` of the variables says, else by its stack.
///
/// # Errors
///
/// [`RackError`] when there is none, or AWS does not say.
pub async fn find(
    sdk: &SdkConfig,
    name: &RackName,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Rack, RackError> {
    let overrides = OVERRIDES.iter().filter_map(|(variable, output)| {
        let value = lookup(variable).filter(|value| !value.is_empty())?;
        Some(((*output).to_owned(), value))
    });
    if let Some(rack) = Rack::of(name, overrides.collect()) {
        return Ok(rack);
    }
    let client = Client::new(sdk);
    let called = described(&client, Some(name.as_str())).await?;
    let found = chosen(name, called);
    if let Some(rack) = found {
        return Ok(rack);
    }
    let all = described(&client, None).await?;
    chosen(name, all).ok_or_else(|| RackError::NoRack {
        rack: name.to_string(),
        region: sdk.region().map(ToString::to_string).unwrap_or_default(),
    })
}

/// Of several outputs those of the Rack of that name.
fn chosen(name: &RackName, stacks: Vec<BTreeMap<String, String>>) -> Option<Rack> {
    let is_it = |outputs: &BTreeMap<String, String>| {
        outputs.get(NAME).map(String::as_str) == Some(name.as_str())
    };
    let mut racks = stacks.into_iter().filter(is_it);
    racks.find_map(|outputs| Rack::of(name, outputs))
}

/// The outputs of a stack, or of all; none where there is no such stack.
async fn described(
    client: &Client,
    name: Option<&str>,
) -> Result<Vec<BTreeMap<String, String>>, RackError> {
    let request = client
        .describe_stacks()
        .set_stack_name(name.map(str::to_owned));
    let mut pages = request.into_paginator().send();
    let mut stacks = Vec::new();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => stacks.extend(page.stacks.unwrap_or_default().into_iter().map(outputs)),
            Err(err) if name.is_some() && err.code() == Some("ValidationError") => {
                return Ok(Vec::new());
            }
            Err(err) => {
                let attempted = "find the Rack by its CloudFormation stack";
                return Err(CallError::new(attempted, &err).into());
            }
        }
    }
    Ok(stacks)
}

fn outputs(stack: Stack) -> BTreeMap<String, String> {
    let outputs = stack.outputs.unwrap_or_default().into_iter();
    outputs
        .filter_map(|output| Some((output.output_key?, output.output_value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_rack_is_chosen_by_its_own_name() {
        let name = RackName::new("myrack").unwrap();
        let other = outputs(&[(NAME, "other"), (BUCKET, "b1")]);
        let none = outputs(&[(NAME, "myrack")]);
        let right = outputs(&[(NAME, "myrack"), (BUCKET, "b2"), ("PromoteFunction", "f")]);
        let rack = chosen(&name, vec![other, none, right]).unwrap();
        assert_eq!(
            (
                rack.bucket.as_str(),
                rack.output("PromoteFunction").unwrap()
            ),
            ("b2", "f")
        );
        let missing = rack.output("ProcessRunFunction").unwrap_err();
        assert!(
            missing.to_string().contains("RACK_PROCESS_RUN_FUNCTION"),
            "{missing}"
        );
        assert_eq!(chosen(&name, Vec::new()), None);
    }
}
