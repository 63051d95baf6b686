//! A deleted App loses its rules, ECS services and the revisions that they ran, then its secret, which can be restored for
//! 30 days; a newer promote brings it back.

mod again;
mod refusals;

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use rig::{Function, World};
use serde_json::{Value, json};

use crate::app::{self, APP, YES};

const SERVICES: [&str; 3] = ["web", "worker", "metrics"];
const TIMERS: [&str; 2] = ["cleanup", "report"];

/// Promotes a Release by a request that is newer than a deletion of [`app::deleted`]; the answer.
async fn promote_later(world: &World, promote: &Function, release: &str, value: &str) -> Value {
    static SECONDS: AtomicI64 = AtomicI64::new(0);
    let variables = [("DATABASE_URL", value)];
    world.put_env(APP, release, &variables).await;
    // Requests are ordered by whole seconds, so each is a second later than the one before.
    let later = 10 + SECONDS.fetch_add(1, Ordering::Relaxed) % 40;
    let request = app::requested(world, release, &format!("request-{later}"), later);
    promote.answer(&request).await
}

/// A World with an App that is live, its promote and its app-deletion.
async fn live() -> (World, Function, Function) {
    let (world, promote) = app::promoting(YES).await;
    app::promoted(&world, &promote, "R1", &[("DATABASE_URL", "first")]).await;
    let deletion = world.start("app-deletion", &[]);
    world.proxy.clear();
    (world, promote, deletion)
}

/// The status of each ECS service of the App, in the order of [`SERVICES`].
async fn statuses(world: &World) -> Vec<String> {
    let names = SERVICES.map(|service| app::ecs_service(world, service));
    let described = world
        .ecs
        .describe_services()
        .cluster(&world.cluster)
        .set_services(Some(names.to_vec()));
    let described = described.send().await.unwrap();
    let status = |name: &String| {
        let mut services = described.services().iter();
        let service = services.find(|service| service.service_name() == Some(name));
        service.map_or("MISSING", |service| service.status().unwrap_or_default())
    };
    names.iter().map(|name| status(name).to_owned()).collect()
}

/// The names of the App's rules.
async fn rules(world: &World) -> Vec<String> {
    let prefix = app::rule(world, "");
    let listed = world.eventbridge.list_rules().name_prefix(prefix);
    let rules = listed.send().await.unwrap().rules.unwrap_or_default();
    rules.into_iter().filter_map(|rule| rule.name).collect()
}

/// Whether a revision can still be used.
async fn is_active(world: &World, arn: &str) -> bool {
    let (definition, _) = app::definition(world, arn).await;
    definition.status().unwrap().as_str() == "ACTIVE"
}

/// When the secret will be gone, as Secrets Manager says.
async fn deletion_date(world: &World) -> Option<DateTime<Utc>> {
    let described = world
        .secrets_manager
        .describe_secret()
        .secret_id(app::secret(world));
    let date = described.send().await.unwrap().deleted_date?;
    DateTime::from_timestamp(date.secs(), 0)
}

/// That nothing of the App is left but its objects and a secret that can be restored.
async fn assert_gone(world: &World, case: &str) {
    assert_eq!(statuses(world).await, ["INACTIVE"; 3], "{case}");
    assert_eq!(rules(world).await, Vec::<String>::new(), "{case}");
    assert!(deletion_date(world).await.is_some(), "{case}");
    let state = app::state(world).await;
    let settled = json!([
        state["desired"]["kind"],
        state["desired"]["status"],
        state["applied"],
        state["lease"],
        state["unsent"]
    ]);
    assert_eq!(settled, json!(["delete", "done", null, null, []]), "{case}");
}

#[tokio::test]
async fn an_app_is_deleted_by_invoking_the_function_where_no_events_are_taken() {
    let (world, _, deletion) = live().await;
    for unclear in [
        json!({"app": APP, "delete": false}),
        json!({"app": APP, "delete": "true"}),
        json!({"app": APP, "delete": true, "release": "R1"}),
    ] {
        let answer = deletion.answer(&unclear).await;
        assert_eq!(answer["status"], "ignored", "{unclear}: {answer:#}");
    }
    let direct = json!({"app": APP, "delete": true});
    let mut answer = deletion.answer(&direct).await;
    // In the second of the upload the promote counts, and whoever deletes is told to ask again.
    for _ in 0..1_000 {
        if answer["status"] != "superseded" {
            break;
        }
        answer = deletion.answer(&direct).await;
    }
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    assert_gone(&world, "deleted").await;
    let wrong = json!({"app": "No App", "delete": true});
    let answer = deletion.answer(&wrong).await;
    assert_eq!(answer["errorType"], "InvalidName", "{answer:#}");
}

