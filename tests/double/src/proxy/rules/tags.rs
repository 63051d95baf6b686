//! The tags that ECS and `EventBridge` take.

use serde_json::Value;

use super::super::Refusal;
use super::{array, invalid_parameter, text, validation};

const TAGS_MAX: usize = 50;
const KEY_MAX: usize = 128;
const VALUE_MAX: usize = 256;

/// Checks the list `field`: `tags` with `key` and `value` in ECS, `Tags` with `Key` and `Value` in `EventBridge`.
///
/// Source: ECS API reference, `Tag` and `CreateService.tags` (50, unique, lengths, characters, no `aws:`);
/// `EventBridge` API reference, `Tag` (lengths); facts/aws.md 1.4 (50 on a task definition).
pub(super) fn check(body: &Value, field: &str) -> Result<(), Refusal> {
    let (key, value, refuse): (_, _, fn(String) -> Refusal) = if field == "tags" {
        ("key", "value", invalid_parameter)
    } else {
        ("Key", "Value", validation)
    };
    let tags = array(body, field);
    if tags.len() > TAGS_MAX {
        return Err(refuse(format!("A resource has at most {TAGS_MAX} tags.")));
    }
    for (index, tag) in tags.iter().enumerate() {
        let name = text(tag, key);
        if !is_valid(name, text(tag, value)) {
            return Err(refuse(format!("The tag {name} is not valid.")));
        }
        if tags[..index].iter().any(|other| text(other, key) == name) {
            return Err(refuse(format!("Duplicate tag keys found: {name}.")));
        }
    }
    Ok(())
}

fn is_valid(key: &str, value: &str) -> bool {
    let valid = |character: char| character.is_alphanumeric() || " _.:/=+-@".contains(character);
    (1..=KEY_MAX).contains(&key.chars().count())
        && value.chars().count() <= VALUE_MAX
        && key.chars().chain(value.chars()).all(valid)
        && !key.to_ascii_lowercase().starts_with("aws:")
}
