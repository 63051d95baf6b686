//! The container's entrypoint on the S3 path: fetches the environment, then becomes the App.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    // On success the process is the App from here on, and `start` does not return.
    let err = convox_env::start(env::args_os().skip(1), env::vars_os());
    convox_env::say(&names::error_chain::Chain(&err));
    ExitCode::from(err.exit_code())
}
