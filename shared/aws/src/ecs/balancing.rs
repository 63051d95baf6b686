//! What an ECS service registers its tasks with.

use aws_sdk_ecs::types::{AdvancedConfiguration, LoadBalancer, Service};

use release::entrance::{Advanced, Attachment, Balancing};

/// As the service has it.
pub(super) fn seen(service: &Service) -> Balancing {
    let attachment = |balancer: &LoadBalancer| {
        Some(Attachment {
            target_group_arn: balancer.target_group_arn().map(str::to_owned),
            container_name: balancer.container_name()?.to_owned(),
            container_port: balancer.container_port()?,
            advanced: balancer.advanced_configuration().map(advanced),
        })
    };
    let balancers = service.load_balancers().iter();
    let mut attachments: Vec<Attachment> = balancers.filter_map(attachment).collect();
    attachments.sort_unstable();
    // One that is attached to nothing keeps the period that it had, which means nothing then.
    let grace = service.health_check_grace_period_seconds();
    let grace = grace.filter(|_| !attachments.is_empty());
    Balancing {
        attachments,
        grace: grace.map_or(0, |seconds| u32::try_from(seconds).unwrap_or_default()),
    }
}

fn advanced(configuration: &AdvancedConfiguration) -> Advanced {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Advanced {
        alternate_target_group_arn: text(configuration.alternate_target_group_arn()),
        production_listener_rule: text(configuration.production_listener_rule()),
        role_arn: text(configuration.role_arn()),
    }
}

fn told(advanced: &Advanced) -> AdvancedConfiguration {
    AdvancedConfiguration::builder()
        .alternate_target_group_arn(&advanced.alternate_target_group_arn)
        .production_listener_rule(&advanced.production_listener_rule)
        .role_arn(&advanced.role_arn)
        .build()
}

/// As ECS is told it.
pub(super) fn load_balancers(balancing: &Balancing) -> Vec<LoadBalancer> {
    let attachments = balancing.attachments.iter();
    let balancer = |attachment: &Attachment| {
        LoadBalancer::builder()
            .set_target_group_arn(attachment.target_group_arn.clone())
            .container_name(&attachment.container_name)
            .container_port(attachment.container_port)
            .set_advanced_configuration(attachment.advanced.as_ref().map(told))
            .build()
    };
    attachments.map(balancer).collect()
}

/// The grace period; ECS takes one only where something checks tasks (API reference, `CreateService`).
pub(super) fn grace(balancing: &Balancing) -> Option<i32> {
    let is_checked = !balancing.attachments.is_empty();
    is_checked.then(|| i32::try_from(balancing.grace).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_attached_is_seen_in_one_order_and_a_period_of_nothing_is_none() {
        let balancer = |group: &str| {
            LoadBalancer::builder()
                .target_group_arn(group)
                .container_name("web")
                .container_port(80)
                .build()
        };
        let service = Service::builder().health_check_grace_period_seconds(20);
        assert_eq!(seen(&service.clone().build()), Balancing::default());
        let one = service.clone().load_balancers(balancer("a"));
        let one = seen(&one.load_balancers(balancer("b")).build());
        let other = service.load_balancers(balancer("b"));
        let other = seen(&other.load_balancers(balancer("a")).build());
        assert_eq!((&one, one.grace, grace(&one)), (&other, 20, Some(20)));
        assert_eq!(load_balancers(&one), [balancer("a"), balancer("b")]);
        assert_eq!(grace(&Balancing::default()), None);
    }
}
