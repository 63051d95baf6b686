//! The body of the query protocol as the JSON that it stands for.
//!
//! Source: Smithy, "AWS query protocol": `Tags.member.1.Key=a` is the first entry of the list `Tags`.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// `{"Tags": [{"Key": "a"}]}` of `Tags.member.1.Key=a`; every value is a text.
pub(super) fn decoded(bytes: &[u8]) -> Value {
    let mut form = Value::Object(Map::new());
    let text = String::from_utf8_lossy(bytes);
    for pair in text.split('&') {
        if let Some((name, value)) = pair.split_once('=') {
            let name = plain(name);
            let path: Vec<&str> = name.split('.').collect();
            put(&mut form, &path, plain(value));
        }
    }
    form
}

fn plain(encoded: &str) -> String {
    let spaced = encoded.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

fn put(place: &mut Value, path: &[&str], text: String) {
    match path {
        [] => *place = text.into(),
        ["member", number, rest @ ..] => {
            let number: usize = number.parse().unwrap_or(1);
            if !place.is_array() {
                *place = Value::Array(Vec::new());
            }
            if let Some(items) = place.as_array_mut() {
                if items.len() < number {
                    items.resize(number, Value::Null);
                }
                put(&mut items[number.saturating_sub(1)], rest, text);
            }
        }
        [name, rest @ ..] => {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            put(&mut place[*name], rest, text);
        }
    }
}
