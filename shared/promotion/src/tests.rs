use std::collections::{BTreeMap, BTreeSet};

use manifest::precedence::EnvDelivery;
use names::ReleaseId;
use serde_json::{Value, json};

use super::*;
use crate::history::Asker;
use names::error_type::ErrorCode;
use release::app_stack::Needs;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn promote(release: &str, version: &str, seconds: i64) -> Request {
    Request {
        asked_by: Asker::default(),
        work: Work::Promote {
            release: ReleaseId::new(release).unwrap(),
            env_version_id: version.to_owned(),
            allowed: Allowed::default(),
        },
        order: Order {
            requested_at: at(seconds),
            request_id: version.to_owned(),
            tie: Tie {
                key: format!("apps/shop/releases/{release}/env"),
                sequencer: String::new(),
            },
        },
    }
}

fn sequenced(release: &str, version: &str, sequencer: &str) -> Request {
    let mut request = promote(release, version, 0);
    request.order.tie.sequencer = sequencer.to_owned();
    request
}

fn asked(release: &str, version: &str, id: &str) -> Request {
    let mut request = promote(release, version, 0);
    request.order.request_id = id.to_owned();
    request
}

fn worker(owner: &str, seconds: i64) -> Worker<'_> {
    Worker {
        kind: WorkKind::Promote,
        owner,
        now: at(seconds),
    }
}

fn finished(request: &Request, status: Status) -> Finished {
    let Work::Promote {
        release,
        env_version_id,
        ..
    } = request.work.clone()
    else {
        panic!("a promote")
    };
    Finished {
        request_id: request.order.request_id.clone(),
        status,
        runs: Runs::Now(Box::new(Applied {
            release,
            request_id: request.order.request_id.clone(),
            env_version_id,
            delivery: EnvDelivery::S3,
            secret: None,
            services: BTreeMap::new(),
            timers: BTreeMap::new(),
            versions: Vec::new(),
            going_back_to: BTreeSet::new(),
            stack: None,
            cluster: None,
            network: None,
            stack_digest: None,
            watch: None,
        })),
        outcome: Some((
            Outcome {
                result: OutcomeResult::Off,
                error_type: None,
            },
            event("Secret Write Skipped"),
        )),
        events: vec![event("Release Promoted")],
        objects: Vec::new(),
        history: None,
    }
}

fn event(detail_type: &str) -> Event {
    Event {
        detail_type: detail_type.to_owned(),
        detail: serde_json::Map::new(),
    }
}

/// A state in which `request` has been admitted and `owner` is at work on it.
fn working(request: &Request, owner: &str) -> Promotion {
    let mut state = Promotion::default();
    assert_eq!(state.admit(request, None, at(0)), Admission::Newest);
    assert_eq!(state.take_turn(worker(owner, 0), true), Turn::Work);
    state
}

#[test]
fn the_order_of_requests_is_time_key_current_version_sequencer_id() {
    let v = |release: &str, version: &str, seconds| promote(release, version, seconds);
    for (what, earlier, later, current) in [
        ("time", v("R9", "z", 0), v("R1", "a", 1), None),
        (
            "key within a second",
            v("R1", "z", 0),
            v("R2", "a", 0),
            None,
        ),
        (
            "current version within a second",
            v("R1", "z", 0),
            v("R1", "a", 0),
            Some("a"),
        ),
        (
            "sequencer",
            sequenced("R1", "z", "0055AE"),
            sequenced("R1", "a", "0055af"),
            None,
        ),
        (
            "shorter sequencer, padded with zeros",
            sequenced("R1", "z", "01"),
            sequenced("R1", "a", "0101"),
            None,
        ),
        (
            "a write, then what asks for it",
            sequenced("R1", "z", "0055AE"),
            asked("R1", "z", "a"),
            Some("z"),
        ),
        (
            "id",
            asked("R1", "z", "a"),
            asked("R1", "z", "b"),
            Some("z"),
        ),
    ] {
        let mut state = Promotion::default();
        state.admit(&earlier, current, at(5));
        assert_eq!(
            state.admit(&later, current, at(5)),
            Admission::Newest,
            "{what}"
        );

        let mut state = Promotion::default();
        state.admit(&later, current, at(5));
        let superseded = Admission::Superseded {
            by: later.order.request_id.clone(),
        };
        assert_eq!(
            state.admit(&earlier, current, at(5)),
            superseded,
            "{what}, the other way round"
        );
        assert_eq!(
            state.admit(&later, current, at(5)),
            Admission::Known,
            "{what}, again"
        );
    }
}

