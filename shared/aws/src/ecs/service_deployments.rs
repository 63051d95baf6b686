//! Service deployments: how far ECS is where it moves requests between target groups, and which alarms ended it. Of those the service
//! itself says too little: its `rolloutState` is of rolling deployments alone.
//!
//! Source: ECS API reference, `ListServiceDeployments`, `DescribeServiceDeployments`, `ServiceDeployment`, `Rollback`.

use aws_sdk_ecs::primitives::DateTime as AwsDateTime;
use aws_sdk_ecs::types::{
    Service, ServiceDeployment, ServiceDeploymentAlarms, ServiceDeploymentStatus,
    ServiceRevisionSummary,
};

use super::rollouts::{Rollout, time};
use super::{Cluster, deployments};
use crate::call_error::CallError;

impl Cluster {
    /// What is seen of a service, with what its newest deployment says where the service itself does not.
    pub(super) async fn with_deployment(
        &self,
        service: &Service,
        rollout: Rollout,
    ) -> Result<Rollout, CallError> {
        let how = deployments::seen(service.deployment_configuration());
        let has_alarms = how.course.as_ref().is_some_and(|it| !it.alarms.is_empty());
        let shifts = how.strategy().shifts();
        if !shifts && !has_alarms {
            return Ok(rollout);
        }
        let name = service.service_name().unwrap_or_default();
        let Some(newest) = self.newest_deployment(name).await? else {
            return Ok(rollout);
        };
        let alarms = newest
            .alarms()
            .map(ServiceDeploymentAlarms::triggered_alarm_names);
        let alarms = alarms.map(<[String]>::to_vec).unwrap_or_default();
        let rollout = Rollout { alarms, ..rollout };
        if !shifts {
            return Ok(rollout);
        }
        let revision = revision_of(&newest).map(str::to_owned);
        let definition = match revision {
            Some(revision) => self.definition_of(&revision).await?,
            None => None,
        };
        let began_at = newest.rollback().and_then(|rollback| rollback.started_at());
        let began_at = began_at.or(newest.created_at());
        Ok(Rollout {
            revision: definition.unwrap_or(rollout.revision),
            is_complete: newest.status().is_some_and(is_complete),
            began_at: time(began_at).or(rollout.began_at),
            ..rollout
        })
    }

    /// Whether ECS has taken back the newest deployment of a service.
    pub(super) async fn has_gone_back(&self, name: &str) -> Result<bool, CallError> {
        let newest = self.newest_deployment(name).await?;
        let back = ServiceDeploymentStatus::RollbackSuccessful;
        Ok(newest.is_some_and(|newest| newest.status() == Some(&back)))
    }

    /// The deployment of a service that began last.
    async fn newest_deployment(&self, name: &str) -> Result<Option<ServiceDeployment>, CallError> {
        let attempted = || format!("look up the deployments of ECS service `{name}`");
        let request = self.client.list_service_deployments().cluster(&self.name);
        let listed = request.service(name).send().await;
        let listed = listed.map_err(|err| CallError::new(attempted(), &err))?;
        let all = listed.service_deployments().iter();
        let newest = all.max_by_key(|brief| brief.created_at().map(AwsDateTime::as_nanos));
        let Some(arn) = newest.and_then(|brief| brief.service_deployment_arn()) else {
            return Ok(None);
        };
        let request = self.client.describe_service_deployments();
        let described = request.service_deployment_arns(arn).send().await;
        let described = described.map_err(|err| CallError::new(attempted(), &err))?;
        Ok(described.service_deployments.unwrap_or_default().pop())
    }

    /// The task definition of a service revision.
    async fn definition_of(&self, revision: &str) -> Result<Option<String>, CallError> {
        let request = self.client.describe_service_revisions();
        let answer = request.service_revision_arns(revision).send().await;
        let answer = answer
            .map_err(|err| CallError::new(format!("look up service revision {revision}"), &err))?;
        let revision = answer.service_revisions().first();
        let definition = revision.and_then(|revision| revision.task_definition());
        Ok(definition.map(str::to_owned))
    }
}

/// The service revision that a deployment brings, or goes back to.
fn revision_of(deployment: &ServiceDeployment) -> Option<&str> {
    let target = deployment.target_service_revision();
    let target = target.and_then(ServiceRevisionSummary::arn);
    let is_taken_back = deployment.status().is_some_and(|status| {
        matches!(
            status,
            ServiceDeploymentStatus::RollbackRequested
                | ServiceDeploymentStatus::RollbackInProgress
                | ServiceDeploymentStatus::RollbackSuccessful
        )
    });
    if !is_taken_back {
        return target;
    }
    let rollback = deployment
        .rollback()
        .and_then(|it| it.service_revision_arn());
    let source = deployment.source_service_revisions().first();
    rollback.or(source.and_then(ServiceRevisionSummary::arn))
}

/// Whether all that it wanted is done, forwards or back.
fn is_complete(status: &ServiceDeploymentStatus) -> bool {
    matches!(
        status,
        ServiceDeploymentStatus::Successful | ServiceDeploymentStatus::RollbackSuccessful
    )
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::Rollback;

    use super::*;

    #[test]
    fn a_deployment_that_is_taken_back_brings_the_revision_before() {
        use ServiceDeploymentStatus as Status;
        let revision = |arn: &str| ServiceRevisionSummary::builder().arn(arn).build();
        let deployment = |status: Status, rollback: Option<&str>| {
            let back = rollback.map(|arn| Rollback::builder().service_revision_arn(arn).build());
            ServiceDeployment::builder()
                .status(status)
                .source_service_revisions(revision("source"))
                .target_service_revision(revision("target"))
                .set_rollback(back)
                .build()
        };
        for (status, rollback, want, complete) in [
            (Status::Pending, None, "target", false),
            (Status::InProgress, None, "target", false),
            (Status::Successful, None, "target", true),
            (Status::Stopped, None, "target", false),
            (Status::RollbackFailed, Some("back"), "target", false),
            (Status::RollbackRequested, None, "source", false),
            (Status::RollbackInProgress, Some("back"), "back", false),
            (Status::RollbackSuccessful, Some("back"), "back", true),
        ] {
            let seen = deployment(status.clone(), rollback);
            assert_eq!(revision_of(&seen), Some(want), "{status}");
            assert_eq!(is_complete(&status), complete, "{status}");
        }
    }
}
