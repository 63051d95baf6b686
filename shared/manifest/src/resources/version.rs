//! Which versions RDS and ElastiCache can be asked for.
//!
//! Sources: `convox/rack:provider/aws/releases.go`, `ResourceDefaults`; RDS user guide, "Supported engine versions" of each
//! engine; ElastiCache user guide, "Supported engines and versions".

use super::{CacheEngine, DatabaseEngine};

/// How many digits the parts of a version have at most.
const DIGITS_MAX: usize = 5;

impl DatabaseEngine {
    /// The version that `text` asks for, or what to write instead.
    pub(super) fn version(self, text: &str) -> Result<String, &'static str> {
        let help = match self {
            Self::Postgres => "use a major version such as `17`, or a full one such as `17.2`",
            Self::MySql => "use major and minor version, such as `8.4` or `8.4.3`",
            Self::MariaDb => "use major and minor version, such as `11.4` or `11.4.3`",
        };
        let parts = parts(text).ok_or(help)?;
        let allowed = match (self, parts.as_slice()) {
            // Up to 9.6 the first two numbers were the major version.
            (Self::Postgres, [major, rest @ ..]) if *major < 10 => (1..=2).contains(&rest.len()),
            // What YAML, or Convox, makes of an unquoted 17.
            (Self::Postgres, [major, 0]) => return Ok(major.to_string()),
            (Self::Postgres, parts) => parts.len() <= 2,
            (Self::MySql | Self::MariaDb, parts) => (2..=3).contains(&parts.len()),
        };
        if allowed {
            Ok(text.to_owned())
        } else {
            Err(help)
        }
    }

    /// Whether a version that [`Self::version`] took names the minor version too.
    pub(super) fn pins_minor_version(self, version: &str) -> bool {
        let parts = parts(version).unwrap_or_default();
        match self {
            Self::Postgres if major(version) >= 10 => parts.len() > 1,
            _ => parts.len() > 2,
        }
    }

    /// Whether RDS creates no databases of that version any more; those that stand keep running or were upgraded.
    /// Source: RDS user guide, the release calendars: below these versions there is no Extended Support either.
    #[must_use]
    pub fn is_withdrawn(self, version: &str) -> bool {
        let first = match self {
            Self::Postgres => (11, 0),
            Self::MySql => (5, 7),
            Self::MariaDb => (10, 4),
        };
        release(version) < first
    }

    /// Whether RDS's own parameter group of that version refuses connections without TLS.
    /// Source: RDS user guide, "Using SSL with a PostgreSQL DB instance" (`rds.force_ssl`), and "Requiring SSL/TLS for all
    /// connections" of MySQL and of MariaDB (`require_secure_transport`).
    #[must_use]
    pub fn takes_tls_only(self, version: &str) -> bool {
        let first = match self {
            Self::Postgres => (15, 0),
            Self::MySql => (9, 7),
            Self::MariaDb => (11, 8),
        };
        release(version) >= first
    }
}

impl CacheEngine {
    /// The version that `text` asks for, or what to write instead.
    pub(super) fn version(self, text: &str) -> Result<String, &'static str> {
        let help = match self {
            Self::Redis => {
                "use two numbers, such as `7.1` or `6.2`, or `6.x`; before 6 all three, such as \
                 `5.0.6`"
            }
            Self::Valkey => "use a version such as `8.1`",
            Self::Memcached => "use all three numbers, such as `1.4.34` or `1.6.22`",
        };
        // ElastiCache's own name of the newest 6.
        if self == Self::Redis && text == "6.x" {
            return Ok(text.to_owned());
        }
        // Nothing in brackets or behind a `-` exists here.
        let parts = parts(text).filter(|_| !text.contains('-')).ok_or(help)?;
        // Redis 6 and Valkey are asked for without the last number, which ElastiCache chooses.
        let names_patch =
            self == Self::Memcached || self == Self::Redis && parts.first() < Some(&6);
        match (names_patch, parts.len()) {
            (true, 3) | (false, 2) => Ok(text.to_owned()),
            (false, 1) => Ok(format!("{text}.0")),
            _ => Err(help),
        }
    }
}

/// The first number of a version.
pub(super) fn major(version: &str) -> u32 {
    let parts = parts(version).unwrap_or_default();
    parts.first().copied().unwrap_or_default()
}

/// The first two numbers of a version; what it leaves out is 0.
fn release(version: &str) -> (u32, u32) {
    let parts = parts(version).unwrap_or_default();
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    (part(0), part(1))
}

