//! `SecretsManagerEnv` and `SecretsManagerEnvVersion` as each level spells them, and the generation of an App that has them.

use serde::{Deserialize, Serialize};

/// The parameter's name at all three levels.
pub const PARAMETER: &str = "SecretsManagerEnv";

/// The name of [`EnvVersion`] at both levels.
pub const VERSION_PARAMETER: &str = "SecretsManagerEnvVersion";

/// The generation of an App.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Generation {
    /// The parameter has no effect.
    #[serde(rename = "1")]
    One,
    /// The parameter decides.
    #[default]
    #[serde(rename = "2")]
    Two,
}

/// A setting that is written as `Yes` or `No`, spelled like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YesNo {
    /// `Yes`.
    Yes,
    /// `No`.
    No,
}

/// Which version of the App's secret a task definition names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EnvVersion {
    /// The one that holds the environment of its own Release, by its id: a task starts with that whatever was promoted since.
    #[default]
    Release,
    /// None, so that a task reads whatever is `AWSCURRENT` when it starts.
    Current,
}

/// A value that is neither of the two that a parameter has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{place} sets {parameter} to `{value}`, which is neither `{}` nor `{}`: write one of the two, spelled like that",
    .allowed.0, .allowed.1
)]
pub struct ValueError {
    place: String,
    parameter: &'static str,
    value: String,
    allowed: (&'static str, &'static str),
}

impl YesNo {
    /// Reads a value; `None` for any other spelling, `yes` and `true` included.
    #[must_use]
    pub fn of(value: &str) -> Option<Self> {
        match value {
            "Yes" => Some(Self::Yes),
            "No" => Some(Self::No),
            _ => None,
        }
    }

    /// Whether it is `Yes`.
    #[must_use]
    pub fn is_yes(self) -> bool {
        self == Self::Yes
    }

    /// Reads the value of one level; `place` says which for the message, `shown` is what may be printed of it.
    ///
    /// # Errors
    ///
    /// [`ValueError`] for any other spelling, `yes` and `true` included.
    pub fn parse(place: &str, value: &str, shown: &str) -> Result<Self, ValueError> {
        Self::of(value).ok_or_else(|| ValueError {
            place: place.to_owned(),
            parameter: PARAMETER,
            value: shown.to_owned(),
            allowed: ("Yes", "No"),
        })
    }
}

impl EnvVersion {
    /// Reads the value of one level, as [`YesNo::parse`].
    ///
    /// # Errors
    ///
    /// [`ValueError`] for any other spelling.
    pub fn parse(place: &str, value: &str, shown: &str) -> Result<Self, ValueError> {
        match value {
            "Release" => Ok(Self::Release),
            "Current" => Ok(Self::Current),
            _ => Err(ValueError {
                place: place.to_owned(),
                parameter: VERSION_PARAMETER,
                value: shown.to_owned(),
                allowed: ("Release", "Current"),
            }),
        }
    }
}
