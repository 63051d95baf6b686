use std::collections::BTreeSet;

use manifest::precedence::EnvDelivery;
use names::{AppName, RackName};
use proptest::prelude::*;

use super::*;
use crate::{Lease, MayStand};

const SERVICES: [&str; 3] = ["web", "worker", "api"];
const RECORD: &str = "apps/shop/history/record.json";

fn shop() -> AppId {
    AppId {
        rack: RackName::new("myrack").unwrap(),
        app: AppName::new("shop").unwrap(),
    }
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
}

fn patience() -> TimeDelta {
    TimeDelta::minutes(30)
}

fn arn(service: &str, revision: u64) -> String {
    format!("arn:aws:ecs:us-east-1:123456789012:task-definition/myrack_shop_{service}:{revision}")
}

fn definition(service: &str, revision: u64) -> Definition {
    Definition {
        arn: arn(service, revision),
        digest: format!("digest {revision}"),
        core: None,
        release: None,
        secret_version_id: None,
        runs_as: format!("myrack_shop_{service}"),
        schedule: None,
        timezone: None,
        capacity: None,
        deployment: None,
        exec: false,
        count: None,
        was: None,
        balancing: None,
        connectors: Vec::new(),
        set: None,
        stands: None,
    }
}

fn applied(release: &str, revision: u64) -> Applied {
    let services = SERVICES.map(|name| (name.to_owned(), definition(name, revision)));
    Applied {
        release: ReleaseId::new(release).unwrap(),
        request_id: format!("request of {release}"),
        env_version_id: String::new(),
        delivery: EnvDelivery::S3,
        secret: None,
        services: services.into(),
        timers: BTreeMap::new(),
        versions: Vec::new(),
        going_back_to: BTreeSet::new(),
        stack: None,
        cluster: None,
        network: None,
        stack_digest: None,
        watch: None,
    }
}

/// What a promote did that moved all Services, or those.
fn watch(now: &Applied, before: Option<&Applied>, changed: &[&str]) -> Option<Watch> {
    let moves = now.services.keys().map(|name| {
        let ran = before.map(|before| before.services[name].arn.as_str());
        Moved {
            name,
            changed: changed.contains(&name.as_str()),
            has_tasks: true,
            before: ran,
        }
    });
    Watch::of(moves, before, RECORD.to_owned(), at(0))
}

/// R2 is applied after R1, and all its Services were moved.
fn promoted() -> Promotion {
    let mut now = applied("R2", 2);
    now.watch = watch(&now, Some(&applied("R1", 1)), &SERVICES);
    Promotion {
        applied: Some(now),
        ..Promotion::default()
    }
}

fn seen(service: &str, revision: u64, is_complete: bool) -> (String, SeenService) {
    let seen = SeenService {
        revision: arn(service, revision),
        is_complete,
        began_at: Some(at(1)),
        network: None,
        why: (revision == 1).then(|| Told {
            cause: "Image".to_owned(),
            message: "its image could not be pulled".to_owned(),
        }),
    };
    (format!("myrack_shop_{service}"), seen)
}

/// What ECS runs instead of what is applied.
fn stands(applied: &Applied, service: &str) -> Option<String> {
    let known = &applied.services[service];
    known.stands.as_ref().map(|stands| stands.arn.clone())
}

fn fates(state: &Promotion) -> Vec<Option<Fate>> {
    let watch = state.applied.as_ref().unwrap().watch.as_ref().unwrap();
    ["web", "worker", "api"]
        .map(|name| watch.services[name].fate)
        .to_vec()
}

#[test]
fn a_release_is_live_once_all_of_its_services_are() {
    let mut state = promoted();
    let ecs = BTreeMap::from([seen("web", 2, true), seen("worker", 2, false)]);
    state.settle(RECORD, &ecs, (at(2), patience()));
    assert_eq!(fates(&state), [Some(Fate::Live), None, None]);
    assert_eq!(state.settled, []);
    let rest = BTreeMap::from([seen("worker", 2, true), seen("api", 2, true)]);
    state.settle(RECORD, &rest, (at(3), patience()));
    let [settled] = state.settled.as_slice() else {
        panic!("{:?}", state.settled)
    };
    assert_eq!(settled.verdict.status, Fate::Live);
    assert_eq!(settled.verdict.message, None);
    let event = settled.event(&shop()).unwrap();
    assert_eq!(event.detail_type, "Release Live");
    assert_eq!(event.detail["requestId"], "request of R2");
    assert_eq!(event.detail["services"]["web"], "live");
}

