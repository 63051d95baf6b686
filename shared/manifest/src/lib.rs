//! convox.yml and the environment it interpolates -> [`Manifest`]. What Convox loads is loaded here, with the same
//! meaning or a stated better one; what it leaves out without a word is a warning.
//!
//! No error or warning repeats an interpolated value: it shows `${NAME}`. Nor does `Debug`.

pub mod app_settings;
pub mod capacity;
pub mod precedence;
pub mod resources;
pub mod schedule;

mod agent;
mod autoscaling;
mod certificate;
mod cidr;
mod declaration;
mod deliveries;
mod deployment;
mod domain;
mod error;
mod formation;
mod forms;
mod gateway;
mod listener;
mod misplaced;
mod near_miss;
pub mod param_names;
mod policy;
mod reference;
mod resource;
mod scale;
mod secrets_manager_env;
mod service;
mod surroundings;
mod tags;
mod time_zone;
mod timer;
mod top_level;
mod volume;

#[cfg(test)]
mod documented;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use agent::{Agent, AgentPort, Protocol};
pub use autoscaling::{Cooldown, Metric, Targets};
pub use declaration::Declaration;
pub use deliveries::{Deliveries, OwnFile, OwnSecret};
pub use deployment::{
    Breaker, Course, Deployment, DeploymentChange, Pause, Stage, Strategy, Threshold,
};
pub use domain::Domain;
pub use error::ManifestError;
pub use forms::{Build, Health, Port};
pub use listener::{Listener, ListenerProtocol, Scheme};
pub use near_miss::NearMiss;
pub use policy::is_policy_arn;
pub use resource::Resource;
pub use scale::{Count, Scale};
pub use service::Service;
pub use timer::Timer;
pub use volume::{Volume, VolumeSource};

use environment::Environment;
pub(crate) use formation::upper_name;
pub(crate) use tags::{allowed as allowed_tags, fits as tag_fits};
use yaml::{ParseError, Place, Problem, Reader, TokenError, Unread, add_excerpts};

/// Convox keeps a manifest in a `DynamoDB` item, and those end here (`DynamoDB` developer guide, "Service quotas").
const SIZE_MAX: usize = 400 * 1024;
/// What a convox.yml says.
#[derive(Clone, PartialEq, Eq)]
pub struct Manifest {
    /// In file order.
    pub services: Vec<Service>,
    /// In file order.
    pub timers: Vec<Timer>,
    /// The App's settings of this Release.
    pub params: BTreeMap<String, Param>,
    /// In file order.
    pub resources: Vec<Resource>,
    /// Top-level keys that were probably meant to be others, in file order.
    pub near_misses: Vec<NearMiss>,
    /// What nobody reads although it may name what runs.
    pub unread: Vec<Unread>,
    /// What the author should know, each with file and line.
    pub warnings: Vec<String>,
    /// The set variables that `${}` put into something.
    pub interpolated: BTreeSet<String>,
    /// What it was read from, for what is found wrong with it later.
    source: Source,
}

#[derive(Clone, PartialEq, Eq, Default)]
struct Source {
    file: String,
    text: String,
}

/// One entry of `params:`.
#[derive(Clone, PartialEq, Eq)]
pub struct Param {
    /// Its text as written: `Yes` stays `Yes`.
    pub value: String,
    /// What a message may show of it: `${NAME}` in place.
    pub shown: String,
    /// The line of the value.
    pub line: usize,
    /// The column of the value.
    pub column: usize,
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("services", &self.services)
            .field("timers", &self.timers)
            .field("params", &self.params)
            .field("warnings", &self.warnings)
            .field("interpolated", &self.interpolated)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} (line {})", self.shown, self.line)
    }
}

impl Manifest {
    /// The required variables that `environment` lacks: all names of all Services, sorted. Empty = none is missing.
    ///
    /// A name that convox.yml interpolates is shown with `${NAME}`.
    #[must_use]
    pub fn missing_variables(&self, environment: &Environment) -> BTreeMap<String, Vec<String>> {
        let mut missing = BTreeMap::new();
        for service in &self.services {
            let names = service.missing(|name| environment.contains_key(name));
            if !names.is_empty() {
                let names = names.into_iter().map(str::to_owned).collect();
                missing.insert(service.name.to_string(), names);
            }
        }
        missing
    }

