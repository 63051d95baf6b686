//! A function's environment variables -> its settings, checked once at start.

use names::NameError;

/// Multiplies every time limit and pause of AWS calls, 1 where it is not set. Tests run them faster with the ratios kept;
/// the template leaves it alone.
pub const TIME_SCALE: &str = "TIME_SCALE";

/// How many Apps a slice of the schedule's walk looks at, 5,000 where it is not set. Tests walk in smaller ones; the template
/// leaves it alone.
pub const SLICE_APPS: &str = "SLICE_APPS";

/// The variables, wherever they come from.
#[derive(Debug)]
pub struct Variables<F>(pub F);

/// What is wrong with a variable.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// A variable that must be there is not.
    #[error("the variable {0} is not set; the template sets it")]
    Missing(&'static str),
    /// A variable has a value that is not allowed.
    #[error("the variable {name} is `{value}`; allowed is {allowed}")]
    Value {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it can be.
        allowed: &'static str,
    },
    /// The Rack's name breaks its rule.
    #[error("the variable RACK: {0}")]
    Rack(NameError),
}

impl VariableError {
    /// A value that is not allowed.
    #[must_use]
    pub fn refused(name: &'static str, value: Option<String>, allowed: &'static str) -> Self {
        Self::Value {
            name,
            value: value.unwrap_or_default(),
            allowed,
        }
    }
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// A variable that may be missing; an empty one is.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// A variable that must be there.
    ///
    /// # Errors
    ///
    /// [`VariableError::Missing`] when it is not.
    pub fn required(&self, name: &'static str) -> Result<String, VariableError> {
        self.optional(name).ok_or(VariableError::Missing(name))
    }

    /// [`TIME_SCALE`].
    ///
    /// # Errors
    ///
    /// [`VariableError::Value`] for what is not over 0 and at most 1.
    pub fn time_scale(&self) -> Result<f64, VariableError> {
        let value = self.optional(TIME_SCALE);
        let scale = value
            .as_deref()
            .map_or(Some(1.0), |text| text.parse::<f64>().ok());
        let scale = scale.filter(|scale| *scale > 0.0 && *scale <= 1.0);
        scale.ok_or_else(|| {
            VariableError::refused(TIME_SCALE, value, "a number over 0 and at most 1")
        })
    }

    /// [`SLICE_APPS`].
    ///
    /// # Errors
    ///
    /// [`VariableError::Value`] for what is no number.
    pub fn slice_apps(&self) -> Result<usize, VariableError> {
        let value = self.optional(SLICE_APPS);
        let apps = value
            .as_deref()
            .map_or(Some(5_000), |text| text.parse().ok());
        apps.ok_or_else(|| VariableError::refused(SLICE_APPS, value, "a whole number"))
    }
}

/// The items of a comma-separated list.
#[must_use]
pub fn list(value: Option<String>) -> Vec<String> {
    let items = value.unwrap_or_default();
    items
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}
