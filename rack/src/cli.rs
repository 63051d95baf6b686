//! The command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use serde_json::json;

use crate::core::import::Form;
use crate::exit::Exit;

/// Looks at the Apps of a Rack, and changes them.
///
/// The Rack is found by its CloudFormation stack, with the credentials of the AWS CLI: variables, profiles, SSO, roles.
/// It ends with 0 (done, live), 1 (failed), 2 (wrong use), 3 (rolled back by ECS) or 4 (timed out).
#[derive(Parser)]
#[command(
    name = "rack",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What holds for all commands.
    #[command(flatten)]
    pub common: Common,
    /// What is asked for.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for all commands.
#[derive(Args)]
pub struct Common {
    /// The Rack
    #[arg(
        long,
        global = true,
        env = "RACK",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub rack: Option<String>,
    /// The App
    #[arg(
        long,
        short,
        global = true,
        env = "RACK_APP",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub app: Option<String>,
    /// Answer with JSON; docs/rack.md has its members
    #[arg(long, global = true)]
    pub json: bool,
    /// The profile of the AWS configuration
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// The region
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
}

/// What is asked for.
#[derive(Subcommand)]
pub enum Command {
    /// The Apps of the Rack, and what runs of each
    Apps,
    /// What runs of an App: Release, delivery and who decided it, Services, Timers
    Status,
    /// What went wrong last, and what to do about it
    Why,
    /// The Releases of an App, newest first
    Releases {
        /// So many
        #[arg(long, default_value_t = 20, value_name = "NUMBER")]
        limit: usize,
    },
    /// Write a status page: one HTML file about all Apps, or about --app
    Page {
        /// The file; `-` is standard output
        #[arg(long, short, default_value = "rack.html", value_name = "FILE")]
        output: PathBuf,
    },
    /// Which Services and Timers read a variable, and from where
    WhoReads {
        /// The variable
        key: String,
    },
    /// What a promote of a Release would do; nothing is written
    Plan(Plan),
    /// The environment of an App; what changes it makes a new Release
    #[command(subcommand)]
    Env(Env),
    /// Promote a Release; without one the newest, where it is a draft
    Promote(GoLive),
    /// Go back to a Release; without one to that which was live before
    Rollback(Promote),
    /// Start a one-off process of a Service: rack run web -- bin/migrate
    Run(Run),
    /// Delete an App, with its databases; its secret can be restored for 30 days
    Delete(Delete),
    /// Bring a deleted App back: its last Release, or another
    Restore(Promote),
    /// Print a script that completes `rack` in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// What a promote may take away.
#[derive(Args, Clone, Copy)]
pub struct Allowed {
    /// Resources may be replaced, with what they hold
    #[arg(long)]
    pub allow_replacement: bool,
    /// All that is applied may be removed
    #[arg(long)]
    pub allow_removal: bool,
    /// Everything is restarted, also what the Release changes nothing for
    #[arg(long)]
    pub restart: bool,
}

/// Which Release is planned.
#[derive(Args)]
pub struct Plan {
    /// The Release; without it the newest
    pub release: Option<String>,
    /// What it may take away.
    #[command(flatten)]
    pub allowed: Allowed,
}

/// Whether somebody waits, and how long.
#[derive(Args, Clone, Copy)]
pub struct Waiting {
    /// Wait for the end of what is asked for, of a Release until all tasks are of it; ending the wait changes nothing
    #[arg(long)]
    pub wait: bool,
    /// So long at most: 90s, 30m, 2h
    #[arg(long, default_value = "30m", value_name = "TIME", value_parser = duration)]
    pub timeout: Duration,
    /// Look again after that time
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = duration)]
    pub every: Duration,
}

