//! Whether the policies of `template.yaml` allow the calls that were recorded, and which of their actions nobody uses.
//!
//! - [`Deployment`]: what one deployed stack calls its things; reads a role's [`Policy`] from the template.
//! - [`Policy`]: decides, as IAM does, for the constructs that the template uses; anything else is refused.
//! - [`needs`]: the sourced table from a recorded call to the permissions that it takes.
//! - [`Judged`]: the proxy of a World; at its end every call of a function is looked up in that function's policy.
//!
//! It copies nothing from the template: names of resources are a stack's own, everything else is read.

mod bucket_keys;
mod deployment;
mod facts;
mod judged;
mod matching;
mod needs;
mod policy;
mod resolve;
mod statement;
mod template;

pub use deployment::{Deployment, logical_id};
pub use facts::{Facts, Roles};
pub use judged::{Judged, Moment, Permit, missing, permits};
pub use needs::{Need, assumption, needs, needs_of_schedule, needs_of_target};
pub use policy::{Decision, Effect, Policy, Rule};
pub use resolve::TemplateError;
pub use template::template;
