//! What runs the tasks is new enough for how they get their variables, or the user is told.

use double::Fault;
use rig::{Function, World};
use serde_json::Value;

use crate::app;

const PLAIN: &str = "services:\n  web:\n    image: i\n    environment: [TOKEN]\n";
const EC2: (&str, &str) = ("LAUNCH_TYPE", "EC2");
const YES: (&str, &str) = ("SECRETS_MANAGER_ENV", "Yes");

fn with_file() -> String {
    format!("{PLAIN}    environmentFiles: ['arn:aws:s3:::bucket/a.env']\n")
}

fn with_key() -> String {
    let arn = "arn:aws:secretsmanager:us-east-1:210987654321:secret:db-AbCdEf";
    format!("{PLAIN}    secrets: {{PASSWORD: '{arn}:password::'}}\n")
}

async fn promote(world: &World, function: &Function, release: &str, manifest: &str) -> Value {
    app::write_manifest(world, release, manifest).await;
    app::promote(world, function, release, &[("TOKEN", "t")]).await
}

/// The warnings that have `part`.
fn warnings<'r>(report: &'r Value, part: &str) -> Vec<&'r str> {
    let warnings = report["warnings"].as_array().unwrap().iter();
    let warnings = warnings.map(|warning| warning.as_str().unwrap());
    warnings.filter(|warning| warning.contains(part)).collect()
}

#[tokio::test]
async fn instances_whose_agent_is_too_old_are_named_with_their_versions() {
    let world = World::new().await;
    for (id, version) in [
        ("i-old", "1.36.2"),
        ("i-mid", "1.38.0"),
        ("i-new", "1.105.1"),
    ] {
        world.add_instance(id, version);
    }
    let (s3, secrets) = (
        world.start("promote", &[EC2]),
        world.start("promote", &[EC2, YES]),
    );
    for (release, function, manifest, want) in [
        ("R1", &s3, PLAIN.to_owned(), None),
        (
            "R2",
            &secrets,
            PLAIN.to_owned(),
            Some(("1.37.0", "i-old (1.36.2)")),
        ),
        ("R3", &s3, with_key(), Some(("1.37.0", "i-old (1.36.2)"))),
        (
            "R4",
            &s3,
            with_file(),
            Some(("1.39.0", "i-old (1.36.2), i-mid (1.38.0)")),
        ),
        (
            "R5",
            &secrets,
            with_file(),
            Some(("1.39.0", "i-old (1.36.2), i-mid (1.38.0)")),
        ),
    ] {
        world.proxy.clear();
        let report = promote(&world, function, release, &manifest).await;
        assert_eq!(report["status"], "promoted", "{report:#}");
        let asked = world.proxy.count("ecs", "ListContainerInstances");
        assert_eq!(asked > 0, want.is_some(), "{release}");
        let said = warnings(&report, "ECS agent");
        match want {
            None => assert_eq!(said, [""; 0], "{release}"),
            Some((version, instances)) => {
                assert_eq!(said.len(), 1, "{release}: {said:?}");
                assert!(
                    said[0].contains(&format!("older than {version}")),
                    "{said:?}"
                );
                assert!(
                    said[0].ends_with(&format!("update it on {instances}")),
                    "{said:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn agents_that_cannot_be_asked_stop_no_promote() {
    let world = World::new().await;
    let function = world.start("promote", &[EC2, YES]);
    world.inject(Fault::DENIED.on("ecs", "ListContainerInstances"));
    let report = promote(&world, &function, "R1", PLAIN).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let said = warnings(&report, "new enough (1.37.0 or later) is not known");
    assert_eq!(said.len(), 1, "{report:#}");
    assert!(said[0].contains("AccessDeniedException"), "{said:?}");
}

#[tokio::test]
async fn a_service_that_is_pinned_to_an_old_platform_is_named() {
    let world = World::new().await;
    let (s3, secrets) = (world.start("promote", &[]), world.start("promote", &[YES]));
    let report = promote(&world, &s3, "R1", PLAIN).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let name = app::ecs_service(&world, "web");
    let service = app::standing(&world, &name).await.unwrap();
    assert_eq!(service.platform_version(), Some("LATEST"));
    let update = app::update(&world, &name);
    update.platform_version("1.3.0").send().await.unwrap();

    let report = promote(&world, &s3, "R2", PLAIN).await;
    assert_eq!(warnings(&report, "platform"), [""; 0]);
    for (release, manifest, needs) in [
        (
            "R3",
            with_key(),
            "`secrets` with a JSON key or a version need 1.4.0",
        ),
        ("R4", with_file(), "`environmentFiles` need 1.4.0"),
    ] {
        world.proxy.clear();
        let report = promote(&world, &s3, release, &manifest).await;
        assert_eq!(report["errorType"], "PlatformVersion", "{report:#}");
        let message = report["message"].as_str().unwrap();
        for part in [
            &format!("`{name}` is pinned to Fargate platform 1.3.0"),
            needs,
        ] {
            assert!(message.contains(part), "{part} is not in {message}");
        }
        assert_eq!(world.proxy.writes().len(), 0, "{release}");
    }
    let report = promote(&world, &secrets, "R5", PLAIN).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let said = warnings(&report, "is pinned to Fargate platform 1.3.0");
    assert_eq!(said.len(), 1, "{report:#}");
    assert!(said[0].contains("--platform-version LATEST"), "{said:?}");
}
