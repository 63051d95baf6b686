//! The `resources:` of convox.yml with their options read: databases (RDS), caches (ElastiCache) and file systems (EFS).
//!
//! Which options there are, and their defaults: Convox's documentation, "Resources", and
//! `convox/rack:provider/aws/formation/resource/*.json.tmpl`. What differs stands in docs/resources.md.

mod cache;
mod database;
pub mod defaults;
#[cfg(test)]
mod documented;
mod file_system;
mod names;
mod options;
mod read;
mod replica;
#[cfg(test)]
mod tests;
mod url_parameters;
mod version;

use std::collections::BTreeMap;

pub use names::{VARIABLES, variable_prefix};
pub use read::{AUTO_MINOR_VERSION_UPGRADE, WITH_PASSWORD_MAX, read};
pub use url_parameters::UrlParameters;

/// The resources of a Release, all of them right.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// In file order.
    pub list: Vec<Resource>,
    /// What the author should know, each with file and line.
    pub notices: Vec<String>,
}

/// One entry of `resources:`, every option checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its name in convox.yml: what Services link to, and what its variables are called after.
    pub name: String,
    /// What a message may call it: `${NAME}` in place.
    pub shown: String,
    /// The line of its name.
    pub line: usize,
    /// What it is.
    pub kind: ResourceKind,
    /// Its own tags.
    pub tags: BTreeMap<String, String>,
}

/// What a resource is.
#[derive(Clone, PartialEq, Eq)]
pub enum ResourceKind {
    /// An RDS DB instance.
    Database(Database),
    /// An ElastiCache replication group or cluster.
    Cache(Cache),
    /// An EFS file system with an access point.
    FileSystem(FileSystem),
}

/// `postgres`, `mysql` and `mariadb`.
#[derive(Clone, PartialEq, Eq)]
pub struct Database {
    /// Its engine.
    pub engine: DatabaseEngine,
    /// `version`; `None` = a new one gets the default, one that stands keeps its own.
    pub version: Option<String>,
    /// `class`; `None` as with `version`.
    pub class: Option<String>,
    /// `storage` in GiB; `None` as with `version`.
    pub storage: Option<u32>,
    /// `encrypted`; `None` as with `version`.
    pub encrypted: Option<bool>,
    /// `durable`: Multi-AZ.
    pub durable: bool,
    /// `iops`: provisioned IOPS; `None` = general purpose storage.
    pub iops: Option<u32>,
    /// `deletionProtection`.
    pub deletion_protection: bool,
    /// `backupRetentionPeriod` in days; 0 = no automated backups.
    pub backup_retention_days: u32,
    /// `preferredBackupWindow`, `hh24:mi-hh24:mi` in UTC.
    pub preferred_backup_window: Option<String>,
    /// `autoMinorVersionUpgrade`, else the param `AutoMinorVersionUpgrade`, else true.
    pub auto_minor_version_upgrade: bool,
    /// `parameterGroupName`.
    pub parameter_group: Option<String>,
    /// `snapshot`: a DB snapshot to create it from.
    pub snapshot: Option<String>,
    /// `readSourceDB`: what it is a read replica of.
    pub read_source: Option<ReadSource>,
    /// `urlParameters`: what its URL ends in.
    pub url_parameters: Option<UrlParameters>,
}

/// The engine of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseEngine {
    /// `postgres`.
    Postgres,
    /// `mysql`.
    MySql,
    /// `mariadb`.
    MariaDb,
}

/// What a read replica reads from.
#[derive(Clone, PartialEq, Eq)]
pub enum ReadSource {
    /// `#convox.resources.{name}`: another resource of the same convox.yml.
    Resource(String),
    /// Any other identifier: a DB instance that is not of this App.
    Instance(String),
}

/// `redis`, `valkey` and `memcached`.
#[derive(Clone, PartialEq, Eq)]
pub struct Cache {
    /// Its engine.
    pub engine: CacheEngine,
    /// `version`; `None` = a new one gets the default, one that stands keeps its own.
    pub version: Option<String>,
    /// `class`; `None` as with `version`.
    pub class: Option<String>,
    /// `nodes`.
    pub nodes: u32,
    /// `durable`: automatic failover; never of memcached.
    pub durable: bool,
    /// `encrypted`: at rest and in transit, with a password; never of memcached.
    pub encrypted: bool,
    /// `autoMinorVersionUpgrade`, else the param `AutoMinorVersionUpgrade`, else true.
    pub auto_minor_version_upgrade: bool,
}

/// The engine of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheEngine {
    /// `redis`.
    Redis,
    /// `valkey`.
    Valkey,
    /// `memcached`.
    Memcached,
}

/// `efs`.
#[derive(Clone, PartialEq, Eq)]
pub struct FileSystem {
    /// `encrypted`.
    pub encrypted: bool,
    /// `owner-gid`.
    pub owner_gid: u32,
    /// `owner-uid`.
    pub owner_uid: u32,
    /// `path`: the folder of the file system that is the volume's root.
    pub path: String,
    /// `permissions`: of `path` when it is created, three or four octal digits.
    pub permissions: String,
}

impl Resource {
    /// Whether its variables carry a password: not those of a cache without encryption, nor of a replica of a foreign
    /// database.
    #[must_use]
    pub fn has_password(&self) -> bool {
        match &self.kind {
            ResourceKind::Database(database) => {
                !matches!(database.read_source, Some(ReadSource::Instance(_)))
            }
            ResourceKind::Cache(cache) => cache.encrypted,
            ResourceKind::FileSystem(_) => false,
        }
    }
}
