//! What a JSON parser says, without what it quotes of the text.

/// The words of `err` without the value that it met: files and events can hold secrets where something else was expected.
#[must_use]
pub fn without_values(err: &serde_json::Error) -> String {
    let text = err.to_string();
    // Only these quote what they met: `invalid type: string "x", expected a map at line 1 column 9`.
    let Some((met, expected)) = text.rsplit_once(", expected ").filter(|_| err.is_data()) else {
        return text;
    };
    let kind = met.split(['"', '`']).next().unwrap_or_default();
    format!("{}, expected {expected}", kind.trim_end())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn nothing_of_a_text_is_quoted() {
        for (text, want) in [
            (
                r#"{"A": 1"#,
                "EOF while parsing an object at line 1 column 7",
            ),
            (
                r#""hun, expected ter2""#,
                "invalid type: string, expected a map at line 1 column 20",
            ),
            (
                r#"{"A": "hunter2"}"#,
                "invalid type: string, expected u8 at line 1 column 15",
            ),
            (
                r#"{"A": 70000}"#,
                "invalid value: integer, expected u8 at line 1 column 11",
            ),
        ] {
            let err = serde_json::from_str::<BTreeMap<String, u8>>(text).unwrap_err();
            assert_eq!(without_values(&err), want, "{text}");
        }
    }
}
