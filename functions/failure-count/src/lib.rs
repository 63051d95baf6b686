//! failure-count: tells the Rack when an App's secret cannot be written three times in a row, or its tasks cannot read it,
//! and when that is over.
//!
//! Triggers: `trigger`. Effect: `failures.json` and the events `Rack Warning` and `Rack Warning Cleared`. It counts the rows
//! that promote and app-deletion leave in `promotion.json`, so events are only hints. It has nothing to do with Secrets
//! Manager itself. Failure policy: transient errors fail the invocation and are delivered again; permanent ones end in an
//! answer with `status: failed`, and what was not counted then is counted by the next run.

mod error;
mod handler;
mod metrics;
mod observation;
mod shell;
mod trigger;

pub use error::CountError;
pub use handler::handle;
pub use shell::Shell;