#[test]
fn what_ecs_went_back_to_is_written_down_service_by_service() {
    let mut state = promoted();
    let ecs = SERVICES.map(|name| seen(name, if name == "web" { 1 } else { 2 }, true));
    state.settle(RECORD, &ecs.into(), (at(2), patience()));
    let applied = state.applied.as_ref().unwrap();
    assert_eq!(stands(applied, "web"), Some(arn("web", 1)));
    assert_eq!(stands(applied, "api"), None);
    let verdict = &state.settled[0].verdict;
    assert_eq!(verdict.status, Fate::RolledBack);
    assert_eq!(verdict.cause.as_deref(), Some("Image"));
    assert_eq!(
        verdict.message.as_deref(),
        Some("Service `web`: ECS rolled it back; its image could not be pulled")
    );
    let event = state.settled[0].event(&shop()).unwrap();
    assert_eq!(event.detail_type, "Release Rolled Back");
}

#[test]
fn a_release_that_was_gone_back_to_is_rolled_back_to_newer_revisions() {
    // R2 ran revision 9 and came to life; R1 is gone back to, then R3, neither of which does.
    let mut r1 = applied("R1", 4);
    r1.watch = watch(&r1, Some(&applied("R2", 9)), &SERVICES);
    let mut r3 = applied("R3", 5);
    r3.watch = watch(&r3, Some(&r1), &SERVICES);
    for now in [r1, r3] {
        let mut state = Promotion {
            applied: Some(now),
            ..Promotion::default()
        };
        let ecs = BTreeMap::from([seen("web", 9, true), seen("worker", 10, true)]);
        state.settle(RECORD, &ecs, (at(2), patience()));
        let by_hand = None; // nothing that ran before
        assert_eq!(fates(&state), [Some(Fate::RolledBack), by_hand, None]);
        assert_eq!(
            stands(state.applied.as_ref().unwrap(), "web"),
            Some(arn("web", 9))
        );
    }
}

#[test]
fn what_began_before_the_request_is_no_rollback() {
    let mut state = promoted();
    let mut before = BTreeMap::from([seen("web", 1, true)]);
    for began_at in [Some(at(-1)), None] {
        before.get_mut("myrack_shop_web").unwrap().began_at = began_at;
        state.settle(RECORD, &before, (at(2), patience()));
        assert_eq!(fates(&state)[0], None, "{began_at:?}");
    }
}

#[test]
fn what_is_neither_is_stuck_after_a_while_and_still_followed() {
    let mut state = promoted();
    let ecs: BTreeMap<_, _> = SERVICES.map(|name| seen(name, 2, name == "web")).into();
    state.settle(RECORD, &ecs, (at(29), patience()));
    assert_eq!(state.settled, []);
    state.settle(RECORD, &ecs, (at(30), patience()));
    let verdict = state.settled[0].verdict.clone();
    assert_eq!(verdict.status, Fate::Stuck);
    assert_eq!(verdict.services["web"], Fate::Live);
    assert!(verdict.message.unwrap().contains("`api`: it is not live"));
    // ECS gives it up later: what is applied follows, and nobody is told again.
    let later = BTreeMap::from([seen("worker", 1, true), seen("api", 2, true)]);
    state.settle(RECORD, &later, (at(40), patience()));
    let applied = state.applied.as_ref().unwrap();
    assert_eq!(stands(applied, "worker"), Some(arn("worker", 1)));
    assert_eq!(
        fates(&state),
        [Fate::Live, Fate::RolledBack, Fate::Live].map(Some)
    );
    assert_eq!(state.settled.len(), 1);
}

#[test]
fn what_a_release_keeps_is_live_unless_it_was_waited_for() {
    let (first, mut second) = (applied("R1", 1), applied("R2", 2));
    second.watch = watch(&second, Some(&first), &["web", "api"]);
    second
        .services
        .insert("worker".to_owned(), definition("worker", 1));
    let mut third = applied("R3", 3);
    for name in ["worker", "api"] {
        let kept = second.services[name].clone();
        third.services.insert(name.to_owned(), kept);
    }
    let watched = watch(&third, Some(&second), &["web"]).unwrap();
    let names: Vec<&String> = watched.services.keys().collect();
    assert_eq!(names, ["api", "web"], "worker was live before");
    assert_eq!(watch(&first, Some(&first), &[]), None, "nothing moved");
}

