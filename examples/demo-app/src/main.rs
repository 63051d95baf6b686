//! A small web App that shows what a task sees: the variables of its deploy environment, which secrets arrived and how, what
//! its database and file system gave it, and what ECS says of the task. Only dummies can be revealed.

mod html;
mod metadata;
mod pages;
mod resources;
mod secrets;
mod server;

use std::env;
use std::io::Write as _;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let address = env::var("BIND").unwrap_or_else(|_| "0.0.0.0".to_owned());
    let port = env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    match server::serve(&format!("{address}:{port}")).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            let _ = writeln!(
                std::io::stderr(),
                "demo-app: cannot listen on {address}:{port}: {err}"
            );
            ExitCode::FAILURE
        }
    }
}
