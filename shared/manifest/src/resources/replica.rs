//! What a read replica and its source must have in common.
//!
//! Sources: Convox's documentation, "Read Replica Support"; RDS user guide, "Working with DB instance read replicas".

use std::collections::BTreeMap;

use super::{Database, DatabaseEngine, ReadSource, Resource, ResourceKind, version};
use crate::upper_name;
use yaml::{PlacedText, Reader, closest};

/// The first major version of postgres that has replicas of replicas.
const POSTGRES_CASCADES: u32 = 14;
/// How many names are compared for a suggestion at most.
const NAMES_MAX: usize = 20;

/// Checks all replicas; `list` has those resources of the manifest that are right on their own.
pub(super) fn check(reader: &mut Reader<'_>, resources: &[crate::Resource], list: &[Resource]) {
    let databases: BTreeMap<&str, &Database> = list.iter().filter_map(database).collect();
    for resource in resources {
        let replica = databases.get(resource.name.as_str());
        let Some((replica, name)) = replica.and_then(|database| match &database.read_source {
            Some(ReadSource::Resource(name)) => Some((*database, name.as_str())),
            _ => None,
        }) else {
            continue;
        };
        let Some(at) = option(resource, "readSourceDB") else {
            continue;
        };
        let mut pair = Pair {
            reader,
            resource,
            at,
        };
        match resources.iter().find(|other| other.name == name) {
            None => pair.unknown(resources),
            Some(source) if source.name == resource.name => {
                pair.problem(
                    "names the resource itself",
                    "name the database to read from",
                );
            }
            Some(source) if source.resource_type.value != resource.resource_type.value => {
                let (source, own) = (&source.resource_type, &resource.resource_type);
                let message = format!("names a resource of type {}", source.written.described());
                let help = format!("name one of type {}, as this is", own.written.described());
                pair.problem(&message, &help);
            }
            Some(source) => {
                // Without it the source has a problem of its own.
                if let Some(database) = databases.get(name) {
                    pair.check(&databases, replica, (source, database));
                }
            }
        }
    }
}

/// A replica with what names its source.
struct Pair<'p, 'r, 'm> {
    reader: &'r mut Reader<'m>,
    resource: &'p crate::Resource,
    at: &'p PlacedText,
}

