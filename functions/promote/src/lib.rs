//! promote: writing an App's environment to the settings bucket makes that Release live.
//!
//! Triggers: `trigger`. Effect: the App's secret, its task definitions, ECS services and EventBridge rules, then a
//! report and events; later, whether the Release is live, rolled back or stuck. Failure policy: a Secrets Manager problem means
//! S3 delivery for that Release; the user's and permanent errors end in a report with `status: failed`; transient ones fail the
//! invocation and are delivered again.

mod apply;
mod attempt;
mod commands;
mod config;
mod dry_run;
mod edge;
mod error;
pub mod facts;
mod handler;
mod metrics;
pub mod plan;
mod progress;
mod read;
mod reconcile;
mod report;
mod request;
mod reservations;
mod shell;
mod standing;
mod superseded;
mod trigger;
mod undo;
mod verdict;

pub use attempt::{FactsRead, attempt, read};
pub use config::{Config, ConfigError};
pub use dry_run::{Planned, PlannedDefinition, PlannedEnvironment, planned};
pub use edge::Edge;
pub use error::PromoteError;
pub use handler::handle;
pub use report::{Fallback, Report};
pub use shell::{LIMITS, Shell};
pub use verdict::look_and_sweep;
