//! The managed policies that are attached to a role: they allow beside those of its own.

use serde_json::Value;

use crate::aws::Aws;
use crate::checks::{Check, Question};
use crate::rack::text;

/// What was looked at for the role, and the documents that were seen.
pub fn of(aws: &Aws, role: &Value) -> (Vec<Check>, Vec<Value>) {
    let attached = role["AttachedManagedPolicies"].as_array();
    let looked = attached.into_iter().flatten().map(|policy| {
        let name = text(&policy["PolicyName"]);
        let title = format!("The policy {name} of {}", text(&role["RoleName"]));
        document(aws, &title, &text(&policy["PolicyArn"]))
    });
    let (checks, documents): (Vec<Check>, Vec<Option<Value>>) = looked.unzip();
    (checks, documents.into_iter().flatten().collect())
}

/// The version of the policy that counts.
fn document(aws: &Aws, title: &str, arn: &str) -> (Check, Option<Value>) {
    let mut version = None;
    let which = question(title, vec!["iam", "get-policy", "--policy-arn", arn]);
    let check = which.ask(aws, |said| {
        let counts = said.pointer("/Policy/DefaultVersionId").map(text);
        version = counts.filter(|counts| !counts.is_empty());
        version
            .clone()
            .ok_or_else(|| "no version counts".to_owned())
    });
    let Some(version) = version else {
        return (check, None);
    };
    let mut document = None;
    let mut arguments = vec!["iam", "get-policy-version", "--policy-arn", arn];
    arguments.extend(["--version-id", &version]);
    let check = question(title, arguments).ask(aws, |said| {
        let found = said.pointer("/PolicyVersion/Document");
        document = found.filter(|found| !found["Statement"].is_null()).cloned();
        match document {
            Some(_) => Ok(format!("{version} counts")),
            None => Err(format!("{version} has no statements")),
        }
    });
    (check, document)
}

fn question<'a>(title: &'a str, arguments: Vec<&'a str>) -> Question<'a> {
    Question {
        title,
        arguments,
        expected: "a version counts, and has statements".to_owned(),
        otherwise: "somebody changed it by hand: update the Rack's stack once more".to_owned(),
    }
}
