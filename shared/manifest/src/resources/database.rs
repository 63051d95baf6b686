//! The options of a database. Source of the bounds: RDS API reference, `CreateDBInstance`; RDS user guide, "Amazon RDS DB
//! instance storage".

use super::options::{Known, Options};
use super::url_parameters::LENGTH_MAX;
use super::{Database, DatabaseEngine, ReadSource, UrlParameters, defaults};
use yaml::PlacedText;

/// What stands before the name of a resource that a replica reads from.
const RESOURCE_PREFIX: &str = "#convox.resources.";
/// Storage in GiB.
const STORAGE: std::ops::RangeInclusive<u32> = 20..=65_536;
/// Storage with provisioned IOPS in GiB.
const STORAGE_WITH_IOPS_MIN: u32 = 100;
const IOPS_MIN: u32 = 1_000;
const IOPS_MAX: u32 = 256_000;
/// Of an io2 volume.
const IOPS_PER_GIB_MAX: u32 = 1_000;
const DAY_MINUTES: u32 = 24 * 60;
const WINDOW_MINUTES_MIN: u32 = 30;

/// What a database can say.
pub(super) fn known(engine: DatabaseEngine) -> Known {
    Known {
        resource_type: engine.name(),
        used: &[
            "autoMinorVersionUpgrade",
            "backupRetentionPeriod",
            "class",
            "deletionProtection",
            "durable",
            "encrypted",
            "iops",
            "parameterGroupName",
            "preferredBackupWindow",
            "readSourceDB",
            "snapshot",
            "storage",
            "urlParameters",
            "version",
        ],
        // How Convox marks a database that was a replica.
        unused: &["promotedFromReplica"],
    }
}

/// Reads the options; `upgrades` is what the App says of minor versions. What is wrong is noted, and left out.
pub(super) fn read(
    options: &mut Options<'_, '_>,
    engine: DatabaseEngine,
    upgrades: bool,
) -> Database {
    let storage = format!(
        "use a number of GiB from {} to {}, without a unit",
        STORAGE.start(),
        STORAGE.end()
    );
    let database = Database {
        engine,
        version: options.version(|text| engine.version(text)),
        class: class(options),
        storage: options.number("storage", STORAGE, &storage),
        encrypted: options.flag("encrypted"),
        durable: options.flag("durable").unwrap_or(false),
        iops: iops(options),
        deletion_protection: options.flag("deletionProtection").unwrap_or(false),
        backup_retention_days: options
            .number(
                "backupRetentionPeriod",
                0..=35,
                "use a number of days from 0 (no backups) to 35",
            )
            .unwrap_or(defaults::BACKUP_RETENTION_DAYS),
        preferred_backup_window: window(options),
        auto_minor_version_upgrade: options.flag("autoMinorVersionUpgrade").unwrap_or(upgrades),
        parameter_group: parameter_group(options),
        snapshot: options.text("snapshot").map(|text| text.value.clone()),
        read_source: read_source(options),
        url_parameters: url_parameters(options),
    };
    check_together(options, &database);
    notices(options, &database);
    database
}

fn class(options: &mut Options<'_, '_>) -> Option<String> {
    options.class("db.", "use a class of RDS, such as `db.t3.micro`")
}

/// 0 is Convox's default and means none.
fn iops(options: &mut Options<'_, '_>) -> Option<u32> {
    let help = format!("use a whole number from {IOPS_MIN} to {IOPS_MAX}, or 0 for none");
    let iops = options.number("iops", 0..=IOPS_MAX, &help)?;
    if let (1..IOPS_MIN, Some(text)) = (iops, options.get("iops")) {
        options.wrong(text, &help);
    }
    (iops > 0).then_some(iops)
}

fn window(options: &mut Options<'_, '_>) -> Option<String> {
    let text = options.text("preferredBackupWindow")?;
    let length = window_minutes(&text.value);
    if length.is_none_or(|minutes| minutes < WINDOW_MINUTES_MIN) {
        let help = "use `hh24:mi-hh24:mi` in UTC, at least 30 minutes long, such as `03:00-04:00`";
        options.wrong(text, help);
    }
    Some(text.value.clone())
}

/// How long a window is; one that ends before it starts goes on past midnight.
fn window_minutes(text: &str) -> Option<u32> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    Some((to + DAY_MINUTES - from) % DAY_MINUTES)
}

/// The minute of the day of `hh24:mi`.
fn minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let number = |part: &str, max: u32| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let number: Option<u32> = digits.then(|| part.parse().ok())?;
        number.filter(|number| *number <= max)
    };
    Some(number(hour, 23)? * 60 + number(minute, 59)?)
}

