//! `Cluster`: ECS moves no service from one to another.

use rig::World;
use serde_json::Value;

use crate::app;

const YES: (&str, &str) = ("SECRETS_MANAGER_ENV", "Yes");
const WEB: &str = "services: {web: {image: example/web:1, environment: [KEY]}}\n";

async fn other_cluster(world: &World) -> String {
    let name = format!("{}-2", world.cluster);
    let create = world.ecs.create_cluster().cluster_name(&name);
    create.send().await.unwrap();
    name
}

fn assert_names_both(world: &World, answer: &Value, cluster: &str) {
    assert_eq!(answer["errorType"], "ClusterChanged", "{answer:#}");
    let message = answer["message"].as_str().unwrap();
    let web = app::ecs_service(world, "web");
    for part in [
        cluster,
        world.cluster.as_str(),
        web.as_str(),
        "set Cluster back",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

/// Nothing but what every request writes.
fn assert_wrote_nothing(world: &World) {
    let changes = app::changes(world);
    let other = ["s3 PutObject", "events PutEvents"];
    let mut changes = changes.iter();
    assert!(changes.all(|one| other.contains(&one.as_str())));
}

async fn remove_from_the_old(world: &World) {
    let remove = world.ecs.delete_service().cluster(&world.cluster);
    let remove = remove.service(app::ecs_service(world, "web")).force(true);
    remove.send().await.unwrap();
}

#[tokio::test]
async fn services_in_the_cluster_before_stop_a_promote_before_it_writes_anything() {
    let world = app::world_with(WEB, &[]).await;
    let before = world.start("promote", &[YES]);
    app::promoted(&world, &before, "R1", &[("KEY", "1")]).await;
    let other = other_cluster(&world).await;
    let after = world.start("promote", &[YES, ("CLUSTER", &other)]);
    world.proxy.clear();
    let answer = app::promote(&world, &after, "R2", &[("KEY", "2")]).await;
    assert_names_both(&world, &answer, &other);
    assert_wrote_nothing(&world);
    remove_from_the_old(&world).await;
    app::promoted(&world, &after, "R3", &[("KEY", "3")]).await;
    let services = world.ecs.describe_services().cluster(&other);
    let services = services.services(app::ecs_service(&world, "web"));
    let services = services.send().await.unwrap();
    assert_eq!(services.services()[0].status(), Some("ACTIVE"));
}

#[tokio::test]
async fn services_in_the_cluster_before_stop_a_deletion_before_it_writes_anything() {
    let world = app::world_with(WEB, &[]).await;
    let promote = world.start("promote", &[YES]);
    app::promoted(&world, &promote, "R1", &[("KEY", "1")]).await;
    let other = other_cluster(&world).await;
    let deletion = world.start("app-deletion", &[("CLUSTER", &other)]);
    let event = app::deleted(&world, "deletion-1", 5);
    world.proxy.clear();
    let answer = deletion.answer(&event).await;
    assert_names_both(&world, &answer, &other);
    assert_wrote_nothing(&world);

    // A promote after it looks at what the deletion may have left, and makes nothing a second time.
    let promote = world.start("promote", &[YES, ("CLUSTER", &other)]);
    let answer = app::asked(&world, &promote, "R1", "again", 10).await;
    assert_names_both(&world, &answer, &other);
    let listed = world.ecs.list_services().cluster(&other).send().await;
    let made = listed.unwrap().service_arns.unwrap_or_default();
    assert!(made.is_empty(), "{made:?}: {answer:#}");

    remove_from_the_old(&world).await;
    let event = app::deleted(&world, "deletion-2", 20);
    let answer = deletion.answer(&event).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
}
