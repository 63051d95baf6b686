//! How operations end.
//!
//! Source: CloudFormation user guide, "Stack status codes" and "Stack failure options"; the reasons are worded as
//! CloudFormation words them.

use super::stack::{Effect, Failure, Kind, Operation, Stack};
use super::{checks, now, text};

impl Stack {
    /// Ends the operation in progress, which has had its effect.
    pub(super) fn end(&mut self) {
        let Some(Operation {
            kind,
            request,
            effect: Some(effect),
            ..
        }) = self.operation.take()
        else {
            return;
        };
        if let Some(failure) = &effect.failure {
            return self.end_badly(kind, failure);
        }
        let Effect { outputs, .. } = effect;
        match kind {
            Kind::Create => {
                self.outputs = outputs;
                self.set("CREATE_COMPLETE", "");
            }
            Kind::Update => {
                self.outputs = outputs;
                self.take_over(&request);
                self.set("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "");
                self.set("UPDATE_COMPLETE", "");
            }
            Kind::Delete => {
                self.deleted = Some(now());
                self.set("DELETE_COMPLETE", "");
            }
        }
    }

    /// Template, tags and outputs stay as they were before.
    fn end_badly(&mut self, kind: Kind, failure: &Failure) {
        let failed = match kind {
            Kind::Create => "CREATE_FAILED",
            Kind::Update => "UPDATE_FAILED",
            Kind::Delete => "DELETE_FAILED",
        };
        self.note_failure(kind, failed, failure);
        let (verb, resource) = (kind.verb(), &failure.resource);
        let why = format!("The following resource(s) failed to {verb}: [{resource}]. ");
        match kind {
            Kind::Create => {
                let why = format!("{why}Rollback requested by user.");
                self.set("ROLLBACK_IN_PROGRESS", &why);
                self.set("ROLLBACK_COMPLETE", "");
            }
            Kind::Update => {
                self.set("UPDATE_ROLLBACK_IN_PROGRESS", &why);
                self.set("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "");
                self.set("UPDATE_ROLLBACK_COMPLETE", "");
            }
            Kind::Delete => self.set("DELETE_FAILED", &why),
        }
    }

    /// The failure, and what it makes of a resource that is under way meanwhile: that one is the newer event, and says
    /// nothing of the cause.
    fn note_failure(&mut self, kind: Kind, failed: &str, failure: &Failure) {
        let Failure {
            resource,
            resource_type,
            reason,
        } = failure;
        self.note(resource, resource_type, "", failed, reason);
        let template = checks::parsed(&self.template).unwrap_or_default();
        let resources = template["Resources"].as_object().into_iter().flatten();
        let mut others = resources.filter(|(name, _)| *name != resource);
        let cancelled = match kind {
            Kind::Create => "Resource creation cancelled",
            Kind::Update => "Resource update cancelled",
            Kind::Delete => return,
        };
        if let Some((other, definition)) = others.next() {
            self.note(other, text(definition, "Type"), "", failed, cancelled);
        }
    }
}
