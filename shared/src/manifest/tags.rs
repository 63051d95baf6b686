//! `tags` of a Service, as far as ECS takes them: what it would refuse is left out with a warning, since a tag is no reason to
//! run nothing. Source: ECS API reference, `Tag`, and "Tag restrictions" of the developer guide.

use std::collections::BTreeMap;

use super::reader::{Place, Reader};

const NAME_MAX: usize = 128;
const VALUE_MAX: usize = 256;
/// Of the 50 that ECS takes, without those that say whose a definition is.
const TAGS_MAX: usize = 46;
const ALLOWED: &str = "tags of ECS have names of 1 to 128 and values of up to 256 letters, digits, spaces and `+-=._:/@`, no name \
                       that starts with `aws:`, and a Service has at most 46";

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
            reader.warn(entry.line, &format!("`{path}` is left out: {ALLOWED}"));
        }
    }
    tags
}

fn fits(name: &str, value: &str) -> bool {
    let letters = |text: &str, max: usize| {
        text.chars().count() <= max
            && text
                .chars()
                .all(|letter| letter.is_alphanumeric() || " +-=._:/@".contains(letter))
    };
    !name.is_empty()
        && !name.to_ascii_lowercase().starts_with("aws:")
        && letters(name, NAME_MAX)
        && letters(value, VALUE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ecs_takes_fits() {
        for (name, value, want) in [
            ("team", "Storefront 2", true),
            ("a+b-c=d._:/@", "ü 漢", true),
            ("empty", "", true),
            ("", "x", false),
            ("aws:team", "x", false),
            ("AWS:team", "x", false),
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
