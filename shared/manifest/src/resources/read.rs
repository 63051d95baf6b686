//! The `resources:` of a manifest, all together.

use std::collections::BTreeMap;

use super::options::{self, Options, REFERENCE};
use super::{
    CacheEngine, DatabaseEngine, Resource, ResourceKind, Resources, cache, database, file_system,
    names, replica,
};
use crate::Manifest;
use yaml::{PlacedText, Problem, Reader, closest};

/// The param that says whether AWS upgrades minor versions by itself.
pub const AUTO_MINOR_VERSION_UPGRADE: &str = "AutoMinorVersionUpgrade";
/// How many databases and caches with a password an App can have: CloudFormation resolves 60 dynamic references in a
/// template, and the secret of one of them takes up to three (CloudFormation user guide, "Dynamic references").
pub const WITH_PASSWORD_MAX: usize = 20;
/// Of the 50 that AWS takes, without the two that say whose a resource is.
const TAGS_MAX: usize = 48;
const TYPES: [&str; 7] = [
    "postgres",
    "mysql",
    "mariadb",
    "redis",
    "valkey",
    "memcached",
    "efs",
];

/// Reads the resources of a manifest, when they are to be created: a file that Convox loads is still loaded.
///
/// # Errors
///
/// All that is wrong, for [`Manifest::invalid`].
pub fn read(manifest: &Manifest) -> Result<Resources, Vec<Problem>> {
    let mut reader = Reader::new(manifest.file());
    let upgrades = upgrades_minor_versions(&mut reader, manifest);
    names::check(&mut reader, &manifest.resources);
    let mut list = Vec::new();
    for resource in &manifest.resources {
        let before = reader.problems.len();
        let kind = kind(&mut reader, resource, upgrades);
        let tags = tags(&mut reader, resource);
        if let Some(kind) = kind.filter(|_| reader.problems.len() == before) {
            list.push(Resource {
                name: resource.name.clone(),
                shown: resource.shown.clone(),
                line: resource.line,
                kind,
                tags,
            });
        }
    }
    if has_room(&mut reader, manifest, &list) {
        replica::check(&mut reader, &manifest.resources, &list);
    }
    if reader.problems.is_empty() {
        let notices = reader.into_warnings();
        return Ok(Resources { list, notices });
    }
    Err(reader.problems)
}

/// What the App says of minor versions; an empty text says nothing.
fn upgrades_minor_versions(reader: &mut Reader<'_>, manifest: &Manifest) -> bool {
    let Some(param) = manifest.params.get(AUTO_MINOR_VERSION_UPGRADE) else {
        return true;
    };
    match yaml::boolean(param.value.trim()) {
        Some(value) => value,
        None if param.value.is_empty() => true,
        None => {
            let path = format!("params.{AUTO_MINOR_VERSION_UPGRADE}");
            let message = format!("is `{}`", param.shown);
            let help = "use `true` or `false`";
            reader.problem_at_with_help((param.line, param.column), &path, message, help);
            true
        }
    }
}

fn kind<'m>(
    reader: &mut Reader<'m>,
    resource: &'m crate::Resource,
    upgrades: bool,
) -> Option<ResourceKind> {
    let mut database = |engine| {
        let mut options = Options::new(reader, resource, database::known(engine));
        ResourceKind::Database(database::read(&mut options, engine, upgrades))
    };
    Some(match resource.resource_type.value.as_str() {
        "postgres" => database(DatabaseEngine::Postgres),
        "mysql" => database(DatabaseEngine::MySql),
        "mariadb" => database(DatabaseEngine::MariaDb),
        "redis" => cache(reader, resource, CacheEngine::Redis, upgrades),
        "valkey" => cache(reader, resource, CacheEngine::Valkey, upgrades),
        "memcached" => cache(reader, resource, CacheEngine::Memcached, upgrades),
        "efs" => {
            let mut options = Options::new(reader, resource, file_system::KNOWN);
            ResourceKind::FileSystem(file_system::read(&mut options))
        }
        _ => {
            unknown_type(reader, &resource.resource_type);
            return None;
        }
    })
}

fn cache<'m>(
    reader: &mut Reader<'m>,
    resource: &'m crate::Resource,
    engine: CacheEngine,
    upgrades: bool,
) -> ResourceKind {
    let mut options = Options::new(reader, resource, cache::known(engine));
    ResourceKind::Cache(cache::read(&mut options, engine, upgrades))
}

fn unknown_type(reader: &mut Reader<'_>, text: &PlacedText) {
    let close = closest(text.written.source(), &TYPES);
    let help = match close {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("use one of `{}`", TYPES.join("`, `")),
    };
    let message = format!("is {}", text.written.described());
    reader.problem_at_with_help(text.place, &text.path, message, help);
}

/// What AWS would refuse, in the middle of the work on the App's stack, is left out.
fn tags(reader: &mut Reader<'_>, resource: &crate::Resource) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for (key, text) in &resource.tags {
        if key.contains(REFERENCE) || text.value.contains(REFERENCE) {
            options::reference(reader, text);
        } else if tags.len() < TAGS_MAX && crate::tag_fits(key, &text.value) {
            tags.insert(key.clone(), text.value.clone());
        } else {
            let allowed = crate::allowed_tags(TAGS_MAX);
            let message = format!("`{}` is left out: {allowed}", text.path);
            reader.warn(text.key.0, &message);
        }
    }
    tags
}

/// Notes one database or cache with a password too many.
fn has_room(reader: &mut Reader<'_>, manifest: &Manifest, list: &[Resource]) -> bool {
    let mut with_password = list.iter().filter(|resource| resource.has_password());
    let Some(one) = with_password.nth(WITH_PASSWORD_MAX) else {
        return true;
    };
    let mut all = manifest.resources.iter();
    if let Some(one) = all.find(|resource| resource.name == one.name) {
        let path = format!("resources.{}", one.shown);
        let message = format!("is one of more than {WITH_PASSWORD_MAX} with a password");
        let help = format!(
            "an App has at most {WITH_PASSWORD_MAX} databases and encrypted caches, more do not \
             fit into a CloudFormation template"
        );
        reader.problem_at_with_help((one.line, one.column), &path, message, help);
    }
    false
}
