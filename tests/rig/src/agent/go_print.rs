//! A JSON value as Go's `fmt.Sprintf("%v", …)` prints it after unmarshalling to `interface{}`.
//!
//! Source: facts/aws.md 1.3, table "JSON value, env value produced"; aws/amazon-ecs-agent, agent/asm/asm.go.

use std::collections::BTreeMap;

use serde_json::Value;

pub(super) fn print(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => print_float(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(print).collect();
            format!("[{}]", values.join(" "))
        }
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            let members = sorted
                .iter()
                .map(|(key, value)| format!("{key}:{}", print(value)));
            format!("map[{}]", members.collect::<Vec<_>>().join(" "))
        }
    }
}

/// `%g` with the shortest precision: an exponent below -4 or from 6 on has at least two digits and a sign.
fn print_float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if exponent < -4 => format!("{digits}e-{:02}", exponent.unsigned_abs()),
        Ok(exponent) if exponent >= 6 => format!("{digits}e+{exponent:02}"),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printed_as_go_prints_them() {
        for (json, want) in [
            (r#""text""#, "text"),
            (r#""""#, ""),
            ("5432", "5432"),
            ("1000000", "1e+06"),
            ("21000000", "2.1e+07"),
            ("123456", "123456"),
            ("1234567", "1.234567e+06"),
            ("12345678901234567890", "1.2345678901234567e+19"),
            ("0.00001", "1e-05"),
            ("-0.5", "-0.5"),
            ("true", "true"),
            ("null", "<nil>"),
            (r#"{"x":1}"#, "map[x:1]"),
            ("[1,2]", "[1 2]"),
        ] {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(print(&value), want, "{json}");
        }
    }
}
