//! What convox.yml has ECS itself deliver: own secrets and environment files. What must not be named.

use shared::release_checks;

use super::checks::Checks;
use crate::gather::{Gathered, Wanted};

impl Checks {
    /// The Rack's own secrets are written by promotes, and each is one App's.
    pub(super) fn own_secrets(&mut self, wanted: &Wanted<'_>, gathered: &Gathered) {
        let account = gathered.cluster.arn.split(':').nth(4).unwrap_or_default();
        let services = gathered.manifest.services.iter();
        let problems =
            services.flat_map(|service| release_checks::rack_secrets(wanted.id, account, service));
        self.problems.extend(problems);
    }
}
