//! `services:` of convox.yml. Source: `convox/rack:pkg/manifest/service.go`, `yaml.go`, `manifest.go` (defaults).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::declaration::{self, Declaration, Declarations};
use super::deliveries::{self, Deliveries};
use super::forms::{self, Build, Health, Port};
use super::node::{Entry, Node};
use super::reader::{Place, Reader};
use super::scale::{self, Scale};
use crate::names::ServiceName;

const TYPED: [&str; 10] = [
    "build",
    "command",
    "environment",
    "health",
    "image",
    "init",
    "links",
    "port",
    "privileged",
    "scale",
];
/// Read and kept, but nothing uses them.
const KEPT: [&str; 15] = [
    "agent",
    "deployment",
    "domain",
    "drain",
    "internal",
    "internalAndExternal",
    "nlb",
    "policies",
    "resources",
    "singleton",
    "sticky",
    "tags",
    "termination",
    "test",
    "volumes",
];

/// A Service: what its containers run and what they are told.
#[derive(Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// The line of its name.
    pub line: usize,
    /// The image it runs, where it is not built.
    pub image: Option<String>,
    /// How its image is built; `None` only where `image` stands instead.
    pub build: Option<Build>,
    /// What it declares: the manifest's declarations first, then its own.
    pub environment: Vec<Declaration>,
    /// What runs instead of the image's own command; empty = that. A text became `sh -c <text>`.
    pub command: Vec<String>,
    /// The port it listens on.
    pub port: Option<Port>,
    /// How many containers, and how large.
    pub scale: Scale,
    /// What a load balancer asks.
    pub health: Health,
    /// Whether an init process reaps zombies.
    pub init: bool,
    /// Whether the container has the host's powers.
    pub privileged: bool,
    /// The Services whose URL it is given.
    pub links: Vec<String>,
    /// What ECS itself hands to it beside the App's environment.
    pub deliveries: Deliveries,
    /// Convox's other keys, untyped.
    pub other: BTreeMap<String, Node>,
    /// What a message calls a declared name that was interpolated.
    shown_names: BTreeMap<String, String>,
}

impl fmt::Debug for Service {
    /// Its name only: convox.yml can interpolate secrets into all the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// The names it declares, sorted, each once, `*` included.
    #[must_use]
    pub fn env_keys(&self) -> Vec<String> {
        let names: BTreeSet<&str> = self.environment.iter().map(Declaration::name).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// The values of its `KEY=value` declarations; of equal keys the last counts.
    #[must_use]
    pub fn env_defaults(&self) -> BTreeMap<String, String> {
        let defaults = self
            .environment
            .iter()
            .filter_map(|declaration| match declaration {
                Declaration::Default { name, value } => Some((name.clone(), value.clone())),
                _ => None,
            });
        defaults.collect()
    }

    /// The largest value of its `KEY=value` declarations: what a message may call it, and its bytes.
    #[must_use]
    pub fn largest_default(&self) -> Option<(String, usize)> {
        let defaults = self.env_defaults().into_iter();
        let largest = defaults.max_by_key(|(name, value)| name.len() + value.len())?;
        let (name, size) = (largest.0, largest.1.len());
        Some((self.shown_names.get(&name).cloned().unwrap_or(name), size))
    }

    /// Whether it declares `*`.
    #[must_use]
    pub fn takes_all(&self) -> bool {
        self.environment.contains(&Declaration::All)
    }

    /// Whether it is given `key` where the environment has it.
    #[must_use]
    pub fn declares(&self, key: &str) -> bool {
        let is_it = |declaration: &Declaration| match declaration {
            Declaration::All => true,
            Declaration::Required(name) | Declaration::Default { name, .. } => name == key,
        };
        self.environment.iter().any(is_it)
    }

    /// The required names that neither `has` nor a secret of its own knows, as they may be shown, sorted.
    pub(super) fn missing(&self, has: impl Fn(&str) -> bool) -> BTreeSet<&str> {
        let required = self
            .environment
            .iter()
            .filter_map(|declaration| match declaration {
                Declaration::Required(name) => Some(name),
                _ => None,
            });
        let own = &self.deliveries.secrets;
        let missing = required.filter(|name| !has(name) && !own.contains_key(name.as_str()));
        missing
            .map(|name| self.shown_names.get(name).unwrap_or(name).as_str())
            .collect()
    }
}

/// Reads one Service; `shared` is the manifest's own `environment:`. `None` only with a problem noted.
pub(super) fn read(
    reader: &mut Reader<'_>,
    place: &Place<'_>,
    entry: &Entry,
    shared: &Declarations,
) -> Option<Service> {
    let known = TYPED.iter().chain(&KEPT).chain(&deliveries::KEYS);
    let known: Vec<&str> = known.copied().collect();
    let fields = reader.fields(place, &known);
    let name = name(reader, place, entry);
    let image = fields.get("image").and_then(|place| reader.text(&place));
    let build = forms::build(reader, fields.get("build"));
    let declarations = shared.followed_by(declaration::read(reader, fields.get("environment")));
    let other = reader.kept(&fields, &KEPT);
    let service = Service {
        line: entry.line,
        build: build.or_else(|| image.is_none().then(Build::default)),
        image,
        environment: declarations.list,
        command: forms::command(reader, fields.get("command")),
        port: fields
            .get("port")
            .and_then(|place| forms::port(reader, &place)),
        scale: scale::read(reader, fields.get("scale")),
        health: forms::health(reader, fields.get("health")),
        init: reader.flag(fields.get("init")),
        privileged: reader.flag(fields.get("privileged")),
        links: fields
            .get("links")
            .map(|place| reader.texts(&place))
            .unwrap_or_default(),
        deliveries: deliveries::read(
            reader,
            fields.get("environmentFiles"),
            fields.get("secrets"),
        ),
        other,
        shown_names: declarations.shown,
        name: name?,
    };
    Some(service)
}

fn name(reader: &mut Reader<'_>, place: &Place<'_>, entry: &Entry) -> Option<ServiceName> {
    if let Ok(name) = ServiceName::new(&entry.key.text) {
        return Some(name);
    }
    // With `${NAME}` in place it is no valid name either, so this error says the same without the value.
    if let Err(error) = ServiceName::new(entry.key.source()) {
        reader.problem_at(
            entry.line,
            entry.column,
            &place.path,
            format!("cannot be used: {error}"),
        );
    }
    None
}
