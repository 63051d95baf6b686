//! The variables of one container: the same set on both deliveries, no name in two lists.
//!
//! Precedence, high to low (`convox/rack:cmd/convox-env/main.go`, service.json.tmpl): the environment's declared
//! keys, the Service's own secrets, automatic variables, resources, links, manifest defaults, environment files, the image's
//! own. What resources give always comes from Secrets Manager, on either delivery.
//! ECS itself keeps files below both lists; a name that the environment sets is left out of the own secrets, so that
//! neither delivery reads a secret in vain.

use std::collections::BTreeMap;

use super::{EnvSource, Release, SecretOfApp, Secrets};
use crate::app_stack::link_variables;
use environment::{EnvKey, RESERVED_KEYS, SET_BY_ECS};
use manifest::Service;
use manifest::precedence::EnvVersion;
use names::VersionPart;

/// Plain variables and references; their names never meet.
pub(super) struct Variables {
    pub environment: BTreeMap<String, String>,
    pub secrets: Secrets,
}

pub(super) fn variables(release: &Release<'_>, service: &Service, source: &EnvSource) -> Variables {
    let mut environment = service.env_defaults();
    environment.extend(links(release, service));
    environment.extend(automatic(release, service));
    // Only the S3 delivery sets these: a default of that name would send convox-env to another object.
    environment.retain(|name, _| !has_no_effect(name));
    let mut others = of_resources(release, service);
    others.extend(own_secrets(release, service));
    let of_app = secret_of_app(release, service, source);
    let secrets = Secrets { of_app, others };
    environment.retain(|name, _| !secrets.has(name));
    if let EnvSource::S3 { url, key_arn } = source {
        // Either says where the Rack is: the App may set AWS_REGION for itself.
        let (name, value) = match key_arn {
            Some(arn) => ("CONVOX_ENV_KEY", arn.as_str()),
            None => ("CONVOX_ENV_REGION", release.region),
        };
        environment.insert(name.to_owned(), value.to_owned());
        environment.insert("CONVOX_ENV_URL".to_owned(), url.clone());
        environment.insert("CONVOX_ENV_VARS".to_owned(), passed(service));
    }
    Variables {
        environment,
        secrets,
    }
}

/// What the Service reads from the App's secret, where that delivers.
fn secret_of_app(
    release: &Release<'_>,
    service: &Service,
    source: &EnvSource,
) -> Option<SecretOfApp> {
    let EnvSource::SecretsManager {
        secret_arn,
        version_id,
        version,
    } = source
    else {
        return None;
    };
    let keys = service.declared_of(release.environment).cloned();
    let mut keys: Vec<EnvKey> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    (!keys.is_empty()).then(|| SecretOfApp {
        arn: secret_arn.clone(),
        version: match version {
            EnvVersion::Release => VersionPart::Id(version_id.clone()),
            EnvVersion::Current => VersionPart::Current,
        },
        keys,
    })
}

/// Whether a default of that name is left out: the S3 delivery sets it, or ECS.
fn has_no_effect(name: &str) -> bool {
    RESERVED_KEYS.contains(&name) || name == SET_BY_ECS
}

/// What the linked resources give, but for names that something stronger delivers anyway.
fn of_resources(release: &Release<'_>, service: &Service) -> BTreeMap<String, String> {
    let links = release.stack.map(|stack| link_variables(service, stack));
    let mut links = links.unwrap_or_default();
    if links.is_empty() {
        return links;
    }
    let automatic: BTreeMap<String, String> = automatic(release, service).into_iter().collect();
    links.retain(|name, _| !delivers(release, service, name) && !automatic.contains_key(name));
    links
}

/// Whether the environment sets the variable for this Service.
fn delivers(release: &Release<'_>, service: &Service, name: &str) -> bool {
    release.environment.contains_key(name) && service.declares(name)
}

/// The user's own secrets, but for names that the environment delivers anyway.
fn own_secrets(release: &Release<'_>, service: &Service) -> BTreeMap<String, String> {
    let own = service.deliveries.secrets.iter();
    own.filter(|(name, _)| !delivers(release, service, name))
        .map(|(name, own)| (name.clone(), own.reference.to_string()))
        .collect()
}

/// The names that convox-env lets through. One that no environment can hold is left out: with a comma or a star in it, it
/// would let others through.
fn passed(service: &Service) -> String {
    let mut keys = service.env_keys();
    keys.retain(|key| EnvKey::new(key).is_ok() || (key == "*" && service.takes_all()));
    keys.join(",")
}

/// `{LINK}_URL` of each linked Service: its address, or one of the Rack's router; none without either.
fn links(release: &Release<'_>, service: &Service) -> Vec<(String, String)> {
    let routed = |link: &String| {
        let host = release.router_host?;
        Some(format!("https://{}-{link}.{host}", release.id.app))
    };
    let link = |link: &String| {
        let name = format!("{}_URL", link.to_uppercase().replace('-', "_"));
        let address = release.addresses.get(link).cloned();
        Some((name, address.or_else(|| routed(link))?))
    };
    service.links.iter().filter_map(link).collect()
}

/// The variables that every container has; those of a build only where there is one.
fn automatic(release: &Release<'_>, service: &Service) -> Vec<(String, String)> {
    let build = release.build;
    [
        ("APP", Some(release.id.app.as_str())),
        ("AWS_REGION", Some(release.region)),
        ("BUILD", build.id.as_deref()),
        ("BUILD_DESCRIPTION", build.description.as_deref()),
        ("BUILD_GIT_SHA", build.git_sha.as_deref()),
        ("RACK", Some(release.id.rack.as_str())),
        ("RELEASE", Some(release.release.as_str())),
        ("SERVICE", Some(service.name.as_str())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
    .collect()
}
