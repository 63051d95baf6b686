//! How an ECS service or a rule was set, by convox.yml or by hand, is how it comes back.

use double::Fault;
use rig::{Function, Invocation, World};
use serde_json::Value;

use super::{YES, says, scaled};
use crate::app::{self, APP};

const WEB: &str = "services:\n  web:\n    image: a\n    environment: [DATABASE_URL]\n";

fn timer(name: &str) -> String {
    format!("  {name}:\n    schedule: '0 3 * * ?'\n    command: c\n    service: web\n")
}

/// R1 with what R2 leaves out: `more`, and two Timers.
async fn promoted(function: &Function, world: &World, more: &str) {
    let manifest = format!("{WEB}{more}timers:\n{}{}", timer("one"), timer("two"));
    for (release, manifest) in [("R1", manifest.as_str()), ("R2", WEB)] {
        app::write_manifest(world, release, manifest).await;
    }
    app::promoted(world, function, "R1", &[("DATABASE_URL", "applied")]).await;
}

/// Promotes R2, whose second rule EventBridge does not delete.
async fn removed_half(world: &World, function: &Function, refusal: Fault) -> Invocation {
    let pass = Fault::Latency(std::time::Duration::ZERO);
    let first = pass.on("events", "DeleteRule").times(1);
    world.inject(first);
    world.inject(refusal.on("events", "DeleteRule"));
    let version = world
        .put_env(APP, "R2", &[("DATABASE_URL", "failed")])
        .await;
    let ended = function.invoke(&app::written(world, "R2", &version)).await;
    world.proxy.lift();
    ended
}

async fn state_of(world: &World, timer: &str) -> String {
    let rule = app::described_rule(world, timer).await.unwrap();
    rule.state().unwrap().to_string()
}

#[tokio::test]
async fn what_was_removed_runs_as_many_tasks_and_fires_no_more_than_before() {
    for (case, refusal) in [
        ("at once", Fault::DENIED),
        ("by the next request", Fault::TRANSIENT),
    ] {
        let (world, function) = app::promoting_with(WEB, &[], YES).await;
        promoted(&function, &world, "  api:\n    image: a\n").await;
        let disable = world.eventbridge.disable_rule();
        let disable = disable.name(app::rule(&world, "one"));
        disable.send().await.unwrap();
        let scale = app::update(&world, &app::ecs_service(&world, "api"));
        scale.desired_count(3).send().await.unwrap();
        let before = scaled(&world, "api").await;

        let ended = removed_half(&world, &function, refusal).await;
        let answer = match ended {
            Invocation::Error { .. } => {
                app::promote(&world, &function, "R3", &[("OTHER", "u")]).await
            }
            Invocation::Answer(answer) => answer,
        };
        assert_eq!(answer["status"], "failed", "{case}: {answer:#}");
        assert_eq!(scaled(&world, "api").await, before, "{case}: {answer:#}");
        assert_eq!(state_of(&world, "one").await, "DISABLED", "{case}");
        assert_eq!(state_of(&world, "two").await, "ENABLED", "{case}");
        let (api, one) = (app::ecs_service(&world, "api"), app::rule(&world, "one"));
        for made in [
            format!("the ECS service `{api}` with 3 tasks"),
            format!("the rule `{one}`, DISABLED"),
        ] {
            assert!(says(&answer, &made), "{case}: {made}: {answer:#}");
        }
    }
}

#[tokio::test]
async fn an_agent_comes_back_on_every_instance() {
    let world = app::world_with(WEB, &[]).await;
    let settings = [
        ("LAUNCH_TYPE", "EC2"),
        ("SUBNETS", ""),
        ("SECURITY_GROUPS", ""),
    ];
    let function = world.start("promote", &settings);
    let agent =
        "  monitor:\n    image: a\n    agent: true\n    deployment: {minimum: 0, maximum: 200}\n";
    promoted(&function, &world, agent).await;
    let before = scaled(&world, "monitor").await;
    assert!(
        before.contains("100") && before.contains("DAEMON"),
        "{before}"
    );
    let answer = removed_half(&world, &function, Fault::DENIED)
        .await
        .answer();
    assert_eq!(answer["status"], "failed", "{answer:#}");
    assert!(!says(&answer, "is gone"), "{answer:#}");
    assert_eq!(scaled(&world, "monitor").await, before, "{answer:#}");
}

/// The state as an earlier version wrote it, which knew less of what it applied.
async fn left_by_an_earlier_version(world: &World) {
    let mut state = app::state(world).await;
    let applied = state["applied"].as_object_mut().unwrap();
    assert!(applied.remove("stackDigest").is_some());
    let services = applied["services"].as_object_mut().unwrap();
    for service in services.values_mut().filter_map(Value::as_object_mut) {
        assert!(service.remove("deployment").is_some());
    }
    let key = format!("apps/{APP}/state/promotion.json");
    world.put(&key, state.to_string()).await;
}

#[tokio::test]
async fn percentages_come_back_whoever_set_them_and_whatever_version_promoted_them() {
    for earlier in [false, true] {
        let (world, function) = app::promoting_with(WEB, &[], YES).await;
        promoted(&function, &world, "").await;
        if earlier {
            left_by_an_earlier_version(&world).await;
        } else {
            let percent = aws_sdk_ecs::types::DeploymentConfiguration::builder();
            let percent = percent.minimum_healthy_percent(10).maximum_percent(150);
            let update = app::update(&world, &app::ecs_service(&world, "web"));
            let update = update.deployment_configuration(percent.build());
            update.send().await.unwrap();
        }
        let before = scaled(&world, "web").await;
        let manifest = format!("{WEB}    deployment: {{minimum: 0, maximum: 100}}\n");
        app::write_manifest(&world, "R2", manifest).await;
        let answer = removed_half(&world, &function, Fault::DENIED)
            .await
            .answer();
        assert_eq!(answer["status"], "failed", "{answer:#}");
        assert_eq!(scaled(&world, "web").await, before, "{earlier}: {answer:#}");
    }
}