/// The numbers of `8.0.35`, or of `5.7.44-rds.20240408` without what is behind the `-`. `None` for anything else.
fn parts(version: &str) -> Option<Vec<u32>> {
    let (numbers, suffix) = version.split_once('-').unwrap_or((version, "rds"));
    let is_suffix = |c: char| c.is_ascii_alphanumeric() || c == '.';
    if suffix.is_empty() || !suffix.chars().all(is_suffix) {
        return None;
    }
    let number = |part: &str| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        (digits && part.len() <= DIGITS_MAX).then(|| part.parse().ok())?
    };
    numbers.split('.').map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_the_numbers_that_its_engine_needs() {
        let refused = None;
        for (engine, text, want) in [
            (DatabaseEngine::Postgres, "17", Some("17")),
            (DatabaseEngine::Postgres, "17.0", Some("17")),
            (DatabaseEngine::Postgres, "14.10", Some("14.10")),
            (DatabaseEngine::Postgres, "17.2.1", refused),
            (DatabaseEngine::Postgres, "9", refused),
            (DatabaseEngine::Postgres, "9.6", Some("9.6")),
            (DatabaseEngine::Postgres, "9.6.24", Some("9.6.24")),
            (DatabaseEngine::Postgres, "latest", refused),
            (DatabaseEngine::Postgres, "", refused),
            (DatabaseEngine::Postgres, "17.", refused),
            (DatabaseEngine::Postgres, "-1", refused),
            (DatabaseEngine::Postgres, "+1", refused),
            (DatabaseEngine::Postgres, "123456", refused),
            (
                DatabaseEngine::Postgres,
                "11.22-rds.20240418",
                Some("11.22-rds.20240418"),
            ),
            (DatabaseEngine::Postgres, "11.22-", refused),
            (DatabaseEngine::MySql, "8", refused),
            (DatabaseEngine::MySql, "8.4", Some("8.4")),
            (DatabaseEngine::MySql, "8.4.3", Some("8.4.3")),
            (DatabaseEngine::MySql, "8.4.3.1", refused),
            (DatabaseEngine::MariaDb, "10", refused),
            (DatabaseEngine::MariaDb, "10.11.6", Some("10.11.6")),
        ] {
            let got = engine.version(text).ok();
            assert_eq!(got.as_deref(), want, "{} {text}", engine.name());
        }
        for (engine, text, want) in [
            (CacheEngine::Redis, "7", Some("7.0")),
            (CacheEngine::Redis, "7.1", Some("7.1")),
            (CacheEngine::Redis, "6.x", Some("6.x")),
            (CacheEngine::Redis, "5.0.6", Some("5.0.6")),
            (CacheEngine::Redis, "7.0-x", refused),
            (CacheEngine::Redis, "7.0.7", refused),
            (CacheEngine::Redis, "6", Some("6.0")),
            (CacheEngine::Redis, "6.2", Some("6.2")),
            (CacheEngine::Redis, "5", refused),
            (CacheEngine::Redis, "5.0", refused),
            (CacheEngine::Redis, "4.0.10", Some("4.0.10")),
            (CacheEngine::Valkey, "7.2.6", refused),
            (CacheEngine::Valkey, "8", Some("8.0")),
            (CacheEngine::Valkey, "6.x", refused),
            (CacheEngine::Memcached, "1.4", refused),
            (CacheEngine::Memcached, "1", refused),
            (CacheEngine::Memcached, "1.6.22", Some("1.6.22")),
        ] {
            let got = engine.version(text).ok();
            assert_eq!(got.as_deref(), want, "{} {text}", engine.name());
        }
    }

    #[test]
    fn a_default_is_a_version_that_can_be_asked_for() {
        for engine in [
            DatabaseEngine::Postgres,
            DatabaseEngine::MySql,
            DatabaseEngine::MariaDb,
        ] {
            let version = engine.default_version();
            assert_eq!(engine.version(version).as_deref(), Ok(version));
            assert!(!engine.pins_minor_version(version) && !engine.is_withdrawn(version));
        }
        for engine in [
            CacheEngine::Redis,
            CacheEngine::Valkey,
            CacheEngine::Memcached,
        ] {
            let version = engine.default_version();
            assert_eq!(engine.version(version).as_deref(), Ok(version));
        }
    }

    #[test]
    fn minor_versions_and_withdrawn_ones_are_known() {
        for (engine, version, pins, withdrawn) in [
            (DatabaseEngine::Postgres, "17", false, false),
            (DatabaseEngine::Postgres, "17.2", true, false),
            (DatabaseEngine::Postgres, "11", false, false),
            (DatabaseEngine::Postgres, "10.4", true, true),
            (DatabaseEngine::Postgres, "9.6", false, true),
            (DatabaseEngine::Postgres, "9.6.24", true, true),
            (DatabaseEngine::MySql, "8.4", false, false),
            (DatabaseEngine::MySql, "5.7.22", true, false),
            (DatabaseEngine::MySql, "5.6", false, true),
            (DatabaseEngine::MariaDb, "10.3.39", true, true),
            (DatabaseEngine::MariaDb, "10.11", false, false),
        ] {
            assert_eq!(engine.pins_minor_version(version), pins, "{version}");
            assert_eq!(engine.is_withdrawn(version), withdrawn, "{version}");
        }
    }

    #[test]
    fn versions_that_refuse_plain_connections_are_known() {
        for (engine, version, tls_only) in [
            (DatabaseEngine::Postgres, "17", true),
            (DatabaseEngine::Postgres, "15.2", true),
            (DatabaseEngine::Postgres, "15", true),
            (DatabaseEngine::Postgres, "14.10", false),
            (DatabaseEngine::Postgres, "9.6.24", false),
            (DatabaseEngine::MySql, "9.7", true),
            (DatabaseEngine::MySql, "8.4.3", false),
            (DatabaseEngine::MariaDb, "11.8.2", true),
            (DatabaseEngine::MariaDb, "11.4", false),
            (DatabaseEngine::MariaDb, "12.3", true),
        ] {
            assert_eq!(engine.takes_tls_only(version), tls_only, "{version}");
        }
    }
}
