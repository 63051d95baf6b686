//! What this loader makes of a case, in the fields of `expected.json`.

use std::collections::BTreeMap;

use environment::{Environment, EnvironmentObject};
use manifest::{
    Declaration, Listener, ListenerProtocol, Manifest, ManifestError, Resource, Scale, Scheme,
    Service, Timer, Volume,
};
use serde_json::{Map, Value, json};
use yaml::PlacedText;

/// What `expected.json` says that has no counterpart here: the declarations at the top are in those of every Service,
/// and a volume of one part is the same path twice.
pub fn forget_what_is_not_compared(expected: &mut Value) {
    if let Some(fields) = expected.as_object_mut() {
        fields.remove("environment");
    }
    for service in expected["services"].as_array_mut().into_iter().flatten() {
        for volume in service["volumes"].as_array_mut().into_iter().flatten() {
            let text = volume.as_str().unwrap();
            if !text.contains(':') {
                *volume = json!(format!("{text}:{text}"));
            }
        }
    }
}

/// Loads a case.
pub fn load(manifest: &[u8], env: &[u8]) -> Value {
    let EnvironmentObject::Plain(read) = environment::read(env).unwrap() else {
        panic!("an environment in clear");
    };
    let environment = read.environment;
    let manifest = match manifest::load("convox.yml", manifest, &environment) {
        Ok(manifest) => manifest,
        Err(error) => {
            return json!({"ok": false, "errorKind": kind(&error), "error": error.to_string()});
        }
    };
    let missing = manifest.missing_variables(&environment);
    if !missing.is_empty() {
        let mut names: Vec<String> = missing.into_values().flatten().collect();
        names.sort();
        names.dedup();
        let error = format!("required: {}", names.join(", "));
        return json!({"ok": false, "errorKind": "required-env", "missing": names, "error": error});
    }
    render(&manifest, &environment)
}

fn kind(error: &ManifestError) -> &'static str {
    match error {
        ManifestError::Invalid { problems, .. } => {
            let has = |text: &str| {
                problems
                    .iter()
                    .any(|problem| problem.message.contains(text))
            };
            let nlb = problems.iter().any(|problem| problem.path.contains(".nlb"));
            match () {
                () if has("the Service name") => "service-name",
                () if has("has no `type`") => "resource-type",
                () if nlb => "nlb",
                () => "attribute-type",
            }
        }
        _ => "yaml-syntax",
    }
}

fn render(manifest: &Manifest, environment: &Environment) -> Value {
    let params: Map<String, Value> = manifest
        .params
        .iter()
        .map(|(name, param)| (name.clone(), json!(param.value)))
        .collect();
    json!({
        "ok": true,
        "params": params,
        "services": sorted(manifest.services.iter().map(|found| service(found, environment))),
        "resources": sorted(manifest.resources.iter().map(resource)),
        "timers": sorted(manifest.timers.iter().map(timer)),
    })
}

fn sorted(values: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut values: Vec<Value> = values.collect();
    values.sort_by_key(|value| value["name"].as_str().map(str::to_owned));
    values
}

fn service(service: &Service, environment: &Environment) -> Value {
    let build = service.build.as_ref();
    let build = build
        .map(|build| json!({"args": build.args, "manifest": build.manifest, "path": build.path}));
    let ports = service.agent.iter().flat_map(|agent| &agent.ports);
    let ports: Vec<Value> = ports
        .map(|port| json!({"port": port.port, "protocol": port.protocol.as_str()}))
        .collect();
    let port = service.port.as_ref();
    json!({
        "name": service.name.as_str(),
        "agent": {"enabled": service.agent.is_some(), "ports": ports},
        "build": build.unwrap_or_else(|| json!({"args": [], "manifest": "", "path": ""})),
        "command": service.command,
        "deployment": {"minimum": service.deployment.minimum, "maximum": service.deployment.maximum},
        "domain": service.domains.first().map(|it| it.name.clone()).unwrap_or_default(),
        "domains": service.domains.iter().map(|it| &it.name).collect::<Vec<_>>(),
        "drain": service.drain,
        "environment": service.environment.iter().map(declaration).collect::<Vec<_>>(),
        "environmentDefaults": service.env_defaults(),
        "environmentKeys": service.env_keys(),
        "effectiveEnvironment": effective(service, environment),
        "health": {
            "path": service.health.path, "interval": service.health.interval,
            "grace": service.health.grace, "timeout": service.health.timeout,
        },
        "image": service.image.clone().unwrap_or_default(),
        "init": service.init,
        "internal": service.internal,
        "internalAndExternal": service.internal_and_external,
        "links": service.links,
        "nlb": service.nlb.iter().map(listener).collect::<Vec<_>>(),
        "policies": service.policies,
        "port": port.map(|port| json!({"port": port.port, "scheme": port.scheme})),
        "privileged": service.privileged,
        "resources": service.resources,
        "scale": scale(&service.scale, service.agent.is_some()),
        "singleton": service.singleton,
        "sticky": service.sticky,
        "tags": service.tags,
        "termination": {"grace": service.termination_grace},
        "test": service.test.clone().unwrap_or_default(),
        "volumes": service.volumes.iter().map(volume).collect::<Vec<_>>(),
    })
}

