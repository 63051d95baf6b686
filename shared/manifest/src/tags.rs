//! `tags`, as far as AWS takes them: what it would refuse is left out with a warning, since a tag is no reason to run nothing.
//!
//! Sources: ECS API reference, `Tag`, and "Tag restrictions" of the developer guide; the same names, lengths and letters in
//! RDS user guide, "Tagging Amazon RDS resources", ElastiCache user guide, "Tagging your ElastiCache resources", EFS API
//! reference, `Tag`, and Secrets Manager API reference, `Tag`, since what is made for a resource has all its tags.

use std::collections::BTreeMap;

use yaml::{Place, Reader};

const NAME_MAX: usize = 128;
const VALUE_MAX: usize = 256;
/// Of the 50 that AWS takes, without the four that say whose a definition is.
const TAGS_MAX: usize = 46;
/// What others may not begin a name with: tags of AWS, and those that say whose something is.
const RESERVED: [&str; 2] = ["aws:", "convox:"];

/// What a message says of tags, of which `max` are taken.
pub(crate) fn allowed(max: usize) -> String {
    format!(
        "tags have names of 1 to 128 and values of up to 256 letters, digits, spaces and \
         `+-=._:/@`, no name starts with `{}`, and at most {max} are taken",
        RESERVED.join("` or `")
    )
}

pub(super) fn read(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> BTreeMap<String, String> {
    let mut tags = reader.text_map(place.clone());
    let Some(place) = place else {
        return tags;
    };
    let mut kept = 0;
    for entry in place.entries() {
        let name = &entry.key.text;
        let fits = tags.get(name).is_some_and(|value| fits(name, value)) && kept < TAGS_MAX;
        if fits {
            kept += 1;
        } else if tags.remove(name).is_some() {
            let path = place.child(entry).path;
            let allowed = allowed(TAGS_MAX);
            reader.warn(entry.line, &format!("`{path}` is left out: {allowed}"));
        }
    }
    tags
}

/// Whether AWS takes the tag, and it is nobody else's.
pub(crate) fn fits(name: &str, value: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let letters = |text: &str, max: usize| {
        text.chars().count() <= max
            && text
                .chars()
                .all(|letter| letter.is_alphanumeric() || " +-=._:/@".contains(letter))
    };
    !name.is_empty()
        && !RESERVED.iter().any(|reserved| lower.starts_with(reserved))
        && letters(name, NAME_MAX)
        && letters(value, VALUE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_aws_takes_fits() {
        for (name, value, want) in [
            ("team", "Storefront 2", true),
            ("a+b-c=d._:/@", "ü 漢", true),
            ("empty", "", true),
            ("", "x", false),
            ("aws:team", "x", false),
            ("AWS:team", "x", false),
            ("convox:definition", "x", false),
            ("convox:app", "x", false),
            ("Convox:Team", "x", false),
            ("convox", "x", true),
            ("owner", "a, b", false),
            ("a#", "x", false),
            ("a", "line\nbreak", false),
            ("a", "{b}", false),
            (&"n".repeat(129), "x", false),
            ("a", &"v".repeat(257), false),
            ("a", &"v".repeat(256), true),
        ] {
            assert_eq!(fits(name, value), want, "{name}={value}");
        }
    }
}
