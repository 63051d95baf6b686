//! Events within what EventBridge takes. What is cut is named, and what tells whose event it is stays.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::{Event, SOURCE};
use names::bounds;

/// What one call takes in all. EventBridge's limit is 256 KiB for the source, detail-type and detail of all entries, in UTF-8
/// (user guide, "Calculating `PutEvents` event entry size"); newer accounts have more, older ones keep this.
const CALL_MAX_BYTES: usize = 250 * 1024;
/// `PutEvents` takes no more entries at once.
const CALL_MAX_ENTRIES: usize = 10;
/// One event. A queue behind a rule has to hold it too, with what EventBridge writes around it.
pub const EVENT_MAX_BYTES: usize = 200 * 1024;
/// One event that was refused as it was.
pub const REFUSED_MAX_BYTES: usize = 8 * 1024;
/// How long texts may be, tried one after another until the event fits.
const TEXT_MAX_BYTES: [usize; 4] = [16 * 1024, 4 * 1024, 1024, 256];
/// Bytes of a list for each byte of its longest text.
const LIST_SHARE: usize = 4;
/// Says what was cut.
const SHORTENED: &str = "shortened";
/// Without these nobody knows whose event it is.
const KEPT: [&str; 8] = [
    "rack",
    "app",
    "requestId",
    "release",
    "kind",
    "seq",
    "errorType",
    "code",
];
/// A name of these is never longer, unless somebody else wrote it.
const NAME_MAX_BYTES: usize = 1024;

impl Event {
    /// What EventBridge counts of it.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let detail = Value::Object(self.detail.clone()).to_string();
        SOURCE.len() + self.detail_type.len() + detail.len()
    }

    /// The event with at most `max` bytes: long texts are cut, then the largest members left out; `shortened` names both.
    #[must_use]
    pub fn within(&self, max: usize) -> Cow<'_, Self> {
        if self.size_bytes() <= max {
            return Cow::Borrowed(self);
        }
        let mut event = self.clone();
        let mut cut = BTreeSet::new();
        for limit in TEXT_MAX_BYTES {
            for (name, value) in &mut event.detail {
                let is_kept = KEPT.contains(&name.as_str());
                let limit = if is_kept {
                    limit.max(NAME_MAX_BYTES)
                } else {
                    limit
                };
                if name != SHORTENED && shorten(value, limit) {
                    cut.insert(name.clone());
                }
            }
            if event.says_cut(&cut) <= max {
                return Cow::Owned(event);
            }
        }
        while let Some(name) = event.largest() {
            event.detail.remove(&name);
            cut.insert(name);
            if event.says_cut(&cut) <= max {
                break;
            }
        }
        Cow::Owned(event)
    }

    /// Writes down what was cut; how large the event is with that.
    fn says_cut(&mut self, cut: &BTreeSet<String>) -> usize {
        let names: Vec<&str> = cut.iter().map(String::as_str).collect();
        self.detail.insert(SHORTENED.to_owned(), names.into());
        self.size_bytes()
    }

    fn largest(&self) -> Option<String> {
        let members = self.detail.iter();
        let members =
            members.filter(|(name, _)| *name != SHORTENED && !KEPT.contains(&name.as_str()));
        let largest = members.max_by_key(|(_, value)| value.to_string().len());
        largest.map(|(name, _)| name.clone())
    }
}

/// Cuts the texts in a value, and lists of texts behind their first ones; whether anything was cut.
fn shorten(value: &mut Value, limit: usize) -> bool {
    match value {
        Value::String(text) if text.len() > limit => {
            *text = bounds::text(std::mem::take(text), limit);
            true
        }
        Value::Array(list) => {
            let mut cut = false;
            for item in list.iter_mut() {
                cut |= shorten(item, limit);
            }
            cut | cut_list(list, limit * LIST_SHARE)
        }
        Value::Object(members) => {
            let mut cut = false;
            for member in members.values_mut() {
                cut |= shorten(member, limit);
            }
            cut
        }
        _ => false,
    }
}

fn cut_list(list: &mut Vec<Value>, limit: usize) -> bool {
    let mut room = limit;
    let fits = list.iter().take_while(|item| {
        let size = item.to_string().len();
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    });
    let kept = fits.count();
    let cut = kept < list.len();
    list.truncate(kept);
    cut
}