#[test]
fn what_a_request_allows_is_kept_with_it_and_is_nothing_where_it_does_not_say() {
    let request = promote("R1", "v1", 0);
    let state = working(&request, "one");
    let mut written = serde_json::to_value(&state).unwrap();
    let desired = written["desired"].as_object().unwrap();
    assert!(
        !desired.keys().any(|name| name.starts_with("allow")),
        "{desired:?}"
    );
    for (replacement, removal) in [(true, false), (false, true), (true, true)] {
        written["desired"]["allowReplacement"] = json!(replacement);
        written["desired"]["allowRemoval"] = json!(removal);
        let read: Promotion = serde_json::from_value(written.clone()).unwrap();
        let want = Allowed {
            replacement,
            removal,
            restart: false,
        };
        assert_eq!(read.desired.as_ref().unwrap().allowed(), want);
        let again = serde_json::to_value(&read).unwrap();
        let again: Promotion = serde_json::from_value(again).unwrap();
        assert_eq!(again, read);
    }
}

#[test]
fn a_request_from_the_future_is_refused_and_one_within_a_minute_is_not() {
    let mut state = Promotion::default();
    assert_eq!(
        state.admit(&promote("R1", "v1", 61), None, at(0)),
        Admission::Ahead
    );
    assert_eq!(state, Promotion::default());
    assert_eq!(
        state.admit(&promote("R1", "v1", 60), None, at(0)),
        Admission::Newest
    );
}

#[test]
fn one_worker_at_a_time_and_an_expired_lease_has_no_living_holder() {
    let request = promote("R1", "v1", 0);
    let mut state = working(&request, "one");
    assert_eq!(state.take_turn(worker("two", 1), false), Turn::Held);
    assert_eq!(
        state.take_turn(worker("two", LEASE_SECONDS - 1), false),
        Turn::Held
    );
    assert_eq!(
        state.take_turn(worker("two", LEASE_SECONDS), false),
        Turn::Work
    );
    assert!(state.is_held_by("two"));
    assert!(
        state.desired.unwrap().interrupted,
        "work that is resumed may have written outside"
    );
}

#[test]
fn fresh_work_is_not_interrupted_and_a_replaced_unfinished_request_marks_its_successor() {
    let mut state = working(&promote("R1", "v1", 0), "one");
    assert!(!state.desired.as_ref().unwrap().interrupted);
    state.admit(&promote("R2", "v2", 1), None, at(1));
    assert!(state.desired.as_ref().unwrap().interrupted);
}

#[test]
fn finished_work_rests_and_a_redelivery_changes_nothing() {
    let request = promote("R1", "v1", 0);
    let mut state = working(&request, "one");
    assert_eq!(
        state.record(&finished(&request, Status::Done), "one", 0),
        Recorded::Now
    );
    state.sent(&state.unsent.clone(), &[], &[]);
    state.free("one");
    let before = state.clone();
    assert_eq!(state.admit(&request, None, at(9)), Admission::Known);
    assert_eq!(state.take_turn(worker("two", 9), false), Turn::Rest);
    assert_eq!(state, before);
}

/// The state after `one` has looked and found that there is something to wait for.
fn waits(state: &mut Promotion, request: &Request, seconds: i64) {
    let reason = "the stack".to_owned();
    let status = Status::Waiting {
        reason,
        until: at(seconds),
    };
    let looked = Finished {
        runs: Runs::AsBefore,
        outcome: None,
        events: Vec::new(),
        ..finished(request, status)
    };
    assert_eq!(state.record(&looked, "one", 0), Recorded::Now);
}

#[test]
fn what_waits_is_due_as_soon_as_something_ends() {
    let request = promote("R1", "v1", 0);
    let mut state = working(&request, "one");
    waits(&mut state, &request, 60);
    state.free("one");
    assert_eq!(state.take_turn(worker("two", 9), false), Turn::Rest);
    let deletion = Worker {
        kind: WorkKind::Delete,
        ..worker("two", 9)
    };
    state.wake(deletion);
    assert!(state.due(worker("two", 9)).is_none(), "not its work");
    state.wake(worker("two", 9));
    assert_eq!(state.take_turn(worker("two", 9), false), Turn::Work);
}

