//! What the functions share: the core (data in, data out) and, behind one feature per AWS service, the shell.
//!
//! Import rule: `functions/*` -> shell -> core, never back. Core files name no AWS SDK, no Lambda runtime,
//! no async, no process environment, no file system and no clock; `tests/it/layering.rs` checks it.

// Core.
pub mod app_settings;
pub mod app_stack;
pub mod bounds;
pub mod capacity;
pub mod environment;
pub mod environment_file;
pub mod error_chain;
pub mod events;
pub mod exec_limits;
pub mod failures;
pub mod image_reference;
pub mod json_error;
pub mod launch_reason;
pub mod manifest;
pub mod metrics;
pub mod names;
pub mod platform;
pub mod precedence;
pub mod promotion;
pub mod rack_settings;
pub mod release_checks;
pub mod release_settings;
pub mod resources;
pub mod schedule;
pub mod schedule_walk;
pub mod secret_reference;
pub mod stack_state;
pub mod task_definition;
pub mod timer_rule;
pub mod variables;

// Shell.
#[cfg(feature = "sdk")]
pub mod call_error;
#[cfg(feature = "sdk")]
pub mod clients;
#[cfg(all(feature = "eventbridge", feature = "s3"))]
pub mod counting;
#[cfg(feature = "kms")]
pub mod data_keys;
#[cfg(feature = "ecs")]
pub mod ecs;
#[cfg(feature = "eventbridge")]
pub mod event_bus;
#[cfg(feature = "eventbridge")]
pub mod event_rules;
#[cfg(feature = "function")]
pub mod intake;
#[cfg(all(feature = "ecs", feature = "eventbridge"))]
pub mod leftovers;
#[cfg(feature = "function")]
pub mod logs;
#[cfg(feature = "function")]
pub mod owners;
#[cfg(all(feature = "kms", feature = "s3"))]
pub mod release;
#[cfg(feature = "secretsmanager")]
pub mod secrets;
#[cfg(feature = "s3")]
pub mod settings_bucket;
#[cfg(feature = "cloudformation")]
pub mod stacks;
#[cfg(feature = "s3")]
pub mod state_store;
#[cfg(feature = "ecs")]
pub mod stranded;
#[cfg(all(feature = "eventbridge", feature = "s3"))]
pub mod work;
