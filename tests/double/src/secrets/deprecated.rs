//! Versions without a label, which Secrets Manager may delete at any time.

use std::collections::BTreeMap;

use super::SecretStore;
use super::secret::Version;

/// Whether the id of a version that Secrets Manager has deleted can be that of a new one.
///
/// AWS does not say it (API reference, `PutSecretValue`, `ClientRequestToken`, knows versions that exist), so what puts such an
/// id has to go well with both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletedIds {
    /// A put of one makes a version.
    Free,
    /// A put of one is a `ResourceExistsException`.
    Taken,
}

impl SecretStore {
    /// Deletes every version of a secret that has no label.
    ///
    /// Source: Secrets Manager API reference, `UpdateSecretVersionStage` (such a version is deprecated and can be deleted).
    pub(crate) fn delete_deprecated_versions(&mut self, name: &str, ids: DeletedIds) {
        let secret = self.secrets.get_mut(name);
        let secret = secret.expect("there is no such secret");
        let versions = std::mem::take(&mut secret.versions).into_iter();
        let is_labelled = |(_, version): &(String, Version)| !version.stages.is_empty();
        let (labelled, deleted): (BTreeMap<_, _>, BTreeMap<_, _>) = versions.partition(is_labelled);
        secret.versions = labelled;
        if ids == DeletedIds::Taken {
            secret.taken.extend(deleted.into_keys());
        }
    }
}