/// How a new Release is made.
#[derive(Args)]
pub struct Making {
    /// The Release to start from; without it the one that is live
    #[arg(long, value_name = "RELEASE")]
    pub from: Option<String>,
    /// Make a draft, which `rack plan` can look at and `rack promote` makes live
    #[arg(long, conflicts_with = "wait")]
    pub no_promote: bool,
    /// The new Release's convox.yml
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// The new Release's build.json
    #[arg(long, value_name = "FILE")]
    pub build: Option<PathBuf>,
    /// A Service's image in the new Release
    #[arg(long, value_name = "SERVICE=IMAGE")]
    pub image: Vec<String>,
    /// The App is new
    #[arg(long)]
    pub create: bool,
    /// Whether somebody waits.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// Which Release is promoted.
#[derive(Args)]
pub struct Promote {
    /// The Release
    pub release: Option<String>,
    /// What it may take away.
    #[command(flatten)]
    pub allowed: Allowed,
    /// Whether somebody waits.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// Which Release goes live, a draft among others.
#[derive(Args)]
pub struct GoLive {
    /// A draft may undo what was asked for since it was made
    #[arg(long)]
    pub anyway: bool,
    /// Let deployments of the App go on that pause; no Release is promoted
    #[arg(long = "continue", conflicts_with_all = ["anyway", "release", "allow_replacement", "allow_removal", "restart", "wait"])]
    pub go_on: bool,
    /// Which Release, and how.
    #[command(flatten)]
    pub asked: Promote,
}

/// Which process is started.
#[derive(Args)]
pub struct Run {
    /// The Service
    pub service: String,
    /// The Release; without it the one that is live
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// What runs in place of the Service's own command; no secrets, since ECS keeps it
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// What is deleted.
#[derive(Args)]
pub struct Delete {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Whether somebody waits.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// Reads a time: a number of seconds, or one with `ms`, `s`, `m` or `h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number
        .parse()
        .map_err(|_| "a number, then s, m or h".to_owned())?;
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("the unit is s, m or h".to_owned()),
    };
    Ok(Duration::from_millis(number.saturating_mul(milliseconds)))
}

/// What is done with the environment.
#[derive(Subcommand)]
pub enum Env {
    /// Its variables, by name
    Get {
        /// Only this one
        key: Option<String>,
        /// The Release; without it the one that is live
        #[arg(long, value_name = "RELEASE")]
        release: Option<String>,
        /// With their values
        #[arg(long)]
        reveal: bool,
    },
    /// Set variables
    Set {
        /// The variables; other users of this machine can see them here, `rack env import -` hides them
        #[arg(value_name = "KEY=VALUE")]
        pairs: Vec<OsString>,
        /// How the Release is made.
        #[command(flatten)]
        making: Making,
    },
    /// Take variables away
    Unset {
        /// The variables
        #[arg(required = true)]
        keys: Vec<String>,
        /// How the Release is made.
        #[command(flatten)]
        making: Making,
    },
    /// Edit the variables in $VISUAL or $EDITOR; the file is in memory where the system allows
    Edit {
        /// How the Release is made.
        #[command(flatten)]
        making: Making,
    },
    /// Set the variables of a file
    Import {
        /// The file; `-` reads standard input
        file: PathBuf,
        /// Its form
        #[arg(long, value_enum, default_value_t = Form::Auto)]
        form: Form,
        /// Take all other variables away
        #[arg(long)]
        replace: bool,
        /// How the Release is made.
        #[command(flatten)]
        making: Making,
    },
    /// How two Releases differ: variables, images, convox.yml, by name
    Diff {
        /// The one
        from: String,
        /// The other; without it the one that is live
        to: Option<String>,
    },
}

/// What is printed in place of a command: help, a version, or what is wrong.
pub struct Said {
    text: String,
    exit: Exit,
    is_json: bool,
}

impl Said {
    /// Prints it where it belongs.
    #[must_use]
    pub fn print(&self) -> Exit {
        if self.exit == Exit::Done {
            print!("{}", self.text);
        } else {
            if self.is_json {
                println!("{:#}", json!({"error": self.text.trim_end()}));
            }
            eprint!("{}", self.text);
        }
        self.exit
    }

    /// What is printed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Reads the arguments of a process.
///
/// # Errors
///
/// [`Said`], where they are no command.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, Said> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    Cli::try_parse_from(&arguments).map_err(|err| {
        let exit = if err.use_stderr() {
            Exit::WrongUse
        } else {
            Exit::Done
        };
        let text = err.render().to_string();
        Said {
            text: hidden(&text, &arguments),
            exit,
            is_json: arguments.iter().any(|argument| argument == "--json"),
        }
    })
}

