//! Deployments of ECS that wait for somebody.
//!
//! Source: ECS API reference, `ListServiceDeployments`, `DescribeServiceDeployments`, `ContinueServiceDeployment`.

use aws::call_error::CallError;
use aws_sdk_ecs::types::{
    DeploymentLifecycleHookAction, DeploymentLifecycleHookStatus,
    DeploymentLifecycleHookTargetType, ServiceDeployment, ServiceDeploymentStatus,
};

use super::ecs::{Ecs, cluster_of};

/// What waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// The deployment's ARN.
    deployment: String,
    /// The id of the hook.
    hook: String,
    /// At which stage, as ECS spells it.
    pub stage: String,
}

impl Ecs {
    /// What of an ECS service's deployment waits for somebody.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn paused(&self, cluster: &str, runs_as: &str) -> Result<Vec<Paused>, CallError> {
        let attempted = || format!("look at the deployments of {runs_as}");
        let cluster = cluster_of(runs_as).unwrap_or(cluster);
        let request = self.client().list_service_deployments();
        let request = request.cluster(cluster).service(runs_as);
        let request = request.status(ServiceDeploymentStatus::InProgress);
        let listed = request.send().await;
        let listed = listed.map_err(|err| CallError::new(attempted(), &err))?;
        let arns = listed.service_deployments().iter();
        let arns = arns.filter_map(|brief| brief.service_deployment_arn());
        let arns: Vec<String> = arns.map(str::to_owned).collect();
        if arns.is_empty() {
            return Ok(Vec::new());
        }
        let request = self.client().describe_service_deployments();
        let described = request.set_service_deployment_arns(Some(arns)).send().await;
        let described = described.map_err(|err| CallError::new(attempted(), &err))?;
        let all = described.service_deployments().iter();
        Ok(all.flat_map(waiting).collect())
    }

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn go_on(&self, paused: &Paused) -> Result<(), CallError> {
        let request = self.client().continue_service_deployment();
        let answer = request
            .service_deployment_arn(&paused.deployment)
            .hook_id(&paused.hook)
            .action(DeploymentLifecycleHookAction::Continue)
            .send()
            .await;
        let deployment = &paused.deployment;
        answer
            .map(drop)
            .map_err(|err| CallError::new(format!("continue {deployment}"), &err))
    }
}

fn waiting(deployment: &ServiceDeployment) -> Vec<Paused> {
    let stage = deployment.lifecycle_stage();
    let stage = stage.map_or("", |stage| stage.as_str());
    let hooks = deployment.lifecycle_hook_details().iter();
    let hooks = hooks.filter(|hook| {
        let waits = Some(&DeploymentLifecycleHookStatus::AwaitingAction);
        let pauses = Some(&DeploymentLifecycleHookTargetType::Pause);
        hook.status() == waits && hook.target_type() == pauses
    });
    let paused = hooks.filter_map(|hook| {
        Some(Paused {
            deployment: deployment.service_deployment_arn()?.to_owned(),
            hook: hook.hook_id()?.to_owned(),
            stage: stage.to_owned(),
        })
    });
    paused.collect()
}
