//! What convox.yml has ECS itself deliver: own secrets and environment files. What must not be named, and what to know.

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

/// What the user should know about what ECS delivers itself.
pub(super) fn warnings(gathered: &Gathered) -> Vec<String> {
    let services = gathered.manifest.services.iter();
    let own = services.flat_map(|service| service.deliveries.secrets.values());
    let of_sdk = own.filter(|own| own.path.rsplit('.').next().is_some_and(is_of_sdk));
    of_sdk
        .map(|own| {
            let (line, path) = (own.line, &own.path);
            format!(
                "convox.yml line {line}, `{path}`: with S3 delivery convox-env itself reaches AWS with this variable"
            )
        })
        .collect()
}

/// Whether the AWS SDK of convox-env reads a variable of that name (SDKs and tools reference guide, "Environment
/// variables").
fn is_of_sdk(name: &str) -> bool {
    name.starts_with("AWS_")
}
