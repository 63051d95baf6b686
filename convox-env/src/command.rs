//! The command that the container runs: found with the `PATH` that the container was started with, then become.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process;

/// What POSIX systems search where `PATH` is not set.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Why there is no process to become.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No argument at all.
    #[error(
        "no command given, put the image's own entrypoint and command after convox-env: \
         convox-env COMMAND [ARGUMENT...]"
    )]
    None,
    /// No such file.
    #[error("command `{program}` not found, neither as a path nor in PATH")]
    NotFound {
        /// What was looked for.
        program: String,
    },
    /// A file that is no program.
    #[error(
        "command `{program}` is not executable, give the file the execute permission in the image"
    )]
    NotExecutable {
        /// What was looked for.
        program: String,
    },
    /// A file whose `#!` line or ELF header names another one that is not there.
    #[error("command `{program}` needs an interpreter or loader that is not in the image")]
    Interpreter {
        /// What was looked for.
        program: String,
    },
    /// More variables than the kernel takes.
    #[error(
        "command `{program}` cannot take its environment, Linux \
         limits one variable to 128 KiB and all of them by the stack limit"
    )]
    TooLarge {
        /// What was looked for.
        program: String,
    },
    /// Anything else.
    #[error("command `{program}` did not start")]
    Exec {
        /// What was looked for.
        program: String,
        /// Why.
        source: io::Error,
    },
}

impl CommandError {
    /// What a shell exits with in this case.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::None => 1,
            Self::NotFound { .. } | Self::Interpreter { .. } => 127,
            Self::NotExecutable { .. } | Self::TooLarge { .. } | Self::Exec { .. } => 126,
        }
    }
}

/// A program that was found, its arguments and its variables.
#[derive(Debug)]
pub struct Command {
    program: OsString,
    file: PathBuf,
    arguments: Vec<OsString>,
    /// `None`: those of this process, untouched.
    variables: Option<BTreeMap<OsString, OsString>>,
}

impl Command {
    /// Finds the program that the first argument names.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when there is none.
    pub fn find(
        mut arguments: impl Iterator<Item = OsString>,
        path: Option<&OsStr>,
    ) -> Result<Self, CommandError> {
        let program = arguments.next().ok_or(CommandError::None)?;
        Ok(Self {
            file: find(&program, path.unwrap_or(OsStr::new(DEFAULT_PATH)))?,
            program,
            arguments: arguments.collect(),
            variables: None,
        })
    }

    /// The same command with exactly these variables.
    pub fn with_variables(self, variables: BTreeMap<OsString, OsString>) -> Self {
        Self {
            variables: Some(variables),
            ..self
        }
    }

    /// Becomes the program; returns only when that fails.
    pub fn exec(self) -> CommandError {
        let mut command = process::Command::new(&self.file);
        command.arg0(&self.program).args(&self.arguments);
        if let Some(variables) = self.variables {
            command.env_clear().envs(variables);
        }
        let source = command.exec();
        let program = shown(&self.program);
        match source.kind() {
            ErrorKind::NotFound if self.file.exists() => CommandError::Interpreter { program },
            ErrorKind::NotFound => CommandError::NotFound { program },
            ErrorKind::PermissionDenied => CommandError::NotExecutable { program },
            ErrorKind::ArgumentListTooLong => CommandError::TooLarge { program },
            _ => CommandError::Exec { program, source },
        }
    }
}

/// A program as a message names it: of `NAME=value command`, which only a shell understands, the name alone.
fn shown(program: &OsStr) -> String {
    let program = program.to_string_lossy();
    match program.split_once('=') {
        Some((name, _)) => format!("{name}=…"),
        None => program.into_owned(),
    }
}

/// A name without `/` is looked for in `path`, in order; anything else is a path already.
fn find(program: &OsStr, path: &OsStr) -> Result<PathBuf, CommandError> {
    if program.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(program));
    }
    let mut found = None;
    for directory in env::split_paths(path).filter(|_| !program.is_empty()) {
        // An empty entry means the working directory; with a `/` in it, `execvp` does not search again.
        let file = Path::new(".").join(directory).join(program);
        match file.metadata() {
            Ok(data) if data.is_file() && data.permissions().mode() & 0o111 != 0 => {
                return Ok(file);
            }
            Ok(data) if data.is_file() => found = Some(file),
            _ => {}
        }
    }
    let program = shown(program);
    Err(match found {
        Some(_) => CommandError::NotExecutable { program },
        None => CommandError::NotFound { program },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(arguments: &[&str], path: Option<&str>) -> Result<PathBuf, u8> {
        let arguments = arguments.iter().map(OsString::from);
        match Command::find(arguments, path.map(OsStr::new)) {
            Ok(command) => Ok(command.file),
            Err(err) => Err(err.exit_code()),
        }
    }

    #[test]
    fn an_assignment_in_the_programs_place_is_named_without_its_value() {
        let arguments = ["PASSWORD=hunter2", "rake"].map(OsString::from);
        let err = Command::find(arguments.into_iter(), None).unwrap_err();
        let said = err.to_string();
        assert!(
            said.contains("`PASSWORD=…`") && !said.contains("hunter2"),
            "{said}"
        );
    }

    #[test]
    fn a_program_is_looked_for_in_the_path() {
        for (arguments, path, want) in [
            (
                &["sh"][..],
                Some("/nonexistent:/bin:/usr/bin"),
                Ok("/bin/sh"),
            ),
            (&["sh", "-c"], None, Ok("/bin/sh")),
            (&["/x/y"], Some(""), Ok("/x/y")),
            (&["./y"], Some("/bin"), Ok("./y")),
            (&["sh"], Some("/nonexistent"), Err(127)),
            (&["sh"], Some(""), Err(127)),
            (&["Cargo.toml"], Some(""), Err(126)), // an empty entry is the working directory
            (&["passwd"], Some("/etc"), Err(126)),
            (&["bin"], Some("/usr"), Err(127)), // a directory
            (&[""], Some("/bin"), Err(127)),
            (&[], Some("/bin"), Err(1)),
        ] {
            let want = want.map(PathBuf::from);
            assert_eq!(found(arguments, path), want, "{arguments:?} {path:?}");
        }
    }
}
