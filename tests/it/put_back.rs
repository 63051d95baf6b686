//! A promote that fails for good after its first write leaves the Release that ran with its own environment.

mod rolled_back;
mod rules;
mod set;
mod stack;
mod truth;
mod unwanted;

use double::Fault;
use rig::{Function, World, canary};
use serde_json::{Value, json};

use crate::app::{self, YES};

/// One Service.
const WEB: &str = "services:\n  web:\n    image: a\n    environment:\n      - DATABASE_URL\n";

/// Writes R2's convox.yml: [`WEB`] with one more Service and the Timer `one`.
async fn write_more(world: &World, service: &str) {
    let manifest = format!(
        "{WEB}  {service}:\n    image: a\ntimers:\n  one:\n    schedule: \"0 3 * * ?\"\n    command: c\n    service: web\n"
    );
    app::write_manifest(world, "R2", manifest).await;
}

/// The percentages of a Service's ECS service, how many tasks it is to run, and how it is scheduled.
async fn scaled(world: &World, service: &str) -> String {
    let service = app::service(world, service).await.unwrap();
    let percent = service.deployment_configuration().unwrap();
    let (minimum, maximum) = (percent.minimum_healthy_percent, percent.maximum_percent);
    let strategy = service.scheduling_strategy().map_or("", |it| it.as_str());
    let count = service.desired_count();
    format!("{minimum:?} to {maximum:?} percent of {count}, {strategy}")
}

/// What runs: the services' and targets' revisions, how many tasks, the rules' schedules and whether they fire, the secret's
/// current version.
async fn runs(world: &World) -> Value {
    let mut runs = Vec::new();
    for service in ["web", "worker", "metrics"] {
        runs.push(app::running(world, service).await);
        runs.push(scaled(world, service).await);
    }
    for timer in ["cleanup", "report"] {
        runs.push(app::scheduled(world, timer).await);
        let rule = app::described_rule(world, timer).await.unwrap();
        runs.push(rule.schedule_expression().unwrap().to_owned());
        runs.push(rule.state().unwrap().to_string());
    }
    json!([runs, app::current_secret(world).await])
}

/// Writes a Release that changes everything: the secret, all definitions, how tasks are replaced, both schedules; the answer.
async fn promote_changed(world: &World, function: &Function, release: &str) -> Value {
    let manifest = app::MANIFEST
        .replace("0 3 * * *", "0 4 * * *")
        .replace("30 6 ?", "45 6 ?")
        .replace(
            "worker:1",
            "worker:1\n    deployment: {minimum: 0, maximum: 100}",
        )
        .replace("LOG_LEVEL=info", &format!("LOG_LEVEL={release}"));
    app::write_manifest(world, release, manifest).await;
    let url = canary::value("DATABASE_URL");
    app::promote(world, function, release, &[("DATABASE_URL", &url)]).await
}

/// The failed end of a promote: answer, report, events and state say the same.
async fn assert_failed(world: &World, answer: &Value, error_type: &str, case: &str) {
    app::assert_says!(answer, {"status": "failed", "errorType": error_type}, "{case}");
    let release = answer["release"].as_str().unwrap();
    let report = app::report(world, release).await;
    assert_eq!(report.as_ref(), Some(answer), "{case}");
    let state = app::state(world).await;
    assert_eq!(state["desired"]["release"], release, "{case}");
    assert_eq!(state["desired"]["status"], "failed", "{case}");
    assert_eq!(state["lease"], Value::Null, "{case}");
    let events = world.events();
    let failed = events
        .iter()
        .find(|event| event.detail_type == "Release Promote Failed");
    let failed = failed.unwrap_or_else(|| panic!("{case}: {:?}", app::sent(world)));
    for field in ["release", "errorType", "message"] {
        assert_eq!(failed.detail[field], answer[field], "{case}: {field}");
    }
    canary::assert_absent(&[answer.to_string(), state.to_string(), format!("{events:?}")]);
}

fn says(answer: &Value, part: &str) -> bool {
    answer["message"].as_str().unwrap().contains(part)
}

#[tokio::test]
async fn whatever_fails_for_good_everything_is_back_at_the_applied_release() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R00", &[("DATABASE_URL", "applied")]).await;
    let disable = world.eventbridge.disable_rule();
    let disable = disable.name(app::rule(&world, "report"));
    disable.send().await.unwrap();
    let before = runs(&world).await;
    let mut rows = 1;
    for (release, service, operation) in [
        ("R01", "ecs", "RegisterTaskDefinition"),
        ("R02", "ecs", "UpdateService"),
        ("R03", "events", "PutRule"),
        ("R04", "events", "PutTargets"),
    ] {
        world.proxy.clear();
        world.inject(Fault::DENIED.on(service, operation).times(1));
        let answer = promote_changed(&world, &function, release).await;
        world.proxy.lift();
        assert_failed(&world, &answer, "AccessDeniedException", operation).await;
        app::assert_tells(&answer, "what was changed is back at Release R00");
        assert!(!says(&answer, "stack"), "it was not touched: {answer:#}");
        let writes = world.proxy.count("secretsmanager", "PutSecretValue");
        assert_eq!(
            writes, 1,
            "{operation}: it failed after the secret was written"
        );
        assert_eq!(runs(&world).await, before, "{operation}");
        for task in [
            app::running(&world, "web").await,
            app::scheduled(&world, "cleanup").await,
        ] {
            let seen = app::sees(&world, &task).await;
            assert_eq!(seen["DATABASE_URL"], "applied", "{operation}: {task}");
        }
        assert_eq!(
            app::state(&world).await["applied"]["release"],
            "R00",
            "{operation}"
        );
        rows += 1;
        let outcomes = app::outcomes(&world).await;
        let last = outcomes.last().unwrap();
        assert_eq!(
            *last,
            (rows, "ok".to_owned(), None),
            "{operation}: the secret's part"
        );
        app::assert_sent(
            &world,
            &["Release Promote Failed", "Secret Write Succeeded"],
        );
    }

    let again = app::requested(&world, "R04", "request-1", 1);
    let answer = function.answer(&again).await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    let now = runs(&world).await;
    assert_ne!(now, before);
    assert_eq!(
        answer["secretVersionId"], now[1][0],
        "its secret is current again"
    );
    assert!(now[0].to_string().contains("cron(0 4 * * ? *)"), "{now}");
}

