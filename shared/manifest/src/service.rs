//! `services:` of convox.yml. Source: `convox/rack:pkg/manifest/service.go`, `yaml.go`, `manifest.go` (defaults).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::agent::{self, Agent};
use super::declaration::{self, Declaration};
use super::deliveries::{self, Deliveries};
use super::deployment::{self, Deployment};
use super::domain::{self, Domain};
use super::forms::{self, Build, Health, Port};
use super::gateway;
use super::listener::{self, Listener};
use super::misplaced;
use super::policy;
use super::reference;
use super::scale::{self, Scale};
use super::surroundings::Surroundings;
use super::tags;
use super::volume::{self, Volume};
use crate::capacity::Capacity;
use environment::{EnvKey, Environment};
use names::ServiceName;
use yaml::{Entry, Fields, Place, Reader};

/// The keys of a Service.
pub(super) const KEYS: [&str; 30] = [
    "agent",
    "build",
    "command",
    "deployment",
    "domain",
    "drain",
    "environment",
    "environmentFiles",
    "exec",
    "gateway",
    "health",
    "image",
    "init",
    "internal",
    "internalAndExternal",
    "links",
    "nlb",
    "policies",
    "port",
    "privileged",
    "release",
    "resources",
    "scale",
    "secrets",
    "singleton",
    "sticky",
    "tags",
    "termination",
    "test",
    "volumes",
];
/// Read, but nothing here uses them.
const WITHOUT_EFFECT: [&str; 1] = ["test"];
/// What load balancers of the Rack do; where it has none, nothing uses them.
const OF_ENTRANCE: [&str; 6] = [
    "domain",
    "drain",
    "health",
    "internal",
    "internalAndExternal",
    "sticky",
];
/// What of these load balancers of `nlb` do too.
const OF_NLB: [&str; 2] = ["drain", "health"];
/// Seconds, for `drain` and `termination.grace`.
const SECONDS: u32 = 30;

/// A Service: what its containers run and what they are told.
#[derive(Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent keys of convox.yml"
)]
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
    /// `release`: what runs once before anything of a Release moves; empty = nothing. A text became `sh -c <text>`.
    pub release: Vec<String>,
    /// The port it listens on.
    pub port: Option<Port>,
    /// How many containers, and how large.
    pub scale: Scale,
    /// What its tasks run on, where `params` say so; `None` = what the Rack says.
    pub capacity: Option<Capacity>,
    /// What a load balancer asks.
    pub health: Health,
    /// Whether an init process reaps zombies.
    pub init: bool,
    /// Whether the container has the host's powers.
    pub privileged: bool,
    /// The Services whose URL it is given.
    pub links: Vec<String>,
    /// `agent`: one container on every instance; `None` = as many as `scale` says.
    pub agent: Option<Agent>,
    /// `exec`: whether people get into its containers by ECS Exec.
    pub exec: bool,
    /// `deployment`, with Convox's defaults for an agent or singleton put in.
    pub deployment: Deployment,
    /// `domain`, the primary one first.
    pub domains: Vec<Domain>,
    /// `drain`: seconds a load balancer lets connections end in; 30, and 0 counts as unset, as in Convox.
    pub drain: u32,
    /// `internal`: no load balancer on the internet; also where `internalAndExternal` says so.
    pub internal: bool,
    /// `internalAndExternal`: a load balancer on either side.
    pub internal_and_external: bool,
    /// `gateway`: an ECS Gateway reaches it, and no load balancer of the Rack; it has a `port` then, and speaks HTTP there.
    pub gateway: bool,
    /// `nlb`: listeners of a Network Load Balancer, in file order.
    pub nlb: Vec<Listener>,
    /// `policies`: ARNs of IAM policies for a task role of its own.
    pub policies: Vec<String>,
    /// `resources`: names of the manifest's resources that it is given; one that is not there is a warning.
    pub resources: Vec<String>,
    /// `singleton`: never two at a time; all it does is change the defaults of `deployment`.
    pub singleton: bool,
    /// `sticky`: a load balancer sends a client to the same container again; true where nothing is said.
    pub sticky: bool,
    /// `tags`, each value as [`Resource::tags`](super::Resource::tags) has it.
    pub tags: BTreeMap<String, String>,
    /// `termination.grace`: seconds between SIGTERM and SIGKILL, ECS's `stopTimeout`; 30, and 0 counts as unset.
    pub termination_grace: u32,
    /// `test`: the command of `convox test`.
    pub test: Option<String>,
    /// `volumes`, in file order.
    pub volumes: Vec<Volume>,
    /// What ECS itself hands to it beside the App's environment.
    pub deliveries: Deliveries,
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

    /// Whether it declares `key=value`.
    #[must_use]
    pub fn has_default(&self, key: &str) -> bool {
        self.environment
            .iter()
            .any(|declaration| match declaration {
                Declaration::Default { name, .. } => name == key,
                _ => false,
            })
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

    /// The keys of the environment that it is given, each at least once, in no order.
    pub fn declared_of<'e>(
        &self,
        environment: &'e Environment,
    ) -> impl Iterator<Item = &'e EnvKey> {
        let all = self.takes_all().then(|| environment.keys());
        let declarations = self.environment.iter();
        let named = declarations.filter_map(|declaration| environment.key(declaration.name()));
        let named = all.is_none().then_some(named);
        all.into_iter().flatten().chain(named.into_iter().flatten())
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

