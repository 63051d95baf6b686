use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::launch_reason::{Cause, Reason};
use names::{AppName, RackName};

fn id() -> AppId {
    AppId {
        rack: RackName::new("r").unwrap(),
        app: AppName::new("shop").unwrap(),
    }
}

/// Outcomes from letters: `f`ailed, `o`k, `x` off, `d`eleted.
fn outcomes(letters: &str) -> Outcomes {
    let rows: Vec<Value> = (1..)
        .zip(letters.chars())
        .map(|(seq, letter)| {
            let result = match letter {
                'f' => "failed",
                'o' => "ok",
                'x' => "off",
                _ => "deleted",
            };
            json!({"seq": seq, "requestId": format!("request-{seq}"), "result": result})
        })
        .collect();
    serde_json::from_value(json!({"outcomes": rows})).unwrap()
}

/// The events: `W3` warns of three, `C5` clears after five.
fn told(failures: &Failures) -> Vec<String> {
    let tell = |event: &Event| {
        let letter = match event.detail_type.as_str() {
            "Rack Warning" => 'W',
            "Rack Warning Cleared" => 'C',
            other => panic!("{other}"),
        };
        format!("{letter}{}", event.detail["consecutiveFailures"])
    };
    failures.unsent.iter().map(tell).collect()
}

#[test]
fn every_third_failure_in_a_row_warns_and_anything_else_starts_anew() {
    for (letters, want) in [
        ("ff", ""),
        ("fff", "W3"),
        ("ffff", "W3"),
        ("ffffff", "W3 W6"),
        ("ffoff", ""),
        ("ffxff", ""),
        ("ffdff", ""),
        ("fffo", "W3 C3"),
        ("fffffx", "W3 C5"),
        ("fffd", "W3 C3"),
        ("fffoo", "W3 C3"),
        ("fffofff", "W3 C3 W3"),
    ] {
        let mut failures = Failures::default();
        failures.count(&id(), &outcomes(letters));
        assert_eq!(told(&failures).join(" "), want, "{letters}");
    }
}

/// Rows from one number on, of requests with a name of their own.
fn rows(first: u64, letters: &str, request: &str) -> Vec<Value> {
    let letters = (first..).zip(letters.chars());
    let row = |(seq, letter)| {
        let result = if letter == 'f' { "failed" } else { "ok" };
        json!({"seq": seq, "requestId": format!("{request}-{seq}"), "result": result})
    };
    letters.map(row).collect()
}

#[test]
fn failures_after_an_older_state_was_restored_count_too() {
    let before = rows(1, &"o".repeat(20), "before");
    let all = |rows: Vec<Value>| -> Outcomes {
        serde_json::from_value(json!({"outcomes": rows})).unwrap()
    };
    let mut counted = Failures::default();
    counted.count(&id(), &all(before.clone()));
    assert_eq!(counted.counted_seq, 20);
    // A counter that an older version wrote remembers no requests.
    let forgetful: Failures = serde_json::from_value(json!({"countedSeq": 20})).unwrap();
    for (case, failures) in [("as it is", counted), ("an older version's", forgetful)] {
        let mut failures = failures;
        let restored = all(before[..10].to_vec());
        assert!(failures.is_behind(&restored), "{case}");
        failures.count(&id(), &restored);
        assert!(!failures.is_behind(&restored), "{case}: once is enough");
        assert_eq!(failures.consecutive_failures, 0, "{case}");
        for new in 1..=9 {
            let after = rows(11, &"f".repeat(new), "after");
            failures.count(&id(), &all([&before[..10], &after[..]].concat()));
            let numbers = (failures.counted_seq, failures.consecutive_failures);
            assert_eq!(numbers, (10 + new as u64, new as u64), "{case}");
        }
        assert_eq!(told(&failures).join(" "), "W3 W6 W9", "{case}");
    }
}

#[test]
fn rows_that_overtook_the_counter_after_a_restore_count_all_at_once() {
    let before = rows(1, &"o".repeat(20), "before");
    let mut failures = Failures::default();
    let all = |rows: Vec<Value>| -> Outcomes {
        serde_json::from_value(json!({"outcomes": rows})).unwrap()
    };
    failures.count(&id(), &all(before.clone()));
    let after = rows(11, &"f".repeat(15), "after");
    let restored = all([&before[..10], &after[..]].concat());
    assert!(failures.is_behind(&restored));
    failures.count(&id(), &restored);
    let numbers = (failures.counted_seq, failures.consecutive_failures);
    assert_eq!(numbers, (25, 15));
    assert!(!restored.rows().is_empty() && failures.counted_requests.len() <= REMEMBERED);
}

