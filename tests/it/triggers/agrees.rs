//! What a dry run says is what the promote then does.

use double::Fault;
use rig::{Function, Invocation, World};
use serde_json::{Value, json};

use super::YES;
use crate::app::{self, APP};

const WEB: &str = "services:\n  web:\n    image: a\n    environment:\n      - DATABASE_URL\n";

async fn dry_run(function: &Function, release: &str) -> Value {
    let event = json!({"app": APP, "release": release, "dryRun": true});
    function.answer(&event).await
}

/// Plans a Release that was written, then promotes it: both say the same.
async fn agree(world: &World, function: &Function, release: &str, case: &str) -> (Value, Value) {
    let plan = dry_run(function, release).await;
    assert_eq!(plan["status"], "planned", "{case}: {plan:#}");
    let report = app::asked(world, function, release, case, 2).await;
    assert_eq!(report["status"], "promoted", "{case}: {report:#}");
    for kind in ["services", "timers"] {
        for (name, planned) in plan[kind].as_object().unwrap() {
            let changed = &report[kind][name]["changed"];
            assert_eq!(&planned["changes"], changed, "{case}: {kind}.{name}");
        }
    }
    assert_eq!(plan["removed"], report["removed"], "{case}");
    assert_eq!(plan["warnings"], report["warnings"], "{case}");
    assert_eq!(plan["delivery"], report["delivery"], "{case}");
    (plan, report)
}

#[tokio::test]
async fn what_ecs_or_somebody_moved_is_moved_back() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "one")]).await;
    let (web, cleanup) = (
        app::running(&world, "web").await,
        app::scheduled(&world, "cleanup").await,
    );
    app::promote(&world, &function, "R2", &[("DATABASE_URL", "two")]).await;
    let update = world.ecs.update_service().cluster(&world.cluster);
    let update = update.service(app::ecs_service(&world, "web"));
    update.task_definition(&web).send().await.unwrap();
    let rule = app::rule(&world, "cleanup");
    let listed = world.eventbridge.list_targets_by_rule().rule(&rule);
    let mut target = listed.send().await.unwrap().targets.unwrap().remove(0);
    target.ecs_parameters.as_mut().unwrap().task_definition_arn = cleanup;
    let put = world.eventbridge.put_targets().rule(&rule).targets(target);
    put.send().await.unwrap();

    let (plan, _) = agree(&world, &function, "R2", "moved").await;
    let changes = [
        "services.web",
        "services.worker",
        "timers.cleanup",
        "timers.report",
    ]
    .map(|path| {
        let (kind, name) = path.split_once('.').unwrap();
        plan[kind][name]["changes"].as_bool().unwrap()
    });
    assert_eq!(changes, [true, false, true, false], "{plan:#}");
}

#[tokio::test]
async fn a_secret_that_somebody_wrote_moves_nothing_and_is_current_no_longer() {
    let (world, function) = app::promoting(YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "one")]).await;
    let put = world.secrets_manager.put_secret_value();
    let put = put.secret_id(app::secret(&world)).secret_string("{}");
    put.send().await.unwrap();
    let (plan, report) = agree(&world, &function, "R1", "written").await;
    assert_eq!(plan["services"]["web"]["changes"], false, "{plan:#}");
    let (current, value) = app::current_secret(&world).await;
    assert_eq!(report["secretVersionId"], current);
    assert_eq!(value, json!({"DATABASE_URL": "one"}));
}

#[tokio::test]
async fn what_cannot_be_delivered_by_a_secret_is_planned_for_s3() {
    let world = app::world().await;
    let create = world.secrets_manager.create_secret();
    let create = create.name(app::secret(&world)).secret_string("theirs");
    create.send().await.unwrap();
    let function = world.start("promote", YES);
    world.put_env(APP, "R1", &[("DATABASE_URL", "one")]).await;
    let (plan, report) = agree(&world, &function, "R1", "theirs").await;
    app::assert_says!(plan, {"delivery": "S3", "fallback": {"errorType": "SecretNotOurs"}});
    assert_eq!(plan["fallback"], report["fallback"]);
}

#[tokio::test]
async fn what_an_unfinished_request_has_left_is_used_or_removed() {
    let (world, function) = app::promoting_with(WEB, &[], YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "one")]).await;
    let timer = "timers:\n  one:\n    schedule: \"0 3 * * ?\"\n    command: c\n    service: web\n";
    let more = format!("{WEB}  api:\n    image: a\n{timer}");
    app::write_manifest(&world, "R2", more).await;
    world.inject(Fault::TRANSIENT.on("events", "PutTargets"));
    let version = world.put_env(APP, "R2", &[("DATABASE_URL", "two")]).await;
    let ended = function.invoke(&app::written(&world, "R2", &version)).await;
    world.proxy.lift();
    assert!(matches!(ended, Invocation::Error { .. }), "{ended:?}");

    app::write_manifest(&world, "R3", WEB).await;
    world.put_env(APP, "R3", &[("DATABASE_URL", "two")]).await;
    let (plan, _) = agree(&world, &function, "R3", "left").await;
    let left = [app::ecs_service(&world, "api"), app::rule(&world, "one")];
    assert_eq!(plan["removed"], json!(left), "{plan:#}");
}

#[tokio::test]
async fn what_is_waited_for_is_said_and_warnings_with_it() {
    let (world, function) = app::promoting_with(WEB, &[], YES).await;
    let more = format!("{WEB}    prot: 3000\n  api:\n    image: a\n");
    for (release, manifest) in [("R1", more.as_str()), ("R2", WEB), ("R3", &more)] {
        app::write_manifest(&world, release, manifest).await;
    }
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "u")]).await;
    world.proxy.hold_draining();
    app::promote(&world, &function, "R2", &[("DATABASE_URL", "u")]).await;

    let version = world.put_env(APP, "R3", &[("DATABASE_URL", "u")]).await;
    let plan = dry_run(&function, "R3").await;
    let api = app::ecs_service(&world, "api");
    let waits = format!("the ECS service `{api}` is still draining");
    app::assert_says!(plan, {"status": "planned", "waitsFor": waits});
    assert_eq!(plan["services"]["api"]["changes"], true, "{plan:#}");
    world.proxy.clear();
    let event = app::written(&world, "R3", &version);
    let answer = function.answer(&event).await;
    assert_eq!(answer["status"], "waiting", "{answer:#}");
    let report = app::report(&world, "R3").await.unwrap();
    let told = world.all_events().remove(0);
    assert_eq!(told.detail_type, "Release Promote Waiting");
    for said in [&report, &told.detail] {
        app::assert_says!(said, {"message": waits, "warnings": plan["warnings"]});
        let warnings = said["warnings"].to_string();
        assert!(warnings.contains("`services.web.prot`"), "{said:#}");
    }
    world.proxy.end_draining();
}
