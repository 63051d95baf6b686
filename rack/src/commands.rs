//! The commands, and what they share.

mod apps;
mod delete;
mod env;
mod follow;
mod make;
mod page;
mod pauses;
mod plan;
mod promote;
mod releases;
mod run;
mod status;
mod who_reads;
mod why;

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use aws::clients::SdkConfig;
use chrono::{TimeDelta, Utc};
use names::error_chain::Chain;
use names::error_type::ErrorType;
use names::{AppId, AppName, RackName, ReleaseId, keys};
use promotion::{Promotion, WorkKind};
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::cli::{self, Cli, Command, Common};
use crate::core::report::SeenReport;
use crate::edge::ecs::Ecs;
use crate::edge::environments::Environments;
use crate::edge::functions::Functions;
use crate::edge::objects::Objects;
use crate::edge::rack::{self, Rack};
use crate::edge::sdk;
use crate::error::RackError;
use crate::exit::Exit;

/// What a command answers: to people and to programs.
pub struct Answer {
    text: String,
    json: Value,
    exit: Exit,
}

impl Answer {
    /// The same in both forms.
    fn of(value: &impl Serialize, text: String) -> Self {
        let json = serde_json::to_value(value).unwrap_or_default(); // structs of named fields
        Self {
            text,
            json,
            exit: Exit::Done,
        }
    }

    /// Ends the program with that.
    fn ends(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }
}

/// What a variable of the process says.
pub type Lookup = fn(&str) -> Option<String>;

/// A Rack with the caller's rights.
struct Shell {
    sdk: SdkConfig,
    rack: Rack,
    objects: Objects,
    functions: Functions,
    ecs: Ecs,
    app: Option<String>,
    lookup: Lookup,
}

/// Does what is asked for, prints the answer, and says with what to end.
pub async fn run(asked: Cli, lookup: Lookup) -> Exit {
    let Cli { common, command } = asked;
    let json = common.json;
    let answer = match without_a_rack(&command) {
        Some(text) => text.map(|text| Answer {
            json: json!({"text": text}),
            text,
            exit: Exit::Done,
        }),
        None => Box::pin(answered(&common, command, lookup)).await,
    };
    match answer {
        Ok(answer) => {
            let printed = print(&if json {
                pretty(&answer.json)
            } else {
                answer.text
            });
            match printed {
                Ok(()) => answer.exit,
                Err(source) => {
                    let what = "what was asked for is done, and its answer cannot be written";
                    let err = RackError::System { what, source };
                    eprintln!("rack: {}", Chain(&err));
                    err.exit()
                }
            }
        }
        Err(err) => {
            let message = Chain(&err).to_string();
            if json {
                let _ = print(&pretty(&json!({"error": message}))); // standard error has it too
            }
            eprintln!("rack: {message}");
            err.exit()
        }
    }
}

fn without_a_rack(command: &Command) -> Option<Result<String, RackError>> {
    match command {
        Command::Completions { shell } => Some(Ok(cli::completions(*shell))),
        Command::Man => Some(cli::manual().map_err(|source| {
            let what = "write the manual page";
            RackError::System { what, source }
        })),
        _ => None,
    }
}

async fn answered(common: &Common, command: Command, lookup: Lookup) -> Result<Answer, RackError> {
    let sdk = sdk::load(common.profile.as_deref(), common.region.as_deref()).await;
    let answer = match Shell::open(&sdk, common, lookup).await {
        Ok(shell) => Box::pin(done(&shell, command, common.json)).await,
        Err(err) => Err(err),
    };
    match answer {
        Err(RackError::Call(err)) if err.code() == ErrorType::Unreachable.as_str() => {
            Err(match sdk::without_credentials(&sdk).await {
                Some(source) => RackError::NoCredentials {
                    profile: common.profile.clone().or_else(|| lookup("AWS_PROFILE")),
                    source,
                },
                None => err.into(),
            })
        }
        answer => answer,
    }
}

async fn done(shell: &Shell, command: Command, json: bool) -> Result<Answer, RackError> {
    match command {
        Command::Apps => apps::apps(shell).await,
        Command::Status => status::status(shell).await,
        Command::Why => why::why(shell).await,
        Command::Releases { limit } => releases::releases(shell, limit).await,
        Command::Page { output } => Box::pin(page::page(shell, output, json)).await,
        Command::WhoReads { key } => who_reads::who_reads(shell, &key).await,
        Command::Plan(plan) => plan::plan(shell, plan).await,
        Command::Env(what) => Box::pin(env::env(shell, what)).await,
        Command::Promote(asked) => Box::pin(promote::promote(shell, asked)).await,
        Command::Rollback(asked) => Box::pin(promote::rollback(shell, asked)).await,
        Command::Run(asked) => run::run(shell, &asked).await,
        Command::Delete(asked) => delete::delete(shell, &asked).await,
        Command::Restore(asked) => Box::pin(promote::restore(shell, asked)).await,
        Command::Completions { .. } | Command::Man => {
            Err(RackError::Use("it needs no Rack".to_owned()))
        }
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Whoever reads it may be gone, as in `rack releases | head`. A disk that is full is another thing: what was asked for is lost.
fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(err) if err.kind() != ErrorKind::BrokenPipe => Err(err),
        _ => Ok(()),
    }
}

