//! What the tool cannot do, and why. Nothing here holds a value of an environment.

use std::error::Error;
use std::io;

use aws::call_error::CallError;
use environment::{EnvKeyError, EnvironmentError};
use names::NameError;

use crate::core::import::ImportError;
use crate::exit::Exit;

/// Why a command ended without what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RackError {
    /// A call to AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A name breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The caller has no credentials.
    #[error(
        "there are no credentials: sign in with `aws sso login{}` where the profile uses SSO, or choose others with --profile, AWS_PROFILE or AWS_ACCESS_KEY_ID", of_profile(.profile.as_deref())
    )]
    NoCredentials {
        /// The profile, where one was chosen.
        profile: Option<String>,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Nobody said which region.
    #[error("no region is known: use --region, AWS_REGION, or a profile that has one")]
    NoRegion,
    /// What was said is no region.
    #[error("`{0}` is no region")]
    NotARegion(String),
    /// Nobody said which Rack.
    #[error("which Rack? use --rack NAME, or set RACK")]
    WhichRack,
    /// Nobody said which App.
    #[error("which App? use --app NAME, or set RACK_APP")]
    WhichApp,
    /// There is no such Rack.
    #[error(
        "there is no Rack `{rack}` in {region}: no CloudFormation stack is called so, and none has that `RackName` among its outputs"
    )]
    NoRack {
        /// What was asked for.
        rack: String,
        /// Where.
        region: String,
    },
    /// What a command needs is not known of this Rack.
    #[error(
        "the Rack has no `{output}` among the outputs of its stack; where it has no stack, set {variable}"
    )]
    NoOutput {
        /// The output.
        output: &'static str,
        /// The variable that takes its place.
        variable: &'static str,
    },
    /// There is no such App.
    #[error("there is no App `{app}` in this Rack{}", meant(.nearest.as_deref()))]
    NoApp {
        /// What was asked for.
        app: String,
        /// One with a name that is close.
        nearest: Option<String>,
    },
    /// There is no such Release.
    #[error("there is no Release `{release}` of {app}: it has neither `env` nor `draft`")]
    NoRelease {
        /// The App.
        app: String,
        /// What was asked for.
        release: String,
    },
    /// Nothing of the App runs.
    #[error("no Release of {app} is live; name one")]
    NothingLive {
        /// The App.
        app: String,
    },
    /// Nothing of the App runs, so a change has nothing to start from.
    #[error(
        "no Release of {app} is live: name the one to start from with --from, or begin with nothing by --create{}", restored(*.is_deleted)
    )]
    NothingToChange {
        /// The App.
        app: String,
        /// Whether it was deleted.
        is_deleted: bool,
    },
    /// There is nothing that the command is for.
    #[error("{0}")]
    Nothing(String),
    /// There is no such variable.
    #[error("{release} of {app} has no variable `{key}`")]
    NoKey {
        /// The App.
        app: String,
        /// The Release.
        release: String,
        /// What was asked for.
        key: String,
    },
    /// What stands before a `=` is no key. It may be a value, so it is not shown.
    #[error("argument {argument} is no `KEY=VALUE`")]
    NoPair {
        /// Which one, from 1.
        argument: usize,
        /// The rule.
        source: Option<EnvKeyError>,
    },
    /// What stands in the place of a key is none. It may be a pair, so it is not shown.
    #[error("argument {argument} is no variable's name")]
    NoKeyName {
        /// Which one, from 1.
        argument: usize,
        /// The rule.
        source: EnvKeyError,
    },
    /// A key that no environment can set.
    #[error("`{0}` is reserved for S3 delivery, rename it")]
    Reserved(String),
    /// What is asked for is nothing.
    #[error("{0}")]
    Use(String),
    /// An environment object cannot be read.
    #[error("cannot read the environment {object}")]
    Environment {
        /// The object.
        object: String,
        /// Why.
        source: EnvironmentError,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file is no environment.
    #[error("{path} cannot be imported")]
    Import {
        /// The file.
        path: String,
        /// Why.
        source: ImportError,
    },
    /// A file that is to be JSON is none.
    #[error("{path} is no JSON object")]
    NoObject {
        /// The file.
        path: String,
    },
    /// The editor did not do its work.
    #[error("{what}; nothing is changed")]
    Editor {
        /// What it did.
        what: String,
        /// Why, where that is known.
        source: Option<io::Error>,
    },
    /// Somebody asked for something else meanwhile.
    #[error(
        "{what}; nothing is promoted. Look with `rack status`, then try again, or name the Release to start from with --from"
    )]
    Meanwhile {
        /// What.
        what: String,
    },
    /// A draft is older than what was asked for last.
    #[error(
        "{what} after the draft `{draft}` was made; going live with it would undo that. `rack plan {draft}` says what it would change now: make a new draft, or promote this one with --anyway"
    )]
    Outdated {
        /// The draft's Release.
        draft: String,
        /// What was asked for.
        what: String,
    },
    /// Eight names in a row are taken.
    #[error("no name for a new Release is free")]
    NoName,
    /// A function failed.
    #[error("the function {function} failed: {error_type}: {message}")]
    Function {
        /// Its name.
        function: String,
        /// What it calls that.
        error_type: String,
        /// Its words.
        message: String,
    },
    /// The machine gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
    /// A system call failed.
    #[error("{what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

fn of_profile(profile: Option<&str>) -> String {
    profile.map_or_else(String::new, |profile| format!(" --profile {profile}"))
}

fn restored(is_deleted: bool) -> &'static str {
    if is_deleted {
        "; `rack restore` brings back what was deleted"
    } else {
        ""
    }
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| {
        format!("; did you mean `{nearest}`?")
    })
}

impl RackError {
    /// With what the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Name(_)
            | Self::NoRegion
            | Self::NotARegion(_)
            | Self::WhichRack
            | Self::WhichApp
            | Self::NoRack { .. }
            | Self::NoOutput { .. }
            | Self::NoApp { .. }
            | Self::NoRelease { .. }
            | Self::NothingLive { .. }
            | Self::NothingToChange { .. }
            | Self::Nothing(_)
            | Self::NoKey { .. }
            | Self::NoPair { .. }
            | Self::NoKeyName { .. }
            | Self::Reserved(_)
            | Self::Use(_)
            | Self::File { .. }
            | Self::Import { .. }
            | Self::NoObject { .. } => Exit::WrongUse,
            Self::Call(_)
            | Self::NoCredentials { .. }
            | Self::Environment { .. }
            | Self::Editor { .. }
            | Self::Meanwhile { .. }
            | Self::Outdated { .. }
            | Self::NoName
            | Self::Function { .. }
            | Self::NoRandom
            | Self::Write { .. }
            | Self::System { .. } => Exit::Failed,
        }
    }
}
