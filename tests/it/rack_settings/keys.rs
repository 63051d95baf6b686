//! `SecretKeyArn`: the secret and who reads it agree on its key at all times. `EnvironmentKeyArn`: what it does not open is told
//! apart.

use double::Fault;
use rig::World;
use serde_json::{Value, json};

use super::secret_keys;
use crate::app;

const WEB: &str = "services: {web: {image: example/web:1, environment: [KEY]}}\n";

async fn key(world: &World) -> String {
    let key = world.kms.create_key().send().await.unwrap();
    key.key_metadata.unwrap().arn.unwrap()
}

/// The key that the secret is encrypted with; none for the account's own.
async fn key_of_secret(world: &World) -> Option<String> {
    let described = world.secrets_manager.describe_secret();
    let described = described.secret_id(app::secret(world)).send().await;
    described.unwrap().kms_key_id
}

/// Promotes `release` on a Rack with these keys of now and of before.
async fn promoted(world: &World, release: &str, key: &str, former: &str) -> Value {
    let settings = [
        ("SECRETS_MANAGER_ENV", "Yes"),
        ("SECRET_KEY_ARN", key),
        ("FORMER_SECRET_KEY_ARN", former),
    ];
    let function = world.start("promote", &settings);
    app::promoted(world, &function, release, &[("KEY", release)]).await
}

#[tokio::test]
async fn a_changed_key_encrypts_the_secret_anew_and_the_key_before_stays_readable_once() {
    let world = app::world_with(WEB, &[]).await;
    let [first, second] = [key(&world).await, key(&world).await];
    for (release, now, former, secret, roles) in [
        ("R1", first.as_str(), "", Some(&first), json!(first)),
        (
            "R2",
            second.as_str(),
            first.as_str(),
            Some(&second),
            json!([second, first]),
        ),
        (
            "R3",
            second.as_str(),
            first.as_str(),
            Some(&second),
            json!(second),
        ),
        ("R4", "", second.as_str(), None, json!(second)),
        ("R5", "", "", None, Value::Null),
        ("R6", first.as_str(), "", Some(&first), json!(first)),
    ] {
        let report = promoted(&world, release, now, former).await;
        assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
        assert_eq!(key_of_secret(&world).await.as_ref(), secret, "{release}");
        assert_eq!(secret_keys(&world).await, roles, "{release}");
    }
}

#[tokio::test]
async fn a_secret_that_stays_under_its_key_falls_back_and_its_readers_keep_that_key() {
    let world = app::world_with(WEB, &[]).await;
    let [first, second] = [key(&world).await, key(&world).await];
    promoted(&world, "R1", &first, "").await;
    world.inject(Fault::DENIED.on("secretsmanager", "UpdateSecret"));
    for release in ["R2", "R3"] {
        let report = promoted(&world, release, &second, &first).await;
        assert_eq!(report["delivery"], "S3", "{report:#}");
        assert_eq!(report["fallback"]["errorType"], "AccessDeniedException");
        let warnings = report["warnings"].to_string();
        for part in ["FormerSecretKeyArn", &first, &second] {
            assert!(warnings.contains(part), "{part}: {warnings}");
        }
        assert_eq!(
            secret_keys(&world).await,
            json!([second, first]),
            "{release}"
        );
    }
    world.proxy.lift();
    let report = promoted(&world, "R4", &second, &first).await;
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    assert_eq!(key_of_secret(&world).await, Some(second.clone()));
    promoted(&world, "R5", &second, "").await;
    assert_eq!(secret_keys(&world).await, json!(second));
}

#[tokio::test]
async fn a_failed_promote_that_had_changed_the_key_leaves_the_secret_readable_whatever_follows() {
    let world = app::world_with(WEB, &[]).await;
    let [first, second] = [key(&world).await, key(&world).await];
    promoted(&world, "R1", &first, "").await;
    let settings = [
        ("SECRETS_MANAGER_ENV", "Yes"),
        ("SECRET_KEY_ARN", second.as_str()),
        ("FORMER_SECRET_KEY_ARN", &first),
    ];
    let function = world.start("promote", &settings);
    world.inject(Fault::DENIED.on("ecs", "UpdateService").times(1));
    let answer = app::promote(&world, &function, "R2", &[("KEY", "R2")]).await;
    world.proxy.lift();
    assert_eq!(answer["errorType"], "AccessDeniedException", "{answer:#}");
    assert_eq!(key_of_secret(&world).await.as_ref(), Some(&second));
    assert_eq!(secret_keys(&world).await, json!([second, first]));
    // The Rack goes back to the first key while R1, which reads the secret, still runs.
    promoted(&world, "R3", &first, &second).await;
    assert_eq!(secret_keys(&world).await, json!([first, second]));
    assert_eq!(key_of_secret(&world).await.as_ref(), Some(&first));
}

#[tokio::test]
async fn what_ecs_went_back_to_reads_its_environment_under_the_key_of_then() {
    let world = app::world_with(WEB, &[]).await;
    let [first, second] = [key(&world).await, key(&world).await];
    let promoted = async |release: &str, key: &str| {
        let function = world.start("promote", &[("ENVIRONMENT_KEY_ARN", key)]);
        app::promoted(&world, &function, release, &[("KEY", release)]).await;
    };
    let is_let_in = async |key: &str| {
        let template = crate::stacks::template(&world).await;
        template.to_string().contains(key)
    };
    promoted("R1", &first).await;
    let went_back = app::running(&world, "web").await;
    promoted("R2", &second).await;
    let service = world.ecs.update_service().cluster(&world.cluster);
    let service = service.service(app::ecs_service(&world, "web"));
    service.task_definition(went_back).send().await.unwrap();
    promoted("R3", &second).await;
    assert!(is_let_in(&first).await, "tasks of R1 may still start");
    promoted("R4", &second).await;
    assert!(!is_let_in(&first).await, "nothing reads R1 any more");
}

#[tokio::test]
async fn a_state_that_the_environment_key_does_not_open_says_how_to_go_back() {
    let world = app::world_with(WEB, &[]).await;
    promoted(&world, "R1", "", "").await;
    let function = world.start("promote", &[]);
    let version = world.put_env(app::APP, "R2", &[("KEY", "2")]).await;
    let refused = Fault::Error {
        status: 400,
        code: "KMS.DisabledException",
    };
    world.inject(refused.on("s3", "GetObject"));
    let ended = function.invoke(&app::written(&world, "R2", &version)).await;
    world.proxy.lift();
    let said = format!("{ended:?}");
    for part in [
        "EnvironmentKeyDenied",
        "EnvironmentKeyArn was changed, set it back",
        "promotion.json",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
