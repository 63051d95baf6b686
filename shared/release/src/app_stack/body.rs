//! A template as CloudFormation is sent it, and as it gives it back.
//!
//! CloudFormation keeps all of Unicode, but `GetTemplate` answers `?` for each character that is not ASCII. So what is sent is
//! ASCII, with JSON's escapes. Should those come back mangled all the same, the template itself says, in letters that cannot
//! be, what stood where; and what was sent without any of this still counts as what it was.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::template::set;

/// The member of `Metadata` with the texts that are not ASCII, by the JSON pointers of their places: a text itself, so that it
/// is escaped twice.
const TEXTS: &str = "ConvoxTexts";

/// The sections that CloudFormation never changes by themselves: where nothing else differs it answers that no updates are to
/// be performed (user guide, "Metadata", "Description", each under "Important").
const NOT_BY_ITSELF: [&str; 2] = ["Description", "Metadata"];

/// The template as the body of a request: JSON in ASCII.
#[must_use]
pub fn template_body(template: &Value) -> String {
    let body = template.to_string();
    if body.is_ascii() {
        return body;
    }
    let mut texts = BTreeMap::new();
    note_texts(template, String::new(), &mut texts);
    let mut template = template.clone();
    if let Some(metadata) = template.get_mut("Metadata") {
        set(metadata, TEXTS, ascii(&Value::from_iter(texts)).into());
    }
    ascii(&template)
}

/// The template of a body that `GetTemplate` answered; null for what is no JSON, which was not written here.
#[must_use]
pub fn read_template(body: &str) -> Value {
    let mut template: Value = serde_json::from_str(body).unwrap_or_default();
    let metadata = template.get_mut("Metadata").and_then(Value::as_object_mut);
    let texts = metadata.and_then(|metadata| metadata.remove(TEXTS));
    let texts = texts.as_ref().and_then(Value::as_str).unwrap_or_default();
    let texts: BTreeMap<String, String> = serde_json::from_str(texts).unwrap_or_default();
    for (pointer, text) in texts {
        if let Some(Value::String(stands)) = template.pointer_mut(&pointer)
            && mangled(&text).contains(stands)
        {
            *stands = text;
        }
    }
    template
}

/// Whether an update from the template that `stands` to the one that is `wanted` would do nothing.
#[must_use]
pub fn is_as_wanted(stands: &Value, wanted: &Value) -> bool {
    let (Some(stands), Some(wanted)) = (stands.as_object(), wanted.as_object()) else {
        return stands == wanted;
    };
    let counts = |name: &String| !NOT_BY_ITSELF.contains(&name.as_str());
    let sections = stands.keys().chain(wanted.keys());
    sections
        .filter(|name| counts(name))
        .all(|name| match (stands.get(name), wanted.get(name)) {
            (Some(stands), Some(wanted)) => is_same(stands, wanted),
            _ => false,
        })
}

/// Whether both say the same, but for what may have become of `wanted` on its way back.
fn is_same(stands: &Value, wanted: &Value) -> bool {
    match (stands, wanted) {
        (Value::String(stands), Value::String(wanted)) => {
            stands == wanted || (!wanted.is_ascii() && mangled(wanted).contains(stands))
        }
        (Value::Array(stands), Value::Array(wanted)) => {
            let mut pairs = stands.iter().zip(wanted);
            stands.len() == wanted.len() && pairs.all(|(stands, wanted)| is_same(stands, wanted))
        }
        (Value::Object(stands), Value::Object(wanted)) => {
            let mut pairs = wanted.iter();
            stands.len() == wanted.len()
                && pairs.all(|(name, wanted)| {
                    let stands = stands.get(name);
                    stands.is_some_and(|stands| is_same(stands, wanted))
                })
        }
        _ => stands == wanted,
    }
}

/// What `GetTemplate` may make of a text: a `?` for each character that is not ASCII, or for each of the two halves that
/// UTF-16 has of those beyond its 16 bits.
fn mangled(text: &str) -> [String; 2] {
    let mangle = |units: fn(char) -> usize| -> String {
        let chars = text.chars();
        chars
            .map(|c| {
                if c.is_ascii() {
                    c.to_string()
                } else {
                    "?".repeat(units(c))
                }
            })
            .collect()
    };
    [mangle(|_| 1), mangle(char::len_utf16)]
}

