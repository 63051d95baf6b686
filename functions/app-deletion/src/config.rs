//! The function's environment -> [`Config`], checked once at start.

use lambda::rack_settings::RackSettings;
use lambda::variables::{VariableError, Variables};

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
        let public = variables.optional("PUBLIC_LISTENER_ARN");
        let internal = variables.optional("INTERNAL_LISTENER_ARN");
        Ok(Self {
            of_rack,
            app_stack_role_arn: variables.required("APP_STACK_ROLE_ARN")?,
            has_entrance: public.or(internal).is_some(),
        })
    }
}
