//! What a resource's name becomes: variables of the Services that link to it.

use std::collections::BTreeMap;

use environment::RESERVED_KEYS;
use yaml::Reader;

/// CloudFormation ends a logical id at 255 characters, and a template puts more behind the name.
const NAME_MAX: usize = 100;
/// What follows the prefix and `_` in the variables of a database or a cache.
/// Source: Convox's documentation, "Accessing Resources", "Additional credentials".
pub const VARIABLES: [&str; 6] = ["URL", "USER", "PASS", "HOST", "PORT", "NAME"];

/// What the variables of a resource start with: `MAIN_DB` for `main-db`.
#[must_use]
pub fn variable_prefix(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// Notes names that can start no variable, and variables that something else has already.
pub(super) fn check(reader: &mut Reader<'_>, resources: &[crate::Resource]) {
    let mut prefixes = BTreeMap::new();
    for resource in resources {
        if !is_name(&resource.name) {
            let help = format!(
                "use letters, digits, `-` and `_`, start with a letter or digit, at most \
                 {NAME_MAX} characters"
            );
            problem(
                reader,
                resource,
                "can name neither variables nor a resource of CloudFormation",
                &help,
            );
            continue;
        }
        // A file system has no variables.
        if resource.resource_type.value == "efs" {
            continue;
        }
        let prefix = variable_prefix(&resource.name);
        let is_reserved = |end: &str| RESERVED_KEYS.contains(&format!("{prefix}_{end}").as_str());
        if VARIABLES.into_iter().any(is_reserved) {
            let message = "has variables that are read by `convox-env`, and would send it astray";
            problem(reader, resource, message, "give it another name");
        }
        if let Some(other) = prefixes.insert(prefix, resource.shown.as_str()) {
            let message = format!("has the same variables as `resources.{other}`");
            let help = "give one of them a name that differs in more than `-`, `_` and capitals";
            problem(reader, resource, &message, help);
        }
    }
}

fn problem(reader: &mut Reader<'_>, resource: &crate::Resource, message: &str, help: &str) {
    let (at, path) = (
        (resource.line, resource.column),
        format!("resources.{}", resource.shown),
    );
    reader.problem_at_with_help(at, &path, message, help);
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
