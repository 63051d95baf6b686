//! What convox.yml has ECS itself deliver: own secrets and environment files. What must not be named.

use release::named_arns::Namer;
use release::problem::ReleaseProblem;

use super::checks::Checks;
use crate::config::Config;
use crate::facts::{Facts, Wanted};

impl Checks {
    /// Refuses secrets and files that are another App's, or that the Rack's owner does not allow.
    pub(super) fn named_arns(&mut self, config: &Config, wanted: &Wanted<'_>, facts: &Facts) {
        let namer = Namer {
            id: wanted.id,
            account: facts.cluster.arn.split(':').nth(4).unwrap_or_default(),
            settings_bucket: &config.release.bucket,
            allowed: &config.release.allowed_arns,
        };
        let services = facts.release.manifest.services.iter();
        let refused = services.flat_map(|service| namer.problems(service));
        self.problems.extend(refused.map(ReleaseProblem::from));
    }
}
