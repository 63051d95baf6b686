//! The permissions boundary of an App's roles: what they can do at most, whatever their policies say. Pure.
//!
//! The stack's role may make and change only roles that have it, so it comes first. In which order CloudFormation brings the
//! properties of a role up to date, nobody says; so roles from before there was a boundary, or with one of a Rack's stack that
//! is gone, get it by an update of its own, which changes nothing else and so has nothing to take back either: a boundary
//! cannot be taken away again.

use serde_json::{Value, json};

/// The property of a role that names its boundary.
pub(super) const BOUNDARY: &str = "PermissionsBoundary";
const ROLE: &str = "AWS::IAM::Role";

/// The template that stands, with the boundary for its roles and without any other change; `None` where they have it.
#[must_use]
pub fn bounded(stands: &Value, boundary_arn: &str) -> Option<Value> {
    let mut template = stands.clone();
    let resources = template.get_mut("Resources")?.as_object_mut()?;
    let roles = resources.values_mut().filter(|one| one["Type"] == ROLE);
    let mut changed = false;
    for properties in roles.filter_map(|role| role.get_mut("Properties")?.as_object_mut()) {
        let arn = json!(boundary_arn);
        changed |= properties.get(BOUNDARY) != Some(&arn);
        properties.insert(BOUNDARY.to_owned(), arn);
    }
    changed.then_some(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(roles: &[(&str, Value)]) -> Value {
        let roles = roles.iter().map(|(id, properties)| {
            let role = json!({"Type": ROLE, "Properties": properties});
            ((*id).to_owned(), role)
        });
        let mut resources: serde_json::Map<String, Value> = roles.collect();
        resources.insert(
            "Log".to_owned(),
            json!({"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 1}}),
        );
        json!({"Metadata": {"of": "before"}, "Resources": resources})
    }

    #[test]
    fn roles_get_the_boundary_and_nothing_else_changes() {
        let with = |boundary: &str| json!({"Path": "/", BOUNDARY: boundary});
        let without = json!({"Path": "/"});
        let wanted = template(&[("A", with("now")), ("B", with("now"))]);
        for stands in [
            template(&[("A", without.clone()), ("B", without)]),
            template(&[("A", with("now")), ("B", with("of a stack that is gone"))]),
        ] {
            assert_eq!(bounded(&stands, "now").as_ref(), Some(&wanted), "{stands}");
        }
        assert_eq!(bounded(&wanted, "now"), None);
        for nothing in [template(&[]), Value::Null, json!({"Resources": {}})] {
            assert_eq!(bounded(&nothing, "now"), None, "{nothing}");
        }
    }
}
