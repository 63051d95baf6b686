//! What RDS would refuse of a database, or do otherwise than it reads.

use super::super::logical_id::logical_id;
use super::super::rendering::Rendering;
use super::DATABASE;
use super::settled::{Origin, Settled, settle, source};
use manifest::resources::{Database, ReadSource, Resource};

const SOURCE: &str = ".options.readSourceDB";

pub(super) fn check(
    stack: &mut Rendering<'_>,
    resource: &Resource,
    database: &Database,
    settled: &Settled,
) {
    let instance = match &database.read_source {
        Some(ReadSource::Instance(instance)) => Some(instance.as_str()),
        _ => None,
    };
    stack.plain(
        resource,
        &[
            (".options.version", database.version.as_deref()),
            (".options.class", database.class.as_deref()),
            (
                ".options.preferredBackupWindow",
                database.preferred_backup_window.as_deref(),
            ),
            (
                ".options.parameterGroupName",
                database.parameter_group.as_deref(),
            ),
            (".options.snapshot", database.snapshot.as_deref()),
            (".options.readSourceDB", instance),
        ],
    );
    stack.check_network(resource, true);
    stack.replacements(resource, &settled.replaced_by);
    if let Some((wanted, stands)) = database.storage.zip(settled.stands_at)
        && wanted < stands
    {
        // Neither number: convox.yml may interpolate them.
        let message = "is less than the database has, and storage never shrinks";
        stack.problem(resource, ".options.storage", message);
    }
    check_version(stack, resource, database, settled);
    check_origin(stack, resource, database, settled);
    notice_tls(stack, resource, database, settled);
    if settled.login.is_none() {
        stack.notice(
            resource,
            "has a source of which no login is known here: its variables for user and password are \
             empty",
        );
    }
}

/// What its data come from decides what RDS makes of the options.
fn check_origin(
    stack: &mut Rendering<'_>,
    resource: &Resource,
    database: &Database,
    settled: &Settled,
) {
    match &settled.origin {
        Origin::Replica(_) => check_replica(stack, resource, database, settled),
        Origin::Promoted { now: true } => stack.notice(
            resource,
            "becomes a database of its own; its backups are switched on by a second update that \
             follows",
        ),
        Origin::Snapshot(_) if database.encrypted.is_some() => {
            stack.notice(
                resource,
                "comes from a snapshot and is encrypted as that is, whatever `encrypted` says",
            );
        }
        Origin::Own if settled.encrypted == Some(false) => {
            let stands = settled.replaced_by.is_empty()
                && stack.before.has(&Rendering::id(resource, DATABASE));
            let message = if stands {
                "is not encrypted, and RDS encrypts none that stands: `encrypted: true` means a \
                 new, empty one"
            } else {
                "is created without encryption: set `encrypted: true` before that, RDS encrypts \
                 none that stands"
            };
            stack.notice(resource, message);
        }
        _ => {}
    }
}

/// Once, when the database comes to refuse what it took before: some clients try no TLS by themselves.
fn notice_tls(
    stack: &mut Rendering<'_>,
    resource: &Resource,
    database: &Database,
    settled: &Settled,
) {
    let tls_only = |version: &String| database.engine.takes_tls_only(version);
    let id = Rendering::id(resource, DATABASE);
    let stood = stack
        .before
        .text(&id, "EngineVersion")
        .as_ref()
        .map(tls_only);
    let comes = settled.version.as_ref().is_some_and(tls_only)
        && (stood == Some(false) || !stack.before.has(&id) || !settled.replaced_by.is_empty());
    if comes && database.parameter_group.is_none() && database.url_parameters.is_none() {
        stack.notice(
            resource,
            "takes connections over TLS only, as RDS has it for this version: a client that tries \
             no TLS by itself, such as node-postgres or mysql2, has to be told, in its code or \
             with `urlParameters`",
        );
    }
}

/// What stands is left as it is; of a snapshot or a replica RDS knows the version.
fn check_version(
    stack: &mut Rendering<'_>,
    resource: &Resource,
    database: &Database,
    settled: &Settled,
) {
    let engine = database.engine;
    let version = database.version.as_ref();
    let withdrawn = version.is_some_and(|version| engine.is_withdrawn(version));
    let stands =
        settled.replaced_by.is_empty() && stack.before.has(&Rendering::id(resource, DATABASE));
    if withdrawn && !stands && settled.origin == Origin::Own {
        let (name, default) = (engine.name(), engine.default_version());
        let message = format!(
            "names a version of {name} that RDS creates no more: use a newer one, or leave it out \
             for `{default}`"
        );
        stack.problem(resource, ".options.version", message);
    }
}

fn check_replica(
    stack: &mut Rendering<'_>,
    resource: &Resource,
    database: &Database,
    settled: &Settled,
) {
    let Some(ReadSource::Resource(name)) = &database.read_source else {
        return;
    };
    let Some((other, of_other)) = source(stack, name) else {
        let message = "names no database of convox.yml, as `#convox.resources.NAME` must";
        stack.problem(resource, SOURCE, message);
        return;
    };
    if !stack.before.has(&logical_id(name, DATABASE)) {
        let message = format!(
            "names `{}`, which is not there yet: promote once without the replica",
            other.shown
        );
        stack.problem(resource, SOURCE, message);
        return;
    }
    let of_source = settle(stack, other, of_other);
    let shown = &other.shown;
    if let Some((wanted, has)) = database.version.as_ref().zip(of_source.version.as_ref())
        && wanted != has
    {
        let message = format!("is not the version of `{shown}`, and a replica has its source's");
        stack.problem(resource, ".options.version", message);
    }
    match (database.encrypted, of_source.encrypted) {
        (Some(true), Some(false)) => {
            let message = format!(
                "is `true`, and `{shown}` is not encrypted: a replica is encrypted as its source is"
            );
            stack.problem(resource, ".options.encrypted", message);
        }
        (Some(false), Some(true)) => {
            stack.notice(
                resource,
                "is encrypted as its source is, although `encrypted` is false",
            );
        }
        _ => {}
    }
    if let Some((has, of_source)) = settled.storage.zip(of_source.storage)
        && has < of_source
    {
        let message =
            format!("is less than `{shown}` has, and a replica has no less than its source");
        stack.problem(resource, ".options.storage", message);
    }
}