    /// The object key it was read from.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.source.file
    }

    /// Problems that are found after loading, shown as those of [`load`] are.
    #[must_use]
    pub fn invalid(&self, mut problems: Vec<Problem>) -> ManifestError {
        let Source { file, text } = &self.source;
        let document = yaml::parse(text, &Environment::default());
        if let Some(root) = document.ok().and_then(|document| document.root) {
            let top = Place::top(&root);
            for problem in &mut problems {
                problem.find(&top);
            }
        }
        invalid(file, text, problems, self.warnings.clone())
    }

    /// The Service called `name`.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services
            .iter()
            .find(|service| service.name.as_str() == name)
    }
}

/// What of its Rack decides which keys have an effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OfRack {
    /// Whether it has a load balancer.
    pub has_entrance: bool,
}

/// Reads a convox.yml as a Rack without more than it needs does; `file` is its object key, for messages.
///
/// # Errors
///
/// As [`load_in`].
pub fn load(file: &str, text: &[u8], environment: &Environment) -> Result<Manifest, ManifestError> {
    load_in(OfRack::default(), file, text, environment)
}

/// Reads a convox.yml in such a Rack; `file` is its object key, for messages.
///
/// # Errors
///
/// [`ManifestError`] when it is no YAML or says something that cannot run, with all that is wrong at once.
pub fn load_in(
    rack: OfRack,
    file: &str,
    text: &[u8],
    environment: &Environment,
) -> Result<Manifest, ManifestError> {
    let source = decode(file, text)?;
    let document =
        yaml::parse(source, environment).map_err(|error| unparsed(file, source, &error))?;
    let mut reader = Reader::new(file);
    for (path, repeated) in &document.repeated {
        reader.warn(
            repeated.line,
            &format!("`{path}` {}", repeated.kind.words()),
        );
    }
    for (line, message) in &document.never_set {
        reader.warn(*line, message);
    }
    if let Some((line, _)) = document.more_at {
        reader.warn(line, "only the first document of the file is read");
    }
    let mut manifest = match &document.root {
        Some(root) => top_level::read(&mut reader, &Place::top(root), rack),
        None => Manifest::empty(),
    };
    if !reader.problems.is_empty() {
        let problems = std::mem::take(&mut reader.problems);
        return Err(invalid(file, source, problems, reader.into_warnings()));
    }
    manifest.unread = Unread::of(&document, &near_miss::KEEPING);
    manifest.unread.append(&mut reader.unread);
    manifest.warnings = reader.into_warnings();
    manifest.interpolated = document.interpolated;
    manifest.source = Source {
        file: file.to_owned(),
        text: source.to_owned(),
    };
    Ok(manifest)
}

/// In file order, each with the piece of the file that it is about.
fn invalid(
    file: &str,
    source: &str,
    mut problems: Vec<Problem>,
    warnings: Vec<String>,
) -> ManifestError {
    problems.sort_by_key(|problem| (problem.line, problem.column));
    add_excerpts(source, &mut problems);
    ManifestError::Invalid {
        file: file.to_owned(),
        problems,
        warnings,
    }
}

/// The text of the file, without a byte order mark.
fn decode<'t>(file: &str, text: &'t [u8]) -> Result<&'t str, ManifestError> {
    if text.len() > SIZE_MAX {
        return Err(ManifestError::TooLarge {
            file: file.to_owned(),
            size: text.len(),
            max: SIZE_MAX,
        });
    }
    let text = text.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(text);
    std::str::from_utf8(text).map_err(|error| {
        let good = text.iter().take(error.valid_up_to());
        let line = good.filter(|byte| **byte == b'\n').count() + 1;
        ManifestError::NotUtf8 {
            file: file.to_owned(),
            line,
        }
    })
}

fn unparsed(file: &str, source: &str, error: &ParseError) -> ManifestError {
    let file = file.to_owned();
    match error {
        ParseError::Syntax(error) => ManifestError::Syntax {
            file,
            problem: Box::new(error.problem(source)),
        },
        ParseError::Token(TokenError::Reserved {
            character,
            line,
            column,
        }) => ManifestError::PrivateUse {
            file,
            line: *line,
            column: *column,
            character: u32::from(*character),
        },
        ParseError::Token(TokenError::TooManyNames { max }) => {
            ManifestError::TooManyVariables { file, max: *max }
        }
    }
}

impl Manifest {
    fn empty() -> Self {
        Self {
            services: Vec::new(),
            timers: Vec::new(),
            params: BTreeMap::new(),
            resources: Vec::new(),
            near_misses: Vec::new(),
            unread: Vec::new(),
            warnings: Vec::new(),
            interpolated: BTreeSet::new(),
            source: Source::default(),
        }
    }
}
