//! What a new resource gets where convox.yml says nothing, and what AWS calls its engine.
//!
//! Convox's documentation, "Resources", has the defaults of its first years. Those that AWS no longer offers are here the
//! nearest that it does: `convox/rack:provider/aws/resource_defaults_test.go` has the same versions.

use super::{CacheEngine, DatabaseEngine};

/// The class of a new database. The documentation's `db.t2.micro` runs none of the default versions.
pub const DATABASE_CLASS: &str = "db.t3.micro";
/// The storage of a new database in GiB.
pub const STORAGE: u32 = 20;
/// The days for which automated backups are kept.
pub const BACKUP_RETENTION_DAYS: u32 = 1;
/// The class of a new cache. The documentation's `cache.t2.micro` is missing in 18 regions.
pub const CACHE_CLASS: &str = "cache.t3.micro";
/// The nodes of a cache.
pub const NODES: u32 = 1;
/// The owner and the group of a file system's folder.
pub const OWNER: u32 = 1000;
/// The folder of a file system that is the volume's root.
pub const PATH: &str = "/";
/// The permissions of that folder.
pub const PERMISSIONS: &str = "0777";

impl DatabaseEngine {
    /// What RDS and convox.yml call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
        }
    }

    /// The version of a new database. The documentation's are 12, 5.7.22 and 10.4.
    #[must_use]
    pub fn default_version(self) -> &'static str {
        match self {
            Self::Postgres => "17",
            Self::MySql => "8.4",
            Self::MariaDb => "11.4",
        }
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::MySql | Self::MariaDb => 3306,
        }
    }
}

impl CacheEngine {
    /// What ElastiCache and convox.yml call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Valkey => "valkey",
            Self::Memcached => "memcached",
        }
    }

    /// The version of a new cache. The documentation's are 2.8.24 for redis and 1.4.34 for memcached.
    #[must_use]
    pub fn default_version(self) -> &'static str {
        match self {
            Self::Redis => "7.0",
            Self::Valkey => "8.1",
            Self::Memcached => "1.4.34",
        }
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Redis | Self::Valkey => 6379,
            Self::Memcached => 11211,
        }
    }
}