#[tokio::test]
async fn with_nothing_applied_the_message_says_what_stays() {
    let (world, function) = app::promoting(YES).await;
    world.inject(Fault::DENIED.on("ecs", "UpdateService").times(1));
    let answer = app::promote(&world, &function, "R1", &[("DATABASE_URL", "u")]).await;
    world.proxy.lift();
    assert_failed(&world, &answer, "AccessDeniedException", "first").await;
    let stays = [
        "nothing was applied before, so this stays".to_owned(),
        format!("the secret `{}`", app::secret(&world)),
        format!("a task definition of `{}`", app::ecs_service(&world, "web")),
        format!("the ECS service `{}`", app::ecs_service(&world, "web")),
    ];
    for part in stays {
        assert!(says(&answer, &part), "{part}: {answer:#}");
    }
    assert_eq!(app::state(&world).await["applied"], Value::Null);

    let answer = app::asked(&world, &function, "R1", "request-1", 1).await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    assert_eq!(
        app::registered(&world).await.len(),
        5,
        "what was left is used"
    );
}

#[tokio::test]
async fn a_secret_version_that_is_gone_is_put_anew() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    // The first read of the secret is the promote's own, the second one looks for the version to go back to.
    let pass = Fault::Latency(std::time::Duration::ZERO);
    let gone = Fault::Error {
        status: 400,
        code: "ResourceNotFoundException",
    };
    world.inject(Fault::DENIED.on("ecs", "UpdateService").times(1));
    world.inject(pass.on("secretsmanager", "GetSecretValue").times(1));
    world.inject(gone.on("secretsmanager", "GetSecretValue").times(1));
    let answer = promote_changed(&world, &function, "R2").await;
    world.proxy.lift();
    assert_failed(&world, &answer, "AccessDeniedException", "gone").await;
    app::assert_tells(&answer, "back at Release R1");
    let (_, secret) = app::current_secret(&world).await;
    assert_eq!(secret, json!({"DATABASE_URL": "applied"}));
}

#[tokio::test]
async fn a_secret_that_cannot_be_put_back_is_named_and_the_rest_is_put_back() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    let before = runs(&world).await;
    world.inject(Fault::DENIED.on("ecs", "UpdateService").times(1));
    world.inject(Fault::DENIED.on("secretsmanager", "UpdateSecretVersionStage"));
    let answer = promote_changed(&world, &function, "R2").await;
    world.proxy.lift();
    assert_failed(&world, &answer, "AccessDeniedException", "secret").await;
    let secret = format!(
        "the secret `{}` could not be put back to version",
        app::secret(&world)
    );
    app::assert_tells(&answer, &secret);
    assert_eq!(
        runs(&world).await[0],
        before[0],
        "services and rules are back"
    );
}

#[tokio::test]
async fn a_release_on_s3_is_put_back_too() {
    let (world, off) = app::promoting(&[]).await;
    app::promote(&world, &off, "R1", &[("DATABASE_URL", "applied")]).await;
    let before = app::running(&world, "web").await;
    let function = world.start("promote", YES);
    world.inject(Fault::DENIED.on("events", "PutTargets").times(1));
    let answer = promote_changed(&world, &function, "R2").await;
    world.proxy.lift();
    assert_failed(&world, &answer, "AccessDeniedException", "from S3").await;
    assert_eq!(app::running(&world, "web").await, before);
    assert_eq!(app::sees(&world, &before).await["DATABASE_URL"], "applied");
}

#[tokio::test]
async fn what_an_unfinished_request_changed_is_put_back_when_the_next_one_is_refused() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    let before = runs(&world).await;
    world.inject(Fault::TRANSIENT.on("events", "PutTargets"));
    let event = app::uploaded(&world, "R2", &[("DATABASE_URL", "unfinished")]).await;
    let ended = function.invoke(&event).await;
    world.proxy.lift();
    assert!(matches!(ended, rig::Invocation::Error { .. }), "{ended:?}");
    assert_ne!(
        runs(&world).await,
        before,
        "the secret and services had moved"
    );

    let answer = app::promote(&world, &function, "R3", &[("OTHER", "u")]).await;
    assert_failed(&world, &answer, "MissingVariables", "refused").await;
    app::assert_tells(&answer, "back at Release R1");
    assert_eq!(runs(&world).await, before);
}
