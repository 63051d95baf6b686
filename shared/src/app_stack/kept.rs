//! What stays of a resource that convox.yml has no more.

use serde_json::Value;

use super::before::Note;
use super::link::{CREDENTIALS, LINK};
use super::logical_id::logical_id;
use super::needs::problem;
use super::removed::RemovedResource;
use super::rendering::Rendering;
use super::template::named_ids;
use super::{cache, database, file_system, network, outputs};

const KINDS: [&str; 10] = [
    cache::CACHE,
    cache::MEMCACHED,
    database::DATABASE,
    file_system::ACCESS_POINT,
    file_system::FILE_SYSTEM,
    network::CACHE_SUBNETS,
    network::DATABASE_SUBNETS,
    network::SECURITY_GROUP,
    CREDENTIALS,
    LINK,
];
const OUTPUTS: [&str; 3] = [outputs::ACCESS_POINT, outputs::FILE_SYSTEM, outputs::LINK];

impl Rendering<'_> {
    /// Refuses to lose sight of what cannot be deleted, and keeps what still is in use as it stands.
    pub(super) fn leave(&mut self) -> Vec<RemovedResource> {
        let before = self.before;
        let mut leaving = Vec::new();
        for (name, note) in &before.notes {
            if self.resources.iter().any(|resource| &resource.name == name) {
                continue;
            }
            if before.is_protected(&note.id) {
                let path = format!("resources.{}", note.shown);
                let message = "is not there any more, but its deletion protection is on: promote with `deletionProtection: false` \
                    first, then without it";
                self.problems.push(problem(1, path, message.to_owned()));
            }
            if self.inputs.keep.contains(name) {
                self.keep(name, note);
                self.goes_next(note);
            } else {
                leaving.push(before.removal_of(note));
            }
        }
        self.removed(leaving)
    }

    fn keep(&mut self, name: &str, note: &Note) {
        let before = self.before;
        let targets = logical_id(name, file_system::MOUNT_TARGET);
        let is_of_it = |id: &str| {
            id.starts_with(&targets) || KINDS.iter().any(|kind| logical_id(name, kind) == id)
        };
        let ids = before.resources.keys().filter(|id| is_of_it(id));
        ids.for_each(|id| self.keep_resource(id));
        for output in OUTPUTS.map(|kind| logical_id(name, kind)) {
            if let Some(value) = before.outputs.get(&output) {
                self.template.insert_output(&output, value.clone());
            }
        }
        let link = logical_id(name, LINK);
        self.links
            .extend(Some(link).filter(|link| before.has(link)));
        self.template.note(name, note);
    }

    /// Copies one resource, and what it names.
    fn keep_resource(&mut self, id: &str) {
        let before = self.before;
        let Some(resource) = before.resources.get(id).filter(|_| !self.template.has(id)) else {
            return;
        };
        self.template.insert(id, Value::clone(resource));
        for id in named_ids(resource) {
            self.keep_resource(&id);
        }
    }
}