impl Pair<'_, '_, '_> {
    fn problem(&mut self, message: &str, help: &str) {
        self.reader
            .problem_at_with_help(self.at.place, &self.at.path, message, help);
    }

    /// Notes what is wrong with an option of the replica, or with its source where that option is left out.
    fn problem_of(&mut self, name: &str, message: &str, help: &str) {
        let at = option(self.resource, name).unwrap_or(self.at);
        self.reader
            .problem_at_with_help(at.place, &at.path, message, help);
    }

    fn unknown(&mut self, resources: &[crate::Resource]) {
        let names = resources.iter().take(NAMES_MAX);
        let names: Vec<&str> = names.map(|other| other.shown.as_str()).collect();
        let written = self.at.written.source();
        let name = written.rsplit('.').next().unwrap_or(written);
        let help = match closest(name, &names) {
            Some(close) => format!("did you mean `#convox.resources.{close}`?"),
            None => format!("use one of `{}`", names.join("`, `")),
        };
        let message = format!(
            "is {}, and `resources` has nothing of that name",
            self.at.written.described()
        );
        self.problem(&message, &help);
    }

    fn check(
        &mut self,
        databases: &BTreeMap<&str, &Database>,
        replica: &Database,
        (source, of_source): (&crate::Resource, &Database),
    ) {
        let shown = &source.shown;
        if is_circle(databases, &self.resource.name) {
            let message = format!("reads from `{shown}`, which reads from this again");
            self.problem(&message, "one of them must read from no other");
            return;
        }
        self.check_versions(replica, shown, of_source);
        let cascades = replica.engine != DatabaseEngine::Postgres
            || major(of_source).is_none_or(|major| major >= POSTGRES_CASCADES);
        if of_source.read_source.is_some() && !cascades {
            let message = format!("names `{shown}`, which is a read replica itself");
            let help = format!("postgres allows that from version {POSTGRES_CASCADES} on");
            self.problem(&message, &help);
        }
        if of_source.backup_retention_days == 0 {
            let message = format!("names `{shown}`, which has no automated backups");
            let help = format!(
                "set `resources.{shown}.options.backupRetentionPeriod` to 1 or more, RDS \
                 replicates only with backups"
            );
            self.problem(&message, &help);
        }
        if let (Some(storage), Some(least)) = (replica.storage, of_source.storage)
            && storage < least
        {
            let message = format!("is less than the storage of `{shown}`");
            self.problem_of(
                "storage",
                &message,
                "use as much as the source has, or more",
            );
        }
        self.check_encryption(replica, shown, encryption(databases, of_source));
    }

    fn check_versions(&mut self, replica: &Database, shown: &str, of_source: &Database) {
        match (&replica.version, &of_source.version) {
            (Some(own), Some(of_source)) if own == of_source => {}
            (Some(_), Some(_)) => {
                let message =
                    format!("is not the version of `{shown}`, which this is a read replica of");
                self.problem_of("version", &message, "use the same version in both");
            }
            (None, _) => {
                let help = format!("set the version of `{shown}` here too");
                self.problem("makes this a read replica, and it has no `version`", &help);
            }
            (Some(_), None) => {
                let message = format!("names `{shown}`, which has no `version`");
                let help =
                    format!("set `resources.{shown}.options.version` to the version of this");
                self.problem(&message, &help);
            }
        }
    }

    fn check_encryption(&mut self, replica: &Database, shown: &str, of_source: Option<bool>) {
        if (replica.encrypted, of_source) == (Some(true), Some(false)) {
            let message = format!("is on, and `{shown}` is not encrypted");
            let help = "leave it out, or use a source that was created with `encrypted: true`";
            self.problem_of("encrypted", &message, help);
        }
    }
}

fn database(resource: &Resource) -> Option<(&str, &Database)> {
    match &resource.kind {
        ResourceKind::Database(database) => Some((resource.name.as_str(), database)),
        ResourceKind::Cache(_) | ResourceKind::FileSystem(_) => None,
    }
}

fn option<'m>(resource: &'m crate::Resource, name: &str) -> Option<&'m PlacedText> {
    let mut options = resource.options.iter();
    options
        .find(|(key, _)| upper_name(key) == upper_name(name))
        .map(|(_, text)| text)
}

fn source_of<'d>(
    databases: &BTreeMap<&'d str, &'d Database>,
    database: &'d Database,
) -> Option<(&'d str, &'d Database)> {
    match &database.read_source {
        Some(ReadSource::Resource(name)) => databases
            .get_key_value(name.as_str())
            .map(|(name, database)| (*name, *database)),
        _ => None,
    }
}

/// Whether the sources of `name` lead back to it.
fn is_circle(databases: &BTreeMap<&str, &Database>, name: &str) -> bool {
    let first = databases.get(name).copied();
    let mut next = first.and_then(|database| source_of(databases, database));
    for _ in databases {
        match next {
            Some((source, _)) if source == name => return true,
            Some((_, database)) => next = source_of(databases, database),
            None => return false,
        }
    }
    false
}

/// Whether a database is encrypted: a replica is as its source. `None` where something outside of convox.yml decides.
fn encryption(databases: &BTreeMap<&str, &Database>, database: &Database) -> Option<bool> {
    let mut database = database;
    for _ in databases {
        match source_of(databases, database) {
            Some((_, source)) => database = source,
            None => break,
        }
    }
    let own = database.read_source.is_none() && database.snapshot.is_none();
    own.then_some(database.encrypted == Some(true))
}

fn major(database: &Database) -> Option<u32> {
    database.version.as_deref().map(version::major)
}
