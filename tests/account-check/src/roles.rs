//! The Rack's roles, and those that the stacks of its Apps work with.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::aws::Aws;
use crate::checks::{Check, Question, Verdict};
use crate::rack::{Rack, text};
use crate::{managed, simulation};

/// How the status of a stack ends that needs a hand.
const NEEDS_A_HAND: [&str; 3] = ["CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_FAILED"];

/// The roles of the Rack, one by one, and the stacks of its Apps.
pub fn all(aws: &Aws, rack: &Rack) -> Vec<Check> {
    let (check, names) = resources(aws, rack);
    let mut checks = vec![check, app_stacks(aws, rack, names.get("AppStackRole"))];
    if names.is_empty() {
        return checks;
    }
    let (check, details) = details(aws, &names);
    checks.push(check);
    for role in &details {
        let (looks, managed) = managed::of(aws, role);
        checks.extend(looks);
        checks.push(simulation::of(aws, rack, role, &managed));
    }
    checks
}

/// The stack's resources; the names of its roles, by logical id.
fn resources(aws: &Aws, rack: &Rack) -> (Check, BTreeMap<String, String>) {
    let question = Question {
        title: "What the Rack's stack has created",
        arguments: vec!["cloudformation", "list-stack-resources", "--stack-name", &rack.stack],
        expected: "everything is complete".to_owned(),
        otherwise: "update the stack once more; `aws cloudformation detect-stack-drift` says what somebody changed".to_owned(),
    };
    let mut names = BTreeMap::new();
    let check = question.ask(aws, |said| {
        let all: Vec<&Value> = said["StackResourceSummaries"]
            .as_array()
            .into_iter()
            .flatten()
            .collect();
        let roles = all
            .iter()
            .filter(|one| one["ResourceType"] == "AWS::IAM::Role");
        names = roles
            .map(|one| {
                (
                    text(&one["LogicalResourceId"]),
                    text(&one["PhysicalResourceId"]),
                )
            })
            .collect();
        let failed = all
            .iter()
            .filter(|one| !text(&one["ResourceStatus"]).ends_with("_COMPLETE"));
        let failed: Vec<String> = failed
            .map(|one| {
                format!(
                    "{} {}",
                    text(&one["LogicalResourceId"]),
                    text(&one["ResourceStatus"])
                )
            })
            .collect();
        if failed.is_empty() && !all.is_empty() {
            Ok(format!("{} resources, {} roles", all.len(), names.len()))
        } else {
            Err(failed.join(", "))
        }
    });
    (check, names)
}

/// Each must still work with a role that is there: that of this Rack, not of one before it.
fn app_stacks(aws: &Aws, rack: &Rack, role: Option<&String>) -> Check {
    let ours = role.map(|role| {
        format!(
            "arn:{}:iam::{}:role/{role}",
            rack.arn_part(1),
            rack.arn_part(4)
        )
    });
    let wrong = rack.apps.iter().filter(|app| {
        let other = app.role.is_some() && ours.is_some() && app.role != ours;
        other
            || NEEDS_A_HAND
                .iter()
                .any(|status| app.status.ends_with(status))
    });
    let wrong: Vec<String> = wrong
        .map(|app| {
            format!(
                "{} {} {}",
                app.name,
                app.status,
                app.role.as_deref().unwrap_or("without a role")
            )
        })
        .collect();
    let (seen, verdict) = if wrong.is_empty() {
        (format!("{} stacks", rack.apps.len()), Verdict::Ok)
    } else {
        let advice = "promote each of these Apps once, which hands over the role of today; docs/removal.md has the way out".to_owned();
        (wrong.join(", "), Verdict::Differs(advice))
    };
    Check {
        title: "The stacks of Apps".to_owned(),
        command: aws.shown(&["cloudformation", "describe-stacks"]),
        expected: format!(
            "none has failed, and each works with {}",
            ours.as_deref().unwrap_or("the Rack's AppStackRole")
        ),
        seen,
        verdict,
    }
}

/// The roles with their policies.
fn details(aws: &Aws, names: &BTreeMap<String, String>) -> (Check, Vec<Value>) {
    let question = Question {
        title: "The Rack's roles",
        arguments: vec!["iam", "get-account-authorization-details", "--filter", "Role"],
        expected: format!("{} roles", names.len()),
        otherwise: "somebody deleted one by hand: create it again under its name, then update the Rack's stack".to_owned(),
    };
    let mut found = Vec::new();
    let check = question.ask(aws, |said| {
        let all = said["RoleDetailList"].as_array().into_iter().flatten();
        let ours = all.filter(|role| names.values().any(|name| role["RoleName"] == *name));
        found = ours.cloned().collect();
        let seen = format!("{} roles", found.len());
        if found.len() == names.len() {
            Ok(seen)
        } else {
            Err(seen)
        }
    });
    (check, found)
}