#[test]
fn what_ends_during_a_look_is_looked_at_again() {
    let request = promote("R1", "v1", 0);
    let mut state = working(&request, "one");
    state.wake(worker("two", 3));
    assert_eq!(state.take_turn(worker("two", 3), false), Turn::Held);
    waits(&mut state, &request, 60);
    assert!(state.due(worker("one", 4)).is_some());
    waits(&mut state, &request, 64);
    assert!(state.due(worker("one", 5)).is_none(), "once is enough");
}

#[test]
fn what_ends_after_a_look_is_taken_up_by_who_still_holds_the_lease() {
    let request = promote("R1", "v1", 0);
    let mut state = working(&request, "one");
    waits(&mut state, &request, 60);
    state.wake(worker("two", 3));
    assert_eq!(state.take_turn(worker("two", 3), false), Turn::Held);
    assert!(state.due(worker("one", 4)).is_some());
    waits(&mut state, &request, 64);
    assert!(state.due(worker("one", 5)).is_none(), "once is enough");
}

#[test]
fn what_is_done_is_not_woken() {
    let request = promote("R1", "v1", 0);
    let mut state = working(&request, "one");
    state.wake(worker("two", 3));
    state.record(&finished(&request, Status::Done), "one", 0);
    assert!(state.due(worker("one", 4)).is_none());
    let before = state.clone();
    state.wake(worker("one", 4));
    assert_eq!(state, before);
}

#[test]
fn unsent_events_are_work_whatever_the_status() {
    let request = promote("R1", "v1", 0);
    let mut state = working(&request, "one");
    state.record(&finished(&request, Status::Done), "one", 0);
    state.free("one");
    assert_eq!(state.take_turn(worker("two", 1), false), Turn::Work);
    assert_eq!(
        state.due(worker("two", 1)),
        None,
        "only the events are left"
    );
}

#[test]
fn a_write_that_landed_is_recognised_and_a_lost_lease_writes_nothing() {
    let request = promote("R1", "v1", 0);
    let mut state = working(&request, "one");
    let done = finished(&request, Status::Done);
    assert_eq!(state.record(&done, "one", 0), Recorded::Now);
    let once = state.clone();
    assert_eq!(state.record(&done, "one", 0), Recorded::Before);
    assert_eq!(state, once);

    let mut state = working(&request, "one");
    state.take_turn(worker("two", LEASE_SECONDS), false);
    let before = state.clone();
    assert_eq!(state.record(&done, "one", 0), Recorded::LeaseLost);
    assert_eq!(state, before);
}

#[test]
fn a_newer_request_keeps_its_status_when_older_work_is_recorded() {
    let (older, newer) = (promote("R1", "v1", 0), promote("R2", "v2", 1));
    let mut state = working(&older, "one");
    state.admit(&newer, None, at(1));
    assert_eq!(
        state.record(&finished(&older, Status::Done), "one", 0),
        Recorded::Now
    );
    let desired = state
        .due(worker("one", 1))
        .expect("the newer request is due");
    assert_eq!(
        (desired.order.request_id.as_str(), &desired.status),
        ("v2", &Status::Pending)
    );
    assert_eq!(state.applied.unwrap().release.as_str(), "R1");
}

#[test]
fn an_id_that_comes_back_after_another_request_ends_and_has_one_row() {
    let mut state = Promotion::default();
    for (release, version, seconds) in [("R1", "v1", 0), ("R2", "v2", 1), ("R1", "v1", 2)] {
        let request = promote(release, version, seconds);
        assert_eq!(state.admit(&request, None, at(seconds)), Admission::Newest);
        assert_eq!(state.take_turn(worker("one", seconds), true), Turn::Work);
        let recorded = state.record(&finished(&request, Status::Done), "one", 0);
        assert_eq!(recorded, Recorded::Now, "{version} at {seconds}");
        assert_eq!(state.due(worker("one", seconds)), None);
        assert_eq!(state.applied.as_ref().unwrap().release.as_str(), release);
    }
    assert_eq!(state.outcomes.last_seq(), 2);
}

#[test]
fn work_of_the_other_kind_is_handed_over() {
    let mut state = Promotion::default();
    let mut deletion = promote("R1", "event-1", 0);
    deletion.work = Work::Delete;
    state.admit(&deletion, None, at(0));
    assert_eq!(
        state.take_turn(worker("one", 0), true),
        Turn::HandOver(WorkKind::Delete)
    );
    assert_eq!(state.lease, None);
    assert_eq!(
        state.due_elsewhere(worker("one", 0)),
        Some(WorkKind::Delete)
    );
}

