//! An ECS service as it stands.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{
    AvailabilityZoneRebalancing, DeploymentRolloutState, LaunchType, SchedulingStrategy, Service,
};

use super::{AtGateways, Ties, balancing, deployments, placement, tags};
use manifest::Deployment;
use manifest::capacity::Capacity;
use release::entrance::Balancing;
use release::timer_rule::Network;

/// An ECS service, as far as a promote cares.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent settings of a service"
)]
pub struct EcsService {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// `ACTIVE` or `DRAINING`; one that is `INACTIVE` is not there any more.
    pub status: String,
    /// The revision that it runs or moves to.
    pub task_definition: String,
    /// The one that it was told last, where ECS has gone back from that.
    pub gone_back_from: Option<String>,
    /// What its tasks run on; Fargate also where some of them run on Fargate Spot.
    pub capacity: Capacity,
    /// The platform that it is pinned to, or `LATEST`; Fargate only.
    pub platform_version: String,
    /// Whether its tasks have network interfaces of their own.
    pub awsvpc: bool,
    /// Their network, where they have.
    pub network: Option<Network>,
    /// How its tasks are replaced.
    pub deployment: Deployment,
    /// Whether ECS is at that.
    pub is_deploying: bool,
    /// The ARNs of the service revisions that have tasks.
    pub revisions: Vec<String>,
    /// Whether people get into its containers by ECS Exec.
    pub exec: bool,
    /// How many tasks it is to run.
    pub desired_count: u32,
    /// Whether it runs once on every instance.
    pub is_daemon: bool,
    /// Whether ECS keeps its tasks balanced across Availability Zones.
    pub is_rebalanced: bool,
    /// Who deploys it: `ECS`, `CODE_DEPLOY` or `EXTERNAL`.
    pub controller: String,
    /// The load balancers that send to it.
    pub balancing: Balancing,
    /// How many seconds after the start of a task its health checks do not count, whoever makes them.
    pub grace: u32,
    /// How it is attached to gateways, where that was looked up: nothing of it stands here by itself.
    pub at_gateways: AtGateways,
    /// What else it ties to the container.
    pub ties: Ties,
    /// Its launch type, where that is neither Fargate nor EC2: `EXTERNAL`, `MANAGED_INSTANCES`.
    pub other_launch_type: Option<String>,
    /// The operating system that Fargate runs for it, where ECS says so.
    pub platform_family: String,
    /// Every revision that it may start tasks with: also those that a deployment is moving it from, or could go back to.
    pub may_run: BTreeSet<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl EcsService {
    /// Whether it is on its way out: it starts no tasks any more, and those that run stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.status == "DRAINING"
    }
}

pub(super) fn ecs_service(service: &aws_sdk_ecs::types::Service) -> EcsService {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let controller = service
        .deployment_controller()
        .map_or("ECS", |controller| controller.r#type().as_str());
    EcsService {
        name: text(service.service_name()),
        arn: text(service.service_arn()),
        status: text(service.status()),
        task_definition: text(service.task_definition()),
        gone_back_from: None,
        capacity: capacity(service),
        platform_version: text(service.platform_version()),
        awsvpc: service
            .network_configuration()
            .is_some_and(|network| network.awsvpc_configuration().is_some()),
        network: service.network_configuration().and_then(placement::seen),
        deployment: deployments::seen(service.deployment_configuration()),
        is_deploying: is_deploying(service),
        revisions: revisions(service),
        exec: service.enable_execute_command(),
        desired_count: u32::try_from(service.desired_count()).unwrap_or_default(),
        is_daemon: service.scheduling_strategy() == Some(&SchedulingStrategy::Daemon),
        is_rebalanced: service.availability_zone_rebalancing()
            == Some(&AvailabilityZoneRebalancing::Enabled),
        controller: controller.to_owned(),
        balancing: balancing::seen(service),
        grace: grace(service),
        at_gateways: AtGateways::default(),
        ties: Ties::of(service),
        other_launch_type: other_launch_type(service),
        platform_family: text(service.platform_family()),
        may_run: may_run(service),
        tags: tags(service.tags()),
    }
}

fn grace(service: &Service) -> u32 {
    let grace = service.health_check_grace_period_seconds();
    grace.map_or(0, |seconds| u32::try_from(seconds).unwrap_or_default())
}

fn capacity(service: &aws_sdk_ecs::types::Service) -> Capacity {
    let providers = service.capacity_provider_strategy().iter();
    let mut providers = providers.map(|item| Some(item.capacity_provider()));
    let spot = |provider| provider == Capacity::FargateSpot.provider();
    let fargate = |provider| spot(provider) || provider == Capacity::Fargate.provider();
    if providers.len() > 0 {
        return match (providers.clone().all(spot), providers.any(fargate)) {
            (true, _) => Capacity::FargateSpot,
            (false, true) => Capacity::Fargate,
            (false, false) => Capacity::Ec2,
        };
    }
    match service.launch_type() {
        Some(LaunchType::Fargate) => Capacity::Fargate,
        _ => Capacity::Ec2,
    }
}

fn revisions(service: &Service) -> Vec<String> {
    let current = service.current_service_revisions().iter();
    let arns = current.filter_map(|revision| revision.arn());
    arns.map(str::to_owned).collect()
}

fn is_deploying(service: &Service) -> bool {
    let several = service.deployments().len() > 1 || revisions(service).len() > 1;
    let mut states = service.deployments().iter();
    let in_progress = Some(&DeploymentRolloutState::InProgress);
    several || states.any(|deployment| deployment.rollout_state() == in_progress)
}

fn other_launch_type(service: &Service) -> Option<String> {
    let launch_type = service.launch_type()?;
    let known = [LaunchType::Fargate, LaunchType::Ec2].contains(launch_type);
    (!known).then(|| launch_type.as_str().to_owned())
}

/// Services that ECS does not deploy itself have theirs in task sets.
fn may_run(service: &Service) -> BTreeSet<String> {
    let deployments = service.deployments().iter();
    let deployments = deployments.filter_map(|deployment| deployment.task_definition());
    let sets = service.task_sets().iter();
    let sets = sets.filter_map(|set| set.task_definition());
    let all = service.task_definition().into_iter();
    all.chain(deployments)
        .chain(sets)
        .map(str::to_owned)
        .collect()
}