fn declaration(declaration: &Declaration) -> String {
    match declaration {
        Declaration::Default { name, value } => format!("{name}={value}"),
        declared => declared.name().to_owned(),
    }
}

fn effective(service: &Service, environment: &Environment) -> BTreeMap<String, String> {
    let mut effective = service.env_defaults();
    for (key, value) in environment
        .iter()
        .filter(|(key, _)| service.declares(key.as_str()))
    {
        effective.insert(key.as_str().to_owned(), value.expose().to_owned());
    }
    effective
}

fn scale(scale: &Scale, is_agent: bool) -> Value {
    let custom = scale.targets.custom.iter().map(|metric| {
        let value: f64 = metric.value.parse().unwrap();
        json!({
            "namespace": metric.namespace, "name": metric.name, "aggregate": metric.aggregate,
            "dimensions": metric.dimensions, "value": whole(value),
        })
    });
    let targets = &scale.targets;
    json!({
        "autoscale": scale.autoscales() && !is_agent,
        "count": {"min": scale.min, "max": scale.max},
        "cpu": scale.cpu,
        "memory": scale.memory,
        "cooldown": {"up": scale.cooldown.up, "down": scale.cooldown.down},
        "targets": {
            "cpu": targets.cpu, "memory": targets.memory, "requests": targets.requests,
            "custom": custom.collect::<Vec<_>>(),
        },
    })
}

/// JSON has one kind of number, `serde_json` has two.
fn whole(value: f64) -> Value {
    serde_json::from_str(&value.to_string()).unwrap()
}

fn listener(listener: &Listener) -> Value {
    let protocol = match listener.protocol {
        ListenerProtocol::Tcp => "tcp",
        ListenerProtocol::Tls => "tls",
    };
    let scheme = match listener.scheme {
        Scheme::Public => "public",
        Scheme::Internal => "internal",
    };
    json!({
        "port": listener.port, "containerPort": listener.container_port, "protocol": protocol, "scheme": scheme,
        "certificate": listener.certificate.clone().unwrap_or_default(), "allowCidr": listener.allow_cidr,
        "crossZone": listener.cross_zone, "preserveClientIp": listener.preserve_client_ip,
    })
}

fn volume(volume: &Volume) -> String {
    let options = if volume.read_only { ":ro" } else { "" };
    format!(
        "{}:{}{options}",
        volume.source.as_str(),
        volume.container_path
    )
}

fn resource(resource: &Resource) -> Value {
    json!({
        "name": resource.name, "type": resource.resource_type.value,
        "options": values(&resource.options), "tags": values(&resource.tags),
    })
}

fn values(texts: &BTreeMap<String, PlacedText>) -> BTreeMap<&str, &str> {
    let values = texts.iter();
    values
        .map(|(key, text)| (key.as_str(), text.value.as_str()))
        .collect()
}

fn timer(timer: &Timer) -> Value {
    let checked = timer.cron().ok();
    let cron = checked.and_then(|checked| {
        let fields = checked
            .expression
            .strip_prefix("cron(")?
            .strip_suffix(')')?;
        Some(fields.to_owned())
    });
    json!({
        "name": timer.name.as_str(), "command": timer.command, "schedule": timer.schedule, "cron": cron,
        "service": timer.service.as_str(), "policies": timer.policies,
    })
}
