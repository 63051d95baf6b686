//! Each fault reaches the real SDK as what it stands for.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use double::Fault;
use rig::World;

use super::code;

/// A client that tries once and waits half a second.
/// Waits long enough for a busy machine, and not for ever.
fn patient(world: &World) -> Client {
    without_retries(world, Duration::from_mins(1))
}

/// For calls that are to get no answer.
fn impatient(world: &World) -> Client {
    without_retries(world, Duration::from_secs(2))
}

fn without_retries(world: &World, limit: Duration) -> Client {
    let timeouts = TimeoutConfig::builder().operation_timeout(limit).build();
    let config = world.front_door().into_builder();
    let config = config
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    Client::new(&config.build())
}

async fn put(client: &Client) -> String {
    let put = client
        .put_secret_value()
        .secret_id("r/a")
        .secret_string("new");
    match put.send().await {
        Ok(_) => "ok".to_owned(),
        Err(SdkError::TimeoutError(_)) => "timeout".to_owned(),
        Err(SdkError::DispatchFailure(_)) => "dispatch".to_owned(),
        Err(SdkError::ServiceError(error)) => error.err().code().unwrap_or("unknown").to_owned(),
        Err(other) => panic!("{other:?}"),
    }
}

/// Whether the secret holds what [`put`] writes.
async fn is_written(world: &World) -> bool {
    let read = world.secrets_manager.get_secret_value().secret_id("r/a");
    read.send().await.unwrap().secret_string() == Some("new")
}

async fn world_with_secret() -> World {
    let world = World::new().await;
    let create = world.secrets_manager.create_secret().name("r/a");
    create.secret_string("old").send().await.unwrap();
    world
}

#[tokio::test]
async fn every_fault_reaches_the_client_and_only_some_have_an_effect() {
    let error = |status, code| Fault::Error { status, code };
    let latency = |seconds| Fault::Latency(Duration::from_secs(seconds));
    for (fault, want, status, effect) in [
        (
            error(400, "AccessDeniedException"),
            "AccessDeniedException",
            Some(400),
            false,
        ),
        (
            error(500, "InternalServiceError"),
            "InternalServiceError",
            Some(500),
            false,
        ),
        (Fault::Throttle, "ThrottlingException", Some(400), false),
        (Fault::Hang, "timeout", None, false),
        (Fault::Reset, "dispatch", None, false),
        (Fault::LostAnswer, "dispatch", None, true),
        (Fault::Garbage, "unknown", Some(200), false), // an error that names no code
        (latency(0), "ok", Some(200), true),
        (latency(3600), "timeout", None, false),
    ] {
        let world = world_with_secret().await;
        let name = format!("{fault:?}");
        world.inject(fault.on("secretsmanager", "PutSecretValue"));
        let client = match want {
            "timeout" => impatient(&world),
            _ => patient(&world),
        };
        assert_eq!(put(&client).await, want, "{name}");
        assert_eq!(world.proxy.calls()[0].status, status, "{name}");
        assert_eq!(is_written(&world).await, effect, "{name}");
        world.proxy.lift();
        assert_eq!(put(&patient(&world)).await, "ok", "lifted: {name}");
    }
}

#[tokio::test]
async fn a_fault_is_used_up_after_its_times_and_befalls_only_its_calls() {
    let world = world_with_secret().await;
    world.inject(
        Fault::Throttle
            .on("secretsmanager", "PutSecretValue")
            .times(2),
    );
    world.inject(Fault::Reset.on_service("ecs"));
    let client = patient(&world);
    client
        .describe_secret()
        .secret_id("r/a")
        .send()
        .await
        .unwrap();
    let answers = [put(&client).await, put(&client).await, put(&client).await];
    assert_eq!(
        answers,
        ["ThrottlingException", "ThrottlingException", "ok"]
    );
    assert_eq!(world.proxy.count("secretsmanager", "PutSecretValue"), 3);
}

#[tokio::test]
async fn the_sdks_own_retries_overcome_a_throttle_and_a_reset() {
    let world = World::new().await;
    world.inject(Fault::Throttle.on("ecs", "ListClusters").times(1));
    world.inject(Fault::Reset.on("ecs", "ListClusters").times(1));
    let ecs = aws_sdk_ecs::Client::new(&world.front_door());
    ecs.list_clusters().send().await.unwrap();
    assert_eq!(world.proxy.count("ecs", "ListClusters"), 3);
}

#[tokio::test]
async fn s3_errors_have_s3s_form() {
    let world = World::new().await;
    world.put("k", "v").await;
    let config = world
        .front_door()
        .into_builder()
        .retry_config(RetryConfig::disabled());
    let s3 = aws_sdk_s3::Client::new(&config.build());
    let denied = Fault::Error {
        status: 403,
        code: "AccessDenied",
    };
    for (fault, want) in [(denied, "AccessDenied"), (Fault::Throttle, "SlowDown")] {
        world.inject(fault.on("s3", "GetObject").times(1));
        let read = s3.get_object().bucket(&world.bucket).key("k").send().await;
        assert_eq!(code(read), want);
    }
    let denied = Fault::Error {
        status: 403,
        code: "AccessDenied",
    };
    world.inject(denied.on("s3", "HeadObject"));
    let head = s3
        .head_object()
        .bucket(&world.bucket)
        .key("k")
        .send()
        .await
        .unwrap_err();
    assert_eq!(head.raw_response().unwrap().status().as_u16(), 403);
}

#[tokio::test]
async fn a_hanging_call_does_not_hold_up_the_others() {
    let world = World::new().await;
    world.inject(Fault::Hang.on("secretsmanager", "PutSecretValue"));
    let client = Client::new(&world.front_door());
    let hanging = client.put_secret_value().secret_id("r/a");
    let other = client.list_secrets().send();
    tokio::select! {
        biased;
        answer = hanging.secret_string("new").send() => panic!("it was to hang: {answer:?}"),
        answer = other => drop(answer.unwrap()),
    }
}
