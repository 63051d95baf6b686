//! `postgres`, `mysql` and `mariadb` on RDS: a database of its own, one from a snapshot, a read replica, or a replica that
//! was promoted to a database of its own.

mod checks;
mod settled;

use serde_json::{Value, json};

use super::link::{Link, USER, password};
use super::metadata::Note;
use super::rendering::Rendering;
use super::template::{AtItsEnd, set, sub};
use manifest::resources::{Database, DatabaseEngine, Resource};
use settled::{Origin, Settled, settle};

/// Kinds of logical ids.
pub(super) const DATABASE: &str = "Database";

pub(super) fn add(stack: &mut Rendering<'_>, resource: &Resource, database: &Database) {
    let settled = settle(stack, resource, database);
    checks::check(stack, resource, database, &settled);
    let id = Rendering::id(resource, DATABASE);
    let mut properties = common(stack, resource, database, &settled);
    of_origin(&mut properties, resource, database, &settled);
    let end = match settled.origin {
        // RDS makes no final snapshot of a replica (API reference, `DeleteDBInstance`).
        Origin::Replica(_) => AtItsEnd::Delete,
        _ => AtItsEnd::Snapshot,
    };
    stack
        .template
        .add_data(&id, "AWS::RDS::DBInstance", end, properties);
    stack.more |= settled.origin == Origin::Promoted { now: true };
    let scheme = match database.engine {
        DatabaseEngine::Postgres => "postgres",
        DatabaseEngine::MySql | DatabaseEngine::MariaDb => "mysql",
    };
    let link = Link {
        scheme,
        user: USER,
        login: settled.login.as_deref(),
        host: format!("${{{id}.Endpoint.Address}}"),
        port: format!("${{{id}.Endpoint.Port}}"),
        path: "/app",
        parameters: database.url_parameters.as_ref(),
        name: USER,
    };
    stack.add_link(resource, &link);
    let of_replica = matches!(settled.origin, Origin::Replica(_) | Origin::Promoted { .. });
    let note = Note {
        id,
        promoted: matches!(settled.origin, Origin::Promoted { .. }),
        encrypted: settled.encrypted.filter(|_| of_replica),
        login: settled.login,
        ..Note::default()
    };
    stack.note(resource, note);
}

/// What databases of every origin are told.
fn common(
    stack: &mut Rendering<'_>,
    resource: &Resource,
    database: &Database,
    settled: &Settled,
) -> Value {
    let port = database.engine.port();
    let mut properties = json!({
        "Engine": database.engine.name(),
        "DBInstanceClass": settled.class,
        "MultiAZ": database.durable,
        "AllowMajorVersionUpgrade": true,
        "AutoMinorVersionUpgrade": database.auto_minor_version_upgrade,
        "CopyTagsToSnapshot": true,
        "DBSubnetGroupName": stack.add_database_subnets(resource),
        "DeletionProtection": database.deletion_protection,
        "PubliclyAccessible": false,
        "VPCSecurityGroups": [stack.add_security_group(resource, port)],
        "Tags": stack.template.tags_with(&resource.tags),
    });
    if let Some(iops) = database.iops {
        set(&mut properties, "Iops", json!(iops));
    }
    let storage_type = if database.iops.is_some() {
        "io2"
    } else {
        "gp3"
    };
    set(&mut properties, "StorageType", json!(storage_type));
    if let Some(version) = &settled.version {
        set(&mut properties, "EngineVersion", json!(version));
    }
    if let Some(storage) = settled.storage {
        set(
            &mut properties,
            "AllocatedStorage",
            json!(storage.to_string()),
        );
    }
    if let Some(group) = &database.parameter_group {
        set(&mut properties, "DBParameterGroupName", json!(group));
    }
    properties
}

/// What only some may be told: a name, user, password or encryption that a replica or a promoted one is given later would
/// replace it (CloudFormation resource reference, `AWS::RDS::DBInstance`, "Update requires: Replacement").
fn of_origin(properties: &mut Value, resource: &Resource, database: &Database, settled: &Settled) {
    match &settled.origin {
        Origin::Own => {
            set(properties, "DBName", json!(USER));
            set(properties, "MasterUsername", json!(USER));
            set(properties, "StorageEncrypted", json!(settled.encrypted));
        }
        Origin::Snapshot(snapshot) => set(properties, "DBSnapshotIdentifier", json!(snapshot)),
        Origin::Replica(source) => {
            set(properties, "SourceDBInstanceIdentifier", source.clone());
        }
        Origin::Promoted { .. } => {}
    }
    if matches!(settled.origin, Origin::Own | Origin::Snapshot(_)) {
        let password = sub(&password(&resource.name));
        set(properties, "MasterUserPassword", password);
    }
    // RDS promotes with the backups that a replica has; they are switched on once it is a database of its own.
    let backs_up = !matches!(
        settled.origin,
        Origin::Replica(_) | Origin::Promoted { now: true }
    );
    if backs_up {
        let days = json!(database.backup_retention_days);
        set(properties, "BackupRetentionPeriod", days);
        if let Some(window) = &database.preferred_backup_window {
            set(properties, "PreferredBackupWindow", json!(window));
        }
    }
}
