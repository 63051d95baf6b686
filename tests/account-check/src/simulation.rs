//! What IAM's policy simulator says of a role: whether a boundary, or a policy of the organization, takes away what the stack
//! has given it.
//!
//! A statement with conditions is simulated without the keys that it asks for, so nothing but a denial is believed there.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::aws::Aws;
use crate::checks::{Check, Question};
use crate::rack::{Rack, text};

/// Whether others let a role do what its own policies allow.
const ORGANIZATION: &str = "/OrganizationsDecisionDetail/AllowedByOrganizations";
const BOUNDARY: &str = "/PermissionsBoundaryDecisionDetail/AllowedByPermissionsBoundary";

/// Asks about one role, which the documents `managed` are attached to.
pub fn of(aws: &Aws, rack: &Rack, role: &Value, managed: &[Value]) -> Check {
    let (arn, title) = (
        text(&role["Arn"]),
        format!("What {} may do", text(&role["RoleName"])),
    );
    let grants = grants(rack, role, managed);
    let (mut actions, mut resources): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for grant in &grants {
        actions.push(&grant.action);
        resources.extend(grant.resources.iter().map(String::as_str));
    }
    for list in [&mut actions, &mut resources] {
        list.sort_unstable();
        list.dedup();
    }
    let mut arguments = vec![
        "iam",
        "simulate-principal-policy",
        "--policy-source-arn",
        &arn,
        "--action-names",
    ];
    arguments.extend(actions);
    arguments.push("--resource-arns");
    arguments.extend(resources);
    let question = Question {
        title: &title,
        arguments,
        expected:
            "what its statements allow, no boundary and no policy of the organization takes away"
                .to_owned(),
        otherwise: "let the boundary, or the organization's policy, except this role".to_owned(),
    };
    question.ask(aws, |said| judge(&grants, said))
}

/// An action that a statement allows, on examples of its resources.
#[derive(Debug, PartialEq, Eq)]
struct Grant {
    sid: String,
    action: String,
    resources: Vec<String>,
    conditional: bool,
}

/// What the role's own policies allow, and those that are attached to it.
fn grants(rack: &Rack, role: &Value, managed: &[Value]) -> Vec<Grant> {
    let own = role["RolePolicyList"].as_array().into_iter().flatten();
    let own = own.map(|policy| at(policy, "/PolicyDocument"));
    let documents = own.chain(managed);
    let statements = documents.flat_map(|document| many(&document["Statement"]));
    let allowing = statements.filter(|statement| statement["Effect"] == "Allow");
    let grants = allowing.flat_map(|statement| {
        let resources = many(&statement["Resource"])
            .iter()
            .map(|one| example(rack, &text(one)));
        let resources: Vec<String> = resources.filter(|one| !one.is_empty()).collect();
        many(&statement["Action"]).iter().map(move |action| Grant {
            sid: text(&statement["Sid"]),
            action: text(action),
            resources: resources.clone(),
            conditional: statement["Condition"].is_object(),
        })
    });
    grants.collect()
}

/// Something that a pattern covers, in the Rack's own region and account.
fn example(rack: &Rack, pattern: &str) -> String {
    if pattern == "*" {
        return pattern.to_owned();
    }
    let parts = pattern
        .splitn(6, ':')
        .enumerate()
        .map(|(place, part)| match (place, part) {
            (3 | 4, "*") => rack.arn_part(place).to_owned(),
            (_, part) => part.replace(['*', '?'], "x"),
        });
    parts.collect::<Vec<_>>().join(":")
}

/// In `Err` what is denied, or not allowed although nothing but the role's own policy was asked.
fn judge(grants: &[Grant], said: &Value) -> Result<String, String> {
    let decisions = decisions(said);
    let (mut allowed, mut open, mut denied) = (0, 0, Vec::new());
    for grant in grants {
        let of_grant = |resource: &String| {
            decisions.get(&(grant.action.to_ascii_lowercase(), resource.clone()))
        };
        let found: Vec<&Decision> = grant.resources.iter().filter_map(of_grant).collect();
        let named = |why: &str| format!("{} {}: {why}", grant.sid, grant.action);
        if let Some(by) = found.iter().find_map(|decision| decision.denied_by) {
            denied.push(named(by));
        } else if found.iter().any(|decision| decision.allowed) {
            allowed += 1;
        } else if grant.conditional || found.is_empty() {
            open += 1;
        } else {
            denied.push(named("not allowed"));
        }
    }
    if denied.is_empty() {
        Ok(format!(
            "{allowed} actions allowed, none denied; {open} depend on conditions, or were not simulated"
        ))
    } else {
        Err(denied.join(", "))
    }
}

#[derive(Debug, Clone, Copy)]
struct Decision {
    allowed: bool,
    denied_by: Option<&'static str>,
}

/// By action, in lower case, and resource.
fn decisions(said: &Value) -> BTreeMap<(String, String), Decision> {
    let mut decisions = BTreeMap::new();
    for result in many(&said["EvaluationResults"]) {
        let action = text(&result["EvalActionName"]).to_ascii_lowercase();
        let of_resources = many(&result["ResourceSpecificResults"]).iter();
        let of_resources = of_resources.map(|one| (one, &one["EvalResourceDecision"]));
        for (one, decision) in of_resources.chain([(result, &result["EvalDecision"])]) {
            let denied = |flag: &str| [one, result].iter().any(|said| at(said, flag) == false);
            let denied_by = if denied(ORGANIZATION) {
                Some("denied by a policy of the organization")
            } else if denied(BOUNDARY) {
                Some("outside the role's boundary")
            } else if decision == "explicitDeny" {
                Some("denied")
            } else {
                None
            };
            let allowed = decision == "allowed";
            decisions.insert(
                (action.clone(), text(&one["EvalResourceName"])),
                Decision { allowed, denied_by },
            );
        }
    }
    decisions
}

