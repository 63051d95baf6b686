//! `SecretsManagerEnv` as each level spells it, and the generation of an App that has it.

use serde::{Deserialize, Serialize};

/// The parameter's name at all three levels.
pub const PARAMETER: &str = "SecretsManagerEnv";

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

/// A value that is neither `Yes` nor `No`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{place} sets SecretsManagerEnv to `{value}`, which is neither `Yes` nor `No`: write one of the two, spelled like that"
)]
pub struct ValueError {
    place: String,
    value: String,
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
            value: shown.to_owned(),
        })
    }
}
