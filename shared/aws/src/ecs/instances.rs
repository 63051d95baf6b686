//! The cluster's own machines, and the agents on them.

use futures_util::future::try_join_all;

use super::Cluster;
use crate::call_error::CallError;

/// `DescribeContainerInstances` takes no more at once, `ListContainerInstances` answers no more.
const INSTANCES_PER_CALL: usize = 100;

/// A container instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The EC2 instance, or the last part of its ARN where it has none.
    pub id: String,
    /// The version of its ECS agent; empty where it says none.
    pub agent_version: String,
}

impl Cluster {
    /// All container instances of the cluster.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn instances(&self) -> Result<Vec<Instance>, CallError> {
        let attempted = || format!("look up the container instances of `{}`", self.name);
        let list = self.client.list_container_instances().cluster(&self.name);
        let mut pages = list.into_paginator().send();
        let mut arns = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|err| CallError::new(attempted(), &err))?;
            arns.extend_from_slice(page.container_instance_arns());
        }
        let described = arns.chunks(INSTANCES_PER_CALL).map(async |arns| {
            let describe = self
                .client
                .describe_container_instances()
                .cluster(&self.name)
                .set_container_instances(Some(arns.to_vec()));
            let answer = describe.send().await;
            answer.map_err(|err| CallError::new(attempted(), &err))
        });
        let answers = try_join_all(described).await?;
        let mut instances = Vec::new();
        for answer in &answers {
            instances.extend(answer.container_instances().iter().map(instance));
        }
        Ok(instances)
    }
}

fn instance(instance: &aws_sdk_ecs::types::ContainerInstance) -> Instance {
    let of_arn = instance.container_instance_arn().unwrap_or_default();
    let of_arn = of_arn.rsplit('/').next().unwrap_or_default();
    let version = instance
        .version_info()
        .and_then(|info| info.agent_version());
    Instance {
        id: instance.ec2_instance_id().unwrap_or(of_arn).to_owned(),
        agent_version: version.unwrap_or_default().to_owned(),
    }
}
