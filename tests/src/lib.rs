//! The bench of the integration tests: what a test needs to run the product's real binaries without AWS.
//!
//! - [`emulator`]: one `MiniStack` for all tests of a process.
//! - [`proxy`]: stands in front of it, as strict as AWS; records every call, injects faults. For programs in this process, also
//!   without sockets and with an account in memory in the emulator's place, which can be copied and gone back to.
//! - [`clock`]: the time of all these, where need be tokio's.
//! - [`world`]: what one test gets: an account of its own, clients, bucket, cluster, key, proxy.
//! - [`function`]: a built Lambda binary under AWS's Runtime Interface Emulator.
//! - [`agent`]: from a registered task definition to the variables that each container sees.
//! - [`canary`]: marker values that no output may contain.
//! - [`readers`]: what reads users' files, with samples.
//! - [`postgres`]: a real database that takes TLS only.
//! - [`iam`]: the policies of `template.yaml`, decided for the calls that were recorded.
//!
//! It holds no business rule of the product. Where something is missing it panics with what to do about it.

pub mod agent;
pub mod binaries;
pub mod canary;
pub mod chance;
pub mod clock;
mod credentials;
pub mod emulator;
mod envelope;
pub mod function;
pub mod iam;
pub mod launcher;
mod poll;
mod ports;
pub mod postgres;
pub mod proof;
pub mod proxy;
pub mod readers;
pub mod runner;
mod secrets;
mod stacks;
mod tools;
mod unique;
pub mod world;

pub use canary::assert_absent;
pub use function::{Function, Invocation};
pub use proxy::{Call, EcsRates, Fault, Proxy};
pub use readers::{READERS, Reader, SHAPES};
pub use stacks::as_the_emulator_knows_it;
pub use world::World;
