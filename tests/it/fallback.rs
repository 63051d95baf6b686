//! Whatever goes wrong with Secrets Manager, the Release is promoted: through S3, with a warning. That it takes no longer than
//! its limit is shown on a clock of its own (`shared/aws/src/secrets/bound.rs`).

use std::time::Duration;

use double::Fault;
use futures_util::future::join_all;
use rig::{Function, World, canary};
use serde_json::{Value, json};

use crate::app::{self, APP};

const SECRETS_MANAGER: &str = "secretsmanager";

/// Secrets Manager is wanted, and may take so many seconds.
fn wanted(seconds: &str) -> [(&str, &str); 2] {
    [
        ("SECRETS_MANAGER_ENV", "Yes"),
        ("SECRETS_MANAGER_TIMEOUT_SECONDS", seconds),
    ]
}

fn error(status: u16, code: &'static str) -> Fault {
    Fault::Error { status, code }
}

/// Every fault with the error type that it is reported as, and the seconds that Secrets Manager may take.
fn faults() -> Vec<(Fault, &'static str, &'static str)> {
    vec![
        (
            error(400, "AccessDeniedException"),
            "AccessDeniedException",
            "12",
        ),
        (error(400, "EncryptionFailure"), "EncryptionFailure", "12"),
        (
            error(400, "DecryptionFailureException"),
            "DecryptionFailureException",
            "12",
        ),
        (
            error(500, "InternalServiceError"),
            "InternalServiceError",
            "12",
        ),
        (Fault::Throttle, "ThrottlingException", "12"),
        (Fault::Reset, "Unreachable", "12"),
        (Fault::Garbage, "BadResponse", "12"),
        (Fault::Hang, "Timeout", "1"),
    ]
}

/// What a fallback looks like from everywhere.
async fn assert_fell_back(world: &World, function: &Function, report: &Value, case: &str) {
    let wanted = report["fallback"]["errorType"].clone();
    app::assert_says!(report, {"status": "promoted", "delivery": "S3"}, "{case}");
    assert_eq!(report["decidedBy"], "Rack", "{case}: kept");
    assert_eq!(
        report["secretArn"],
        Value::Null,
        "{case}: no secret is used"
    );
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("Secrets Manager is not used for this Release"),
        "{case}: {warnings}"
    );
    assert!(
        warnings.contains("entrypoint is convox-env"),
        "{case}: {warnings}"
    );
    assert_eq!(
        app::sent(world),
        ["Release Promoted", "Secret Write Failed"],
        "{case}"
    );
    let events = world.events();
    let (seq, result, error_type) = app::outcomes(world).await.pop().unwrap();
    assert_eq!(
        (result.as_str(), json!(error_type)),
        ("failed", wanted.clone()),
        "{case}"
    );
    let failed = &events[1].detail;
    assert_eq!(
        (&failed["release"], &failed["seq"], &failed["errorType"]),
        (&report["release"], &json!(seq), &wanted),
        "{case}"
    );
    assert_eq!(events[0].detail["fallback"]["errorType"], wanted, "{case}");
    let release = report["release"].as_str().unwrap();
    let object = app::report(world, release).await.unwrap();
    assert_eq!(&object, report, "{case}");
    canary::assert_absent(&[
        function.output(),
        report.to_string(),
        app::state(world).await.to_string(),
        format!("{events:?}"),
    ]);
}

