//! Environments of other tools: `.env`, lines as Convox takes them, and JSON of Heroku and Convox.

use environment::{
    EnvKey, EnvValue, Environment, EnvironmentError, EnvironmentObject, RESERVED_KEYS,
};
use serde::Deserialize;

use super::dotenv::{self, DotenvError};

/// In which form a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// JSON where it begins with `{` or `[`, else dotenv.
    Auto,
    /// A `.env` file, with quotes and comments.
    Dotenv,
    /// Lines as Convox and an environment object have them: the value is all behind the `=`.
    Lines,
    /// One object of strings (`heroku config --json`), a list of names and values, or a Release of Convox's API.
    Json,
}

/// Why a file gives no environment. No value is in it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// A line of it is wrong.
    #[error(transparent)]
    Dotenv(#[from] DotenvError),
    /// It is no environment object.
    #[error(transparent)]
    Object(#[from] EnvironmentError),
    /// It is JSON of another shape.
    #[error(
        "it is JSON of no known shape: one object of strings, a list of objects with `name` and `value`, or a Release of Convox with `env`"
    )]
    Shape,
    /// It is sealed.
    #[error("it is an envelope, whose key nobody here has: copy it as the `env` of a Release")]
    Sealed,
    /// What its reader would warn of: nothing is left out silently.
    #[error("{0}")]
    Warned(String),
    /// A key that no environment can set.
    #[error("`{0}` is reserved for S3 delivery")]
    Reserved(EnvKey),
}

#[derive(Deserialize)]
struct Named {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct ConvoxRelease {
    id: String,
    env: String,
}

/// Reads a file of any of the forms.
///
/// # Errors
///
/// [`ImportError`], naming line or key.
pub fn read(bytes: &[u8], form: Form) -> Result<Environment, ImportError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ImportError::NotUtf8)?;
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let is_json = match form {
        Form::Auto => start.starts_with(['{', '[']),
        Form::Json => true,
        Form::Dotenv | Form::Lines => false,
    };
    let read = match (is_json, form) {
        (true, _) => json(start)?,
        (false, Form::Lines) => object(text.as_bytes())?,
        _ => dotenv::read(text)?,
    };
    let reserved = read
        .keys()
        .find(|key| RESERVED_KEYS.contains(&key.as_str()));
    match reserved.cloned() {
        Some(key) => Err(ImportError::Reserved(key)),
        None => Ok(read),
    }
}

fn json(text: &str) -> Result<Environment, ImportError> {
    if text.starts_with('[') {
        let named: Vec<Named> = serde_json::from_str(text).map_err(|_| ImportError::Shape)?;
        let pairs = named.into_iter().map(|Named { name, value }| {
            let key = EnvKey::new(&name).map_err(|_| ImportError::Shape)?;
            Ok((key, EnvValue::from(value)))
        });
        return pairs.collect();
    }
    match serde_json::from_str::<ConvoxRelease>(text) {
        Ok(ConvoxRelease { id, env }) if id.starts_with('R') => object(env.as_bytes()),
        _ if text.starts_with('{') => object(text.as_bytes()),
        _ => Err(ImportError::Shape),
    }
}

fn object(bytes: &[u8]) -> Result<Environment, ImportError> {
    match environment::read(bytes)? {
        EnvironmentObject::Sealed(_) => Err(ImportError::Sealed),
        EnvironmentObject::Plain(read) => match read.warnings.into_iter().next() {
            Some(warning) => Err(ImportError::Warned(warning)),
            None => Ok(read.environment),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn got(text: &str, form: Form) -> Result<Vec<String>, String> {
        let read = read(text.as_bytes(), form).map_err(|err| err.to_string())?;
        Ok(read
            .iter()
            .map(|(key, value)| format!("{key}={}", value.expose()))
            .collect())
    }

    #[test]
    fn the_forms_of_other_tools_give_the_same() {
        let want = Ok(vec!["A=1".to_owned(), "B=two words".to_owned()]);
        for (text, form) in [
            ("A=1\nB='two words'", Form::Auto),
            ("A=1\nB=two words", Form::Lines),
            (r#"{"A": "1", "B": "two words"}"#, Form::Auto),
            (
                r#"[{"name": "A", "value": "1"}, {"name": "B", "value": "two words"}]"#,
                Form::Json,
            ),
            (
                r#"{"id": "RABCDEFGHIJ", "app": "shop", "env": "A=1\nB=two words"}"#,
                Form::Auto,
            ),
        ] {
            assert_eq!(got(text, form), want, "{text}");
        }
        assert_eq!(
            got(r#"{"env": "A=1", "id": "x"}"#, Form::Auto).unwrap(),
            ["env=A=1", "id=x"]
        );
        assert_eq!(got("A='1'", Form::Dotenv).unwrap(), ["A=1"]);
    }

    #[test]
    fn what_cannot_be_imported_is_said_without_a_value() {
        for (text, form) in [
            ("canary", Form::Auto),
            (r#"{"A": 1, "B": "canary"}"#, Form::Auto),
            (r#"[{"name": "A", "canary": "1"}]"#, Form::Auto),
            ("canary canary", Form::Json),
            ("A B=canary", Form::Lines),
            ("A='canary'", Form::Lines),
            ("CONVOX_ENV_URL=canary", Form::Auto),
            (r#"{"c":"canary","k":"a","n":"b"}"#, Form::Auto),
        ] {
            let said = got(text, form).unwrap_err();
            assert!(!said.contains("canary"), "{text}: {said}");
        }
    }
}
