//! `rack`: what an operator asks of a Rack and its Apps, and what he changes, by one command each.
//!
//! - [`cli`]: the command line.
//! - [`core`]: what is decided and how it is said; data in, data out.
//! - [`edge`]: AWS, the editor and the terminal.
//! - [`commands`]: one module for each command: read, decide, act, answer.
//!
//! A value of an environment leaves the tool on `--reveal` only.

pub mod cli;
pub mod commands;
pub mod core;
pub mod edge;
pub mod error;
pub mod exit;