#[test]
fn waiting_is_due_at_its_next_look_or_past_its_deadline() {
    let mut state = working(&promote("R1", "v1", 0), "one");
    let hours = |hours: i64| hours * 3600;
    let waiting = Status::Waiting {
        reason: "stack".to_owned(),
        until: at(hours(7)),
    };
    state.desired.as_mut().unwrap().status = waiting;
    state.free("one");
    assert_eq!(state.take_turn(worker("two", hours(5)), false), Turn::Rest);
    assert_eq!(
        state.take_turn(worker("two", hours(DEADLINE_HOURS)), false),
        Turn::Work
    );
}

#[test]
fn work_is_left_alone_without_a_living_lease_and_unsent_events_count() {
    let request = promote("R1", "v1", 0);
    let mut state = working(&request, "one");
    assert_eq!(state.left_alone(at(1)), None, "somebody is at work");
    assert_eq!(
        state.left_alone(at(LEASE_SECONDS)),
        Some(WorkKind::Promote),
        "its holder is dead"
    );
    state.record(&finished(&request, Status::Done), "one", 0);
    state.free("one");
    assert_eq!(
        state.left_alone(at(1)),
        Some(WorkKind::Promote),
        "events are unsent"
    );
    state.unsent.clear();
    assert_eq!(state.left_alone(at(1)), None);
}

#[test]
fn the_newest_outcome_is_told_again_with_its_release_as_long_as_that_is_known() {
    let id = AppId {
        rack: names::RackName::new("r").unwrap(),
        app: names::AppName::new("shop").unwrap(),
    };
    assert_eq!(Promotion::default().newest_outcome(&id), None);
    let request = promote("R1", "v1", 0);
    let mut state = working(&request, "a");
    state.record(&finished(&request, Status::Done), "a", 0);
    let told = |state: &Promotion| {
        let event = state.newest_outcome(&id).unwrap();
        (event.detail_type.clone(), Value::Object(event.detail))
    };
    let detail = json!({"rack": "r", "app": "shop", "requestId": "v1", "release": "R1", "seq": 1});
    let skipped = "Secret Write Skipped".to_owned();
    assert_eq!(told(&state), (skipped.clone(), detail));
    // What runs is another Release's, and so is what is wanted.
    state.applied = None;
    state.desired = None;
    let detail = json!({"rack": "r", "app": "shop", "requestId": "v1", "seq": 1});
    assert_eq!(told(&state), (skipped, detail));
}

#[test]
fn the_state_object_has_the_documented_shape() {
    let request = sequenced("R1", "v1", "0055");
    let mut state = working(&request, "one");
    state.record(&finished(&request, Status::Done), "one", 0);
    let json = serde_json::to_value(&state).unwrap();
    assert_eq!(
        json["desired"],
        serde_json::json!({
            "kind": "promote", "release": "R1", "envVersionId": "v1", "requestedAt": "2027-01-15T08:00:00Z",
            "order": {"key": "apps/shop/releases/R1/env", "sequencer": "0055"}, "requestId": "v1",
            "interrupted": false, "status": "done", "deadline": "2027-01-15T14:00:00Z",
            "askedBy": {"knownBy": "nothing"},
        })
    );
    assert_eq!(
        json["outcomes"][0],
        serde_json::json!({"seq": 1, "requestId": "v1", "result": "off"})
    );
    assert_eq!(
        json["unsent"][1],
        serde_json::json!({"detailType": "Secret Write Skipped", "detail": {"seq": 1}})
    );
    assert_eq!(json["lease"]["owner"], "one");
    assert_eq!(serde_json::from_value::<Promotion>(json).unwrap(), state);
}

#[test]
fn a_state_of_before_reads_and_means_that_nobody_knows() {
    let written = json!({
        "release": "R1", "requestId": "v1", "envVersionId": "v1", "delivery": "S3",
        "services": {"web": {"arn": "arn:1", "digest": "d", "runsAs": "r_shop_web", "capacity": "FARGATE"}},
        "timers": {}, "stack": {"access": Needs::default(), "resources": []},
    });
    let applied: Applied = serde_json::from_value(written.clone()).unwrap();
    assert_eq!((&applied.cluster, &applied.network), (&None, &None));
    assert_eq!(applied.stack.as_ref().unwrap().rack, None);
    assert_eq!(applied.services["web"].stands, None);
    assert_eq!(serde_json::to_value(applied).unwrap(), written);
    let failed: Status =
        serde_json::from_value(json!({"status": "failed", "reason": "x"})).unwrap();
    let unrestored = Vec::new();
    let reason = ErrorCode::answered("x");
    assert_eq!(failed, Status::Failed { reason, unrestored });
}

