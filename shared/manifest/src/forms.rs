//! `build`, `command`, `port` and `health` of a Service, each of which has several forms. Source: `convox/rack:pkg/manifest/yaml.go`.

use yaml::{NodeKind, Place, Reader, Scalar, Type, integer};

/// How an image is built. Its arguments can hold an interpolated secret, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Build {
    /// The folder.
    pub path: String,
    /// The Dockerfile in it.
    pub manifest: String,
    /// Build arguments.
    pub args: Vec<String>,
}

impl Default for Build {
    fn default() -> Self {
        Self {
            path: ".".to_owned(),
            manifest: "Dockerfile".to_owned(),
            args: Vec::new(),
        }
    }
}

/// The port a Service listens on.
#[derive(Clone, PartialEq, Eq)]
pub struct Port {
    /// The number, 1 or more.
    pub port: u16,
    /// What is spoken there: `http` unless it says otherwise.
    pub scheme: String,
}

/// What a load balancer asks a Service. Times are in seconds.
#[derive(Clone, PartialEq, Eq)]
pub struct Health {
    /// The path it asks for.
    pub path: String,
    /// How often.
    pub interval: u32,
    /// How long after a start it does not count.
    pub grace: u32,
    /// How long an answer may take.
    pub timeout: u32,
}

const PORT: &str = "a number from 1 to 65535, `scheme:number`, or a mapping of `port` and `scheme`";

pub(super) fn build(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> Option<Build> {
    let place = place?;
    let mut build = Build::default();
    if place.scalar().is_some() {
        build.path = reader.text(&place)?;
        return Some(build);
    }
    let fields = reader.fields(&place, &["args", "manifest", "path"]);
    if let Some(path) = fields.get("path").and_then(|place| reader.text(&place)) {
        build.path = path;
    }
    if let Some(manifest) = fields.get("manifest").and_then(|place| reader.text(&place)) {
        build.manifest = manifest;
    }
    build.args = fields
        .get("args")
        .map(|place| reader.texts(&place))
        .unwrap_or_default();
    Some(build)
}

pub(super) fn command(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> Vec<String> {
    let Some(place) = place else {
        return Vec::new();
    };
    if place.scalar().is_some() {
        let text = reader.text(&place);
        return text
            .map(|text| vec!["sh".to_owned(), "-c".to_owned(), text])
            .unwrap_or_default();
    }
    let Some(items) = place.items() else {
        reader.wrong(&place, "a text, or a list of texts");
        return Vec::new();
    };
    let mut command = Vec::new();
    for item in &items {
        match item.scalar().filter(|_| !item.node.is_null()) {
            Some(scalar) => command.push(scalar.text.clone()),
            None => reader.wrong(item, "a text"),
        }
    }
    command
}

/// Port 0 is no port at all, as in Convox.
pub(super) fn port(reader: &mut Reader<'_>, place: &Place<'_>) -> Option<Port> {
    let NodeKind::Mapping(_) = place.node.kind else {
        return port_scalar(reader, place);
    };
    let fields = reader.fields(place, &["port", "scheme"]);
    let Some(number) = fields.get("port") else {
        reader.problem_with_help(place, "has no `port`", format!("use {PORT}"));
        return None;
    };
    let mut port = port_scalar(reader, &number)?;
    if let Some(scheme) = fields.get("scheme").and_then(|place| reader.text(&place)) {
        port.scheme = scheme;
    }
    Some(port)
}

fn port_scalar(reader: &mut Reader<'_>, place: &Place<'_>) -> Option<Port> {
    let read = |scalar: &Scalar| {
        let (scheme, number) = match scalar.text.split_once(':') {
            Some((scheme, number)) => (scheme.trim(), port_number(number)),
            None => ("", integer(scalar)),
        };
        let scheme = if scheme.is_empty() { "http" } else { scheme };
        Some(Port {
            port: u16::try_from(number?).ok()?,
            scheme: scheme.to_owned(),
        })
    };
    let port = place.scalar().and_then(read);
    if port.is_none() {
        reader.wrong(place, PORT);
    }
    port.filter(|port| port.port > 0)
}

/// Convox leaves out what follows a second colon.
fn port_number(text: &str) -> Option<u32> {
    text.split(':').next()?.trim().parse().ok()
}

pub(super) fn health(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> Health {
    let (mut path, mut interval, mut grace, mut timeout) = (None, None, None, None);
    if let Some(place) = place {
        if let Some(scalar) = place.scalar() {
            match scalar.yaml_type() {
                Type::Text => path = reader.text(&place),
                _ => reader.wrong(&place, "a path such as `/health`, or a mapping"),
            }
        } else {
            let fields = reader.fields(&place, &["grace", "interval", "path", "timeout"]);
            path = fields.get("path").and_then(|place| reader.text(&place));
            let mut seconds = |key| {
                reader
                    .lenient_integer(fields.get(key))
                    .filter(|value| *value > 0)
            };
            (interval, grace, timeout) =
                (seconds("interval"), seconds("grace"), seconds("timeout"));
        }
    }
    let interval = interval.unwrap_or(5);
    Health {
        path: path.unwrap_or_else(|| "/".to_owned()),
        interval,
        grace: grace.unwrap_or(interval),
        timeout: timeout.unwrap_or(interval.saturating_sub(1)),
    }
}
