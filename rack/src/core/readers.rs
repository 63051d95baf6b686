//! Which Services and Timers read a variable, and how it comes to them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::table::{short, table};

/// The names that the S3 delivery lets through, in a container.
const PASSED: &str = "CONVOX_ENV_VARS";

/// A container of a task definition. Defaults of convox.yml have values, so there is no `Debug`.
pub struct SeenContainer {
    /// Its name.
    pub name: String,
    /// By variable, what ECS reads it from.
    pub secrets: BTreeMap<String, String>,
    /// By variable, its value.
    pub environment: BTreeMap<String, String>,
}

/// A task definition that runs.
pub struct SeenDefinition {
    /// `service` or `timer`.
    pub kind: &'static str,
    /// The Service or the Timer.
    pub name: String,
    /// The revision's ARN.
    pub arn: String,
    /// Its containers.
    pub containers: Vec<SeenContainer>,
}

/// Whether the environment has the variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsSet {
    /// It has.
    Yes,
    /// It has not: what stands in convox.yml may be its value.
    No,
}

/// One that reads the variable.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reader {
    /// `service` or `timer`.
    pub kind: &'static str,
    /// The Service or the Timer.
    pub name: String,
    /// The container.
    pub container: String,
    /// The revision.
    pub task_definition: String,
    /// `secret`, `s3`, or `convox.yml` for a value that stands in the definition.
    pub how: &'static str,
    /// What ECS reads it from: secret, key and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// The answer of `who-reads`.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Readers {
    /// The App.
    pub app: String,
    /// The Release that runs.
    pub release: String,
    /// The variable.
    pub key: String,
    /// Who reads it.
    pub readers: Vec<Reader>,
}

/// Whether a definition lets S3 delivery through, so that the environment decides what it reads.
#[must_use]
pub fn any_by_s3(definitions: &[SeenDefinition]) -> bool {
    let mut containers = definitions.iter().flat_map(|it| &it.containers);
    containers.any(|container| container.environment.contains_key(PASSED))
}

/// Who of `definitions` gets the variable `key`; by S3 only what the environment has.
#[must_use]
pub fn readers(key: &str, definitions: &[SeenDefinition], is_set: IsSet) -> Vec<Reader> {
    let each = definitions.iter().flat_map(|definition| {
        definition.containers.iter().filter_map(move |container| {
            let (how, from) = way(key, container, is_set)?;
            Some(Reader {
                kind: definition.kind,
                name: definition.name.clone(),
                container: container.name.clone(),
                task_definition: definition.arn.clone(),
                how,
                from,
            })
        })
    });
    each.collect()
}

fn way(
    key: &str,
    container: &SeenContainer,
    is_set: IsSet,
) -> Option<(&'static str, Option<String>)> {
    if let Some(from) = container.secrets.get(key) {
        return Some(("secret", Some(from.clone())));
    }
    let passed = container.environment.get(PASSED);
    let passed = passed.filter(|_| is_set == IsSet::Yes);
    if passed.is_some_and(|names| names.split(',').any(|name| name == key || name == "*")) {
        return Some(("s3", None));
    }
    container
        .environment
        .contains_key(key)
        .then_some(("convox.yml", None))
}

impl Readers {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        if self.readers.is_empty() {
            return format!(
                "nothing of {} reads {} in {}\n",
                self.app, self.key, self.release
            );
        }
        let rows: Vec<[String; 4]> = self
            .readers
            .iter()
            .map(|reader| {
                [
                    format!("{} {}", reader.kind, reader.name),
                    short(&reader.task_definition).to_owned(),
                    reader.how.to_owned(),
                    reader.from.clone().unwrap_or_default(),
                ]
            })
            .collect();
        table(["WHO", "TASK DEFINITION", "HOW", "FROM"], &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(secrets: &[&str], environment: &[(&str, &str)]) -> SeenContainer {
        SeenContainer {
            name: "main".to_owned(),
            secrets: secrets
                .iter()
                .map(|name| ((*name).to_owned(), format!("arn:{name}::v")))
                .collect(),
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn each_way_to_a_variable_is_told() {
        let cases = [
            ("a", container(&["KEY"], &[]), Some("secret")),
            ("b", container(&[], &[(PASSED, "OTHER,KEY")]), Some("s3")),
            (
                "c",
                container(&[], &[(PASSED, "*"), ("KEY", "canary")]),
                Some("s3"),
            ),
            (
                "d",
                container(&[], &[("KEY", "canary")]),
                Some("convox.yml"),
            ),
            (
                "e",
                container(&["KEYS"], &[(PASSED, "KEYS"), ("OTHER", "KEY")]),
                None,
            ),
        ];
        for (name, container, want) in cases {
            let definition = SeenDefinition {
                kind: "service",
                name: name.to_owned(),
                arn: "a/f:1".to_owned(),
                containers: vec![container],
            };
            let definitions = [definition];
            let unset = readers("KEY", &definitions, IsSet::No);
            let others = unset.iter().filter(|reader| reader.how == "s3");
            assert_eq!(others.count(), 0, "{name}");
            let has_default = definitions[0].containers[0].environment.contains_key("KEY");
            assert_eq!(
                unset.iter().any(|reader| reader.how == "convox.yml"),
                has_default,
                "{name}"
            );
            let found = readers("KEY", &definitions, IsSet::Yes);
            assert_eq!(found.first().map(|reader| reader.how), want, "{name}");
            let told = Readers {
                app: "shop".to_owned(),
                release: "R1".to_owned(),
                key: "KEY".to_owned(),
                readers: found,
            };
            assert!(!told.text().contains("canary"));
            assert_eq!(told.text().starts_with("nothing"), want.is_none(), "{name}");
        }
    }
}