#[test]
fn what_a_failure_left_makes_the_next_request_look_at_everything() {
    for (unrestored, looks) in [(Vec::new(), false), (vec!["the rule".to_owned()], true)] {
        let mut state = Promotion::default();
        state.admit(&promote("R1", "v1", 0), None, at(0));
        let reason = ErrorCode::answered("AccessDeniedException");
        state.desired.as_mut().unwrap().status = Status::Failed { reason, unrestored };
        let text = serde_json::to_string(&state).unwrap();
        let mut state: Promotion = serde_json::from_str(&text).unwrap();
        state.admit(&promote("R2", "v2", 1), None, at(1));
        assert_eq!(state.desired.unwrap().interrupted, looks, "{text}");
    }
}

fn shop() -> AppId {
    AppId {
        rack: names::RackName::new("r").unwrap(),
        app: names::AppName::new("shop").unwrap(),
    }
}

/// The requests that are told to be superseded, as they stand in `unsent`.
fn told_superseded(state: &Promotion) -> Vec<&str> {
    let events = state.unsent.iter();
    let superseded = events.filter(|event| event.detail_type.ends_with("Superseded"));
    superseded
        .map(|event| event.detail["requestId"].as_str().unwrap())
        .collect()
}

#[test]
fn a_request_that_is_replaced_while_somebody_is_at_work_on_it_is_told_by_how_that_ends() {
    let waiting = Status::Waiting {
        reason: "the stack".to_owned(),
        until: at(60),
    };
    for (status, want) in [(Status::Done, vec![]), (waiting, vec!["v1"])] {
        let request = promote("R1", "v1", 0);
        let mut state = working(&request, "one");
        state.admit(&promote("R2", "v2", 1), None, at(1));
        state.admit(&promote("R3", "v3", 2), None, at(2));
        assert_eq!(state.take_turn(worker("two", 2), true), Turn::Held);
        assert_eq!(
            told_superseded(&state),
            [""; 0],
            "one may be about to end it"
        );
        let recorded = state.record(&finished(&request, status.clone()), "one", 0);
        assert_eq!(recorded, Recorded::Now);
        state.tell_superseded(&shop(), at(0));
        assert_eq!(
            told_superseded(&state),
            [want, vec!["v2"]].concat(),
            "{status:?}"
        );
    }
}

#[test]
fn a_superseded_request_is_told_once_and_one_that_ended_never() {
    let mut state = working(&promote("R2", "v2", 2), "one");
    let late = promote("R1", "v1", 1);
    for _ in 0..3 {
        let admission = state.admit(&late, None, at(3));
        assert_eq!(
            admission,
            Admission::Superseded {
                by: "v2".to_owned()
            }
        );
        state.tell_superseded(&shop(), at(0));
    }
    assert_eq!(told_superseded(&state), ["v1"]);
    let done = finished(&promote("R2", "v2", 2), Status::Done);
    state.record(&done, "one", 0);
    state.admit(&promote("R3", "v3", 3), None, at(3));
    state.admit(&promote("R2", "v2", 2), None, at(3));
    state.tell_superseded(&shop(), at(0));
    assert_eq!(told_superseded(&state), ["v1"], "R2 was promoted");
}

fn deletion(id: &str, seconds: i64) -> Request {
    Request {
        asked_by: Asker::default(),
        work: Work::Delete,
        order: Order {
            requested_at: at(seconds),
            request_id: id.to_owned(),
            tie: Tie::default(),
        },
    }
}

#[test]
fn a_deletion_of_what_nobody_knows_looks_for_schedules_too() {
    let mut lost = Promotion::default();
    assert_eq!(
        lost.admit(&deletion("d1", 0), None, at(0)),
        Admission::Newest
    );
    assert!(lost.may_stand.schedules);
    let mut known = working(&promote("R1", "v1", 0), "one");
    known.admit(&deletion("d1", 1), None, at(1));
    assert!(!known.may_stand.schedules, "it has rules");
    let mut first = Promotion::default();
    first.admit(&promote("R1", "v1", 0), None, at(0));
    assert!(!first.may_stand.schedules);
}

