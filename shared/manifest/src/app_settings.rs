//! The two small JSON files beside a manifest: `app.json` (settings of an App) and `build.json` (what was built).

mod named_service;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::secrets_manager_env::{Generation, PARAMETER, ValueError, YesNo};
use names::ServiceName;
use names::json_error::without_values;
use yaml::closest;

pub use named_service::NamedService;

/// What `build.json` holds, for messages.
const BUILD: &str =
    r#"{"id": "…", "gitSha": "…", "description": "…", "images": {"service": "image"}}"#;

/// `app.json` as design of the bucket has it; absent file = all defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppSettings {
    /// The App's generation; absent = 2.
    pub generation: Generation,
    /// The App level of `SecretsManagerEnv`.
    pub secrets_manager_env: Option<YesNo>,
    /// Existing ECS services that a Service is moved on, by Service.
    pub services: BTreeMap<ServiceName, NamedService>,
    /// What was read and has no effect.
    pub warnings: Vec<String>,
}

/// `build.json`; absent file = all empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Build {
    /// The build's id, the tag's second half of `{Registry}:{service}.{id}`.
    #[serde(default)]
    pub id: Option<String>,
    /// The commit.
    #[serde(default, rename = "gitSha")]
    pub git_sha: Option<String>,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// Images by Service.
    #[serde(default)]
    pub images: BTreeMap<String, String>,
}

/// Why one of the files cannot be used. Names and what stands for a setting are repeated, other values are not.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not JSON, or not of the expected shape.
    #[error("{file} cannot be read: {problem}")]
    Shape {
        /// The object key.
        file: String,
        /// What is wrong, where, and what is allowed.
        problem: String,
    },
    /// A value of `SecretsManagerEnv` that is neither `Yes` nor `No`.
    #[error(transparent)]
    Value(ValueError),
}

fn shape(file: &str, problem: impl Into<String>) -> SettingsError {
    SettingsError::Shape {
        file: file.to_owned(),
        problem: problem.into(),
    }
}

impl Build {
    /// Reads `build.json`; `file` is its object key, for messages.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Shape`] with line and column.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, SettingsError> {
        serde_json::from_slice(bytes).map_err(|err| {
            let problem = format!("{}; a build is {BUILD}", without_values(&err));
            shape(file, problem)
        })
    }
}

impl AppSettings {
    /// Reads `app.json`; `file` is its object key, for messages.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for broken JSON, an unknown generation, a bad name or a bad parameter value.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, SettingsError> {
        let fields: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|err| shape(file, without_values(&err)))?;
        let mut settings = Self::default();
        for (key, value) in &fields {
            match key.as_str() {
                "generation" => settings.generation = generation(file, value)?,
                "params" => settings.read_params(file, value)?,
                "services" => settings.services = services(file, value)?,
                _ => settings.warnings.push(format!(
                    "{file}: `{key}` is not known and has no effect{}; known are generation, \
                     params and services",
                    meant(key, &["generation", "params", "services"])
                )),
            }
        }
        Ok(settings)
    }

    fn read_params(&mut self, file: &str, value: &Value) -> Result<(), SettingsError> {
        let params = value.as_object().ok_or_else(|| {
            shape(
                file,
                format!(r#"`params` is an object such as {{"{PARAMETER}": "Yes"}}"#),
            )
        })?;
        for (key, value) in params {
            if key == PARAMETER {
                let text = shown(value);
                let place = format!("{file} (the App's params)");
                let value = YesNo::parse(&place, &text, &text).map_err(SettingsError::Value)?;
                self.secrets_manager_env = Some(value);
            } else {
                self.warnings.push(format!(
                    "{file}: the param `{key}` is not known and has no effect{}",
                    meant(key, &[PARAMETER])
                ));
            }
        }
        Ok(())
    }
}

/// A text, a number or a boolean as it stands; of anything longer its kind, since a file in the wrong place can hold secrets.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => text.clone(),
        plain => plain.to_string(),
    }
}

fn meant(key: &str, known: &[&str]) -> String {
    closest(key, known)
        .map(|known| format!(", did you mean `{known}`?"))
        .unwrap_or_default()
}

fn generation(file: &str, value: &Value) -> Result<Generation, SettingsError> {
    match value.as_str() {
        Some("1") => Ok(Generation::One),
        Some("2") => Ok(Generation::Two),
        _ => Err(shape(
            file,
            format!(
                r#"`generation` is {}; it is "1" or "2", as text"#,
                value
                    .as_str()
                    .map_or_else(|| shown(value), |_| value.to_string())
            ),
        )),
    }
}

