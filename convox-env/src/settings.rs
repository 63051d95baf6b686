//! The `CONVOX_ENV_*` variables.

use std::ffi::OsStr;

use crate::object_url::{ObjectUrl, ObjectUrlError};
use crate::task::Task;
use crate::variables::Filter;

/// What to fetch, and what of it the App gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `CONVOX_ENV_URL`.
    pub object: ObjectUrl,
    /// `CONVOX_ENV_KEY`: the KMS key of envelopes.
    pub key_id: Option<String>,
    /// `CONVOX_ENV_VARS`.
    pub filter: Filter,
    /// Who reads it, and where.
    pub task: Task,
}

/// A `CONVOX_ENV_*` variable that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not UTF-8.
    #[error("{variable} is not UTF-8")]
    NotUtf8 {
        /// Its name.
        variable: &'static str,
    },
    /// Not the URL of an object. It is not repeated: other kinds of URL can hold a password or a signature.
    #[error("CONVOX_ENV_URL names no object of S3")]
    Url {
        /// What it should be.
        source: ObjectUrlError,
    },
    /// An address of a test that is not one of this machine.
    #[error("{variable} is for tests and takes an address of this machine only; unset it")]
    NotLoopback {
        /// Its name.
        variable: &'static str,
    },
}

impl Settings {
    /// Reads the variables that `lookup` finds; `None` without `CONVOX_ENV_URL`: there is nothing to fetch.
    ///
    /// An empty variable counts as absent, as in Convox.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when one of them cannot be used.
    pub fn from_lookup<'a>(
        lookup: impl Fn(&str) -> Option<&'a OsStr>,
    ) -> Result<Option<Self>, SettingsError> {
        let text = |variable| match lookup(variable).map(OsStr::to_str) {
            Some(None) => Err(SettingsError::NotUtf8 { variable }),
            Some(Some("")) | None => Ok(None),
            Some(Some(text)) => Ok(Some(text)),
        };
        let Some(url) = text("CONVOX_ENV_URL")? else {
            return Ok(None);
        };
        let object = ObjectUrl::parse(url).map_err(|source| SettingsError::Url { source })?;
        let key_id = text("CONVOX_ENV_KEY")?;
        Ok(Some(Self {
            object,
            task: Task::from_lookup(&lookup, key_id)?,
            key_id: key_id.map(str::to_owned),
            filter: Filter::parse(text("CONVOX_ENV_VARS")?.unwrap_or_default()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;

    type Pairs<'a> = &'a [(&'a str, &'a [u8])];

    fn settings(pairs: Pairs) -> Result<Option<Settings>, SettingsError> {
        Settings::from_lookup(|name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsStr::from_bytes(value))
        })
    }

    #[test]
    fn without_a_url_nothing_else_matters() {
        for pairs in [
            &[][..],
            &[("CONVOX_ENV_URL", &b""[..])],
            &[("CONVOX_ENV_KEY", b"\xff"), ("CONVOX_ENV_VARS", b"*")],
        ] {
            assert_eq!(settings(pairs), Ok(None), "{pairs:?}");
        }
    }

    #[test]
    fn key_and_names_are_optional() {
        let got = settings(&[("CONVOX_ENV_URL", b"s3://b/k"), ("CONVOX_ENV_KEY", b"")]);
        let got = got.unwrap().unwrap();
        assert_eq!(got.key_id, None);
        assert_eq!(got.filter, Filter::parse(""));
        assert_eq!(got.object, ObjectUrl::parse("s3://b/k").unwrap());
    }

    #[test]
    fn an_unusable_variable_is_named() {
        let url = ("CONVOX_ENV_URL", &b"s3://b/k"[..]);
        let not_utf8 = |variable| SettingsError::NotUtf8 { variable };
        for (pairs, want) in [
            (
                &[("CONVOX_ENV_URL", &b"\xff"[..])][..],
                not_utf8("CONVOX_ENV_URL"),
            ),
            (
                &[url, ("CONVOX_ENV_KEY", b"\xff")],
                not_utf8("CONVOX_ENV_KEY"),
            ),
            (
                &[url, ("CONVOX_ENV_VARS", b"\xff")],
                not_utf8("CONVOX_ENV_VARS"),
            ),
            (
                &[("CONVOX_ENV_URL", b"s3://b")],
                SettingsError::Url {
                    source: ObjectUrlError,
                },
            ),
        ] {
            assert_eq!(settings(pairs), Err(want), "{pairs:?}");
        }
    }
}
