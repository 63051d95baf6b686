//! Failures in a row are counted by the rows of the state, whatever becomes of the events about them.

mod failing;
mod kills;
mod launches;
mod races;
mod reading;
mod wake;

use chrono::Utc;
use double::Fault;
use double::proxy::Event;
use rig::events::{self, queued};
use rig::{App, Function, World, canary};
use serde_json::{Value, json};

use crate::app::{self, APP, YES};

fn start(world: &World) -> Function {
    world.start("failure-count", &[])
}

fn bridged(detail_type: &str, source: &str, id: &str, detail: &Value) -> Value {
    events::sent(source, detail_type, id, Utc::now(), detail)
}

/// Delivers an event; the answer.
async fn deliver(function: &Function, event: &Value) -> Value {
    function.answer(event).await
}

/// The event about a row, as promote sends it and EventBridge delivers it.
fn hint(world: &World, app: &str, seq: u64) -> Value {
    let row = json!({"requestId": format!("request-{seq}"), "release": "R1", "seq": seq});
    App::named(app).hint(world, &row)
}

fn key(app: &str, state: &str) -> String {
    format!("apps/{app}/state/{state}.json")
}

/// Rows from letters: `f`ailed, `o`k, `x` off, `d`eleted; numbered from `first` on.
fn rows(first: u64, letters: &str) -> Vec<Value> {
    let numbered = (first..).zip(letters.chars());
    let row = |(seq, letter): (u64, char)| {
        let (result, error_type) = match letter {
            'f' => ("failed", json!("AccessDeniedException")),
            'o' => ("ok", Value::Null),
            'x' => ("off", Value::Null),
            _ => ("deleted", Value::Null),
        };
        json!({"seq": seq, "requestId": format!("request-{seq}"), "result": result, "errorType": error_type})
    };
    numbered.map(row).collect()
}

/// The state as promote leaves it with these rows.
async fn put_rows(world: &World, app: &str, letters: &str) {
    let state = json!({"desired": null, "applied": null, "lease": null, "outcomes": rows(1, letters), "unsent": []});
    world.put(&key(app, "promotion"), state.to_string()).await;
}

async fn failures(world: &World, app: &str) -> Option<Value> {
    let bytes = world.get(&key(app, "failures")).await?;
    Some(serde_json::from_slice(&bytes).expect("failures.json is JSON"))
}

/// Number of the last counted row, and failures in a row; nothing is left to send.
async fn assert_counted(world: &World, app: &str, counted: u64, in_a_row: u64, case: &str) {
    let failures = failures(world, app).await.unwrap();
    let settled = json!([
        failures["countedSeq"],
        failures["consecutiveFailures"],
        failures["unsent"]
    ]);
    assert_eq!(settled, json!([counted, in_a_row, []]), "{case}");
}

/// `W3 request-3`: a warning of three. `C5 request-6`: cleared after five. Of one App; each as often as it was sent.
fn told(world: &World, app: &str) -> Vec<String> {
    let of_app = |event: &Event| event.detail["app"] == app;
    let tell = |event: Event| {
        let letter = match event.detail_type.as_str() {
            "Rack Warning" => 'W',
            "Rack Warning Cleared" => 'C',
            _ => return None,
        };
        let detail = &event.detail;
        assert_eq!(
            (&detail["rack"], of_app(&event)),
            (&json!(world.rack), true)
        );
        let request = detail["requestId"].as_str().unwrap();
        Some(format!(
            "{letter}{} {request}",
            detail["consecutiveFailures"]
        ))
    };
    let events = world.events().into_iter();
    events.filter(of_app).filter_map(tell).collect()
}

/// The newest `Secret Write` event that was sent, as EventBridge delivers it.
fn newest_hint(world: &World) -> Value {
    let mut events = world.events();
    events.retain(|event| event.detail_type.starts_with("Secret Write "));
    let event = events
        .pop()
        .expect("promote told what became of the secret");
    bridged(&event.detail_type, &event.source, "hint", &event.detail)
}

#[tokio::test]
async fn the_third_failed_promote_in_a_row_warns_the_rack_and_the_sixth_again() {
    let world = app::world().await;
    let (promote, function) = (world.start("promote", YES), start(&world));
    world.inject(Fault::DENIED.on_service("secretsmanager"));
    let url = canary::value("DATABASE_URL");
    let mut all = Vec::new();
    for n in 1..=7 {
        let release = format!("R{n}");
        let report = app::promote(&world, &promote, &release, &[("DATABASE_URL", &url)]).await;
        assert_eq!(report["delivery"], "S3", "{report:#}");
        if n == 3 || n == 6 {
            all.push(format!("W{n} {}", report["requestId"].as_str().unwrap()));
        }
        let hint = newest_hint(&world);
        assert_eq!(hint["detail-type"], "Secret Write Failed");
        for case in ["first", "delivered again"] {
            let answer = deliver(&function, &hint).await;
            app::assert_says!(answer, {"status": "counted", "app": APP, "countedSeq": n}, "{case}");
            assert_counted(&world, APP, n, n, case).await;
            assert_eq!(told(&world, APP), all, "R{n}, {case}");
        }
    }
    let output = function.output();
    assert_eq!(output.matches("\"RackWarnings\":1").count(), 2, "{output}");
    assert_eq!(output.matches("Rack Warning: ").count(), 2, "{output}");

    world.proxy.lift();
    let report = app::promote(&world, &promote, "R8", &[("DATABASE_URL", &url)]).await;
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    all.push(format!("C7 {}", report["requestId"].as_str().unwrap()));
    let answer = deliver(&function, &newest_hint(&world)).await;
    app::assert_says!(answer, {"consecutiveFailures": 0, "events": 1});
    assert_counted(&world, APP, 8, 0, "it works again").await;
    assert_eq!(told(&world, APP), all);
    let counter = failures(&world, APP).await.unwrap();
    let events = format!("{:?}", world.events());
    canary::assert_absent(&[function.output(), counter.to_string(), events]);
}