#[test]
fn however_the_rows_come_in_each_counts_once() {
    let letters = "ffofffffxfffdf";
    let mut at_once = Failures::default();
    at_once.count(&id(), &outcomes(letters));
    for cut in 0..letters.len() {
        let mut failures = Failures::default();
        // A hint may come early, late or twice; the rows are read after the counter.
        for seen in [cut, cut, letters.len(), letters.len()] {
            failures.count(&id(), &outcomes(&letters[..seen]));
        }
        assert_eq!(failures, at_once, "cut at {cut}");
    }
}

#[test]
fn rows_that_nobody_counted_in_time_are_counted_by_their_summary() {
    for (counted, before, trailing, want) in [
        (0, 0, 10, "W10"), // all ten failed
        (8, 2, 10, "W4"),  // so did the two that were not counted
        (8, 2, 2, "W4"),   // as far as can be known
        (0, 0, 4, "W4"),   // six, then something else, then four
        (8, 5, 1, "C5"),   // one of the last two did not fail
        (10, 2, 10, ""),   // counted in time
    ] {
        let merged = json!({"rows": 10, "upToSeq": 10, "requestId": "request-10", "trailingFailures": trailing});
        let outcomes = serde_json::from_value(json!({"outcomes": [], "outcomesMerged": merged}));
        let mut failures = Failures {
            counted_seq: counted,
            consecutive_failures: before,
            warned: before >= 3,
            ..Failures::default()
        };
        failures.count(&id(), &outcomes.unwrap());
        assert_eq!(
            told(&failures).join(" "),
            want,
            "{counted} {before} {trailing}"
        );
        assert_eq!(failures.counted_seq, 10);
    }
}

fn launch(release: &str, service: &str, task: u8, seconds: i64, cause: Cause) -> LaunchFailure {
    LaunchFailure {
        task: format!("task/{task}"),
        task_definition: format!(
            "arn:aws:ecs:us-east-1:123456789012:task-definition/r_shop_{service}:7"
        ),
        family: format!("r_shop_{service}"),
        release: release.to_owned(),
        reason: Reason {
            cause,
            key: (cause == Cause::KeyMissing).then(|| "DATABASE_URL".to_owned()),
        },
        reads_others: false,
        at: at(seconds),
    }
}

fn at(seconds: i64) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

