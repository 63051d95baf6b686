//! How much IAM takes of a role, and how much a template asks for. Pure.
//!
//! Source: IAM user guide, "IAM and AWS STS quotas": the inline policies of a role together, white space not counted; the
//! managed policies attached to a role.

use serde_json::Value;

use super::roles::EXECUTION_ROLE;

/// Characters that the inline policies of a role may have together; no account has more.
pub const INLINE_POLICIES_MAX: usize = 10_240;
/// Managed policies that may be attached to a role, unless the account's quota was raised.
pub const MANAGED_POLICIES: usize = 10;

/// The characters of the policy by which tasks of the App are started, as IAM will count them: the only one that grows with
/// convox.yml. `arn` is any ARN of the account and region that the stack is in.
#[must_use]
pub fn execution_policy_size(template: &Value, arn: &str) -> usize {
    let mut parts = arn.split(':').skip(1);
    let mut part = || parts.next().unwrap_or_default();
    let (partition, _, region, account) = (part(), part(), part(), part());
    let place = Place {
        template,
        partition,
        region,
        account,
    };
    let role = place.properties(EXECUTION_ROLE);
    let policies = role.and_then(|role| role.get("Policies")?.as_array());
    let documents = policies.into_iter().flatten().map(|policy| {
        let document = policy.get("PolicyDocument");
        document.map_or(0, |document| place.size(document))
    });
    documents.sum()
}

/// Where a template becomes a stack.
struct Place<'t> {
    template: &'t Value,
    partition: &'t str,
    region: &'t str,
    account: &'t str,
}

impl<'t> Place<'t> {
    fn properties(&self, logical_id: &str) -> Option<&'t Value> {
        let resources = self.template.get("Resources")?;
        resources.get(logical_id)?.get("Properties")
    }

    /// What is left of `value` as JSON, once CloudFormation has put values in.
    fn size(&self, value: &Value) -> usize {
        match value {
            Value::String(text) => quoted(text),
            Value::Array(items) => {
                let items_size: usize = items.iter().map(|item| self.size(item)).sum();
                items_size + items.len().saturating_sub(1) + 2
            }
            Value::Object(members) => {
                let mut all = members.iter();
                if let (Some((name, value)), None) = (all.next(), all.next())
                    && let Some(text) = self.function(name, value)
                {
                    return quoted(&text);
                }
                let pairs = members.iter();
                let pairs: usize = pairs
                    .map(|(name, value)| quoted(name) + 1 + self.size(value))
                    .sum();
                pairs + members.len().saturating_sub(1) + 2
            }
            other => other.to_string().len(),
        }
    }

    /// The text that one of the functions of a policy becomes; `None` for what is none.
    fn function(&self, name: &str, value: &Value) -> Option<String> {
        match (name, value) {
            ("Fn::Sub", Value::String(text)) => Some(self.put_in(text)),
            ("Fn::GetAtt", Value::Array(parts)) => {
                let id = parts.first().and_then(Value::as_str)?;
                Some(self.arn(id))
            }
            _ => None,
        }
    }

    fn put_in(&self, text: &str) -> String {
        let suffix = match self.partition {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        [
            ("${AWS::Partition}", self.partition),
            ("${AWS::Region}", self.region),
            ("${AWS::AccountId}", self.account),
            ("${AWS::URLSuffix}", suffix),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        })
    }

    /// The ARN of a secret or of the log group.
    fn arn(&self, logical_id: &str) -> String {
        let text = |name: &str| {
            let value = self.properties(logical_id)?.get(name)?.as_str();
            value.map(str::to_owned)
        };
        let (region, account) = (self.region, self.account);
        match (text("Name"), text("LogGroupName")) {
            (Some(secret), _) => format!(
                "arn:{}:secretsmanager:{region}:{account}:secret:{secret}-000000",
                self.partition
            ),
            (None, Some(group)) => format!(
                "arn:{}:logs:{region}:{account}:log-group:{group}:*",
                self.partition
            ),
            (None, None) => String::new(),
        }
    }
}

/// The characters of a text in JSON but for white space.
fn quoted(text: &str) -> usize {
    let json = Value::from(text).to_string();
    json.chars().filter(|c| !c.is_whitespace()).count()
}