#[test]
fn nothing_is_decided_while_somebody_is_at_work() {
    let ecs: BTreeMap<_, _> = SERVICES.map(|name| seen(name, 1, true)).into();
    let lease = Lease {
        owner: "one".to_owned(),
        expires_at: at(5),
    };
    let mut state = promoted();
    state.lease = Some(lease);
    let before = state.clone();
    state.settle(RECORD, &ecs, (at(4), patience()));
    assert_eq!(state, before);
    state.settle("another record", &ecs, (at(6), patience()));
    assert_eq!(state, before, "what was looked at is replaced");
    state.settle(RECORD, &ecs, (at(6), patience()));
    assert_eq!(state.settled.len(), 1);
}

#[test]
fn a_release_that_is_replaced_has_that_for_a_verdict_and_no_event() {
    let mut state = promoted();
    state.end_watch("request of R3", at(1));
    assert_eq!(state.settled[0].verdict.status, Fate::Replaced);
    assert_eq!(state.settled[0].event(&shop()), None);
    let mut told = promoted();
    let ecs = SERVICES.map(|name| seen(name, 2, true)).into();
    told.settle(RECORD, &ecs, (at(2), patience()));
    told.end_watch("request of R3", at(3));
    assert_eq!(told.settled.len(), 1, "it was live");
    let settled = told.settled.clone();
    told.told(&settled);
    assert_eq!(told.settled, []);
}

/// Where ECS ends with a Service, and from which minute on.
#[derive(Debug, Clone, Copy)]
struct Course {
    end: Fate,
    from: i64,
}

fn course() -> impl Strategy<Value = Course> {
    let end = prop_oneof![Just(Fate::Live), Just(Fate::RolledBack), Just(Fate::Stuck)];
    (end, 1..25_i64).prop_map(|(end, from)| Course { end, from })
}

/// What ECS runs at a minute.
fn ecs(courses: &[Course; 3], minute: i64) -> BTreeMap<String, SeenService> {
    let services = SERVICES.iter().zip(courses);
    let seen = services.map(|(name, course)| match course.end {
        Fate::Live if minute >= course.from => seen(name, 2, true),
        Fate::RolledBack if minute >= course.from => seen(name, 1, minute > course.from + 1),
        _ => seen(name, 2, false),
    });
    seen.collect()
}

proptest! {
    #[test]
    fn whenever_and_however_often_somebody_looks_the_verdict_is_the_same(
        courses in [course(), course(), course()],
        mut looks in prop::collection::vec(0..29_i64, 0..40),
    ) {
        let mut state = promoted();
        looks.sort_unstable();
        looks.extend([30, 30, 35, 90]);
        let mut told = Vec::new();
        for minute in looks {
            state.settle(RECORD, &ecs(&courses, minute), (at(minute), patience()));
            let settled = state.settled.clone();
            told.extend(settled.iter().map(|settled| settled.verdict.clone()));
            state.told(&settled);
        }
        prop_assert_eq!(told.len(), 1);
        let has = |fate| courses.iter().any(|course| course.end == fate);
        let want = match (has(Fate::RolledBack), has(Fate::Stuck)) {
            (true, _) => Fate::RolledBack,
            (false, true) => Fate::Stuck,
            (false, false) => Fate::Live,
        };
        prop_assert_eq!(told[0].status, want);
        for (name, course) in SERVICES.iter().zip(&courses) {
            prop_assert_eq!(told[0].services[*name], course.end);
            let applied = state.applied.as_ref().unwrap();
            let want = (course.end == Fate::RolledBack).then(|| arn(name, 1));
            prop_assert_eq!(stands(applied, name), want);
        }
    }
}

#[test]
fn what_attached_a_service_may_come_back_until_a_release_moves_nothing() {
    let attached = MayStand {
        connectors: true,
        ..MayStand::default()
    };
    let mut moving = applied("R2", 2);
    moving.watch = watch(&moving, Some(&applied("R1", 1)), &["web"]);
    assert_eq!(attached.followed_by(&moving), attached);
    let still = applied("R2", 2);
    assert_eq!(attached.followed_by(&still), MayStand::default());
    let none = MayStand::default();
    assert_eq!(none.followed_by(&moving), none, "nothing was attached");
}
