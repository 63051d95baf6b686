use names::{AppName, RackName};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn entry(second: i64, release: &str, more: &serde_json::Value) -> Entry {
    let mut entry = json!({
        "record": format!("apps/shop/history/{second}"), "requestedAt": at(second), "finishedAt": at(second + 4),
        "kind": "promote", "release": release, "requestId": second.to_string(),
        "askedBy": {"knownBy": "nothing"}, "status": "promoted",
    });
    let more = more.as_object().unwrap().clone();
    entry.as_object_mut().unwrap().extend(more);
    serde_json::from_value(entry).unwrap()
}

/// A state whose request of that second asks for a Release.
fn state(
    second: i64,
    release: &str,
    applied: Option<&str>,
    status: &serde_json::Value,
) -> Promotion {
    let mut desired = json!({"kind": "promote", "release": release, "envVersionId": "v", "requestedAt": at(second),
        "requestId": second.to_string(), "order": {"key": "k"}, "interrupted": false, "deadline": at(second)});
    let status = status.as_object().unwrap().clone();
    desired.as_object_mut().unwrap().extend(status);
    let applied = applied.map(|release| {
        json!({"release": release, "requestId": "0", "envVersionId": "v",
        "delivery": "SecretsManager", "services": {}, "timers": {}})
    });
    let state = json!({"desired": desired, "applied": applied, "lease": null});
    serde_json::from_value(state).unwrap()
}

fn read(state: Promotion, entries: Vec<Entry>) -> Read {
    Read {
        state,
        index: Ok(Index { entries }),
        wanted: None,
        live: None,
        since: None,
    }
}

fn request(seconds: f64) -> Request {
    Request {
        release: Some("R1".to_owned()),
        kind: None,
        at: at(0),
        seconds,
        badge: Badge::LIVE,
        message: None,
    }
}

/// A page that has the text in every place that a text can be in.
fn everywhere(text: &str) -> Page {
    let text = || text.to_owned();
    let notice = Notice {
        badge: Badge::FAILED,
        what: text(),
        message: Some(text()),
        cure: Some(text()),
    };
    let live = Live {
        release: text(),
        since: Some(at(0)),
        delivery: text(),
        services: vec![(text(), Some(text()))],
        timers: vec![(text(), Some(text()))],
    };
    let request = Request {
        release: Some(text()),
        message: Some(text()),
        ..request(1.0)
    };
    let seen = Seen {
        health: Badge::LIVE,
        live: Some(live),
        notices: vec![notice],
        requests: vec![request],
    };
    let app = |seen| App { name: text(), seen };
    Page {
        rack: text(),
        made_at: at(0),
        apps: vec![app(Ok(seen)), app(Err(text()))],
    }
}

/// What makes a page of a text.
fn structure(html: &str) -> Vec<char> {
    html.chars().filter(|c| "<>\"".contains(*c)).collect()
}

fn id(app: &str) -> AppId {
    AppId {
        rack: RackName::new("myrack").unwrap(),
        app: AppName::new(app).unwrap(),
    }
}

#[test]
fn a_hostile_name_is_text() {
    let page = html(&everywhere("<script>alert('x')</script>"));
    assert!(!page.contains("<script"), "{page}");
    assert!(
        page.contains("&lt;script&gt;alert('x')&lt;/script&gt;"),
        "{page}"
    );
}

#[test]
fn the_page_needs_nothing_else() {
    let page = html(&everywhere("text"));
    for part in [
        "src=", "@import", "url(", "http://", "https://", "<link", "onload",
    ] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("default-src 'none'"), "{page}");
}

#[test]
fn what_runs_is_live_since_its_request_ended() {
    let state = state(0, "R1", Some("R1"), &json!({"status": "done"}));
    let entry = entry(0, "R1", &json!({"verdict": "live"}));
    let seen = Seen::of(&id("shop"), read(state, vec![entry]));
    assert_eq!((seen.health, seen.notices), (Badge::LIVE, Vec::new()));
    let live = seen.live.unwrap();
    assert_eq!((live.release.as_str(), live.since), ("R1", Some(at(4))));
    assert_eq!(seen.requests[0].seconds.to_bits(), 4.0_f64.to_bits());
}

