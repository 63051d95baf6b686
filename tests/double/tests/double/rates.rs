//! ECS's rates, when a test asks for them.

use aws_config::retry::RetryConfig;
use aws_sdk_ecs::Client;
use double::EcsRates;
use rig::World;

use super::refusal;

fn without_retries(world: &World) -> Client {
    let config = world.front_door().into_builder();
    Client::new(&config.retry_config(RetryConfig::disabled()).build())
}

#[tokio::test]
async fn ecs_throttles_beyond_its_rates_and_nothing_else_is_throttled() {
    let world = World::new().await;
    let ecs = without_retries(&world);
    let deregister = || ecs.deregister_task_definition().task_definition("f:1");
    let code = async || refusal(deregister().send().await);
    let rates = EcsRates::published().smaller(0.1).faster(0.01);
    world.proxy.limit_ecs(rates); // a burst of 2, then one in 100 seconds
    for _ in 0..2 {
        assert_eq!(code().await.0, "ClientException");
    }
    let throttled = ("ThrottlingException".to_owned(), "Rate exceeded".to_owned());
    assert_eq!(code().await, throttled);
    assert_eq!(world.proxy.calls()[2].status, Some(400));
    ecs.list_services()
        .cluster(&world.cluster)
        .send()
        .await
        .expect("another bucket");
}

#[tokio::test]
async fn the_sdks_own_retries_overcome_faster_rates() {
    let world = World::new().await;
    let config = world.front_door().into_builder();
    let patient = RetryConfig::standard().with_max_attempts(20);
    let ecs = Client::new(&config.retry_config(patient).build());
    let rates = EcsRates::published().smaller(0.05).faster(5.0);
    world.proxy.limit_ecs(rates); // a burst of 1, then five a second
    for _ in 0..4 {
        let call = ecs.deregister_task_definition().task_definition("f:1");
        assert_eq!(refusal(call.send().await).0, "ClientException");
    }
    let calls = world.proxy.calls();
    let throttled = calls
        .iter()
        .filter(|call| call.answer["__type"] == "ThrottlingException");
    let throttled = throttled.count();
    assert_eq!(calls.len(), 4 + throttled);
    assert!(throttled > 0);
}