#[tokio::test]
async fn a_warning_says_what_fails_and_what_to_do() {
    let world = World::new().await;
    let function = start(&world);
    put_rows(&world, APP, "fff").await;
    deliver(&function, &hint(&world, APP, 3)).await;
    let events = world.events();
    let detail = &events[0].detail;
    app::assert_says!(detail, {"code": "SecretWriteFailing", "errorType": "AccessDeniedException"});
    let message = detail["message"].as_str().unwrap();
    for part in [
        &app::secret(&world),
        "SecretsManagerEnv=No",
        "Look into Secrets Manager",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

#[tokio::test]
async fn whatever_is_no_failure_starts_anew_and_clears_a_warning() {
    let world = World::new().await;
    let function = start(&world);
    for (app, letters, in_a_row, want) in [
        ("two", "ff", 2, &[][..]),
        ("ok-between", "ffoff", 2, &[]),
        ("off-between", "ffxff", 2, &[]),
        ("deleted-between", "ffdff", 2, &[]),
        ("ok", "fffo", 0, &["W3 request-3", "C3 request-4"]),
        ("off", "ffffx", 0, &["W3 request-3", "C4 request-5"]),
        ("deleted", "fffd", 0, &["W3 request-3", "C3 request-4"]),
        ("once", "fffoo", 0, &["W3 request-3", "C3 request-4"]),
        (
            "again",
            "ffffffofff",
            3,
            &[
                "W3 request-3",
                "W6 request-6",
                "C6 request-7",
                "W3 request-10",
            ],
        ),
    ] {
        let newest = letters.len() as u64;
        put_rows(&world, app, letters).await;
        deliver(&function, &hint(&world, app, newest)).await;
        assert_eq!(told(&world, app), want, "{letters} at once");
        assert_counted(&world, app, newest, in_a_row, letters).await;
        // Row by row it is the same.
        let slowly = format!("{app}-slowly");
        for n in 1..=letters.len() {
            put_rows(&world, &slowly, &letters[..n]).await;
            let event = hint(&world, &slowly, n as u64);
            deliver(&function, &queued(&event)).await;
        }
        assert_eq!(told(&world, &slowly), want, "{letters} row by row");
        assert_eq!(failures(&world, &slowly).await, failures(&world, app).await);
    }
}

#[tokio::test]
async fn hints_that_come_twice_late_or_out_of_order_change_nothing() {
    let world = World::new().await;
    let function = start(&world);
    put_rows(&world, APP, "ffffof").await;
    deliver(&function, &hint(&world, APP, 4)).await; // the first that arrives
    let all = ["W3 request-3", "C4 request-5"];
    assert_eq!(told(&world, APP), all);
    let counter = failures(&world, APP).await;
    world.proxy.clear();
    for seq in [6, 5, 1, 2, 3, 3, 4, 9] {
        let answer = deliver(&function, &hint(&world, APP, seq)).await;
        app::assert_says!(answer, {"countedSeq": 6, "events": 0}, "{seq}");
    }
    assert_eq!(app::changes(&world), Vec::<String>::new());
    assert_eq!(failures(&world, APP).await, counter);
}

#[tokio::test]
async fn rows_that_nobody_counted_in_time_count_by_their_summary() {
    let world = World::new().await;
    let function = start(&world);
    for (app, trailing, letters, in_a_row, want) in [
        (
            "all",
            10,
            "ff",
            12,
            &["W10 request-10", "W12 request-12"][..],
        ),
        ("some", 2, "f", 3, &["W3 request-11"]),
        ("none", 0, "ff", 2, &[]),
        ("over", 4, "o", 0, &["W4 request-10", "C4 request-11"]),
    ] {
        let merged = json!({"rows": 10, "upToSeq": 10, "requestId": "request-10", "trailingFailures": trailing});
        let state = json!({"outcomesMerged": merged, "outcomes": rows(11, letters)});
        world.put(&key(app, "promotion"), state.to_string()).await;
        for case in ["first", "again"] {
            deliver(&function, &hint(&world, app, 11)).await;
            let counted = 10 + letters.len() as u64;
            assert_counted(&world, app, counted, in_a_row, &format!("{app}, {case}")).await;
            assert_eq!(told(&world, app), want, "{app}, {case}");
        }
    }
}