/// A member of a member; null where there is none.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// One or several.
fn many(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rack() -> Rack {
        Rack {
            stack_arn: "arn:aws:cloudformation:eu-north-1:123456789012:stack/rack/8f1c".to_owned(),
            ..Rack::default()
        }
    }

    fn role() -> Value {
        json!({"RolePolicyList": [{"PolicyDocument": {"Statement": [
            {"Sid": "Tell", "Effect": "Allow", "Action": "events:PutEvents", "Resource": "arn:aws:events:*:*:event-bus/default",
             "Condition": {"StringEquals": {"events:source": "rack"}}},
            {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::b/apps/*", "*"]},
            {"Sid": "Never", "Effect": "Deny", "Action": "s3:*", "Resource": "*"},
        ]}}]})
    }

    #[test]
    fn what_is_attached_is_asked_about_beside_what_is_the_roles_own() {
        let attached = json!({"Statement": {"Sid": "Caches", "Effect": "Allow", "Action": "elasticache:CreateCacheCluster",
            "Resource": "arn:aws:elasticache:*:*:cluster:*"}});
        let grants = grants(&rack(), &role(), &[attached]);
        let actions = grants.iter().map(|grant| &*grant.action);
        let all = [
            "events:PutEvents",
            "s3:GetObject",
            "elasticache:CreateCacheCluster",
        ];
        assert_eq!(actions.collect::<Vec<_>>(), all);
        let refused = json!({"EvaluationResults": [
            {"EvalActionName": "elasticache:CreateCacheCluster", "EvalDecision": "explicitDeny",
             "EvalResourceName": "arn:aws:elasticache:eu-north-1:123456789012:cluster:x"},
        ]});
        let judged = judge(&grants, &refused);
        let denied = "Caches elasticache:CreateCacheCluster: denied";
        assert_eq!(judged, Err(denied.to_owned()));
    }

    #[test]
    fn a_pattern_is_asked_about_by_an_example_of_the_racks_own() {
        let grants = grants(&rack(), &role(), &[]);
        let asked: Vec<_> = grants
            .iter()
            .map(|grant| (&*grant.sid, &grant.resources[..], grant.conditional))
            .collect();
        let bus = ["arn:aws:events:eu-north-1:123456789012:event-bus/default".to_owned()];
        let objects = ["arn:aws:s3:::b/apps/x".to_owned(), "*".to_owned()];
        assert_eq!(
            asked,
            [("Tell", &bus[..], true), ("Read", &objects[..], false)]
        );
    }

    #[test]
    fn a_denial_is_told_and_what_depends_on_conditions_is_not() {
        let grants = grants(&rack(), &role(), &[]);
        let put = "arn:aws:events:eu-north-1:123456789012:event-bus/default";
        let answer = |put_decision: Value, get_decision: &str| {
            let mut put_result = json!({"EvalActionName": "events:PutEvents", "EvalResourceName": put, "EvalDecision": "implicitDeny"});
            for (name, value) in put_decision.as_object().unwrap() {
                put_result[name] = value.clone();
            }
            json!({"EvaluationResults": [
                put_result,
                {"EvalActionName": "s3:GetObject", "EvalResourceName": "*", "EvalDecision": "allowed",
                 "ResourceSpecificResults": [{"EvalResourceName": "arn:aws:s3:::b/apps/x", "EvalResourceDecision": get_decision}]},
            ]})
        };
        for (put_decision, get_decision, want) in [
            (
                json!({}),
                "allowed",
                Ok("1 actions allowed, none denied; 1 depend on"),
            ),
            (
                json!({"EvalDecision": "allowed"}),
                "allowed",
                Ok("2 actions allowed"),
            ),
            (json!({}), "explicitDeny", Err("Read s3:GetObject: denied")),
            (
                json!({"OrganizationsDecisionDetail": {"AllowedByOrganizations": false}}),
                "allowed",
                Err("Tell events:PutEvents: denied by a policy of the organization"),
            ),
            (
                json!({"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": false}}),
                "allowed",
                Err("Tell events:PutEvents: outside the role's boundary"),
            ),
        ] {
            let judged = judge(&grants, &answer(put_decision.clone(), get_decision));
            let ((Ok(text), Ok(part)) | (Err(text), Err(part))) = (&judged, &want) else {
                panic!("{put_decision} {get_decision}: {judged:?}");
            };
            assert!(
                text.starts_with(part),
                "{put_decision} {get_decision}: {text}"
            );
        }
    }

    #[test]
    fn an_action_that_is_allowed_nowhere_differs() {
        let grants = grants(&rack(), &role(), &[]);
        let denied = json!({"EvaluationResults": [
            {"EvalActionName": "s3:GetObject", "EvalResourceName": "*", "EvalDecision": "implicitDeny"},
        ]});
        assert_eq!(
            judge(&grants, &denied),
            Err("Read s3:GetObject: not allowed".to_owned())
        );
    }
}