/// One World per operation, one Release per fault, then the recovery.
async fn every_fault_of(operation: &'static str) {
    let world = app::world().await;
    let patient = world.start("promote", &wanted("12"));
    let hasty = world.start("promote", &wanted("1"));
    let mut rows = Vec::new();
    let before = if operation == "CreateSecret" {
        None
    } else {
        app::promote(&world, &patient, "R00", &[("DATABASE_URL", "before")]).await;
        rows.push((1, "ok".to_owned(), None));
        Some(app::current_secret(&world).await)
    };
    for (number, (fault, error_type, seconds)) in (1..).zip(faults()) {
        let case = format!("{operation}: {fault:?}");
        let (release, url) = (format!("R{number:02}"), canary::value("DATABASE_URL"));
        let function = if seconds == "1" { &hasty } else { &patient };
        world.proxy.clear();
        world.inject(fault.on(SECRETS_MANAGER, operation));
        let report = app::promote(&world, function, &release, &[("DATABASE_URL", &url)]).await;
        world.proxy.lift();

        assert_eq!(report["fallback"]["errorType"], error_type, "{case}");
        assert_fell_back(&world, function, &report, &case).await;
        let web = app::pairs([
            ("DATABASE_URL", &url),
            ("GREETING", "hello"),
            ("LOG_LEVEL", "info"),
        ]);
        let seen = app::sees(&world, &app::running(&world, "web").await).await;
        assert!(
            seen == web,
            "{case}: other variables than through the secret"
        );
        if let Some(before) = &before {
            assert!(app::current_secret(&world).await == *before, "{case}");
        }
        rows.push((
            rows.len() as u64 + 1,
            "failed".to_owned(),
            Some(error_type.to_owned()),
        ));
    }

    world.proxy.clear();
    let report = app::promote(&world, &patient, "R99", &[("DATABASE_URL", "after")]).await;
    app::assert_says!(report, {"delivery": "SecretsManager", "fallback": null});
    app::assert_sent(&world, &["Release Promoted", "Secret Write Succeeded"]);
    rows.push((rows.len() as u64 + 1, "ok".to_owned(), None));
    assert_eq!(app::outcomes(&world).await, rows, "{operation}");
    let seen = app::sees(&world, &app::running(&world, "web").await).await;
    assert_eq!(seen["DATABASE_URL"], "after");
}

#[tokio::test]
async fn a_failed_secret_write_falls_back_to_s3_and_the_next_promote_is_back() {
    let writes = ["CreateSecret", "PutSecretValue"];
    join_all(writes.map(every_fault_of)).await;
}

#[tokio::test]
async fn a_failed_secret_read_falls_back_to_s3_and_the_next_promote_is_back() {
    let reads = ["DescribeSecret", "GetSecretValue"];
    join_all(reads.map(every_fault_of)).await;
}

#[tokio::test]
async fn a_secrets_manager_that_never_answers_or_only_slowly_falls_back_within_the_bound() {
    let world = app::world().await;
    let patient = world.start("promote", &wanted("12"));
    app::promote(&world, &patient, "R1", &[("DATABASE_URL", "u")]).await;
    let function = world.start("promote", &wanted("1"));
    // A restore takes four calls, and none of them alone is too slow for its own limit.
    let delete = world.secrets_manager.delete_secret();
    let delete = delete.secret_id(app::secret(&world));
    delete.recovery_window_in_days(30).send().await.unwrap();
    for (release, fault) in [
        ("R2", Fault::Hang),
        ("R3", Fault::Latency(Duration::from_millis(300))),
    ] {
        world.proxy.clear();
        world.inject(fault.clone().on_service(SECRETS_MANAGER));
        let report = app::promote(&world, &function, release, &[("DATABASE_URL", release)]).await;
        world.proxy.lift();
        let case = format!("{fault:?}");
        assert_eq!(report["fallback"]["errorType"], "Timeout", "{case}");
        assert_fell_back(&world, &function, &report, &case).await;
        let seen = app::sees(&world, &app::running(&world, "web").await).await;
        assert_eq!(seen["DATABASE_URL"], release);
    }
}

/// An environment as a JSON object: lines cannot be that long.
fn object(variables: impl IntoIterator<Item = (String, String)>) -> String {
    let variables = variables
        .into_iter()
        .map(|(key, value)| (key, value.into()));
    Value::Object(variables.collect()).to_string()
}

