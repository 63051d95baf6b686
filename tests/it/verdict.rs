//! Whether a Release is live, rolled back or stuck: told once, whatever is told of it, and what is applied follows ECS.

use double::Fault;
use rig::{Function, World, canary, events};
use serde_json::{Value, json};

use crate::app::{self, APP, YES};

const STATE: &str = "apps/shop/state/promotion.json";
const INDEX: &str = "apps/shop/history/index.json";
const MARKS: &str = "unsettled/";

/// ECS's event about the end of a deployment of a Service.
fn ended(world: &World, service: &str, name: &str, id: &str) -> Value {
    let mut event = events::sample(world, "promote-service-deployment-completed");
    let service = app::ecs_service(world, service);
    let arn = format!(
        "arn:aws:ecs:us-east-1:{}:service/{}/{service}",
        world.account, world.cluster
    );
    event["resources"] = json!([arn]);
    event["detail"]["eventName"] = name.into();
    event["id"] = id.into();
    event
}

fn completed(world: &World, service: &str) -> Value {
    ended(world, service, "SERVICE_DEPLOYMENT_COMPLETED", "completed")
}

/// ECS's event about the end of a deployment that it gave up.
pub fn failed(world: &World, service: &str) -> Value {
    ended(world, service, "SERVICE_DEPLOYMENT_FAILED", "failed")
}

/// The schedule's look.
pub async fn look(world: &World, function: &Function) -> Value {
    let look = events::sample(world, "promote-verdict-look");
    function.answer(&look).await
}

/// The events that tell a verdict, by kind and Release.
fn verdicts(world: &World) -> Vec<String> {
    let kinds = ["Release Live", "Release Rolled Back", "Release Stuck"];
    let told = world.all_events().into_iter();
    let told = told.filter(|event| kinds.contains(&event.detail_type.as_str()));
    told.map(|event| {
        format!(
            "{} {}",
            event.detail_type,
            event.detail["release"].as_str().unwrap()
        )
    })
    .collect()
}

fn detail(world: &World, kind: &str) -> Value {
    let mut told = world.all_events().into_iter();
    let told = told.find(|event| event.detail_type == kind);
    told.unwrap_or_else(|| panic!("no {kind}")).detail
}

async fn json_of(world: &World, key: &str) -> Value {
    let bytes = world.get(key).await;
    serde_json::from_slice(&bytes.unwrap_or_else(|| panic!("there is no {key}"))).unwrap()
}

/// The verdict of the newest request: in the index, in its record and in its report.
async fn written(world: &World, release: &str) -> [Value; 3] {
    let index = json_of(world, INDEX).await;
    let entries = index["entries"].as_array().unwrap().iter();
    let mut entries = entries.filter(|entry| entry["release"] == release);
    let entry = entries.next().unwrap();
    let record = json_of(world, entry["record"].as_str().unwrap()).await;
    let report = app::report(world, release).await.unwrap();
    [
        entry["verdict"].clone(),
        record["verdict"]["status"].clone(),
        report["verdict"]["status"].clone(),
    ]
}

async fn marks(world: &World) -> usize {
    let listed = world.s3.list_objects_v2().bucket(&world.bucket);
    let listed = listed.prefix(MARKS).send().await.unwrap();
    listed.contents().len()
}

/// Puts a Service back to a revision, as ECS's circuit breaker does.
pub async fn roll_back(world: &World, service: &str, revision: &str) {
    let update = app::update(world, &app::ecs_service(world, service));
    update.task_definition(revision).send().await.unwrap();
}

/// The Release was promoted so many minutes ago.
pub async fn minutes_ago(world: &World, minutes: i64) {
    let mut state = app::state(world).await;
    let since = state["applied"]["watch"]["since"].as_str().unwrap();
    let since = chrono::DateTime::parse_from_rfc3339(since).unwrap();
    let since = since - chrono::TimeDelta::minutes(minutes);
    state["applied"]["watch"]["since"] = since.to_rfc3339().into();
    world.put(STATE, state.to_string()).await;
}

/// Promotes R1, which is live, then R2, whose deployments take their time; the revision of `web` before.
async fn second(settings: &[(&str, &str)]) -> (World, Function, String) {
    let (world, promote) = app::promoting(settings).await;
    app::promoted(&world, &promote, "R1", &[("DATABASE_URL", "1")]).await;
    look(&world, &promote).await;
    let before = app::running(&world, "web").await;
    world.proxy.hold_rollouts();
    let url = canary::value("DATABASE_URL");
    app::promoted(&world, &promote, "R2", &[("DATABASE_URL", &url)]).await;
    (world, promote, before)
}

