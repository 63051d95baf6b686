//! Members of answers whose shape is the functions' own.

use serde_json::Value;

/// A member; null where there is none.
#[must_use]
pub fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// A member that is a text.
#[must_use]
pub fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

/// The texts of a member that is a list.
#[must_use]
pub fn texts(value: &Value, name: &str) -> Vec<String> {
    let list = member(value, name).as_array().into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}