#[tokio::test]
async fn a_deleted_app_is_gone_and_its_secret_can_be_restored_for_30_days() {
    let (world, _, deletion) = live().await;
    let mut revisions = Vec::new();
    for service in SERVICES {
        revisions.push(app::running(&world, service).await);
    }
    for timer in TIMERS {
        revisions.push(app::scheduled(&world, timer).await);
    }
    let answer = deletion.invoke(&app::deleted(&world, "event-1", 5)).await;
    let answer = answer.answer();
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    assert_gone(&world, "deleted").await;
    for revision in revisions {
        assert!(!is_active(&world, &revision).await, "{revision}");
    }
    let date = deletion_date(&world).await.unwrap();
    let days = (date - Utc::now()).num_hours();
    assert!((29 * 24..=30 * 24).contains(&days), "{date}");

    let events = world.events();
    let sent: Vec<&str> = events
        .iter()
        .map(|event| event.detail_type.as_str())
        .collect();
    assert_eq!(
        sent,
        [
            "App Secret Deletion Scheduled",
            "App Deletion Completed",
            "Secret Write Skipped"
        ]
    );
    for (field, want) in [("rack", json!(world.rack)), ("requestId", json!("event-1"))] {
        assert!(
            events.iter().all(|event| event.detail[field] == want),
            "{events:?}"
        );
    }
    for told in &events[..2] {
        assert_eq!(told.detail["secretArn"], answer["secretArn"]);
        assert_eq!(told.detail["deletionDate"], answer["deletionDate"]);
    }
    assert_eq!(events[1].detail["errorType"], Value::Null);
    let told = &events[0].detail;
    let told: DateTime<Utc> = told["deletionDate"].as_str().unwrap().parse().unwrap();
    assert_eq!(told, date);
    let last = app::outcomes(&world).await.pop().unwrap();
    assert_eq!(last, (2, "deleted".to_owned(), None));
}

#[tokio::test]
async fn the_secret_outlives_the_last_service_that_drains() {
    let (world, _, deletion) = live().await;
    world.proxy.hold_draining();
    let event = app::deleted(&world, "event-1", 5);
    for case in ["first", "again, too early"] {
        let answer = deletion.answer(&event).await;
        assert_eq!(answer["status"], "waiting", "{case}: {answer:#}");
        app::assert_tells(&answer, &app::ecs_service(&world, "web"));
        assert_eq!(statuses(&world).await, ["DRAINING"; 3], "{case}");
        assert_eq!(rules(&world).await, Vec::<String>::new(), "{case}");
        assert_eq!(deletion_date(&world).await, None, "{case}");
        assert_eq!(app::sent(&world), Vec::<String>::new(), "{case}");
        assert_eq!(
            app::state(&world).await["applied"]["release"],
            "R1",
            "{case}"
        );
    }
    world.proxy.end_draining();
    app::pass_minute(&world).await;
    let next = app::continued(&world, "delete");
    let answer = deletion.answer(&next).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    assert_gone(&world, "drained").await;
}

#[tokio::test]
async fn an_app_on_s3_is_deleted_without_a_secret() {
    let (world, promote) = app::promoting(&[]).await;
    app::promote(&world, &promote, "R1", &[("DATABASE_URL", "first")]).await;
    let deletion = world.start("app-deletion", &[]);
    world.proxy.clear();
    let answer = deletion.invoke(&app::deleted(&world, "event-1", 5)).await;
    let answer = answer.answer();
    app::assert_says!(answer, {"status": "deleted", "deletionDate": null});
    assert_eq!(statuses(&world).await, ["INACTIVE"; 3]);
    app::assert_sent(&world, &["App Deletion Completed", "Secret Write Skipped"]);
    assert_eq!(world.proxy.count("secretsmanager", "DeleteSecret"), 0);
}

#[tokio::test]
async fn at_most_20_revisions_are_deregistered_in_one_run() {
    use std::fmt::Write as _;
    let mut manifest = "services:\n".to_owned();
    for number in 0..23 {
        writeln!(manifest, "  s{number}:\n    image: example/s:1").unwrap();
    }
    let (world, promote) = app::promoting_with(&manifest, &[], &[]).await;
    app::promoted(&world, &promote, "R1", &[]).await;
    let deletion = world.start("app-deletion", &[]);
    world.proxy.clear();
    let event = app::deleted(&world, "event-1", 5);
    let answer = deletion.answer(&event).await;
    assert_eq!(answer["status"], "waiting", "{answer:#}");
    assert_eq!(world.proxy.count("ecs", "DeregisterTaskDefinition"), 20);
    app::pass_minute(&world).await;
    let answer = deletion.answer(&event).await;
    assert_eq!(answer["status"], "deleted", "{answer:#}");
    assert_eq!(world.proxy.count("ecs", "DeregisterTaskDefinition"), 23);
}
