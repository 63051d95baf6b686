//! `nlb` where tasks run on instances: each has a port of its instance that Docker chooses, and the load balancer comes there.

use aws_sdk_ecs::types::NetworkMode;
use rig::world::World;
use serde_json::{Value, json};

use super::{LISTENER, PUBLIC_SUBNETS, STREAMS, attached, resources};
use crate::app;

const GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const ON_INSTANCES: &[(&str, &str)] = &[
    PUBLIC_SUBNETS,
    ("LAUNCH_TYPE", "EC2"),
    ("ASSIGN_PUBLIC_IP", ""),
];

/// The target types of the App's groups.
async fn kinds(world: &World) -> Vec<Value> {
    let groups = resources(world, GROUP).await.into_iter();
    groups
        .map(|(_, group)| group["Properties"]["TargetType"].clone())
        .collect()
}

#[tokio::test]
async fn listeners_lead_to_the_ports_of_instances_that_docker_chooses() {
    let world = app::world_with(STREAMS, &[]).await;
    world.add_instance("i-1", "1.105.1");
    let function = world.start("promote", ON_INSTANCES);
    let report = app::promoted(&world, &function, "R1", &[]).await;
    let instance = json!("instance");
    assert_eq!(kinds(&world).await, [instance.clone(), instance]);
    let ports: Vec<i32> = attached(&world, "web")
        .await
        .into_iter()
        .map(|(_, port)| port)
        .collect();
    let (definition, _) = app::definition(&world, &app::running(&world, "web").await).await;
    assert_eq!(definition.network_mode(), Some(&NetworkMode::Bridge));
    let mappings = definition.container_definitions()[0].port_mappings();
    for port in &ports {
        let mapping = mappings
            .iter()
            .find(|mapping| mapping.container_port() == Some(*port));
        let mapping = mapping.unwrap_or_else(|| panic!("{port}: {mappings:?}"));
        assert_eq!(mapping.host_port().unwrap_or(0), 0, "{mapping:?}");
    }
    assert_eq!(ports.len(), 2, "{report:#}");
    assert_eq!(resources(&world, LISTENER).await.len(), 2);
    let web = app::service(&world, "web").await.unwrap();
    assert_eq!(web.launch_type().unwrap().as_str(), "EC2");
    let network = web.network_configuration();
    let network = network.and_then(|network| network.awsvpc_configuration());
    assert_eq!(network, None);
    world.proxy.clear();
    app::promoted(&world, &function, "R1", &[]).await;
    assert_eq!(world.proxy.writes().len(), 0, "nothing changes");
}
