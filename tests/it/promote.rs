//! One promote, end to end: what is delivered, moved, reported and announced.

use rig::canary;
use serde_json::{Value, json};

use crate::app::{self, APP, YES};

#[tokio::test]
async fn an_upload_delivers_the_environment_through_one_secret() {
    let (world, function) = app::promoting(YES).await;
    let url = canary::value("DATABASE_URL");
    let extra = canary::value("EXTRA");
    let report = app::promoted(
        &world,
        &function,
        "R1",
        &[("DATABASE_URL", &url), ("EXTRA", &extra)],
    )
    .await;
    app::assert_says!(report, {"delivery": "SecretsManager", "decidedBy": "Rack"});
    let secret = world
        .secrets_manager
        .get_secret_value()
        .secret_id(app::secret(&world))
        .send()
        .await
        .unwrap();
    let value: Value = serde_json::from_str(secret.secret_string().unwrap()).unwrap();
    assert_eq!(value, json!({"DATABASE_URL": url, "EXTRA": extra}));
    assert_eq!(report["secretArn"], secret.arn().unwrap());
    assert_eq!(report["secretVersionId"], secret.version_id().unwrap());

    // Each container gets what its Service declares, defaults included, and nothing else.
    let web = app::pairs([
        ("DATABASE_URL", &url),
        ("GREETING", "hello"),
        ("LOG_LEVEL", "info"),
    ]);
    let worker = app::pairs([
        ("DATABASE_URL", &url),
        ("EXTRA", &extra),
        ("LOG_LEVEL", "info"),
    ]);
    assert!(
        app::sees(&world, &app::running(&world, "web").await).await == web,
        "web"
    );
    assert!(
        app::sees(&world, &app::running(&world, "worker").await).await == worker,
        "worker"
    );
    let metrics = app::pairs([("LOG_LEVEL", "info")]);
    assert!(
        app::sees(&world, &app::running(&world, "metrics").await).await == metrics,
        "metrics"
    );
    assert!(
        app::sees(&world, &app::scheduled(&world, "cleanup").await).await == worker,
        "cleanup"
    );
    assert!(
        app::sees(&world, &app::scheduled(&world, "report").await).await == web,
        "report"
    );

    app::assert_sent(&world, &["Release Promoted", "Secret Write Succeeded"]);
    assert_eq!(world.events()[1].detail["seq"], 1);
    assert_eq!(app::report(&world, "R1").await.unwrap(), report);
    let outputs = [
        function.output(),
        report.to_string(),
        app::state(&world).await.to_string(),
        format!("{:?}", world.events()),
    ];
    canary::assert_absent(&outputs);
}

#[tokio::test]
async fn with_secrets_manager_off_convox_env_reads_the_same_variables_from_s3() {
    let (world, function) = app::promoting(&[]).await;
    let url = canary::value("DATABASE_URL");
    let report = app::promoted(
        &world,
        &function,
        "R1",
        &[("DATABASE_URL", &url), ("EXTRA", "x")],
    )
    .await;
    app::assert_says!(report, {"delivery": "S3", "decidedBy": "Rack", "fallback": null});
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("convox-env") && warnings.contains("web, worker, metrics"),
        "{warnings}"
    );
    let web = app::pairs([
        ("DATABASE_URL", &url),
        ("GREETING", "hello"),
        ("LOG_LEVEL", "info"),
    ]);
    assert!(app::sees(&world, &app::running(&world, "web").await).await == web);
    assert_eq!(
        world
            .proxy
            .calls()
            .iter()
            .filter(|call| call.service == "secretsmanager")
            .count(),
        0
    );
    app::assert_sent(&world, &["Release Promoted", "Secret Write Skipped"]);
}

#[tokio::test]
async fn an_unchanged_re_promote_writes_nothing_to_secrets_manager_ecs_or_rules() {
    let world = app::world().await;
    for settings in [YES, &[]] {
        let function = world.start("promote", settings);
        let variables = [("DATABASE_URL", "u")];
        assert_eq!(
            app::promote(&world, &function, "R1", &variables).await["status"],
            "promoted"
        );
        world.proxy.clear();
        let again = app::promoted(&world, &function, "R1", &variables).await;
        let writes: Vec<String> = world
            .proxy
            .writes()
            .into_iter()
            .map(|call| call.operation)
            .collect();
        assert_eq!(writes, Vec::<String>::new());
        assert_eq!(again["services"]["web"]["changed"], false, "{again:#}");
        assert_eq!(
            app::sent(&world)[0],
            "Release Promoted",
            "the event is sent all the same"
        );
    }
}

#[tokio::test]
async fn a_redelivery_answers_with_the_report_and_does_nothing() {
    let (world, function) = app::promoting(YES).await;
    let event = app::uploaded(&world, "R1", &[("DATABASE_URL", "u")]).await;
    let first = function.answer(&event).await;
    let state = app::state(&world).await;
    world.proxy.clear();
    assert_eq!(function.answer(&event).await, first);
    assert_eq!(app::state(&world).await, state);
    assert_eq!((world.proxy.writes().len(), world.events().len()), (0, 0));
}

/// The JSON lines that the function wrote.
fn lines(function: &rig::function::Function) -> Vec<Value> {
    let output = function.output();
    let lines = output.lines();
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

#[tokio::test]
async fn a_promote_is_counted_once_and_each_step_is_one_line_with_the_same_names() {
    let (world, function) = app::promoting(YES).await;
    let version = world.put_env(APP, "R1", &[("DATABASE_URL", "u")]).await;
    let event = app::written(&world, "R1", &version);
    for _ in 0..2 {
        assert_eq!(function.answer(&event).await["status"], "promoted");
    }
    let lines = lines(&function);
    let metrics: Vec<&Value> = lines
        .iter()
        .filter(|line| !line["_aws"].is_null())
        .collect();
    assert_eq!(
        metrics.len(),
        1,
        "the redelivery is not counted: {metrics:#?}"
    );
    assert_eq!(
        (
            &metrics[0]["Rack"],
            &metrics[0]["Delivery"],
            &metrics[0]["Promotes"]
        ),
        (&json!(world.rack), &json!("SecretsManager"), &json!(1))
    );
    let steps: Vec<&Value> = lines
        .iter()
        .filter(|line| !line["step"].is_null())
        .collect();
    let names: Vec<&str> = steps
        .iter()
        .filter_map(|line| line["step"].as_str())
        .collect();
    assert_eq!(
        names,
        [
            "gather",
            "stack", // is created, and looked at again when that is done
            "gather",
            "secret",
            "taskDefinitions",
            "services",
            "rules",
            "removals"
        ]
    );
    for step in steps {
        let same = (&step["app.name"], &step["release.id"], &step["request.id"]);
        assert_eq!(
            same,
            (&json!(APP), &json!("R1"), &json!(version)),
            "{step:#}"
        );
    }
}
