//! What every function is told of its Rack, checked once at start.

use crate::variables::{VariableError, Variables};
use names::RackName;

/// The settings that app-deletion and failure-count need.
#[derive(Debug, Clone)]
pub struct RackSettings {
    /// The Rack.
    pub rack: RackName,
    /// The settings bucket.
    pub bucket: String,
    /// Name or ARN of the ECS cluster.
    pub cluster: String,
    /// What the time limits of AWS calls are multiplied by.
    pub time_scale: f64,
}

impl RackSettings {
    /// Reads the settings through `lookup`.
    ///
    /// # Errors
    ///
    /// [`VariableError`] names the variable and what is allowed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, VariableError> {
        let variables = Variables(lookup);
        let required = |name: &'static str| variables.required(name);
        Ok(Self {
            rack: RackName::new(&required("RACK")?).map_err(VariableError::Rack)?,
            bucket: required("SETTINGS_BUCKET")?,
            cluster: required("CLUSTER")?,
            time_scale: variables.time_scale()?,
        })
    }
}