/// The calls that events take, in their order: no more entries and bytes in one than EventBridge takes.
#[must_use]
pub fn calls<'a, 'e>(events: &'a [Cow<'e, Event>]) -> Vec<&'a [Cow<'e, Event>]> {
    let mut calls = Vec::new();
    let mut rest = events;
    while !rest.is_empty() {
        let mut room = CALL_MAX_BYTES;
        let fits = rest.iter().take(CALL_MAX_ENTRIES).take_while(|event| {
            let size = event.size_bytes();
            let fits = size <= room;
            room = room.saturating_sub(size);
            fits
        });
        // One alone is sent, whatever its size.
        let (call, after) = rest.split_at(fits.count().max(1));
        calls.push(call);
        rest = after;
    }
    calls
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn event(detail: Value) -> Event {
        let Value::Object(detail) = detail else {
            panic!("a detail is an object")
        };
        Event {
            detail_type: "Release Promote Failed".to_owned(),
            detail,
        }
    }

    fn ids(text: &str) -> Value {
        json!({"rack": "r", "app": "a", "requestId": "q", "message": text})
    }

    #[test]
    fn an_event_that_fits_is_sent_as_it_is() {
        let small = event(ids("short"));
        assert_eq!(*small.within(EVENT_MAX_BYTES), small);
    }

    #[test]
    fn an_event_of_any_size_is_cut_to_what_eventbridge_takes_and_says_what_was_cut() {
        let names = |count: usize, length: usize| -> Vec<String> {
            (0..count).map(|n| format!("{n:0length$}")).collect()
        };
        let moved: Map<String, Value> = (0..3_000)
            .map(|n| {
                (
                    format!("web-{n}"),
                    json!({"newTaskDefinition": "d".repeat(100), "changed": true}),
                )
            })
            .collect();
        for (case, detail, cut) in [
            (
                "a long message",
                ids(&"x".repeat(300_000)),
                json!(["message"]),
            ),
            (
                "characters of four bytes",
                ids(&"😀".repeat(90_000)),
                json!(["message"]),
            ),
            (
                "what JSON writes with six bytes",
                ids(&"\u{1}".repeat(190_000)),
                json!(["message"]),
            ),
            (
                "many warnings",
                json!({"rack": "r", "app": "a", "requestId": "q", "warnings": names(5_000, 80)}),
                json!(["warnings"]),
            ),
            (
                "many Services",
                json!({"rack": "r", "app": "a", "requestId": "q", "services": moved, "message": "m"}),
                json!(["services"]),
            ),
            (
                "a name of somebody else's",
                json!({"rack": "r", "app": "a", "requestId": "q", "errorType": "e".repeat(300_000)}),
                json!(["errorType"]),
            ),
        ] {
            for max in [EVENT_MAX_BYTES, REFUSED_MAX_BYTES] {
                let whole = event(detail.clone());
                let sent = whole.within(max);
                assert!(sent.size_bytes() <= max, "{case}: {}", sent.size_bytes());
                let shown = (
                    &sent.detail["rack"],
                    &sent.detail["app"],
                    &sent.detail["requestId"],
                );
                assert_eq!(shown, (&json!("r"), &json!("a"), &json!("q")), "{case}");
                assert_eq!(sent.detail["shortened"], cut, "{case}");
                assert_eq!(*sent.within(max), *sent, "{case}: once is enough");
            }
        }
    }

    #[test]
    fn ten_entries_share_the_limit_of_one_call() {
        let sized = |bytes: usize| event(ids(&"x".repeat(bytes)));
        for (sizes, want) in [
            (vec![10; 25], vec![10, 10, 5]),
            (vec![150_000, 150_000, 10], vec![1, 2]),
            (vec![100_000, 100_000, 100_000], vec![2, 1]),
            (vec![400_000, 10], vec![1, 1]),
            (vec![], vec![]),
        ] {
            let events: Vec<Event> = sizes.iter().map(|bytes| sized(*bytes)).collect();
            let events: Vec<Cow<'_, Event>> = events.iter().map(Cow::Borrowed).collect();
            let counts: Vec<usize> = calls(&events).iter().map(|call| call.len()).collect();
            assert_eq!(counts, want, "{sizes:?}");
        }
    }
}