#[test]
fn a_failed_request_has_its_cure_and_what_runs_stays() {
    let state = state(
        9,
        "R2",
        Some("R1"),
        &json!({"status": "failed", "reason": "MissingVariables"}),
    );
    let failed = entry(
        9,
        "R2",
        &json!({"status": "failed", "message": "no DATABASE_URL"}),
    );
    let first = entry(0, "R1", &json!({"verdict": "live"}));
    let seen = Seen::of(&id("shop"), read(state, vec![failed, first]));
    assert_eq!(seen.health, Badge::FAILED);
    assert_eq!(seen.live.map(|live| live.release), Some("R1".to_owned()));
    let notice = &seen.notices[0];
    assert!(
        notice.what.contains("R2") && notice.what.contains("MissingVariables"),
        "{notice:?}"
    );
    assert!(notice.cure.is_some(), "{notice:?}");
}

#[test]
fn what_ecs_went_back_from_stands_until_something_else_is_promoted() {
    let done = json!({"status": "done"});
    let back = entry(5, "R2", &json!({"verdict": "rolledBack"}));
    let report =
        json!({"requestId": "5", "verdict": {"message": "Service `web`: ECS rolled it back"}});
    let wanted = SeenReport::of(report.to_string().as_bytes());
    let mut of_back = read(state(5, "R2", Some("R2"), &done), vec![back.clone()]);
    of_back.wanted = wanted;
    let seen = Seen::of(&id("shop"), of_back);
    assert_eq!(seen.health, Badge::ROLLED_BACK);
    let said = seen.notices[0].message.as_deref();
    assert_eq!(said, Some("Service `web`: ECS rolled it back"));
    let next = entry(9, "R3", &json!({"verdict": "live"}));
    let seen = Seen::of(
        &id("shop"),
        read(state(9, "R3", Some("R3"), &done), vec![next, back]),
    );
    assert_eq!((seen.health, seen.notices), (Badge::LIVE, Vec::new()));
}

#[test]
fn a_fallback_is_told_once() {
    let report = json!({"requestId": "0", "fallback": {"errorType": "PutSecret"},
        "warnings": ["Secrets Manager did not answer", "another"]});
    let mut of_fallback = read(
        state(0, "R1", Some("R1"), &json!({"status": "done"})),
        vec![entry(0, "R1", &json!({}))],
    );
    of_fallback.live = SeenReport::of(report.to_string().as_bytes());
    let seen = Seen::of(&id("shop"), of_fallback);
    let badges: Vec<Badge> = seen.notices.iter().map(|it| it.badge).collect();
    assert_eq!(
        badges,
        [Badge::FALLBACK, Badge::WARNING],
        "{:#?}",
        seen.notices
    );
}

#[test]
fn an_app_with_nothing_and_one_whose_history_cannot_be_read_are_shown() {
    let seen = Seen::of(&id("new"), read(Promotion::default(), Vec::new()));
    assert_eq!(seen.health, Badge::NOTHING);
    let unread = Read {
        index: Err("line 1, column 2".to_owned()),
        ..read(Promotion::default(), Vec::new())
    };
    let seen = Seen::of(&id("new"), unread);
    assert_eq!(seen.notices[0].message.as_deref(), Some("line 1, column 2"));
}

#[test]
fn times_are_said_as_people_say_them() {
    let said = [0.0, 0.42, 4.0, 59.0, 60.0, 75.0, 3_600.0, 7_500.0].map(plot::in_words);
    let want = [
        "0 s",
        "0.4 s",
        "4.0 s",
        "59 s",
        "1 min",
        "1 min 15 s",
        "1 h",
        "2 h 5 min",
    ];
    assert_eq!(said, want);
}

proptest! {
    #[test]
    fn no_text_changes_what_the_page_is_made_of(text in any::<String>()) {
        let harmless = html(&everywhere("text"));
        let page = html(&everywhere(&text));
        prop_assert_eq!(structure(&page), structure(&harmless));
    }

    #[test]
    fn columns_are_numbers_within_the_plot(
        seconds in prop::collection::vec(prop_oneof![Just(0.0), 0.0..1e-9, 0.0..1e12], 0..=REQUESTS),
    ) {
        let requests: Vec<Request> = seconds.into_iter().map(request).collect();
        for column in plot::columns(&requests) {
            prop_assert!(column.x.is_finite() && column.height.is_finite(), "{:?}", column);
            prop_assert!(column.x >= 0.0 && column.x + plot::COLUMN <= plot::WIDTH, "{:?}", column);
            prop_assert!(column.height > 0.0 && column.height <= plot::GROUND, "{:?}", column);
        }
    }
}
