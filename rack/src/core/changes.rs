//! How two Releases differ: by name, never by value.

use std::collections::{BTreeMap, BTreeSet};

use environment::{Environment, KeyChanges};
use serde::Serialize;
use serde_json::Value;

use super::settings;
use super::table::section;

/// What of a Release is compared.
#[derive(Debug, Default)]
pub struct Side {
    /// Its environment.
    pub environment: Environment,
    /// Its build, where it has one.
    pub build: Option<Value>,
    /// Its convox.yml, where it has one of its own.
    pub manifest: Option<Vec<u8>>,
}

/// The answer of `env diff`.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Differences {
    /// The App.
    pub app: String,
    /// The first Release.
    pub from: String,
    /// The second.
    pub to: String,
    /// Keys that only the second has, that have another value in it, that only the first has.
    pub keys: KeyChanges,
    /// Services whose image build.json gives otherwise.
    pub images: Vec<String>,
    /// Whether their convox.yml differ.
    pub manifest: bool,
    /// Paths of the settings that differ in them.
    pub settings: Vec<String>,
}

impl Side {
    fn settings(&self) -> (&[u8], &Environment) {
        (
            self.manifest.as_deref().unwrap_or_default(),
            &self.environment,
        )
    }
}

impl Differences {
    /// Compares two Releases.
    #[must_use]
    pub fn between(app: &str, (from, one): (&str, &Side), (to, other): (&str, &Side)) -> Self {
        Self {
            app: app.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            keys: one.environment.changes_to(&other.environment),
            images: other_images(one.build.as_ref(), other.build.as_ref()),
            manifest: one.manifest != other.manifest,
            settings: settings::differing(one.settings(), other.settings()).unwrap_or_default(),
        }
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = key_lines(&self.keys);
        text.push_str(&section("Images that differ", &self.images));
        text.push_str(&section("Settings that differ", &self.settings));
        if self.manifest && self.settings.is_empty() {
            text.push_str("convox.yml differs\n");
        }
        if text.is_empty() {
            text = format!("{} and {} do not differ\n", self.from, self.to);
        }
        text
    }
}

/// Keys, one a line: `+` added, `~` another value, `-` removed.
#[must_use]
pub fn key_lines(keys: &KeyChanges) -> String {
    let marked = |mark: &str, names: &[String]| -> String {
        let lines = names.iter().map(|name| format!("{mark} {name}\n"));
        lines.collect::<Vec<_>>().concat()
    };
    [
        ("+", &keys.added),
        ("~", &keys.changed),
        ("-", &keys.removed),
    ]
    .map(|(mark, names)| marked(mark, names))
    .concat()
}

/// The same in one line.
#[must_use]
pub fn key_words(keys: &KeyChanges) -> String {
    let lines = key_lines(keys);
    let words = lines.lines().map(|line| line.replacen(' ', "", 1));
    words.collect::<Vec<_>>().join(" ")
}

/// Services whose image two build.json give otherwise.
#[must_use]
pub fn other_images(one: Option<&Value>, other: Option<&Value>) -> Vec<String> {
    let (before, after) = (images(one), images(other));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name));
    changed.cloned().collect()
}

fn images(build: Option<&Value>) -> BTreeMap<String, Value> {
    let images = build.and_then(|build| build.get("images"));
    let images = images.and_then(Value::as_object).into_iter().flatten();
    images
        .map(|(name, image)| (name.clone(), image.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use environment::{EnvKey, EnvValue};
    use serde_json::json;

    use super::*;

    fn side(pairs: &[(&str, &str)], image: &str, manifest: &str) -> Side {
        let pairs = pairs.iter();
        Side {
            environment: pairs
                .map(|(key, value)| {
                    (
                        EnvKey::new(key).unwrap(),
                        EnvValue::from((*value).to_owned()),
                    )
                })
                .collect(),
            build: Some(json!({"images": {"web": image, "worker": "same"}})),
            manifest: Some(manifest.into()),
        }
    }

    #[test]
    fn differences_are_told_by_name() {
        let one = side(
            &[("KEPT", "canary"), ("OLD", "canary"), ("OTHER", "canary1")],
            "a",
            "services: {web: {port: 1}}",
        );
        let two = side(
            &[("KEPT", "canary"), ("NEW", "canary"), ("OTHER", "canary2")],
            "b",
            "services: {web: {port: 2}}",
        );
        let told = Differences::between("shop", ("R1", &one), ("R2", &two));
        let text = told.text();
        assert_eq!(
            text,
            "+ NEW\n~ OTHER\n- OLD\nImages that differ\n  web\nSettings that differ\n  services.web.port\n"
        );
        let json = serde_json::to_string(&told).unwrap();
        assert!(
            !json.contains("canary") && !format!("{told:?}").contains("canary"),
            "{json}"
        );
        let none = Differences::between("shop", ("R1", &one), ("R1", &one));
        assert_eq!(none.text(), "R1 and R1 do not differ\n");
    }
}
