//! `redis`, `valkey` and `memcached` on ElastiCache.

use serde_json::json;

use super::link::{Link, password};
use super::metadata::Note;
use super::rendering::Rendering;
use super::template::{AtItsEnd, set, sub};
use manifest::resources::{Cache, CacheEngine, Resource, defaults};

/// Kinds of logical ids: two, since CloudFormation refuses another type under a standing one.
pub(super) const CACHE: &str = "Cache";
pub(super) const MEMCACHED: &str = "Memcached";

pub(super) fn add(stack: &mut Rendering<'_>, resource: &Resource, cache: &Cache) {
    stack.plain(
        resource,
        &[
            (".options.version", cache.version.as_deref()),
            (".options.class", cache.class.as_deref()),
        ],
    );
    stack.check_network(resource, cache.durable);
    if cache.engine == CacheEngine::Memcached {
        add_cluster(stack, resource, cache);
    } else {
        add_replication_group(stack, resource, cache);
    }
}

/// What a cache keeps where convox.yml is silent, so that a later default never changes it.
fn version_and_class(
    stack: &Rendering<'_>,
    cache: &Cache,
    id: &str,
    class: &str,
) -> (String, String) {
    let stands = |property: &str| {
        let same = stack.before.text(id, "Engine").as_deref() == Some(cache.engine.name());
        stack.before.text(id, property).filter(|_| same)
    };
    let version = cache
        .version
        .clone()
        .or_else(|| stands("EngineVersion"))
        .unwrap_or_else(|| cache.engine.default_version().to_owned());
    let class = cache
        .class
        .clone()
        .or_else(|| stands(class))
        .unwrap_or_else(|| defaults::CACHE_CLASS.to_owned());
    (version, class)
}

fn add_replication_group(stack: &mut Rendering<'_>, resource: &Resource, cache: &Cache) {
    let id = Rendering::id(resource, CACHE);
    let (engine, port) = (cache.engine.name(), cache.engine.port());
    let mut parts = Vec::new();
    if stack.stands_as_another(resource, &id)
        || stack
            .before
            .text(&id, "Engine")
            .is_some_and(|stands| stands != engine)
    {
        parts.push(".type");
    }
    let encrypted = stack.before.flag(&id, "TransitEncryptionEnabled");
    if encrypted.is_some_and(|stands| stands != cache.encrypted) {
        parts.push(".options.encrypted");
    }
    stack.replacements(resource, &parts);
    let (version, class) = version_and_class(stack, cache, &id, "CacheNodeType");
    let login = cache.encrypted.then_some(resource.name.as_str());
    let mut properties = json!({
        "ReplicationGroupDescription": format!("A cache of App {}", stack.inputs.id.app),
        "Engine": engine,
        "EngineVersion": version,
        "CacheNodeType": class,
        "NumCacheClusters": cache.nodes,
        "AutomaticFailoverEnabled": cache.durable,
        "MultiAZEnabled": cache.durable,
        "AtRestEncryptionEnabled": cache.encrypted,
        "TransitEncryptionEnabled": cache.encrypted,
        "AutoMinorVersionUpgrade": cache.auto_minor_version_upgrade,
        "CacheSubnetGroupName": stack.add_cache_subnets(resource),
        "SecurityGroupIds": [stack.add_security_group(resource, port)],
        "Tags": stack.template.tags_with(&resource.tags),
    });
    if let Some(login) = login {
        set(&mut properties, "AuthToken", sub(&password(login)));
    }
    stack.template.add_data(
        &id,
        "AWS::ElastiCache::ReplicationGroup",
        AtItsEnd::Snapshot,
        properties,
    );
    let link = Link {
        scheme: if cache.encrypted { "rediss" } else { "redis" },
        user: "",
        login,
        host: format!("${{{id}.PrimaryEndPoint.Address}}"),
        port: format!("${{{id}.PrimaryEndPoint.Port}}"),
        path: "/0",
        parameters: None,
        name: "",
    };
    finish(stack, resource, id.clone(), &link);
}

fn add_cluster(stack: &mut Rendering<'_>, resource: &Resource, cache: &Cache) {
    let id = Rendering::id(resource, MEMCACHED);
    let (engine, port) = (cache.engine.name(), cache.engine.port());
    let another = stack.stands_as_another(resource, &id);
    stack.replacements(resource, if another { &[".type"] } else { &[] });
    let (version, class) = version_and_class(stack, cache, &id, "CacheNodeType");
    let properties = json!({
        "Engine": engine,
        "EngineVersion": version,
        "CacheNodeType": class,
        "NumCacheNodes": cache.nodes,
        "AutoMinorVersionUpgrade": cache.auto_minor_version_upgrade,
        "CacheSubnetGroupName": stack.add_cache_subnets(resource),
        "VpcSecurityGroupIds": [stack.add_security_group(resource, port)],
        "Tags": stack.template.tags_with(&resource.tags),
    });
    stack.template.add_data(
        &id,
        "AWS::ElastiCache::CacheCluster",
        AtItsEnd::Delete,
        properties,
    );
    let link = Link {
        scheme: "",
        user: "",
        login: None,
        host: format!("${{{id}.ConfigurationEndpoint.Address}}"),
        port: format!("${{{id}.ConfigurationEndpoint.Port}}"),
        path: "",
        parameters: None,
        name: "",
    };
    finish(stack, resource, id.clone(), &link);
}

fn finish(stack: &mut Rendering<'_>, resource: &Resource, id: String, link: &Link<'_>) {
    stack.add_link(resource, link);
    let note = Note {
        id,
        ..Note::default()
    };
    stack.note(resource, note);
}
