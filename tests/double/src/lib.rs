//! The double of AWS: what answers the product's calls in tests, as strict as AWS where it matters.
//!
//! - [`proxy`]: stands in front of an emulator; records every call, injects faults. For programs in this process, also without
//!   sockets and with an account in memory in the emulator's place, which can be copied and gone back to.
//! - [`access`]: SDK configurations that lead to it.
//! - [`clock`]: the time of all these, where need be tokio's.
//! - [`iam`]: the policies of `template.yaml`, decided for the calls that were recorded.
//! - [`unique`]: names and numbers that no other test has.
//!
//! It holds no business rule of the product, and starts nothing: an emulator, functions and tasks are the rig's.

pub mod access;
pub mod clock;
pub mod iam;
pub mod proxy;
mod secrets;
mod stacks;
pub mod unique;

pub use proxy::{Call, EcsRates, Fault, Proxy};
pub use stacks::as_the_emulator_knows_it;

/// The only region of the double.
pub const REGION: &str = "us-east-1";

/// The variable by which the SDK tells AWS, and so the proxy, whose calls these are.
pub const CALLER: &str = "AWS_SDK_UA_APP_ID";
