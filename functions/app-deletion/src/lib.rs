//! app-deletion: removes what a deleted App has on AWS, and schedules its secret for deletion with a window of 30 days.
//!
//! Triggers: `trigger`. Effect: the Timers' rules, then the ECS services that carry the App's tags, the revisions that
//! they ran, and once all have drained the secret. It creates and restores nothing, so what is gone stays gone: a failure
//! for good says what is left, and a newer promote brings the App back. Failure policy: transient errors fail the
//! invocation and are delivered again; permanent ones end in an answer with `status: failed`.

mod apply;
mod attempt;
mod config;
mod error;
mod gather;
mod handler;
mod known;
mod notice;
mod plan;
mod readers;
mod refusal;
mod report;
mod shell;
mod trigger;

pub use config::Config;
pub use error::DeletionError;
pub use handler::handle;
pub use shell::Shell;
