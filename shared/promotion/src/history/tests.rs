use names::{AppName, RackName};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn shop() -> AppId {
    AppId {
        rack: RackName::new("myrack").unwrap(),
        app: AppName::new("shop").unwrap(),
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

/// A request of that second, as it stood some seconds later.
fn record(second: i64, id: &str, status: Ended, later: i64) -> HistoryRecord {
    let asked = Asked {
        kind: RequestKind::Promote,
        release: Some("R1"),
        request_id: id,
        requested_at: at(second),
        asked_by: &Asker::INVOKER,
    };
    let details = json!({"message": "m".repeat(1_000), "delivery": "S3"});
    let ending = Ending {
        status,
        at: at(second + later),
        applied_before: None,
        details: details.as_object().unwrap().clone(),
        verdict: None,
    };
    HistoryRecord::new(&shop(), asked, ending)
}

fn entry(second: i64, id: &str, status: Ended, later: i64) -> Entry {
    record(second, id, status, later).entry
}

#[test]
fn keys_sort_by_second_then_release_and_a_deletion_comes_first() {
    let key = |second, release, id| {
        let asked = Asked {
            kind: RequestKind::Promote,
            release,
            request_id: id,
            requested_at: at(second),
            asked_by: &Asker::INVOKER,
        };
        record_key(&shop(), asked)
    };
    let keys = [
        key(0, Some("R9"), "z"),
        key(1, None, "z"),
        key(1, Some("R1"), "z"),
        key(1, Some("R10"), "a"),
        key(1, Some("R2"), "a"),
        key(2, None, "a"),
        keys::history_index(&shop().app),
    ];
    assert!(keys.is_sorted(), "{keys:#?}");
    assert_eq!(keys[1], "apps/shop/history/20270115T080001Z--z.json");
}

#[test]
fn a_key_holds_no_character_of_an_id_that_could_mean_something() {
    let asked = Asked {
        kind: RequestKind::Promote,
        release: Some("R1"),
        request_id: &format!("a/../b c\n{}", "x".repeat(2_000)),
        requested_at: at(0),
        asked_by: &Asker::INVOKER,
    };
    let key = record_key(&shop(), asked);
    let name = key.strip_prefix("apps/shop/history/").unwrap();
    assert!(
        name.starts_with("20270115T080000Z-R1-a_.._b_c_x") && name.len() < 200,
        "{name}"
    );
}

#[test]
fn the_record_has_the_message_in_full_and_the_index_the_beginning() {
    let record = record(0, "v1", Ended::Failed, 1);
    let short = record.entry.message.clone().unwrap();
    assert!(short.len() <= MESSAGE_MAX_BYTES, "{short}");
    let object = record.object();
    assert_eq!(object.key, record.entry.record);
    let whole: Value = serde_json::from_str(&object.text).unwrap();
    assert_eq!(whole["message"].as_str().map(str::len), Some(1_000));
    let head = ["kind", "status", "requestId", "delivery"].map(|name| whole[name].clone());
    assert_eq!(
        head,
        [json!("promote"), json!("failed"), json!("v1"), json!("S3")]
    );
    assert_eq!(whole["askedBy"], json!({"knownBy": "direct invocation"}));
    assert_eq!(whole.get("record"), None);
}

#[test]
fn of_two_entries_of_one_request_the_one_that_says_more_stays() {
    use Ended::{Failed, Promoted, Refused, Superseded, Waiting};

    for (first, second, want) in [
        ((Waiting, 0), (Waiting, 1), 1),
        ((Waiting, 1), (Waiting, 0), 0),
        ((Waiting, 9), (Promoted, 1), 1),
        ((Waiting, 9), (Superseded, 1), 1),
        ((Promoted, 1), (Waiting, 9), 0),
        ((Promoted, 1), (Superseded, 9), 0),
        ((Promoted, 1), (Refused, 9), 0),
        ((Failed, 1), (Promoted, 2), 1),
        ((Failed, 2), (Promoted, 1), 0),
        ((Superseded, 1), (Superseded, 9), 0),
        ((Superseded, 1), (Failed, 0), 1),
    ] {
        let [first, second] = [first, second].map(|(status, later)| entry(0, "v1", status, later));
        let mut index = Index::default();
        index.enter(first.clone());
        index.enter(second.clone());
        let want = if want == 0 { first } else { second };
        assert_eq!(index.entries, [want]);
    }
}

#[test]
fn the_index_is_bounded_whatever_stands_in_it() {
    let mut index = Index::default();
    for second in 0..150 {
        let mut long = entry(second, &"i".repeat(1_000), Ended::Failed, 1);
        long.asked_by = Asker::of_event(&"s".repeat(9_000), Some(&"a".repeat(9_000)));
        index.enter(long);
    }
    let bytes = serde_json::to_vec(&index).unwrap().len();
    assert!(bytes <= ENTRIES_MAX * 2_048, "{bytes}");
    assert_eq!(index.entries.len(), ENTRIES_MAX);
    assert_eq!(index.entries[0].requested_at, at(149));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_order_and_repetition_of_entries_gives_the_same_index(
        order in prop::collection::vec(0..240_usize, 240..700),
    ) {
        // Each request waits, then ends.
        let all: Vec<Entry> = (0..120)
            .flat_map(|second| {
                let of = |status, later| entry(second, "v", status, later);
                [of(Ended::Waiting, 1), of(Ended::Promoted, 2)]
            })
            .collect();
        let mut want = Index::default();
        for entry in &all {
            want.enter(entry.clone());
        }
        let mut index = Index::default();
        for number in order {
            index.enter(all[number].clone());
        }
        for entry in all.iter().rev() {
            index.enter(entry.clone());
        }
        prop_assert_eq!(index.entries.len(), ENTRIES_MAX);
        prop_assert_eq!(index, want);
    }
}
