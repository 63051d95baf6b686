//! What an outage of Secrets Manager would mean: S3 delivery takes its place, and must be possible too.

use release::exec_limits;
use release::task_definition::{TASK_DEFINITION_MAX_BYTES, TaskDefinition};

use super::checks::Checks;
use super::delivery::Rendered;
use crate::facts::Facts;

impl Checks {
    /// Warns where Secrets Manager delivers and S3 could not; `rendered` are the definitions for S3.
    pub(super) fn outage(&mut self, facts: &Facts, rendered: &[Rendered<'_>]) {
        let too_large = rendered
            .iter()
            .filter_map(|rendered| definition_too_large(rendered.process.name(), rendered.size));
        let mut impossible: Vec<String> = too_large.collect();
        impossible.extend(exec_limits::object_too_large(facts.environment_bytes));
        if !impossible.is_empty() {
            self.warn(format!(
                "while Secrets Manager is out this Release cannot be promoted, and no process of it started: S3 delivery takes \
                 its place then, and {}",
                impossible.join("; ")
            ));
        }
    }
}

/// Why S3 cannot take Secrets Manager's place: the first definition that ECS would refuse, or the object itself.
pub(super) fn impossible_through_s3<'a>(
    facts: &Facts,
    mut definitions: impl Iterator<Item = (&'a str, &'a TaskDefinition)>,
) -> Option<String> {
    let definition = definitions
        .find_map(|(name, definition)| definition_too_large(name, definition.size_bytes()));
    definition.or_else(|| exec_limits::object_too_large(facts.environment_bytes))
}

fn definition_too_large(name: &str, size: usize) -> Option<String> {
    (size > TASK_DEFINITION_MAX_BYTES).then(|| {
        format!(
            "the task definition of `{name}` takes {size} bytes there, with its defaults and once more the names of its \
             variables, where ECS takes {TASK_DEFINITION_MAX_BYTES}; shorten or leave out some"
        )
    })
}
