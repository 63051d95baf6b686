//! The entry point: the command line, then the command.

use std::env;
use std::process::ExitCode;

use rack::{cli, commands};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match cli::read(env::args_os()) {
        Ok(asked) => commands::run(asked, |name| env::var(name).ok())
            .await
            .into(),
        Err(said) => said.print().into(),
    }
}