/// Reads one Service. `None` only with a problem noted.
pub(super) fn read(
    reader: &mut Reader<'_>,
    place: &Place<'_>,
    entry: &Entry,
    surroundings: &Surroundings,
) -> Option<Service> {
    if misplaced::is_no_service(reader, place, entry, &KEYS) {
        return None;
    }
    let fields = reader.fields(place, &KEYS);
    misplaced::refuse_timers(reader, place);
    let gateway = reader.flag(fields.get("gateway"));
    reader.all_without_effect(&fields, &unused(&fields, surroundings, gateway));
    let name = name(reader, place, entry);
    let image = fields.get("image").and_then(|place| reader.text(&place));
    let build = forms::build(reader, fields.get("build"));
    let own = declaration::read(reader, fields.get("environment"));
    let declarations = surroundings.shared.followed_by(own);
    let agent = agent::read(reader, fields.get("agent"));
    let singleton = reader.flag(fields.get("singleton"));
    let alone = match (&agent, singleton) {
        (Some(_), _) => Some("an agent"),
        (None, true) => Some("a singleton"),
        (None, false) => None,
    };
    let nlb = listener::read(reader, fields.get("nlb"));
    let of_agent = fields.get("agent").filter(|_| agent.is_some());
    listener::refuse_agent(reader, of_agent.as_ref(), &nlb);
    let internal_and_external = reader.flag(fields.get("internalAndExternal"));
    let resources = texts(reader, fields.get("resources"));
    reference::resources(
        reader,
        fields.get("resources").as_ref(),
        &surroundings.resources,
    );
    reference::links(reader, fields.get("links").as_ref(), &surroundings.services);
    let volumes = volume::read(reader, fields.get("volumes"), &resources, surroundings);
    let port = fields.get("port");
    let service = Service {
        line: entry.line,
        build: build.or_else(|| image.is_none().then(Build::default)),
        image,
        environment: declarations.list,
        command: forms::command(reader, fields.get("command")),
        release: release_command(reader, fields.get("release"), agent.is_some()),
        port: port.and_then(|place| forms::port(reader, &place)),
        scale: scale::read(reader, fields.get("scale")),
        capacity: None,
        health: forms::health(reader, fields.get("health")),
        init: reader.flag(fields.get("init")),
        exec: reader.flag(fields.get("exec")),
        privileged: reader.flag(fields.get("privileged")),
        links: texts(reader, fields.get("links")),
        deployment: deployment::read(reader, fields.get("deployment"), alone),
        domains: domain::read(reader, fields.get("domain")),
        drain: seconds(reader, fields.get("drain")),
        internal: reader.flag(fields.get("internal")) || internal_and_external,
        policies: policy::read(reader, fields.get("policies")),
        sticky: reader.optional_flag(fields.get("sticky")).unwrap_or(true),
        tags: tags::read(reader, fields.get("tags")),
        termination_grace: termination_grace(reader, fields.get("termination")),
        test: fields.get("test").and_then(|place| reader.text(&place)),
        agent,
        internal_and_external,
        gateway,
        nlb,
        resources,
        singleton,
        volumes,
        deliveries: deliveries::read(
            reader,
            fields.get("environmentFiles"),
            fields.get("secrets"),
        ),
        shown_names: declarations.shown,
        name: name?,
    };
    if service.gateway {
        gateway::refuse(reader, &fields, &service);
    }
    Some(service)
}

/// The keys that nothing uses of a Service with these.
fn unused(fields: &Fields<'_>, surroundings: &Surroundings, gateway: bool) -> Vec<&'static str> {
    let has_nlb = fields.get("nlb").is_some();
    let is_used = |key: &&str| {
        if gateway {
            return gateway::KEYS.contains(key);
        }
        surroundings.has_entrance || has_nlb && OF_NLB.contains(key)
    };
    let of_entrance = OF_ENTRANCE.iter().filter(|key| !is_used(key));
    let mut unused: Vec<&str> = of_entrance.chain(&WITHOUT_EFFECT).copied().collect();
    unused.sort_unstable();
    unused
}

/// An agent's ports are taken on every instance, so that no other task of it starts there.
fn release_command(
    reader: &mut Reader<'_>,
    place: Option<Place<'_>>,
    is_agent: bool,
) -> Vec<String> {
    let refused = place.as_ref().filter(|_| is_agent);
    if let Some(place) = refused {
        let message = "is that of an agent, whose ports are taken on every instance";
        reader.problem_with_help(place, message, "give it to another Service");
    }
    forms::command(reader, place)
}

fn texts(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> Vec<String> {
    place.map(|place| reader.texts(&place)).unwrap_or_default()
}

fn seconds(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> u32 {
    let seconds = reader.number(place, "a number of seconds");
    seconds.filter(|seconds| *seconds > 0).unwrap_or(SECONDS)
}

fn termination_grace(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> u32 {
    let Some(place) = place else {
        return SECONDS;
    };
    let fields = reader.fields(&place, &["grace"]);
    seconds(reader, fields.get("grace"))
}

fn name(reader: &mut Reader<'_>, place: &Place<'_>, entry: &Entry) -> Option<ServiceName> {
    if let Ok(name) = ServiceName::new(&entry.key.text) {
        return Some(name);
    }
    // With `${NAME}` in place it is no valid name either, so this error says the same without the value.
    if let Err(error) = ServiceName::new(entry.key.source()) {
        reader.problem_at(
            (entry.line, entry.column),
            &place.path,
            format!("cannot be used: {error}"),
        );
    }
    None
}