fn services(
    file: &str,
    value: &Value,
) -> Result<BTreeMap<ServiceName, NamedService>, SettingsError> {
    let example = "`services` is an object such as {\"web\": \"existing-ecs-service\"}, with names \
                   or ARNs of ECS services";
    let services = value.as_object().ok_or_else(|| shape(file, example))?;
    services
        .iter()
        .map(|(service, ecs_service)| {
            let service = ServiceName::new(service).map_err(|err| shape(file, err.to_string()))?;
            let named = ecs_service.as_str().and_then(NamedService::parse);
            let named = named.ok_or_else(|| {
                shape(
                    file,
                    format!(
                        "`services.{service}` is neither the name nor the ARN of an ECS service: \
                         {example}"
                    ),
                )
            })?;
            Ok((service, named))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_the_wrong_place_shows_none_of_its_values() {
        for text in [
            r#"{"generation": {"PW": "hunter2"}}"#,
            r#"{"params": "hunter2"}"#,
            r#"{"params": {"SecretsManagerEnv": {"PW": "hunter2"}}}"#,
            r#"{"services": {"web": ["hunter2"]}}"#,
            r#"["hunter2"]"#,
            r#""hunter2""#,
        ] {
            let problem = read(text).unwrap_err();
            assert!(!problem.contains("hunter2"), "{text}: {problem}");
        }
        for text in [
            r#""hunter2""#,
            r#"{"images": "hunter2"}"#,
            r#"{"id": {"PW": "hunter2"}}"#,
        ] {
            let problem = Build::read("build.json", text.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(!problem.contains("hunter2"), "{text}: {problem}");
        }
        let read = AppSettings::read(
            "app.json",
            br#"{"PW": "hunter2", "params": {"PW": "hunter2"}}"#,
        );
        let warnings = read.unwrap().warnings.join(" ");
        assert!(!warnings.contains("hunter2"), "{warnings}");
    }

    fn read(text: &str) -> Result<AppSettings, String> {
        AppSettings::read("apps/shop/app.json", text.as_bytes()).map_err(|err| err.to_string())
    }

    #[test]
    fn app_settings_are_read() {
        let text = r#"{"generation": "1", "params": {"SecretsManagerEnv": "Yes"}, "services": {"web": "old-web"}}"#;
        let settings = read(text).unwrap();
        assert_eq!(settings.generation, Generation::One);
        assert_eq!(settings.secrets_manager_env, Some(YesNo::Yes));
        let names = settings.services.values().map(|named| &named.name);
        assert_eq!(names.collect::<Vec<_>>(), ["old-web"]);
        assert_eq!(read("{}"), Ok(AppSettings::default()));
    }

    #[test]
    fn app_settings_that_cannot_be_meant_are_refused() {
        for (text, says) in [
            ("{", "line 1"),
            ("[]", "cannot be read"),
            (
                r#"{"generation": 2}"#,
                r#"`generation` is 2; it is "1" or "2""#,
            ),
            (r#"{"generation": "3"}"#, r#"`generation` is "3""#),
            (
                r#"{"params": {"SecretsManagerEnv": true}}"#,
                "the App's params) sets SecretsManagerEnv to `true`",
            ),
            (
                r#"{"params": {"SecretsManagerEnv": "yes"}}"#,
                "`yes`, which is neither `Yes` nor `No`",
            ),
            (r#"{"services": {"Web": "x"}}"#, "`Web` is not valid"),
            (
                r#"{"services": {"web": 1}}"#,
                "`services.web` is neither the name nor the ARN",
            ),
            (
                r#"{"services": {"web": "old web"}}"#,
                "`services.web` is neither the name nor the ARN",
            ),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(says), "{text}: {message}");
            assert!(message.contains("apps/shop/app.json"), "{text}: {message}");
        }
    }

    #[test]
    fn unknown_settings_are_named() {
        let warnings = read(r#"{"parms": {}, "params": {"Foo": "1"}}"#)
            .unwrap()
            .warnings;
        assert!(
            warnings.iter().any(|w| w.contains("`parms`")),
            "{warnings:?}"
        );
        assert!(warnings.iter().any(|w| w.contains("`Foo`")), "{warnings:?}");
        let misspelt = r#"{"parmas": {}, "params": {"SecretManagerEnv": "No"}}"#;
        let warnings = read(misspelt).unwrap().warnings;
        for part in [
            "`parmas` is not known and has no effect, did you mean `params`?",
            "`SecretManagerEnv` is not known and has no effect, did you mean `SecretsManagerEnv`?",
        ] {
            assert!(
                warnings.iter().any(|w| w.contains(part)),
                "{part}: {warnings:?}"
            );
        }
    }

    #[test]
    fn a_build_is_read_and_a_broken_one_refused() {
        let build = Build::read(
            "b",
            br#"{"id": "B1", "images": {"web": "nginx:1"}, "extra": 1}"#,
        )
        .unwrap();
        assert_eq!((build.id.as_deref(), build.images.len()), (Some("B1"), 1));
        let message = Build::read("apps/a/build.json", br#"{"images": []}"#)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("apps/a/build.json cannot be read") && message.contains("line 1"),
            "{message}"
        );
    }
}
