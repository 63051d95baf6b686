//! What is rendered for whole Apps, kept by insta: the first variant in full, each other one as what differs from it.
//!
//! `INSTA_UPDATE=always cargo test -p integration-tests --test it -- snapshots` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use insta::Settings;
use rig::canary;
use serde::Serialize;
use serde_json::Value;

/// What takes no more than this many characters stands on one line.
const WIDTH: usize = 120;

/// One rendering, and what it is a rendering for.
pub(crate) struct Variant {
    title: String,
    rendered: Value,
}

impl Variant {
    pub(crate) fn new(title: impl Into<String>, rendered: &impl Serialize) -> Self {
        Self {
            title: title.into(),
            rendered: serde_json::to_value(rendered).unwrap(),
        }
    }
}

/// The snapshot `name` says the same, and holds no value of an environment.
pub(crate) fn assert_rendered(name: &str, variants: &[Variant]) {
    let text = text(variants);
    let whole = variants.iter().map(|variant| variant.rendered.to_string());
    canary::assert_absent(&whole.chain([text.clone()]).collect::<Vec<_>>());
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn text(variants: &[Variant]) -> String {
    let (first, others) = variants.split_first().expect("at least one variant");
    let mut text = format!("# {}\n\n", first.title);
    outline(&first.rendered, 0, &mut text);
    for other in others {
        write!(text, "\n# {}\n\n", other.title).unwrap();
        differences(&first.rendered, &other.rendered, &mut text);
    }
    text
}

/// A value with a line for each of its parts, or on one line where it fits.
fn outline(value: &Value, indent: usize, text: &mut String) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .map(|(key, field)| (format!("{key}: "), field))
                .collect()
        }
        Value::Array(items) => items.iter().map(|item| ("- ".to_owned(), item)).collect(),
        _ => Vec::new(),
    };
    for (label, child) in children {
        let line = format!("{:indent$}{label}{child}", "");
        if is_leaf(child) || line.chars().count() <= WIDTH {
            writeln!(text, "{line}").unwrap();
        } else {
            writeln!(text, "{:indent$}{}", "", label.trim_end()).unwrap();
            outline(child, indent + 2, text);
        }
    }
}

fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    }
}

/// A line for each part that one of both has alone, and one for each that they have differently.
fn differences(from: &Value, to: &Value, text: &mut String) {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    parts(from, String::new(), &mut before);
    parts(to, String::new(), &mut after);
    let paths = before
        .keys()
        .chain(after.keys().filter(|path| !before.contains_key(*path)));
    let mut paths: Vec<&String> = paths.collect();
    paths.sort();
    for path in paths {
        let line = match (before.get(path), after.get(path)) {
            (Some(before), Some(after)) if before == after => continue,
            (Some(before), Some(after)) => format!("~ {path}: {before} -> {after}"),
            (Some(_), None) => format!("- {path}"),
            (_, after) => format!("+ {path}: {}", after.copied().unwrap_or(&Value::Null)),
        };
        writeln!(text, "{line}").unwrap();
    }
}

/// The smallest parts by their paths. In a list, what has a name goes by that, so that one more item is one line more.
fn parts<'v>(value: &'v Value, path: String, into: &mut BTreeMap<String, &'v Value>) {
    let below = |key: &str| match path.as_str() {
        "" => key.to_owned(),
        path => format!("{path}/{key}"),
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, field) in fields {
                parts(field, below(key), into);
            }
        }
        Value::Array(items) if items.iter().any(|item| !is_leaf(item)) => {
            for (place, item) in items.iter().enumerate() {
                let place = below(
                    &item["name"]
                        .as_str()
                        .map_or(place.to_string(), str::to_owned),
                );
                let fields = item.as_object();
                if fields.is_some_and(|fields| fields.len() == 2 && fields.values().all(is_leaf)) {
                    into.insert(place, item);
                } else {
                    parts(item, place, into);
                }
            }
        }
        _ => {
            into.insert(path, value);
        }
    }
}

#[test]
fn of_two_renderings_each_part_that_differs_has_a_line() {
    let from = serde_json::json!({
        "services.web": {"memory": 512, "secrets": [{"name": "KEY", "valueFrom": "arn"}]},
        "services.old": {"memory": 256},
    });
    let to = serde_json::json!({
        "services.web": {
            "memory": 1024,
            "environment": [{"name": "URL", "value": "s3://settings"}],
            "secrets": [],
        },
    });
    let both = [Variant::new("secret", &from), Variant::new("S3", &to)];
    let want = r#"# secret

services.old: {"memory":256}
services.web: {"memory":512,"secrets":[{"name":"KEY","valueFrom":"arn"}]}

# S3

- services.old/memory
+ services.web/environment/URL: {"name":"URL","value":"s3://settings"}
~ services.web/memory: 512 -> 1024
+ services.web/secrets: []
- services.web/secrets/KEY
"#;
    assert_eq!(text(&both), want);
}
