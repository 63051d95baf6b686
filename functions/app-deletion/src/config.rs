//! The function's environment -> [`Config`], checked once at start.

use lambda::rack_settings::RackSettings;
use lambda::variables::{VariableError, Variables};

/// The variables that name the listeners of the Rack's load balancers.
const LISTENERS: [&str; 2] = ["PUBLIC_LISTENER_ARN", "INTERNAL_LISTENER_ARN"];

/// The settings of the Rack.
#[derive(Debug, Clone)]
pub struct Config {
    /// What every function is told.
    pub of_rack: RackSettings,
    /// The role that CloudFormation has for the Apps' own stacks.
    pub app_stack_role_arn: String,
    /// Whether the Rack has a load balancer.
    pub has_entrance: bool,
}

impl Config {
    /// Reads the settings through `lookup`.
    ///
    /// # Errors
    ///
    /// [`VariableError`] names the variable and what is allowed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, VariableError> {
        let of_rack = RackSettings::from_lookup(&lookup)?;
        let variables = Variables(lookup);
        Ok(Self {
            of_rack,
            app_stack_role_arn: variables.required("APP_STACK_ROLE_ARN")?,
            has_entrance: LISTENERS
                .iter()
                .any(|name| variables.optional(name).is_some()),
        })
    }
}
