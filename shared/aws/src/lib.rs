//! AWS, one file per service, in the words of the product: what is asked, what came, and why it did not.

pub mod call_error;
pub mod clients;
#[cfg(feature = "kms")]
pub mod data_keys;
#[cfg(feature = "ecs")]
pub mod ecs;
#[cfg(feature = "eventbridge")]
pub mod event_bus;
#[cfg(feature = "eventbridge")]
pub mod event_rules;
pub mod metrics;
#[cfg(feature = "scheduler")]
pub mod schedules;
#[cfg(feature = "secretsmanager")]
pub mod secrets;
#[cfg(feature = "s3")]
pub mod settings_bucket;
#[cfg(feature = "cloudformation")]
pub mod stacks;