fn parameter_group(options: &mut Options<'_, '_>) -> Option<String> {
    let text = options.text("parameterGroupName")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if !text.value.chars().all(is_name) {
        options.wrong(text, "use the name of a DB parameter group");
    }
    Some(text.value.clone())
}

fn read_source(options: &mut Options<'_, '_>) -> Option<ReadSource> {
    let text = options.text("readSourceDB")?;
    if let Some(name) = text.value.strip_prefix(RESOURCE_PREFIX) {
        return Some(ReadSource::Resource(name.to_owned()));
    }
    let is_identifier = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == ':';
    if !text.value.chars().all(is_identifier) {
        let help = "use `#convox.resources.` and the name of a resource, or the identifier or ARN \
                    of a DB instance";
        options.wrong(text, help);
    }
    Some(ReadSource::Instance(text.value.clone()))
}

fn url_parameters(options: &mut Options<'_, '_>) -> Option<UrlParameters> {
    let text = options.text("urlParameters")?;
    let parameters = UrlParameters::new(&text.value);
    if parameters.is_none() {
        let help = format!(
            "use `key=value`, several joined by `&`, without the `?`, such as `sslmode=require`: \
             anything but letters, digits and `-_.~,/:` as `%` and two digits, at most \
             {LENGTH_MAX} characters"
        );
        options.wrong(text, &help);
    }
    parameters
}

/// Refuses values that RDS does not take together.
fn check_together(options: &mut Options<'_, '_>, database: &Database) {
    if let (Some(iops), Some(text)) = (database.iops, options.get("iops")) {
        let described = text.written.described();
        match (database.storage, options.get("storage")) {
            (Some(storage), _) if storage < STORAGE_WITH_IOPS_MIN => {
                let help = format!("set `storage` to {STORAGE_WITH_IOPS_MIN} or more");
                let message = format!("is {described}, and the storage is too small for it");
                options.problem(text, &message, &help);
            }
            (Some(storage), _) if iops > storage.saturating_mul(IOPS_PER_GIB_MAX) => {
                let help = format!("use at most {IOPS_PER_GIB_MAX} for each GiB of `storage`");
                options.problem(text, &format!("is {described}"), &help);
            }
            (None, None) => {
                let help = format!("set `storage` too, to {STORAGE_WITH_IOPS_MIN} or more");
                options.problem(text, &format!("is {described}, without `storage`"), &help);
            }
            _ => {}
        }
    }
    if let (Some(snapshot), Some(_)) = (options.text("snapshot"), options.text("readSourceDB")) {
        let help = "use one of the two: a read replica is a copy of its source";
        options.problem(snapshot, "stands beside `readSourceDB`", help);
    }
}

fn notices(options: &mut Options<'_, '_>, database: &Database) {
    let engine = database.engine;
    if let (Some(version), Some(text)) = (&database.version, options.get("version")) {
        notices_of_version(options, text, database, version);
    }
    if let (Some(class), Some(text)) = (&database.class, options.get("class"))
        && class.starts_with("db.t2.")
    {
        let described = text.written.described();
        let message = format!(
            "is {described}: RDS does not offer it for the current versions of {}, `db.t3` is its \
             successor",
            engine.name()
        );
        options.notice(text, &message);
    }
}

fn notices_of_version(
    options: &mut Options<'_, '_>,
    text: &PlacedText,
    database: &Database,
    version: &str,
) {
    let described = text.written.described();
    if database.auto_minor_version_upgrade && database.engine.pins_minor_version(version) {
        let param = super::AUTO_MINOR_VERSION_UPGRADE;
        let message = format!(
            "is {described}, and RDS moves it to newer minor versions by itself: set `{param}: \
             false` in `params`, or name the major version only"
        );
        options.notice(text, &message);
    }
    if database.engine.is_withdrawn(version) {
        let (name, default) = (database.engine.name(), database.engine.default_version());
        let message = format!(
            "is {described}: RDS creates no {name} of that version any more, the default is \
             `{default}`"
        );
        options.notice(text, &message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_a_length() {
        for (text, want) in [
            ("03:00-04:00", Some(60)),
            ("23:45-00:15", Some(30)),
            ("00:00-23:59", Some(1439)),
            ("03:00-03:00", Some(0)),
            ("03:30-03:00", Some(1410)),
            ("3:00-04:00", None),
            ("24:00-01:00", None),
            ("03:60-04:00", None),
            ("03:00", None),
            ("03:00-04:00-05:00", None),
            ("+3:00-04:00", None),
            ("", None),
        ] {
            assert_eq!(window_minutes(text), want, "{text}");
        }
    }
}
