//! Every call of every client is recorded under the name that AWS's documentation has for it.

use aws_sdk_ecs::types::{ContainerDefinition, NetworkMode, ServiceField};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_s3::primitives::ByteStream;
use double::proxy::Event;
use rig::World;
use serde_json::json;

/// Sends a call that succeeds.
macro_rules! send {
    ($call:expr) => {
        $call.send().await.unwrap()
    };
}

fn recorded(world: &World) -> Vec<(String, String)> {
    let calls = world.proxy.calls();
    calls
        .into_iter()
        .map(|call| (call.service, call.operation))
        .collect()
}

fn write_operations(world: &World) -> Vec<String> {
    let writes = world.proxy.writes().into_iter();
    writes.map(|call| call.operation).collect()
}

fn named(service: &str, operations: &[&str]) -> Vec<(String, String)> {
    let operations = operations.iter();
    operations
        .map(|operation| (service.to_owned(), (*operation).to_owned()))
        .collect()
}

#[tokio::test]
async fn s3_object_operations_are_named() {
    let world = World::new().await;
    let s3 = aws_sdk_s3::Client::new(&world.front_door());
    let (bucket, key) = (world.bucket.as_str(), "a/b c");
    let body = ByteStream::from_static(b"{}");
    send!(s3.put_object().bucket(bucket).key(key).body(body));
    send!(s3.head_object().bucket(bucket).key(key));
    let source = format!("{bucket}/a/b%20c");
    send!(s3.copy_object().bucket(bucket).key("k").copy_source(source));
    let object = send!(s3.get_object().bucket(bucket).key(key));
    assert_eq!(object.body.collect().await.unwrap().to_vec(), b"{}");
    send!(s3.delete_object().bucket(bucket).key("k"));
    let want = [
        "PutObject",
        "HeadObject",
        "CopyObject",
        "GetObject",
        "DeleteObject",
    ];
    assert_eq!(recorded(&world), named("s3", &want));
    let put = &world.proxy.calls()[0];
    assert_eq!((put.status, &put.body), (Some(200), &json!({})));
    let path = format!("/{bucket}/a/b%20c");
    assert!(put.path.starts_with(&path), "{}", put.path);
}

#[tokio::test]
async fn s3_bucket_operations_are_named() {
    let world = World::new().await;
    let s3 = aws_sdk_s3::Client::new(&world.front_door());
    let bucket = world.bucket.as_str();
    send!(s3.list_buckets());
    send!(s3.list_objects_v2().bucket(bucket));
    send!(s3.list_object_versions().bucket(bucket));
    send!(s3.head_bucket().bucket(bucket));
    send!(s3.get_bucket_versioning().bucket(bucket));
    let want = [
        "ListBuckets",
        "ListObjectsV2",
        "ListObjectVersions",
        "HeadBucket",
        "GetBucketVersioning",
    ];
    assert_eq!(recorded(&world), named("s3", &want));
}

#[tokio::test]
async fn secrets_manager_operations_are_named_and_writes_told_from_reads() {
    let world = World::new().await;
    let client = aws_sdk_secretsmanager::Client::new(&world.front_door());
    send!(client.create_secret().name("r/a").secret_string("1"));
    send!(
        client
            .put_secret_value()
            .secret_id("r/a")
            .secret_string("2")
    );
    send!(client.get_secret_value().secret_id("r/a"));
    send!(client.describe_secret().secret_id("r/a"));
    send!(client.delete_secret().secret_id("r/a"));
    send!(client.restore_secret().secret_id("r/a"));
    let want = [
        "CreateSecret",
        "PutSecretValue",
        "GetSecretValue",
        "DescribeSecret",
        "DeleteSecret",
        "RestoreSecret",
    ];
    assert_eq!(recorded(&world), named("secretsmanager", &want));
    assert_eq!(
        write_operations(&world),
        [
            "CreateSecret",
            "PutSecretValue",
            "DeleteSecret",
            "RestoreSecret"
        ]
    );
    assert_eq!(world.proxy.calls()[1].body["SecretString"], "2");
}

#[tokio::test]
async fn the_tests_own_client_sees_the_same_secrets_and_is_not_recorded() {
    let world = World::new().await;
    let client = aws_sdk_secretsmanager::Client::new(&world.front_door());
    send!(client.create_secret().name("r/a").secret_string("1"));
    let own = send!(world.secrets_manager.get_secret_value().secret_id("r/a"));
    assert_eq!(own.secret_string(), Some("1"));
    assert_eq!(world.proxy.calls().len(), 1);
    world.proxy.clear();
    assert!(world.proxy.calls().is_empty());
}

#[tokio::test]
async fn ecs_operations_are_named_with_their_bodies() {
    let world = World::new().await;
    let ecs = aws_sdk_ecs::Client::new(&world.front_door());
    let cluster = world.cluster.as_str();
    let service = world
        .create_ecs_service("web", &[("convox:rack", "r")])
        .await;
    let described = ecs.describe_services().cluster(cluster).services(&service);
    let described = send!(described.include(ServiceField::Tags));
    assert_eq!(described.services()[0].tags()[0].key(), Some("convox:rack"));
    let container = ContainerDefinition::builder().name("web").image("i");
    let registered = ecs.register_task_definition().family("f").cpu("256");
    let registered = registered.memory("512").network_mode(NetworkMode::Awsvpc);
    let registered = send!(registered.container_definitions(container.build()));
    let revision = registered
        .task_definition
        .unwrap()
        .task_definition_arn
        .unwrap();
    let update = ecs.update_service().cluster(cluster).service(&service);
    send!(update.task_definition(&revision));
    send!(ecs.deregister_task_definition().task_definition(&revision));
    let want = [
        "DescribeServices",
        "RegisterTaskDefinition",
        "UpdateService",
        "DeregisterTaskDefinition",
    ];
    assert_eq!(recorded(&world), named("ecs", &want));
    assert_eq!(write_operations(&world), want[1..]);
    assert_eq!(world.proxy.count("ecs", "UpdateService"), 1);
    assert_eq!(
        world.proxy.calls()[2].body["taskDefinition"],
        revision.as_str()
    );
}

#[tokio::test]
async fn eventbridge_and_kms_operations_are_named_and_events_kept() {
    let world = World::new().await;
    let events = aws_sdk_eventbridge::Client::new(&world.front_door());
    let kms = aws_sdk_kms::Client::new(&world.front_door());
    let entry = PutEventsRequestEntry::builder()
        .source("test")
        .detail_type("Kind");
    send!(
        events
            .put_events()
            .entries(entry.detail(r#"{"a":1}"#).build())
    );
    send!(
        events
            .put_rule()
            .name("r")
            .schedule_expression("rate(1 day)")
    );
    let key = kms.generate_data_key().key_id(&world.key_arn);
    send!(key.number_of_bytes(32));
    let want = [
        named("events", &["PutEvents", "PutRule"]),
        named("kms", &["GenerateDataKey"]),
    ];
    assert_eq!(recorded(&world), want.concat());
    assert_eq!(
        write_operations(&world),
        ["PutRule"],
        "an event is no write"
    );
    let sent = Event {
        source: "test".to_owned(),
        detail_type: "Kind".to_owned(),
        detail: json!({"a": 1}),
    };
    assert_eq!(world.events(), [sent]);
}
