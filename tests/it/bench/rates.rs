//! ECS's rates, when a test asks for them.

use aws_config::retry::RetryConfig;
use aws_sdk_ecs::Client;
use integration_tests::{EcsRates, World};

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
    world.proxy.limit_ecs(EcsRates::published().smaller(0.1)); // a burst of 2, then one a second
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
    let ecs = Client::new(&world.front_door());
    let rates = EcsRates::published().smaller(0.05).faster(20.0);
    world.proxy.limit_ecs(rates); // a burst of 1, then twenty a second
    for _ in 0..4 {
        let listed = ecs.deregister_task_definition().task_definition("f:1");
        assert_eq!(refusal(listed.send().await).0, "ClientException");
    }
    let calls = world.proxy.calls();
    let throttled = calls.iter().filter(|call| {
        let kind = call.answer["__type"].as_str();
        kind == Some("ThrottlingException")
    });
    assert!(throttled.count() > 0, "{}", calls.len());
}
