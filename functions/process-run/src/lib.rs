//! process-run: starts one task of a Service of a Release, as `convox run` does, with a command of its own where one is
//! given.
//!
//! Triggers: `trigger`. Effect: a revision of the family of one-off processes, where none says the same, and one task. The
//! task reads the App's secret only while that holds the very environment of its Release, else the object in S3.
//!
//! Redelivery: the task's client token is made from the request's id, so ECS starts one task for each request. ECS refuses
//! a token that comes back with other parameters and names the task that it has started (API reference, `RunTask`,
//! `ConflictException`). That happens where a promote or a setting came between two deliveries, and then that task is the
//! answer: asking ECS is simpler than a state object, and cannot contradict it. ECS keeps a token for 24 hours at the most,
//! so a request older than [`EXPIRES_MINUTES`] starts nothing. What cannot be run any more is not looked for: where the App
//! is deleted between two deliveries, the later one says `Process Failed` of a task that the earlier one had started.
//!
//! Failure policy: the user's and permanent errors end in an answer with `status: failed` and `Process Failed`; transient
//! errors fail the invocation and are delivered again. Want of room ends in `Process Failed` after
//! [`NO_ROOM_MINUTES`]; for any other error that lasts until the queue gives up, the alarm on its dead letters tells,
//! since nobody knows then whether the task runs.

mod apply;
mod error;
mod gather;
mod handler;
mod plan;
mod problem;
mod report;
mod request;
mod shell;
mod trigger;

pub use error::RunError;
pub use handler::{NO_ROOM_MINUTES, handle};
pub use request::EXPIRES_MINUTES;
pub use shell::Shell;