fn note_texts(value: &Value, pointer: String, texts: &mut BTreeMap<String, Value>) {
    match value {
        Value::String(text) if !text.is_ascii() => {
            texts.insert(pointer, value.clone());
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                note_texts(item, format!("{pointer}/{place}"), texts);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                note_texts(member, format!("{pointer}/{name}"), texts);
            }
        }
        _ => {}
    }
}

/// JSON in which only texts can hold what is not ASCII, so that every such character has an escape.
fn ascii(value: &Value) -> String {
    let mut ascii = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii() {
            ascii.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(ascii, "\\u{unit:04x}"); // a String takes all
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(site: &str) -> Value {
        json!({
            "Description": "App shop of Rack r",
            "Metadata": {"ConvoxAccess": {"files": ["arn:aws:s3:::b/caf\u{e9}.env"]}},
            "Resources": {"a": {"Type": "T", "Properties": {"Tags": [
                {"Key": "site", "Value": site},
                {"Key": "\u{1f600}/~", "Value": "what? \u{1f600}"},
            ]}}},
        })
    }

    /// `body` as `GetTemplate` gives it back, when it has kept what the escapes mean.
    fn decoded_and_mangled(body: &str, units: fn(char) -> usize) -> String {
        let decoded: Value = serde_json::from_str(body).unwrap();
        let chars = decoded.to_string();
        let chars = chars.chars().map(|c| match c {
            c if c.is_ascii() => c.to_string(),
            c => "?".repeat(units(c)),
        });
        chars.collect()
    }

    #[test]
    fn whatever_comes_back_of_a_template_is_read_as_it_was_sent() {
        let wanted = template("Z\u{fc}rich");
        let body = template_body(&wanted);
        assert!(body.is_ascii(), "{body}");
        assert!(body.contains(r"Z\u00fcrich") && body.contains(r"\ud83d\ude00"));
        let answers = [
            body.clone(),
            decoded_and_mangled(&body, |_| 1),
            decoded_and_mangled(&body, char::len_utf16),
        ];
        for answer in answers {
            assert!(answer.is_ascii());
            let stands = read_template(&answer);
            assert_eq!(stands, wanted, "{answer}");
            assert!(is_as_wanted(&stands, &wanted));
            let other = template("Z\u{f6}rich");
            assert!(!is_as_wanted(&stands, &other), "a change is none: {answer}");
        }
        let plain = json!({"Metadata": {}, "Resources": {"a": {"Type": "T"}}});
        assert_eq!(template_body(&plain), plain.to_string(), "as it is");
        assert_eq!(read_template(&plain.to_string()), plain);
        assert_eq!(read_template("AWSTemplateFormatVersion: x"), Value::Null);
    }

    #[test]
    fn what_was_sent_as_it_was_counts_as_what_it_was() {
        let wanted = template("Z\u{fc}rich");
        for units in [|_| 1, char::len_utf16] {
            let answer = decoded_and_mangled(&wanted.to_string(), units);
            let stands = read_template(&answer);
            assert!(is_as_wanted(&stands, &wanted), "{answer}");
            assert!(!is_as_wanted(&stands, &template("Basel")));
            assert!(!is_as_wanted(&stands, &template("Z?rich")) || answer.contains("Z?rich"));
        }
        let literal = template("Z?rich");
        let stands = template("Z\u{fc}rich");
        assert!(!is_as_wanted(&stands, &literal), "no text is a pattern");
    }

    #[test]
    fn sections_that_are_never_updated_alone_do_not_make_a_difference() {
        let stands = template("Basel");
        let mut wanted = stands.clone();
        wanted["Metadata"] = json!({"ConvoxAccess": {}});
        wanted["Description"] = "another".into();
        assert!(is_as_wanted(&stands, &wanted));
        wanted["Outputs"] = json!({"a": {"Value": "b"}});
        assert!(!is_as_wanted(&stands, &wanted));
        assert!(!is_as_wanted(&wanted, &stands));
        let mut wanted = stands.clone();
        wanted["Resources"]["b"] = json!({"Type": "T"});
        assert!(!is_as_wanted(&stands, &wanted));
        assert!(!is_as_wanted(&Value::Null, &stands));
    }
}
