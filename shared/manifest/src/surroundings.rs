//! What a Service refers to: names that stand elsewhere in its convox.yml.

use std::collections::BTreeSet;

use super::declaration::Declarations;
use super::reference::Names;

/// The rest of the manifest, as far as a Service refers to it.
pub(super) struct Surroundings {
    /// The manifest's own `environment:`.
    pub shared: Declarations,
    /// All Services.
    pub services: Names,
    /// All resources.
    pub resources: Names,
    /// Those that can be mounted.
    pub file_systems: BTreeSet<String>,
    /// Whether the Rack has a load balancer.
    pub has_entrance: bool,
}
