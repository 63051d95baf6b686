//! The rig of the tests: starts and holds a local Rack, with the double of AWS behind the product's real binaries.
//!
//! - [`emulator`]: one `MiniStack` for all tests of a process.
//! - [`world`]: what one test gets: an account of its own, clients, bucket, cluster, key, proxy.
//! - [`app`]: one App of a World: names, objects, events.
//! - [`function`]: a built Lambda binary under AWS's Runtime Interface Emulator.
//! - [`invocations`]: Lambda's `Invoke` in front of it.
//! - [`events`]: events as EventBridge delivers them.
//! - [`agent`]: from a registered task definition to the variables that each container sees.
//! - [`runner`]: a registered task definition, started on this machine as ECS would.
//! - [`canary`]: marker values that no output may contain.
//! - [`browser`]: a page in Chromium, and what axe says of it.
//! - [`children`]: programs that are run to their end.
//! - [`launcher`]: programs that end with the process that started them.
//! - [`load_balancer`]: listener rules and target groups of Apps' stacks, with real HTTP.
//! - [`package`]: functions as Lambda gets them.
//! - [`pages`]: the pages that users read, and what they say of commands.
//! - [`outages`]: services that hang on command.
//! - [`readers`]: what reads users' files, with samples.
//! - [`postgres`]: a real database that takes TLS only.
//!
//! It holds no business rule of the product. Where something is missing it panics with what to do about it.

pub mod agent;
pub mod app;
pub mod binaries;
pub mod browser;
pub mod canary;
pub mod chance;
pub mod children;
mod credentials;
pub mod emulator;
mod envelope;
pub mod events;
pub mod function;
pub mod invocations;
pub mod launcher;
pub mod load_balancer;
pub mod outages;
pub mod package;
pub mod pages;
mod poll;
mod ports;
pub mod postgres;
pub mod proof;
pub mod readers;
pub mod runner;
pub mod tools;
pub mod world;

pub use app::App;
pub use canary::assert_absent;
pub use function::{Function, Invocation};
pub use poll::eventually;
pub use readers::{READERS, Reader, SHAPES};
pub use world::World;
