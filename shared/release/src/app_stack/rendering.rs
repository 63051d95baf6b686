//! What a rendering has at hand and what it finds out, for all kinds of resources.

use std::collections::BTreeSet;

use super::before::Before;
use super::logical_id::logical_id;
use super::metadata::Note;
use super::needs::dynamic;
use super::template::Template;
use super::{StackInputs, needs};
use manifest::resources::Resource;
use yaml::Problem;

/// A template on its way.
pub(super) struct Rendering<'a> {
    pub(super) inputs: &'a StackInputs<'a>,
    pub(super) resources: &'a [Resource],
    pub(super) before: &'a Before,
    pub(super) template: Template,
    /// What tasks get at.
    pub(super) opened: Opened,
    /// Resources whose password something in the template needs.
    pub(super) logins: BTreeSet<String>,
    /// Resources that this rendering replaces.
    pub(super) replaced: BTreeSet<String>,
    pub(super) more: bool,
    pub(super) notices: Vec<String>,
    pub(super) problems: Vec<Problem>,
}

/// What of a stack its roles open to tasks, in logical ids.
#[derive(Default)]
pub(super) struct Opened {
    /// The secrets that tasks are linked by.
    pub(super) links: Vec<String>,
    /// File systems, each with its access point.
    pub(super) file_systems: Vec<(String, String)>,
}

impl Opened {
    /// Brings it into an order that is no one's.
    pub(super) fn sort(&mut self) {
        self.links.sort();
        self.file_systems.sort();
    }
}

impl Rendering<'_> {
    /// Something that is wrong with `part` of a resource, such as `.options.storage`; empty for the resource itself.
    pub(super) fn problem(&mut self, resource: &Resource, part: &str, message: impl Into<String>) {
        let path = format!("resources.{}{part}", resource.shown);
        self.problems
            .push(Problem::at(resource.line, path, message.into()));
    }

    /// A notice about a resource; `message` goes on after its name.
    pub(super) fn notice(&mut self, resource: &Resource, message: &str) {
        let (line, shown) = (resource.line, &resource.shown);
        self.notices
            .push(format!("line {line}: `resources.{shown}` {message}"));
    }

    /// Refuses texts that CloudFormation would not take for what they are.
    pub(super) fn plain(&mut self, resource: &Resource, texts: &[(&str, Option<&str>)]) {
        let tags = resource.tags.iter();
        let tags = tags.flat_map(|(key, value)| [(".tags", key.as_str()), (".tags", value)]);
        let options = texts
            .iter()
            .filter_map(|(part, text)| Some((*part, (*text)?)));
        for (part, text) in options.chain(tags).chain([("", resource.name.as_str())]) {
            if text.contains(needs::DYNAMIC) {
                let path = format!("resources.{}{part}", resource.shown);
                self.problems.push(dynamic(resource.line, path));
            }
        }
    }

    /// Whether something else than `id` stands under the name of `resource`.
    pub(super) fn stands_as_another(&self, resource: &Resource, id: &str) -> bool {
        let note = self.before.notes.get(&resource.name);
        note.is_some_and(|note| note.id != id && self.before.has(&note.id))
    }

    /// Notes what replaces the standing resource, one `part` of convox.yml each: refused unless the request allows it.
    /// A protected database is never replaced, since CloudFormation could not delete it and would forget it.
    pub(super) fn replacements(&mut self, resource: &Resource, parts: &[&str]) {
        let note = self.before.notes.get(&resource.name);
        let protected = note.is_some_and(|note| self.before.is_protected(&note.id));
        for part in parts {
            if protected {
                self.problem(
                    resource,
                    part,
                    "differs from what stands, which would be replaced, but its deletion \
                     protection is on: promote with `deletionProtection: false` and nothing else \
                     changed first",
                );
            } else if !self.inputs.allow_replacement {
                self.problem(
                    resource,
                    part,
                    "differs from what stands, which CloudFormation would replace by a new, empty \
                     one: undo the change, or promote with `allowReplacement` if that is wanted",
                );
            }
        }
        if !parts.is_empty() && !protected && self.inputs.allow_replacement {
            self.replaced.insert(resource.name.clone());
        }
    }

    /// Adds the note, and says what becomes of the resource that stood there.
    pub(super) fn note(&mut self, resource: &Resource, note: Note) {
        let release = self.inputs.release.as_str();
        let stood = self.before.notes.get(&resource.name);
        let replaced_for = if self.replaced.contains(&resource.name) {
            Some(release.to_owned())
        } else {
            stood.and_then(|note| note.replaced_for.clone())
        };
        // The secret of its variables stays the same one, with other values: no task learns of them while it runs.
        if replaced_for.as_deref() == Some(release) {
            let message = "is replaced by a new, empty one with this Release; running tasks keep \
                           the variables and volumes that they have until they are started anew";
            self.notice(resource, message);
        }
        let note = Note {
            shown: resource.shown.clone(),
            replaced_for,
            ..note
        };
        self.template.note(&resource.name, &note);
    }

    /// The logical id of what a resource is given.
    pub(super) fn id(resource: &Resource, kind: &str) -> String {
        logical_id(&resource.name, kind)
    }
}