#[test]
fn a_superseded_request_is_told_by_what_and_why() {
    let before = "came before it was done";
    for (first, second, superseded, want) in [
        (promote("R1", "v1", 0), promote("R2", "v2", 600), "v1", format!("the newer promote v2 {before}")),
        (promote("R1", "v1", 0), deletion("d2", 1), "v1", format!("the newer deletion d2 {before}")),
        (deletion("d1", 0), deletion("d2", 9), "d1", format!("the newer deletion d2 {before}")),
        (
            deletion("d1", 0),
            promote("R1", "v2", 600),
            "d1",
            format!("the newer promote v2 {before}; delete the App again if it is to go"),
        ),
        (
            deletion("d1", 5),
            promote("R1", "v2", 5),
            "d1",
            "the promote v2 was asked for in the same second, and then the promote counts; delete the App again if it is to go"
                .to_owned(),
        ),
        (
            promote("R1", "v1", 5),
            promote("R2", "v2", 5),
            "v1",
            "the promote v2, asked for in the same second, counts instead".to_owned(),
        ),
    ] {
        for in_order in [true, false] {
            let mut state = Promotion::default();
            let requests = if in_order { [&first, &second] } else { [&second, &first] };
            for request in requests {
                state.admit(request, None, at(600));
            }
            // It is written down before it is told.
            let text = serde_json::to_string(&state).unwrap();
            let mut state: Promotion = serde_json::from_str(&text).unwrap();
            state.tell_superseded(&shop(), at(0));
            assert_eq!(told_superseded(&state), [superseded], "{want}");
            let message = state.unsent[0].detail["message"].as_str().unwrap();
            assert!(message.ends_with(&format!("for this request: {want}")), "{want}: {message}");
        }
    }
}

#[test]
fn a_superseded_request_that_an_older_version_wrote_down_is_told() {
    let mut state = serde_json::to_value(Promotion::default()).unwrap();
    state["superseded"] = json!([{"kind": "delete", "requestId": "d1", "by": "v2"}]);
    let mut state: Promotion = serde_json::from_value(state).unwrap();
    state.tell_superseded(&shop(), at(0));
    let message = state.unsent[0].detail["message"].as_str().unwrap();
    assert!(
        message.contains("the newer request v2 came before it"),
        "{message}"
    );
}

#[test]
fn what_is_to_be_told_without_any_work_is_left_alone_by_nobody() {
    let mut state = working(&promote("R2", "v2", 2), "one");
    state.record(&finished(&promote("R2", "v2", 2), Status::Done), "one", 0);
    state.sent(&state.unsent.clone(), &[], &[]);
    state.admit(&promote("R1", "v1", 1), None, at(3));
    assert_eq!(state.take_turn(worker("two", 3), false), Turn::Held);
    state.free("one"); // it has not seen the message
    assert_eq!(state.left_alone(at(3)), Some(WorkKind::Promote));
    assert_eq!(state.take_turn(worker("two", 3), false), Turn::Work);
}

#[test]
fn a_state_stays_small_however_much_is_superseded() {
    let mut state = working(&promote("R9", "newest", 60), "one");
    for number in 0..5_000 {
        let late = promote("R1", &format!("v{number}"), number % 60);
        state.admit(&late, None, at(60));
        state.tell_superseded(&shop(), at(0));
    }
    let bytes = serde_json::to_vec(&state).unwrap().len();
    assert!(bytes < 200_000, "{bytes}");
}

#[test]
fn a_wait_is_told_once_for_each_reason() {
    let request = promote("R1", "v1", 0);
    let mut state = working(&request, "one");
    for (seconds, reason, told) in [
        (0, "a", 1),
        (1, "a", 1),
        (2, "b", 2),
        (3, "b", 2),
        (4, "a", 3),
    ] {
        let status = Status::Waiting {
            reason: reason.to_owned(),
            until: at(seconds),
        };
        let look = Finished {
            runs: Runs::AsBefore,
            outcome: None,
            ..finished(&request, status)
        };
        assert_eq!(state.record(&look, "one", 0), Recorded::Now);
        assert_eq!(state.unsent.len(), told, "{reason} at {seconds}");
    }
}
