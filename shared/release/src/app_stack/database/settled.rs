//! What a database is, from what convox.yml says, what stands, and its source: convox.yml decides, what it leaves open
//! stays as it stands, and only what is new gets a default.

use serde_json::{Value, json};

use super::DATABASE;
use crate::app_stack::before::Before;
use crate::app_stack::metadata::Note;
use crate::app_stack::rendering::Rendering;
use crate::app_stack::template::reference;
use manifest::resources::{Database, DatabaseEngine, ReadSource, Resource, ResourceKind, defaults};

/// Where the data of a database come from.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// It starts empty.
    Own,
    /// The DB snapshot it was made from; CloudFormation wants to be told the same one for ever.
    Snapshot(String),
    /// It is a replica of what this property names.
    Replica(Value),
    /// It was a replica, up to this update or before.
    Promoted {
        /// Up to this update.
        now: bool,
    },
}

/// A database as it is to be.
pub(super) struct Settled {
    pub(super) version: Option<String>,
    pub(super) class: String,
    /// GiB; `None` = the source's or the snapshot's.
    pub(super) storage: Option<u32>,
    /// `None` = not known.
    pub(super) encrypted: Option<bool>,
    pub(super) origin: Origin,
    /// The resource whose password opens it; `None` = not known.
    pub(super) login: Option<String>,
    /// Parts of convox.yml that make it another database than the one that stands.
    pub(super) replaced_by: Vec<&'static str>,
    /// GiB of the one that stands and stays.
    pub(super) stands_at: Option<u32>,
}

/// The database of that name, if it is one.
pub(super) fn source<'a>(
    stack: &Rendering<'a>,
    name: &str,
) -> Option<(&'a Resource, &'a Database)> {
    let resource = stack.resources.iter().find(|other| other.name == name)?;
    match &resource.kind {
        ResourceKind::Database(database) => Some((resource, database)),
        _ => None,
    }
}

pub(super) fn settle(stack: &Rendering<'_>, resource: &Resource, database: &Database) -> Settled {
    settle_at(stack, resource, database, stack.resources.len())
}

/// `depth` ends circles of replicas, which convox.yml can draw and RDS cannot.
fn settle_at(
    stack: &Rendering<'_>,
    resource: &Resource,
    database: &Database,
    depth: usize,
) -> Settled {
    let standing = Standing::of(stack.before, resource);
    let another = stack.stands_as_another(resource, &Rendering::id(resource, DATABASE));
    let mut replaced_by = standing
        .map(|standing| standing.replaced_by(database))
        .unwrap_or_default();
    if another {
        replaced_by.push(".type");
    }
    let stays = standing.filter(|_| replaced_by.is_empty());
    let origin = origin(database, stays);
    let of_source = match (&database.read_source, depth.checked_sub(1)) {
        (Some(ReadSource::Resource(name)), Some(depth)) => source(stack, name)
            .map(|(resource, database)| settle_at(stack, resource, database, depth)),
        _ => None,
    };
    let engine = database.engine;
    let kept = standing.filter(|standing| standing.is_of(engine));
    let fresh = origin == Origin::Own;
    let new_version = || match &of_source {
        Some(source) => source.version.clone(),
        None => fresh.then(|| engine.default_version().to_owned()),
    };
    let kept_text = |property| kept.and_then(|kept| kept.text(property));
    Settled {
        version: (database.version.clone())
            .or_else(|| kept_text("EngineVersion"))
            .or_else(new_version),
        class: (database.class.clone())
            .or_else(|| kept_text("DBInstanceClass"))
            .unwrap_or_else(|| defaults::DATABASE_CLASS.to_owned()),
        storage: (database.storage)
            .or_else(|| kept.and_then(Standing::storage))
            .or_else(|| fresh.then_some(defaults::STORAGE)),
        encrypted: match &origin {
            Origin::Own => {
                let kept = kept.and_then(Standing::encrypted);
                Some(database.encrypted.or(kept).unwrap_or_default())
            }
            Origin::Snapshot(_) => None,
            Origin::Replica(_) => of_source.as_ref().and_then(|source| source.encrypted),
            Origin::Promoted { .. } => stays.and_then(Standing::encrypted),
        },
        login: match &origin {
            Origin::Own | Origin::Snapshot(_) => Some(resource.name.clone()),
            Origin::Replica(_) => of_source.and_then(|source| source.login),
            Origin::Promoted { .. } => stays.and_then(|stays| stays.note.login.clone()),
        },
        origin,
        replaced_by,
        stands_at: stays.and_then(Standing::storage),
    }
}

fn origin(database: &Database, stays: Option<Standing<'_>>) -> Origin {
    if let Some(source) = &database.read_source {
        return Origin::Replica(source_property(source));
    }
    let snapshot = match stays {
        Some(stays) if stays.property("SourceDBInstanceIdentifier").is_some() => {
            return Origin::Promoted { now: true };
        }
        Some(stays) if stays.note.promoted => return Origin::Promoted { now: false },
        Some(stays) => stays.text("DBSnapshotIdentifier"),
        None => database.snapshot.clone(),
    };
    snapshot.map_or(Origin::Own, Origin::Snapshot)
}

fn source_property(source: &ReadSource) -> Value {
    match source {
        ReadSource::Resource(name) => {
            reference(&crate::app_stack::logical_id::logical_id(name, DATABASE))
        }
        ReadSource::Instance(id) => json!(id),
    }
}

/// A database that stands.
#[derive(Clone, Copy)]
struct Standing<'a> {
    before: &'a Before,
    note: &'a Note,
}

impl<'a> Standing<'a> {
    fn of(before: &'a Before, resource: &Resource) -> Option<Self> {
        let note = before.notes.get(&resource.name)?;
        let is_it = note.id == Rendering::id(resource, DATABASE) && before.has(&note.id);
        is_it.then_some(Self { before, note })
    }

    fn property(self, name: &str) -> Option<&'a Value> {
        self.before.property(&self.note.id, name)
    }

    fn text(self, name: &str) -> Option<String> {
        self.before.text(&self.note.id, name)
    }

    fn is_of(self, engine: DatabaseEngine) -> bool {
        self.text("Engine").as_deref() == Some(engine.name())
    }

    fn storage(self) -> Option<u32> {
        self.text("AllocatedStorage")?.parse().ok()
    }

    fn encrypted(self) -> Option<bool> {
        let said = self.before.flag(&self.note.id, "StorageEncrypted");
        said.or(self.note.encrypted)
    }

    /// What of convox.yml RDS cannot make of a standing database.
    fn replaced_by(self, database: &Database) -> Vec<&'static str> {
        let mut parts = Vec::new();
        if self.text("Engine").is_some() && !self.is_of(database.engine) {
            parts.push(".type");
        }
        if let Some(source) = &database.read_source {
            let stands = self.property("SourceDBInstanceIdentifier");
            if stands != Some(&source_property(source)) {
                parts.push(".options.readSourceDB");
            }
            return parts;
        }
        let differs = |wanted: &String| self.text("DBSnapshotIdentifier").as_ref() != Some(wanted);
        if database.snapshot.as_ref().is_some_and(differs) {
            parts.push(".options.snapshot");
        }
        let stands = self.encrypted().zip(database.encrypted);
        if stands.is_some_and(|(stands, wanted)| stands != wanted) {
            parts.push(".options.encrypted");
        }
        parts
    }
}
