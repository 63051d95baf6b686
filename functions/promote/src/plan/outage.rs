//! What an outage of Secrets Manager would mean: S3 delivery takes its place, and must be possible too.

use shared::exec_limits;
use shared::manifest::Service;
use shared::task_definition::{EnvSource, Release, TASK_DEFINITION_MAX_BYTES, TaskDefinition};

use super::checks::{Checks, Rendered};
use crate::gather::Gathered;

/// The bytes that JSON puts around one variable of a definition, and more.
const AROUND_VARIABLE: usize = 32;
/// The longest escape of one character in JSON.
const ESCAPED: usize = 6;

impl Checks {
    /// Warns where Secrets Manager delivers and S3 could not; `rendered` are the definitions with references.
    pub(super) fn outage(
        &mut self,
        gathered: &Gathered,
        rendered: &[Rendered<'_>],
        release: &Release<'_>,
        s3: &EnvSource,
    ) {
        // Rendering is most of the work of a plan; few definitions come near the limit.
        let near = rendered.iter().filter(|rendered| {
            let more = at_most_more(rendered.process.service, s3);
            rendered.size + more > TASK_DEFINITION_MAX_BYTES
        });
        let mut impossible: Vec<String> = near
            .filter_map(|rendered| {
                let definition = rendered.process.render(release, s3).ok()?;
                definition_too_large(rendered.process.name(), &definition)
            })
            .collect();
        impossible.extend(exec_limits::object_too_large(gathered.environment_bytes));
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
pub fn impossible_through_s3<'a>(
    gathered: &Gathered,
    mut definitions: impl Iterator<Item = (&'a str, &'a TaskDefinition)>,
) -> Option<String> {
    let definition =
        definitions.find_map(|(name, definition)| definition_too_large(name, definition));
    definition.or_else(|| exec_limits::object_too_large(gathered.environment_bytes))
}

fn definition_too_large(name: &str, definition: &TaskDefinition) -> Option<String> {
    let size = definition.size_bytes();
    (size > TASK_DEFINITION_MAX_BYTES).then(|| {
        format!(
            "the task definition of `{name}` takes {size} bytes there, with its defaults and once more the names of its \
             variables, where ECS takes {TASK_DEFINITION_MAX_BYTES}; shorten or leave out some"
        )
    })
}

/// What the S3 variant of a definition can have beyond the other: the object, the names and all defaults.
fn at_most_more(service: &Service, s3: &EnvSource) -> usize {
    let EnvSource::S3 { url, key_arn } = s3 else {
        return 0;
    };
    let own = url.len() + key_arn.as_ref().map_or(0, String::len) + 4 * AROUND_VARIABLE;
    let names = service.env_keys();
    let names: usize = names.iter().map(|name| name.len() + 1).sum();
    let defaults = service.env_defaults();
    let defaults = defaults.iter().map(|(name, value)| {
        let letters = value.chars().count();
        name.len() + value.len().max(ESCAPED * letters) + AROUND_VARIABLE
    });
    own + names + defaults.sum::<usize>()
}
