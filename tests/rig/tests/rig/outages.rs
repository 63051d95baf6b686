//! Outages on command.

use std::fs;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use rig::World;
use rig::outages::Outages;

/// A client that tries once and waits two seconds.
fn client(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_secs(2));
    let config = config.clone().into_builder();
    let config = config
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.build());
    Client::new(&config.build())
}

/// What somebody types, and that it is obeyed.
async fn told(outages: &Outages, command: &str, is_out: bool) {
    fs::write(outages.pipe(), format!("{command}\n")).unwrap();
    let is_so = async || (outages.is_out() == is_out).then_some(());
    rig::eventually(command, is_so).await;
}

async fn acts(world: &World, outages: &Outages) {
    let front = client(&world.front_door());
    let create = world.secrets_manager.create_secret();
    let create = create.name("r/a").secret_string("1");
    create.send().await.unwrap();
    let read = |client: &Client| client.get_secret_value().secret_id("r/a").send();
    read(&front).await.unwrap();

    fs::write(outages.pipe(), "sing\n").unwrap();
    told(outages, "hang secretsmanager", true).await;
    let hanging = read(&front).await;
    assert!(
        matches!(hanging, Err(SdkError::TimeoutError(_))),
        "{hanging:?}"
    );
    let behind = read(&world.secrets_manager).await;
    behind.expect("the back door has no faults");
    told(outages, "lift", false).await;
    read(&front).await.unwrap();
    told(outages, "refuse secretsmanager", true).await;
    let refused = read(&front).await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDeniedException"));
    told(outages, "lift", false).await;

    let calls = world.proxy.calls();
    let statuses: Vec<Option<u16>> = calls.iter().map(|call| call.status).collect();
    assert_eq!(statuses, [Some(200), None, Some(200), Some(400)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_hangs_or_refuses_on_command_for_functions_alone_until_that_is_lifted() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let outages = Outages::at(folder.path().join("outages"));
    tokio::select! {
        never = outages.obey(&world.proxy) => match never {},
        () = acts(&world, &outages) => {}
    }
}
