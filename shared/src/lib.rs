//! What the functions share: the core (data in, data out) and, behind one feature per AWS service, the shell.
//!
//! Import rule: `functions/*` -> shell -> core, never back. Core files name no AWS SDK, no Lambda runtime,
//! no async, no process environment, no file system and no clock; `tests/it/layering.rs` checks it.

pub mod names;
