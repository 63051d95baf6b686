//! What an outage of Secrets Manager would mean: S3 delivery takes its place, and must be possible too.

use release::exec_limits;
use release::task_definition::TASK_DEFINITION_MAX_BYTES;

use super::checks::Checks;
use super::delivery::Rendered;
use super::notice::Notice;
use crate::facts::Facts;

impl Checks {
    /// Warns where Secrets Manager delivers and S3 could not; `rendered` are the definitions for S3.
    pub(super) fn outage(&mut self, facts: &Facts, rendered: &[Rendered<'_>]) {
        let too_large = rendered
            .iter()
            .filter_map(|rendered| definition_too_large(rendered.process.name(), rendered.size));
        let mut impossible: Vec<String> = too_large.collect();
        let object = exec_limits::object_too_large(facts.environment_bytes);
        impossible.extend(object.map(|object| object.to_string()));
        if !impossible.is_empty() {
            let why = &impossible.join("; ");
            self.warn(Notice::NoFallback { why });
        }
    }
}

/// Why S3 cannot take Secrets Manager's place: the first definition that ECS would refuse, or the object itself.
pub(super) fn impossible_through_s3<'a>(
    facts: &Facts,
    mut sizes: impl Iterator<Item = (&'a str, usize)>,
) -> Option<String> {
    let definition = sizes.find_map(|(name, size)| definition_too_large(name, size));
    let object = exec_limits::object_too_large(facts.environment_bytes);
    definition.or_else(|| object.map(|object| object.to_string()))
}

fn definition_too_large(name: &str, size: usize) -> Option<String> {
    let too_large = Notice::DefinitionTooLargeForS3 { name, size };
    (size > TASK_DEFINITION_MAX_BYTES).then(|| too_large.to_string())
}