impl Shell {
    async fn open(sdk: &SdkConfig, common: &Common, lookup: Lookup) -> Result<Self, RackError> {
        let name = common.rack.as_deref().ok_or(RackError::WhichRack)?;
        let name = RackName::new(name)?;
        let region = sdk.region().map_or("", AsRef::as_ref);
        if region.is_empty() {
            return Err(RackError::NoRegion);
        }
        // It becomes a part of host names.
        let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !region.chars().all(is_fit) {
            return Err(RackError::NotARegion(region.to_owned()));
        }
        let rack = rack::find(sdk, &name, lookup).await?;
        Ok(Self {
            objects: Objects::new(sdk, &rack.bucket),
            functions: Functions::new(sdk),
            ecs: Ecs::new(sdk),
            app: common.app.clone(),
            lookup,
            rack,
            sdk: sdk.clone(),
        })
    }

    /// The App that is asked about.
    fn app(&self) -> Result<AppName, RackError> {
        let app = self.app.as_deref().ok_or(RackError::WhichApp)?;
        Ok(AppName::new(app)?)
    }

    /// The same with its state; an error where there is nothing of it.
    async fn known(&self) -> Result<(AppName, Promotion), RackError> {
        let app = self.app()?;
        let state = self.objects.state(&app).await?;
        if state.desired.is_none() && state.applied.is_none() && !self.objects.has_app(&app).await?
        {
            return Err(self.unknown(&app).await?);
        }
        Ok((app, state))
    }

    /// An App of this Rack.
    fn id(&self, app: &AppName) -> AppId {
        AppId {
            rack: self.rack.name.clone(),
            app: app.clone(),
        }
    }

    /// The report of a Release, where there is one.
    async fn report(
        &self,
        app: &AppName,
        release: Option<&ReleaseId>,
    ) -> Result<Option<SeenReport>, RackError> {
        match release {
            Some(release) => Ok(self.objects.report(&keys::report(app, release)).await?),
            None => Ok(None),
        }
    }

    /// What is said of an App that is not there.
    async fn unknown(&self, app: &AppName) -> Result<RackError, RackError> {
        let apps = self.objects.apps().await?;
        let distance = |other: &AppName| strsim::damerau_levenshtein(app.as_str(), other.as_str());
        let nearest = apps
            .iter()
            .min_by_key(|other| distance(other))
            .filter(|other| distance(other) <= 2);
        Ok(RackError::NoApp {
            app: app.to_string(),
            nearest: nearest.map(ToString::to_string),
        })
    }

    fn environments(&self) -> Environments<'_> {
        Environments::new(&self.sdk, &self.rack, &self.objects)
    }
}

/// Whether nothing of the App runs since it was deleted.
fn is_deleted(state: &Promotion) -> bool {
    state.applied.is_none() && is_to_go(state)
}

/// Whether its deletion is what was asked for last, however far that has come.
fn is_to_go(state: &Promotion) -> bool {
    let last = state.desired.as_ref().map(|desired| desired.work.kind());
    last == Some(WorkKind::Delete)
}

/// What an error says, its causes too.
fn said(err: &(dyn std::error::Error + 'static)) -> String {
    Chain(err).to_string()
}

/// Waits until what is asked for now is later than the newest request: requests are ordered by whole seconds, and one of the
/// same second could count as the earlier one.
async fn next_second(state: &Promotion) {
    let Some(desired) = &state.desired else {
        return;
    };
    let left = desired.order.requested_at + TimeDelta::seconds(1) - Utc::now();
    let left = left.to_std().unwrap_or_default(); // over already
    tokio::time::sleep(left.min(Duration::from_secs(2))).await;
}

/// The bytes of a file, or of standard input for `-`.
fn file(path: &Path) -> Result<Zeroizing<Vec<u8>>, RackError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    let path = path.display().to_string();
    read.map_err(|source| RackError::File { path, source })?;
    Ok(bytes)
}

/// The Release that was named, or the live one.
fn named_or_live(
    app: &AppName,
    named: Option<&str>,
    state: &Promotion,
) -> Result<ReleaseId, RackError> {
    if let Some(named) = named {
        return Ok(ReleaseId::new(named)?);
    }
    let applied = state
        .applied
        .as_ref()
        .map(|applied| applied.release.clone());
    applied.ok_or_else(|| RackError::NothingLive {
        app: app.to_string(),
    })
}
