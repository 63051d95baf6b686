//! What stays of a resource that convox.yml has no more.

use serde_json::Value;

use super::link::{CREDENTIALS, LINK};
use super::logical_id::logical_id;
use super::metadata::{Note, RemovedResource};
use super::rendering::Rendering;
use super::template::named_ids;
use super::{cache, database, file_system, network, outputs};
use yaml::Problem;

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
/// Kinds that a resource has several of, each with an ending of its own.
const SEVERAL: [&str; 2] = [file_system::MOUNT_TARGET, network::INGRESS];
const OUTPUTS: [&str; 4] = [
    outputs::ACCESS_POINT,
    outputs::FILE_SYSTEM,
    outputs::LINK,
    outputs::URL_PARAMETERS,
];

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
                let message = "is not there any more, but its deletion protection is on: promote \
                               with `deletionProtection: false` first, then without it";
                self.problems.push(Problem::at(1, path, message.to_owned()));
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
        let several = SEVERAL.map(|kind| logical_id(name, kind));
        let is_of_it = |id: &str| {
            several.iter().any(|one| id.starts_with(one))
                || KINDS.iter().any(|kind| logical_id(name, kind) == id)
        };
        let ids = before.resources.keys().filter(|id| is_of_it(id));
        ids.for_each(|id| self.keep_resource(id));
        for output in OUTPUTS.map(|kind| logical_id(name, kind)) {
            if let Some(value) = before.outputs.get(&output) {
                self.template.insert_output(&output, value.clone());
            }
        }
        let link = logical_id(name, LINK);
        let links = &mut self.opened.links;
        links.extend(Some(link).filter(|link| before.has(link)));
        let files = file_system::logical_ids(name);
        let file_systems = &mut self.opened.file_systems;
        file_systems.extend(Some(files).filter(|(id, _)| before.has(id)));
        self.template.note(name, note);
    }

    /// Copies one resource, and what it names.
    pub(super) fn keep_resource(&mut self, id: &str) {
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
