//! The ECS agents of the cluster's own instances: asked only where a Release can need newer ones.

use shared::app_settings::AppSettings;
use shared::ecs::Instance;
use shared::error_chain::Chain;
use shared::manifest::{Manifest, Service};
use shared::precedence::EnvDelivery;
use shared::task_definition::LaunchType;

use crate::plan;
use crate::shell::Shell;

/// What is known of the agents.
pub enum Agents {
    /// Nothing depends on them.
    NotAsked,
    /// They could not be asked, which stops no promote.
    Unknown {
        /// Why.
        reason: String,
    },
    /// All instances of the cluster.
    Known(Vec<Instance>),
}

/// Asks, if the Rack runs on instances and the Release uses what old agents do not have.
pub(super) async fn agents(shell: &Shell, settings: &AppSettings, manifest: &Manifest) -> Agents {
    if shell.config.launch_type != LaunchType::Ec2 || !uses(shell, settings, manifest) {
        return Agents::NotAsked;
    }
    match shell.cluster.instances().await {
        Ok(instances) => Agents::Known(instances),
        Err(err) => Agents::Unknown {
            reason: Chain(&err).to_string(),
        },
    }
}

fn uses(shell: &Shell, settings: &AppSettings, manifest: &Manifest) -> bool {
    let decision = plan::decide(&shell.config, settings, manifest, &mut Vec::new());
    let keys = decision.delivery == EnvDelivery::SecretsManager;
    let of_service = |service: &Service| {
        let own = &service.deliveries;
        !own.environment_files.is_empty()
            || own.secrets.values().any(|own| own.reference.has_parts())
            || (keys && !service.environment.is_empty())
    };
    manifest.services.iter().any(of_service)
}
