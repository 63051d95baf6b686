//! A plain policy document -> [`Rule`]s, one for each action and resource. Unknown elements are an error.

use serde_json::{Map, Value};

use super::policy::{Condition, Effect, Operator, Rule};
use super::resolve::TemplateError;

type Parsed<T> = Result<T, TemplateError>;

fn refuse<T>(sid: &str, what: &str) -> Parsed<T> {
    Err(TemplateError(format!("statement {sid}: {what}")))
}

/// The context key that holds the service which asks for a role.
const PRINCIPAL: &str = "principal";

/// The rules of a trust policy, whose statements have a service as principal and no resource.
pub(super) fn trust(statement: &Value) -> Parsed<Vec<Rule>> {
    let mut statement = statement.clone();
    let sid = "of a trust policy";
    let Some(service) = statement["Principal"]["Service"]
        .as_str()
        .map(str::to_owned)
    else {
        return refuse(sid, &format!("the principal {}", statement["Principal"]));
    };
    if !statement["Resource"].is_null() {
        return refuse(sid, "it has a resource");
    }
    statement["Resource"] = "*".into();
    let (mut rules, _) = rules(&statement)?;
    for rule in &mut rules {
        rule.conditions.push(Condition {
            operator: Operator::StringEquals,
            key: PRINCIPAL.to_owned(),
            values: vec![service.clone()],
        });
    }
    Ok(rules)
}

/// A statement's rules, and whether it names everybody as its principal.
pub(super) fn rules(statement: &Value) -> Parsed<(Vec<Rule>, bool)> {
    let members = statement.as_object();
    let sid = statement["Sid"].as_str().unwrap_or("without a Sid");
    let known = [
        "Sid",
        "Effect",
        "Principal",
        "Action",
        "Resource",
        "Condition",
    ];
    for name in members.into_iter().flat_map(Map::keys) {
        if !known.contains(&name.as_str()) {
            return refuse(sid, &format!("`{name}` is not known here"));
        }
    }
    let effect = match statement["Effect"].as_str() {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        other => return refuse(sid, &format!("the effect {other:?}")),
    };
    let conditions = conditions(sid, &statement["Condition"])?;
    let resources = texts(sid, "Resource", &statement["Resource"])?;
    let mut rules = Vec::new();
    for action in texts(sid, "Action", &statement["Action"])? {
        for resource in &resources {
            check_resource(sid, resource)?;
            rules.push(Rule {
                sid: sid.to_owned(),
                effect,
                action: action.clone(),
                resource: resource.clone(),
                conditions: conditions.clone(),
            });
        }
    }
    Ok((rules, statement["Principal"] == "*"))
}

fn check_resource(sid: &str, resource: &str) -> Parsed<()> {
    if resource.contains("${") {
        return refuse(sid, &format!("the policy variable in {resource}"));
    }
    if resource != "*" && resource.split(':').count() < 6 {
        return refuse(sid, &format!("the resource {resource} is no ARN"));
    }
    Ok(())
}

fn conditions(sid: &str, value: &Value) -> Parsed<Vec<Condition>> {
    let mut conditions = Vec::new();
    let operators = match value {
        Value::Null => return Ok(conditions),
        Value::Object(operators) => operators,
        other => return refuse(sid, &format!("the condition {other}")),
    };
    for (name, keys) in operators {
        let Some(operator) = Operator::named(name) else {
            return refuse(sid, &format!("the condition operator `{name}`"));
        };
        for (key, values) in keys.as_object().into_iter().flatten() {
            let values = texts(sid, key, values)?;
            if values.iter().any(|value| value.contains("${")) {
                return refuse(sid, &format!("the policy variable in {values:?}"));
            }
            let key = key.to_ascii_lowercase();
            conditions.push(Condition {
                operator,
                key,
                values,
            });
        }
    }
    Ok(conditions)
}

/// One text or several.
fn texts(sid: &str, name: &str, value: &Value) -> Parsed<Vec<String>> {
    let items = match value {
        Value::String(_) => std::slice::from_ref(value),
        Value::Array(items) if !items.is_empty() => items,
        other => return refuse(sid, &format!("`{name}` is {other}")),
    };
    let text = |item: &Value| match item {
        Value::String(text) => Ok(text.clone()),
        other => refuse(sid, &format!("`{name}` holds {other}")),
    };
    items.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_statement_is_one_rule_for_each_action_and_resource() {
        let (a, b) = ("arn:aws:s3:::a", "arn:aws:s3:::b");
        let statement = json!({
            "Sid": "S", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": [a, b],
            "Condition": {"StringEquals": {"aws:X": "1", "aws:Y": ["2", "3"]}},
        });
        let (rules, everybody) = rules(&statement).unwrap();
        assert!(!everybody);
        let pairs: Vec<_> = rules
            .iter()
            .map(|r| (r.action.as_str(), r.resource.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("s3:GetObject", a),
                ("s3:GetObject", b),
                ("s3:PutObject", a),
                ("s3:PutObject", b)
            ]
        );
        assert!(rules.iter().all(|rule| rule.conditions.len() == 2));
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let whole =
            json!({"Sid": "S", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"});
        for (member, value) in [
            ("NotAction", json!("s3:*")),
            ("Effect", json!("Perhaps")),
            ("Action", json!([])),
            ("Resource", json!(null)),
            ("Resource", json!("bucket")),
            ("Resource", json!("arn:aws:s3:::${aws:username}")),
            ("Condition", json!({"StringNotEqualsIfExists": {"a": "b"}})),
            ("Condition", json!({"StringEquals": {"a": 1}})),
        ] {
            let mut statement = whole.clone();
            statement[member] = value.clone();
            let error = rules(&statement).unwrap_err().to_string();
            assert!(error.contains("statement S"), "{member} {value}: {error}");
        }
    }
}