#[tokio::test]
async fn a_release_is_live_when_all_of_its_services_are_and_that_is_told_once() {
    let (world, promote, _) = second(YES).await;
    assert_eq!(verdicts(&world), ["Release Live R1"]);
    assert_eq!(marks(&world).await, 1, "R2's");
    let completed = completed(&world, "web");
    let answer = promote.answer(&completed).await;
    assert_eq!(answer["status"], "looked", "{answer:#}");
    assert_eq!(verdicts(&world).len(), 1, "ECS says that it is at it");
    assert_eq!(
        written(&world, "R2").await,
        [json!(null), json!(null), json!(null)]
    );

    world.proxy.end_rollouts();
    for _ in 0..3 {
        promote.answer(&completed).await;
        promote.answer(&failed(&world, "web")).await;
        look(&world, &promote).await;
    }
    assert_eq!(verdicts(&world), ["Release Live R1", "Release Live R2"]);
    assert_eq!(
        written(&world, "R2").await,
        [json!("live"), json!("live"), json!("live")]
    );
    assert_eq!(marks(&world).await, 0);
    let state = app::state(&world).await;
    assert_eq!(state.get("settled"), None, "{state:#}");
}

#[tokio::test]
async fn a_release_that_moves_nothing_is_live_at_once() {
    let (world, promote) = app::promoting(YES).await;
    app::promoted(&world, &promote, "R1", &[("DATABASE_URL", "1")]).await;
    look(&world, &promote).await;
    let report = app::promoted(&world, &promote, "R2", &[("DATABASE_URL", "1")]).await;
    assert_eq!(report["services"]["web"]["changed"], false, "{report:#}");
    assert_eq!(verdicts(&world), ["Release Live R1", "Release Live R2"]);
    assert_eq!(
        written(&world, "R2").await,
        [json!("live"), json!("live"), json!("live")]
    );
    assert_eq!(marks(&world).await, 0);
}

#[tokio::test]
async fn what_ecs_goes_back_to_is_told_with_its_cause_and_is_what_is_applied() {
    let (world, promote, before) = second(YES).await;
    let revision = app::running(&world, "web").await;
    let reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
                  docker.io/example/web:1: not found";
    let task = json!({
        "taskArn": format!("arn:aws:ecs:us-east-1:{}:task/{}/1", world.account, world.cluster),
        "taskDefinitionArn": revision, "lastStatus": "STOPPED", "stopCode": "TaskFailedToStart",
        "stoppedReason": reason, "containers": [],
    });
    world
        .proxy
        .add_stopped_task(&app::ecs_service(&world, "web"), task);
    roll_back(&world, "web", &before).await;
    world.proxy.end_rollouts();
    for _ in 0..2 {
        promote.answer(&failed(&world, "web")).await;
        look(&world, &promote).await;
    }
    assert_eq!(
        verdicts(&world),
        ["Release Live R1", "Release Rolled Back R2"]
    );
    let told = detail(&world, "Release Rolled Back");
    app::assert_says!(told, {"app": APP, "cause": "Image", "services": {"web": "rolledBack", "worker": "live"}});
    app::assert_tells(
        &told,
        "Service `web`: ECS rolled it back; its image could not be pulled",
    );
    assert_eq!(
        written(&world, "R2").await,
        [
            json!("rolledBack"),
            json!("rolledBack"),
            json!("rolledBack")
        ]
    );
    let state = app::state(&world).await;
    assert_eq!(state["applied"]["release"], "R2");
    assert_eq!(state["applied"]["services"]["web"]["stands"]["arn"], before);

    // The same once more is no repetition: what ECS gave up is tried again.
    let again = app::asked(&world, &promote, "R2", "again", 2).await;
    assert_eq!(again["services"]["web"]["changed"], true, "{again:#}");
    assert_ne!(app::running(&world, "web").await, before);
    let texts: Vec<String> = world
        .all_events()
        .iter()
        .map(|event| event.detail.to_string())
        .collect();
    rig::assert_absent(&texts);
}

