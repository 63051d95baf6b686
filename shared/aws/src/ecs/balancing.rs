//! What an ECS service registers its tasks with.

use aws_sdk_ecs::types::{LoadBalancer, Service};

use release::entrance::{Attachment, Balancing};

/// As the service has it.
pub(super) fn seen(service: &Service) -> Balancing {
    let attachment = |balancer: &LoadBalancer| {
        Some(Attachment {
            target_group_arn: balancer.target_group_arn().map(str::to_owned),
            container_name: balancer.container_name()?.to_owned(),
            container_port: balancer.container_port()?,
        })
    };
    let balancers = service.load_balancers().iter();
    let grace = service.health_check_grace_period_seconds();
    Balancing {
        attachments: balancers.filter_map(attachment).collect(),
        grace: grace.map_or(0, |seconds| u32::try_from(seconds).unwrap_or_default()),
    }
}

/// As ECS is told it.
pub(super) fn load_balancers(balancing: &Balancing) -> Vec<LoadBalancer> {
    let attachments = balancing.attachments.iter();
    let balancer = |attachment: &Attachment| {
        LoadBalancer::builder()
            .set_target_group_arn(attachment.target_group_arn.clone())
            .container_name(&attachment.container_name)
            .container_port(attachment.container_port)
            .build()
    };
    attachments.map(balancer).collect()
}

/// The grace period; ECS takes one only where something checks tasks (API reference, `CreateService`).
pub(super) fn grace(balancing: &Balancing) -> Option<i32> {
    let is_checked = !balancing.attachments.is_empty();
    is_checked.then(|| i32::try_from(balancing.grace).unwrap_or(i32::MAX))
}
