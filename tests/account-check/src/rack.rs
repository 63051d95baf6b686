//! What the stack of a Rack says of itself.

use std::collections::BTreeMap;

use serde_json::Value;

/// A deployed Rack.
#[derive(Debug, Clone, Default)]
pub struct Rack {
    /// Its name.
    pub name: String,
    /// The name of its stack.
    pub stack: String,
    /// The stack's ARN.
    pub stack_arn: String,
    /// How the last operation on it ended.
    pub status: String,
    /// The stack's outputs.
    pub outputs: BTreeMap<String, String>,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// The stacks of its Apps.
    pub apps: Vec<AppStack>,
}

/// The stack of an App.
#[derive(Debug, Clone)]
pub struct AppStack {
    /// Its name.
    pub name: String,
    /// How the last operation on it ended.
    pub status: String,
    /// The role that CloudFormation works with.
    pub role: Option<String>,
}

impl Rack {
    /// The Racks of that name, from an answer of `DescribeStacks`.
    pub fn found(name: &str, described: &Value) -> Vec<Self> {
        let stacks = described["Stacks"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let ours = |stack: &&Value| {
            let tag = pairs(&stack["Tags"], "Key", "Value");
            tag.get("convox:rack").is_some_and(|rack| rack == name)
        };
        let apps: Vec<AppStack> = stacks.iter().filter(ours).map(AppStack::of).collect();
        let racks = stacks.iter().map(|stack| Self::of(name, stack, &apps));
        let named = |rack: &Self| {
            let is_it = rack.outputs.get("RackName").is_some_and(|one| one == name);
            is_it && rack.outputs.contains_key("SettingsBucket")
        };
        racks.filter(named).collect()
    }

    fn of(name: &str, stack: &Value, apps: &[AppStack]) -> Self {
        Self {
            name: name.to_owned(),
            stack: text(&stack["StackName"]),
            stack_arn: text(&stack["StackId"]),
            status: text(&stack["StackStatus"]),
            outputs: pairs(&stack["Outputs"], "OutputKey", "OutputValue"),
            parameters: pairs(&stack["Parameters"], "ParameterKey", "ParameterValue"),
            apps: apps.to_vec(),
        }
    }

    /// An output, or nothing.
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).map_or("", String::as_str)
    }

    /// A parameter, or nothing.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// A part of the stack's ARN: 1 is the partition, 3 the region, 4 the account.
    pub fn arn_part(&self, part: usize) -> &str {
        self.stack_arn.split(':').nth(part).unwrap_or_default()
    }
}

impl AppStack {
    fn of(stack: &Value) -> Self {
        Self {
            name: text(&stack["StackName"]),
            status: text(&stack["StackStatus"]),
            role: stack["RoleARN"].as_str().map(str::to_owned),
        }
    }
}

/// A text, or nothing.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn pairs(list: &Value, key: &str, value: &str) -> BTreeMap<String, String> {
    let items = list.as_array().into_iter().flatten();
    items
        .map(|item| (text(&item[key]), text(&item[value])))
        .collect()
}