/// A complaint repeats what it is about, and that can be a value: what follows `set`, and what stands behind a `=`.
fn hidden(text: &str, arguments: &[OsString]) -> String {
    let behind_set = arguments
        .iter()
        .skip_while(|argument| *argument != OsStr::new("set"))
        .skip(1);
    let behind_set = behind_set.filter_map(|argument| argument.to_str());
    let texts = arguments.iter().filter_map(|argument| argument.to_str());
    let behind_equals = texts
        .filter_map(|argument| argument.split_once('='))
        .map(|(_, value)| value);
    let mut secret: Vec<&str> = behind_set
        .chain(behind_equals)
        .filter(|text| text.len() > 2)
        .collect();
    secret.sort_by_key(|text| std::cmp::Reverse(text.len()));
    let words = known_words();
    secret.retain(|text| !words.contains(&(*text).to_owned()));
    secret
        .iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
}

/// Options and commands, which are no secrets.
fn known_words() -> Vec<String> {
    fn add(command: &clap::Command, words: &mut Vec<String>) {
        words.push(command.get_name().to_owned());
        let options = command.get_arguments().filter_map(clap::Arg::get_long);
        words.extend(options.map(|option| format!("--{option}")));
        command
            .get_subcommands()
            .for_each(|command| add(command, words));
    }
    let mut words = vec!["--help".to_owned(), "--version".to_owned()];
    add(&Cli::command(), &mut words);
    words
}

/// The script that completes `rack` in a shell.
#[must_use]
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rack", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The manual page.
///
/// # Errors
///
/// When the page cannot be written into memory.
pub fn manual() -> std::io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(arguments: &[&str]) -> Said {
        let arguments = ["rack"].iter().chain(arguments).map(OsString::from);
        match read(arguments) {
            Ok(_) => panic!("it is a command"),
            Err(said) => said,
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        assert!(completions(Shell::Bash).contains("who-reads"));
        assert!(manual().unwrap().contains("who\\-reads"));
    }

    #[test]
    fn the_page_has_every_command_and_each_of_its_lines_is_one() {
        let page = include_str!("../../docs/rack.md");
        let lines: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("rack "))
            .collect();
        for line in &lines {
            let line = line
                .split(" #")
                .next()
                .unwrap()
                .split(" > ")
                .next()
                .unwrap();
            let words = line.split_whitespace().map(OsString::from);
            assert!(read(words).is_ok(), "{line}");
        }
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(page.contains(&format!("rack {name}")), "{name}");
            let page =
                |sub: &clap::Command| page.contains(&format!("rack {name} {}", sub.get_name()));
            assert!(command.get_subcommands().all(page), "{name}");
        }
    }

    #[test]
    fn times_have_a_unit() {
        let read = |text| duration(text).ok().map(|time| time.as_millis());
        let texts = ["90", "90s", "30m", "2h", "5ms", "", "m", "1d", "-1s"];
        let want = [
            Some(90_000),
            Some(90_000),
            Some(1_800_000),
            Some(7_200_000),
            Some(5),
            None,
            None,
            None,
            None,
        ];
        assert_eq!(texts.map(read), want);
    }

    #[test]
    fn wrong_use_is_told_without_values() {
        for arguments in [
            &["nonsense"][..],
            &["env", "get", "--canary-value"],
            &["status", "--limit=canary"],
            &["releases", "--limit=canary"],
            &["plan", "R1", "canary=canary"],
            &["env", "set", "A=canary", "--canary2"],
            &["env", "set", "A=1", "--wait=canary"],
            &["env", "set", "--timeout", "canary"],
        ] {
            let said = said(arguments);
            assert_eq!(said.exit, Exit::WrongUse, "{arguments:?}");
            let shown = said.text().replace("--canary-value", "");
            assert!(!shown.contains("canary"), "{arguments:?}: {shown}");
        }
        assert_eq!(said(&["--help"]).exit, Exit::Done);
    }
}
