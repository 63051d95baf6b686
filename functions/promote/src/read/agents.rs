//! The ECS agents of the cluster's own instances: asked only where a Release can need newer ones.

use manifest::capacity::LaunchType;
use manifest::precedence::EnvDelivery;
use manifest::{Manifest, Service};
use names::error_chain::Chain;

use crate::facts::Agents;
use crate::shell::Shell;

/// Asks, if the Rack runs on instances and the Release uses what old agents do not have.
pub(super) async fn agents(shell: &Shell, manifest: &Manifest, delivery: EnvDelivery) -> Agents {
    if shell.config.release.launch_type != LaunchType::Ec2 || !needs_new_agents(manifest, delivery)
    {
        return Agents::NotAsked;
    }
    match shell.cluster.instances().await {
        Ok(instances) => Agents::Known(instances),
        Err(err) => Agents::Unknown {
            reason: Chain(&err).to_string(),
        },
    }
}

fn needs_new_agents(manifest: &Manifest, delivery: EnvDelivery) -> bool {
    let keys = delivery == EnvDelivery::SecretsManager;
    let of_service = |service: &Service| {
        let own = &service.deliveries;
        !own.environment_files.is_empty()
            || own.secrets.values().any(|own| own.reference.has_parts())
            || (keys && !service.environment.is_empty())
            || service.exec
    };
    manifest.services.iter().any(of_service)
}
