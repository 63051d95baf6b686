//! What `convox-env COMMAND [ARGUMENT...]` does: without `CONVOX_ENV_URL` it becomes the command at once; with it, it
//! fetches the environment object first, adds the variables that `CONVOX_ENV_VARS` names, and becomes the command.
//!
//! Nothing is forked: process id, signals and exit code are the App's. Every failure ends before the App starts, with
//! one line on standard error that names the object and the fix. No value is ever printed. The object is read with the task's
//! role, whatever keys and addresses of AWS the App has; it sees its own as they are.
//!
//! Source: `convox/rack:cmd/convox-env/main.go`, whose variables, name filter and merge order these are.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::Write as _;

mod command;
mod credentials;
mod endpoint;
mod fetch;
mod fetch_error;
mod http;
mod object_url;
mod service_error;
mod settings;
mod signing;
mod task;
mod termination;
mod variables;

use command::{Command, CommandError};
use fetch_error::FetchError;
use settings::{Settings, SettingsError};

/// Why the App was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no command, or it cannot be started.
    #[error(transparent)]
    Command(CommandError),
    /// A `CONVOX_ENV_*` variable is not usable.
    #[error(transparent)]
    Settings(SettingsError),
    /// The environment could not be read.
    #[error(transparent)]
    Fetch(FetchError),
}

impl StartError {
    /// 127 and 126 for a command that is not there or does not start, as shells have it; else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Command(err) => err.exit_code(),
            Self::Settings(_) | Self::Fetch(_) => 1,
        }
    }
}

/// Becomes the command that `arguments` name; returns only when that fails.
///
/// `process` is the environment that the process was started with.
pub fn start(
    arguments: impl Iterator<Item = OsString>,
    process: impl Iterator<Item = (OsString, OsString)>,
) -> StartError {
    let process: BTreeMap<_, _> = process.collect();
    match prepare(arguments, process) {
        Ok(command) => StartError::Command(command.exec()),
        Err(err) => err,
    }
}

fn prepare(
    arguments: impl Iterator<Item = OsString>,
    process: BTreeMap<OsString, OsString>,
) -> Result<Command, StartError> {
    let lookup = |name: &str| process.get(OsStr::new(name)).map(OsString::as_os_str);
    let command = Command::find(arguments, lookup("PATH")).map_err(StartError::Command)?;
    let Some(settings) = Settings::from_lookup(lookup).map_err(StartError::Settings)? else {
        return Ok(command);
    };
    termination::end_at_once();
    let text = |name: &str| lookup(name)?.to_str();
    let client = http::Client::new(text("SSL_CERT_FILE"), text("AWS_SDK_UA_APP_ID"));
    let read = fetch::fetch(&settings, client).map_err(StartError::Fetch)?;
    for warning in &read.warnings {
        say(&format_args!("{}: {warning}", settings.object));
    }
    let fetched = settings.filter.apply(&read.environment);
    Ok(command.with_variables(variables::merge(process, fetched)))
}

/// Writes one line to standard error.
///
/// Control characters become spaces. A closed standard error is no reason not to start the App.
pub fn say(text: &impl Display) {
    let line = text.to_string().replace(char::is_control, " ");
    let _ = writeln!(std::io::stderr(), "convox-env: {line}");
}