#[tokio::test]
async fn an_environment_that_no_secret_holds_is_delivered_through_s3() {
    let world = app::world().await;
    let function = world.start("promote", &wanted("10"));
    let large = canary::value("LARGE") + &"x".repeat(66_000);
    let environment = [("DATABASE_URL", "u"), ("LARGE", &large)];
    let environment = object(environment.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let report = app::promote_app(&world, &function, APP, "R1", environment).await;
    assert_eq!(report["fallback"]["errorType"], "SecretTooLarge");
    assert_fell_back(&world, &function, &report, "too large").await;
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("65536") && warnings.contains("remove or shorten"),
        "{warnings}"
    );
    let largest = format!("the largest is `LARGE` with {} bytes", large.len());
    assert!(warnings.contains(&largest), "{warnings}");
    let seen = app::sees(&world, &app::running(&world, "worker").await).await;
    assert!(seen["LARGE"] == large, "the value is another one");
    assert_eq!(world.proxy.count(SECRETS_MANAGER, "CreateSecret"), 0);
}

#[tokio::test]
async fn more_references_than_a_task_definition_holds_are_delivered_through_s3() {
    let world = app::world().await;
    let function = world.start("promote", &wanted("10"));
    let mut variables = app::pairs([("DATABASE_URL", "u")]);
    variables.extend((0..600).map(|number| (format!("SOME_KEY_{number:03}"), "v".to_owned())));
    let environment = object(variables.clone());
    let report = app::promote_app(&world, &function, APP, "R1", environment).await;
    assert_eq!(report["fallback"]["errorType"], "TaskDefinitionTooLarge");
    assert_fell_back(&world, &function, &report, "too many references").await;
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("65536") && warnings.contains("instead of `*`"),
        "{warnings}"
    );
    variables.insert("LOG_LEVEL".to_owned(), "info".to_owned());
    let seen = app::sees(&world, &app::running(&world, "worker").await).await;
    assert_eq!(seen, variables);
    assert_eq!(world.proxy.count(SECRETS_MANAGER, "CreateSecret"), 0);
}

/// The S3 variant of a definition has defaults and names that the other one has not: only it is too large here.
#[tokio::test]
async fn a_release_that_only_secrets_manager_can_deliver_says_beforehand_what_its_outage_means() {
    let name = |number: usize| format!("THE_NAME_OF_A_SETTING_IS_AS_LONG_AS_SOME_ARE_{number:06}");
    let defaults = (0..470).map(|number| {
        let name = name(number);
        format!("      - {name}=a default of some length, such as one\n")
    });
    let defaults = defaults.collect::<Vec<_>>().concat();
    let manifest =
        format!("services:\n  web:\n    image: i\n    environment:\n      - TOKEN\n{defaults}");
    let world = app::world_with(&manifest, &[]).await;
    let function = world.start("promote", &wanted("4"));
    let report = app::promote(&world, &function, "R1", &[("TOKEN", "1")]).await;
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    let planned = app::dry_run(&function, "R1").await;
    for warnings in [&report["warnings"], &planned["warnings"]] {
        let warnings = warnings.to_string();
        for says in ["while Secrets Manager is out", "of `web` takes", "65536"] {
            assert!(warnings.contains(says), "{says}: {warnings}");
        }
    }
    let before = app::running(&world, "web").await;
    world.inject(error(400, "AccessDeniedException").on_service(SECRETS_MANAGER));
    let report = app::promote(&world, &function, "R2", &[("TOKEN", "2")]).await;
    world.proxy.lift();
    assert_eq!(report["errorType"], "DeliveryImpossible", "{report:#}");
    let message = report["message"].as_str().unwrap();
    for says in [
        "AccessDeniedException",
        "of `web` takes",
        "65536",
        "promote it again",
    ] {
        assert!(message.contains(says), "{says}: {message}");
    }
    assert_eq!(app::running(&world, "web").await, before, "R1 runs on");
    let report = app::promote(&world, &function, "R3", &[("TOKEN", "3")]).await;
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
}