#[test]
fn a_launch_failure_warns_once_for_each_release_and_cause() {
    let mut failures = Failures::default();
    for failure in [
        launch("R1", "web", 1, 0, Cause::KeyMissing),
        launch("R1", "web", 1, 0, Cause::KeyMissing),
        launch("R1", "worker", 2, 1, Cause::KeyMissing),
        launch("R1", "web", 3, 2, Cause::AccessDenied),
        launch("R2", "web", 4, 3, Cause::KeyMissing),
    ] {
        failures.launch_failed(&id(), &failure, "event");
    }
    let warned: Vec<_> = failures
        .unsent
        .iter()
        .map(|event| {
            (
                event.detail["release"].as_str(),
                event.detail["cause"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        warned,
        [
            (Some("R1"), Some("KeyMissing")),
            (Some("R1"), Some("AccessDenied")),
            (Some("R2"), Some("KeyMissing"))
        ]
    );
    let detail = &failures.unsent[0].detail;
    assert_eq!(detail["key"], "DATABASE_URL");
    assert_eq!(
        detail["message"],
        "a task of r_shop_web:7, Release R1, could not start: the secret `r/shop` has no key `DATABASE_URL`. Promote a \
         Release whose environment has the key, or take it out of the Service's environment"
    );
    assert_eq!(
        failures.consecutive_failures, 0,
        "the write counter is another"
    );
}

#[test]
fn a_completed_deployment_clears_what_was_before_it() {
    let mut failures = Failures::default();
    failures.launch_failed(&id(), &launch("R1", "web", 1, 5, Cause::KeyMissing), "e1");
    failures.launch_failed(&id(), &launch("R1", "web", 2, 6, Cause::KeyMissing), "e2");
    failures.deployed(&id(), "r_shop_web", at(4), "e3");
    failures.deployed(&id(), "r_shop_worker", at(9), "e4");
    assert_eq!(
        told(&failures),
        ["W1"],
        "an older deployment, another Service"
    );
    failures.deployed(&id(), "r_shop_web", at(9), "e5");
    failures.deployed(&id(), "r_shop_web", at(9), "e5");
    assert_eq!(told(&failures), ["W1", "C2"]);
    failures.launch_failed(&id(), &launch("R1", "web", 3, 8, Cause::KeyMissing), "e6");
    assert_eq!(
        told(&failures),
        ["W1", "C2"],
        "it stopped before, and comes late"
    );
    failures.launch_failed(&id(), &launch("R1", "web", 4, 10, Cause::KeyMissing), "e7");
    assert_eq!(told(&failures), ["W1", "C2", "W1"]);
    failures.count(&id(), &outcomes("d"));
    assert_eq!(
        told(&failures),
        ["W1", "C2", "W1", "C1"],
        "the App is deleted"
    );
}

#[test]
fn a_timer_or_process_is_cleared_by_a_deployment_of_any_service() {
    for family in ["timer_cleanup", "run_worker"] {
        let mut failures = Failures::default();
        let task = launch("R1", family, 1, 0, Cause::KeyMissing);
        failures.launch_failed(&id(), &task, "e1");
        failures.deployed(&id(), "r_shop_web", at(1), "e2");
        assert_eq!(told(&failures), ["W1", "C1"], "{family}");
    }
}

#[test]
fn each_service_is_cleared_by_its_own_deployment_however_late_that_is_heard_of() {
    let mut failures = Failures::default();
    failures.launch_failed(&id(), &launch("R1", "web", 1, 1, Cause::KeyMissing), "e1");
    failures.launch_failed(
        &id(),
        &launch("R1", "worker", 2, 8, Cause::KeyMissing),
        "e2",
    );
    failures.deployed(&id(), "r_shop_web", at(5), "e3"); // older than what worker failed with
    assert_eq!(told(&failures), ["W1"], "worker still fails");
    failures.deployed(&id(), "r_shop_worker", at(9), "e4");
    assert_eq!(told(&failures), ["W1", "C2"]);
}

#[test]
fn a_timers_failure_that_is_heard_of_after_a_later_deployment_is_no_news() {
    let mut failures = Failures::default();
    failures.deployed(&id(), "r_shop_web", at(5), "e1");
    let timer = |seconds| launch("R1", "timer_cleanup", 1, seconds, Cause::KeyMissing);
    failures.launch_failed(&id(), &timer(4), "e2");
    assert_eq!(told(&failures), Vec::<String>::new());
    failures.launch_failed(&id(), &timer(6), "e3");
    assert_eq!(told(&failures), ["W1"]);
}

#[test]
fn the_state_object_has_the_documented_shape() {
    let mut failures = Failures::default();
    failures.count(&id(), &outcomes("fff"));
    let json = serde_json::to_value(&failures).unwrap();
    assert_eq!(json["countedSeq"], 3);
    assert_eq!(json["consecutiveFailures"], 3);
    assert_eq!(json["unsent"][0]["detail"]["code"], "SecretWriteFailing");
    let message = json["unsent"][0]["detail"]["message"].as_str().unwrap();
    assert!(
        message.contains("SecretsManagerEnv=No") && message.contains("Look into Secrets Manager")
    );
    assert_eq!(serde_json::from_value::<Failures>(json).unwrap(), failures);
    assert_eq!(
        serde_json::from_value::<Failures>(json!({})).unwrap(),
        Failures::default()
    );
}

#[test]
fn a_task_that_names_other_secrets_too_is_not_said_to_miss_the_apps() {
    for (reads_others, want) in [(false, false), (true, true)] {
        let failure = LaunchFailure {
            reads_others,
            ..launch("R1", "web", 1, 0, Cause::AccessDenied)
        };
        let event = Launches::default().failed(&id(), &failure, "request");
        let message = event.unwrap().detail["message"].to_string();
        assert_eq!(
            message.contains("can also be another secret"),
            want,
            "{message}"
        );
    }
}