#[tokio::test]
async fn a_release_that_is_neither_is_stuck_after_the_racks_minutes() {
    let settings = [YES[0], ("RELEASE_STUCK_MINUTES", "20")];
    let (world, promote, before) = second(&settings).await;
    minutes_ago(&world, 19).await;
    look(&world, &promote).await;
    assert_eq!(verdicts(&world).len(), 1, "a minute too early");
    minutes_ago(&world, 2).await;
    for _ in 0..2 {
        look(&world, &promote).await;
    }
    assert_eq!(verdicts(&world), ["Release Live R1", "Release Stuck R2"]);
    app::assert_says!(detail(&world, "Release Stuck"), {"cause": "Unknown"});
    assert_eq!(
        written(&world, "R2").await,
        [json!("stuck"), json!("stuck"), json!("stuck")]
    );
    assert_eq!(marks(&world).await, 0);

    // ECS gives it up at last: what is applied follows, and the verdict stays.
    roll_back(&world, "web", &before).await;
    world.proxy.end_rollouts();
    promote.answer(&failed(&world, "web")).await;
    assert_eq!(verdicts(&world).len(), 2);
    let state = app::state(&world).await;
    let web = &state["applied"]["services"]["web"];
    assert_eq!(web["stands"]["arn"], before);
}

#[tokio::test]
async fn a_look_leaves_an_app_alone_that_somebody_is_at_work_on() {
    let (world, promote, before) = second(YES).await;
    roll_back(&world, "web", &before).await;
    world.proxy.end_rollouts();
    let mut state = app::state(&world).await;
    state["lease"] = json!({"owner": "another", "expiresAt": "2999-01-01T00:00:00Z"});
    world.put(STATE, state.to_string()).await;
    world.proxy.clear();
    promote.answer(&failed(&world, "web")).await;
    look(&world, &promote).await;
    assert_eq!(app::changes(&world), [""; 0]);
    assert_eq!(marks(&world).await, 1);
    state["lease"] = Value::Null;
    world.put(STATE, state.to_string()).await;
    look(&world, &promote).await;
    assert_eq!(verdicts(&world).last().unwrap(), "Release Rolled Back R2");
}

#[tokio::test]
async fn a_promote_that_comes_between_is_not_judged_by_what_was_seen_before_it() {
    let (world, promote, before) = second(YES).await;
    let other = world.start("promote", YES);
    roll_back(&world, "web", &before).await;
    world.proxy.end_rollouts();
    // The look has read the state, and ECS answers it late: by then R3 is promoted.
    let slow = Fault::Latency(std::time::Duration::from_secs(3));
    world.inject(slow.on("ecs", "ListTasks").times(1));
    let failed = failed(&world, "web");
    let promoting = async {
        world.until_called("ecs", "ListTasks").await;
        app::promoted(&world, &other, "R3", &[("DATABASE_URL", "3")]).await
    };
    tokio::join!(promote.answer(&failed), promoting);
    look(&world, &promote).await;
    assert_eq!(verdicts(&world), ["Release Live R1", "Release Live R3"]);
    let state = app::state(&world).await;
    assert_eq!(state["applied"]["release"], "R3");
    let web = app::running(&world, "web").await;
    assert_eq!(state["applied"]["services"]["web"]["arn"], web);
    let index = json_of(&world, INDEX).await;
    let known: Vec<&Value> = index["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["verdict"])
        .collect();
    assert_eq!(known, ["live", "replaced", "live"]);
    assert_eq!(marks(&world).await, 0);
}

#[tokio::test]
async fn a_verdict_that_could_not_be_told_is_told_by_the_next_look() {
    let (world, promote, _) = second(YES).await;
    world.proxy.end_rollouts();
    for (service, operation, key) in [
        ("s3", "PutObject", "/history/index.json"),
        ("events", "PutEvents", ""),
    ] {
        world.inject(Fault::TRANSIENT.on(service, operation).about(key));
        promote.invoke(&completed(&world, "web")).await;
        world.proxy.lift();
        assert_eq!(marks(&world).await, 1, "{operation}");
    }
    look(&world, &promote).await;
    assert_eq!(verdicts(&world), ["Release Live R1", "Release Live R2"]);
    assert_eq!(
        written(&world, "R2").await,
        [json!("live"), json!("live"), json!("live")]
    );
    assert_eq!(marks(&world).await, 0);
}
