//! Resources that left a stack. The template says so from then on: the promote that took them out goes on in other
//! invocations, which no longer see them, and its report names them all the same.

use std::collections::BTreeSet;

use super::Before;
use super::metadata::{DataAfter, Note, Removed, RemovedResource};
use super::rendering::Rendering;

impl Before {
    /// What messages may call the resources that stand and are none of `names`.
    #[must_use]
    pub fn without(&self, names: &BTreeSet<&str>) -> BTreeSet<String> {
        let others = self.notes.iter();
        let others = others.filter(|(name, _)| !names.contains(name.as_str()));
        others.map(|(_, note)| note.shown.clone()).collect()
    }

    pub(super) fn removal_of(&self, note: &Note) -> RemovedResource {
        let data = if self.leaves_a_snapshot(&note.id) {
            DataAfter::FinalSnapshot
        } else {
            DataAfter::Gone
        };
        RemovedResource {
            name: note.shown.clone(),
            data,
        }
    }
}

impl Rendering<'_> {
    /// Says that a resource goes with the next promote, while tasks may still use it.
    pub(super) fn goes_next(&mut self, note: &Note) {
        let RemovedResource { name, data } = self.before.removal_of(note);
        let data = data.in_words();
        self.notices.push(format!(
            "`resources.{name}` is not there any more: tasks of the Release before may still use \
             it, so the next promote removes it, and then {data}"
        ));
    }

    /// Writes down what leaves, and answers what left for this request: now, or in an earlier attempt.
    pub(super) fn removed(&mut self, leaving: Vec<RemovedResource>) -> Vec<RemovedResource> {
        let request = self.inputs.request_id;
        let mut removed = self.before.removed.clone();
        let of_this = removed.request == request;
        if !leaving.is_empty() {
            let earlier = removed.resources.into_iter().filter(|_| of_this);
            removed = Removed {
                request: request.to_owned(),
                resources: earlier.chain(leaving).collect(),
            };
        }
        // Metadata alone cannot be updated, so it is changed only together with the resources themselves.
        let is_back = |gone: &RemovedResource| {
            let mut resources = self.resources.iter();
            resources.any(|resource| resource.shown == gone.name)
        };
        removed.resources.retain(|gone| !is_back(gone));
        self.template.removed(&removed);
        if removed.request != request {
            return Vec::new();
        }
        for RemovedResource { name, data } in &removed.resources {
            let data = data.in_words();
            self.notices.push(format!(
                "`resources.{name}` is not there any more and is removed with this Release: {data}"
            ));
        }
        removed.resources
    }
}
