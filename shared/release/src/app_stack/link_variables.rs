//! The variables of the resources that a Service names, as references to the secrets of the stack.

use std::collections::BTreeMap;

use super::StackOutputs;
use manifest::Service;
use manifest::resources::{VARIABLES, variable_prefix};

/// `valueFrom` by variable: `{NAME}_URL` and so on for each database and cache that `service` names; a file system has
/// none.
#[must_use]
pub fn link_variables(service: &Service, outputs: &StackOutputs) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for resource in &service.resources {
        let Some(secret) = outputs.link_secret(resource) else {
            continue;
        };
        let prefix = variable_prefix(resource);
        let pairs = VARIABLES.map(|key| (format!("{prefix}_{key}"), secret.value_from(key)));
        variables.extend(pairs);
    }
    variables
}
