//! S3, the event bus and the clock as the functions see them: every call is a step of the schedule, and can fail before or
//! after its effect.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use aws::call_error::CallError;
use aws::settings_bucket::{Object, Replaced};
use chrono::{DateTime, Utc};
use lambda::state_store::StateObjects;
use lambda::work::Outbox;
use names::keys;
use promote::Report;
use promotion::Promotion;
use promotion::events::Event;
use rig::chance::Chance;

use super::outside::Outside;
use super::releases::Rack;

/// The key of the App's state.
pub const PROMOTION: &str = "apps/shop/state/promotion.json";

/// Everything that outlives an invocation.
pub struct Sim {
    pub chance: Chance,
    /// Seconds of the one true clock.
    pub now: i64,
    /// One call in so many fails; none do when it is 0.
    pub trouble: usize,
    /// State objects: content and version.
    pub objects: BTreeMap<String, (Vec<u8>, u64)>,
    /// Every event that was sent, in order; a lost answer is a sent event too.
    pub sent: Vec<Event>,
    /// Events on their way to a queue.
    pub undelivered: Vec<Event>,
    pub rack: Rack,
    pub outside: Outside,
    /// The reports of promote's attempts; none of one that waits.
    pub reports: Vec<Option<Report>>,
    pub writes: u64,
    /// What was done, for the message of a schedule that breaks.
    pub trace: Vec<String>,
}

pub type Shared = Rc<RefCell<Sim>>;

/// One invocation's access.
#[derive(Clone)]
pub struct Access {
    pub sim: Shared,
    pub owner: String,
    /// How far this invocation's clock is ahead.
    pub clock_ahead: i64,
}

pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

/// How a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Luck {
    Good,
    /// It fails without an effect.
    Refused,
    /// It takes effect, and nobody hears of it.
    LostAnswer,
}

impl Access {
    /// Ends a step: another invocation may go on before the call takes effect.
    pub async fn step(&self, call: &str) -> Luck {
        let mut waited = false;
        poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                Poll::Ready(())
            } else {
                context.waker().wake_by_ref(); // calls that run beside others are polled only once they are woken
                Poll::Pending
            }
        })
        .await;
        let mut sim = self.sim.borrow_mut();
        let trouble = sim.trouble;
        let luck = match trouble {
            0 => Luck::Good,
            times if !sim.chance.once_in(times) => Luck::Good,
            _ if sim.chance.once_in(2) => Luck::Refused,
            _ => Luck::LostAnswer,
        };
        let line = format!("{} {call} {luck:?}", self.owner);
        sim.trace.push(line);
        luck
    }

    pub fn now(&self) -> DateTime<Utc> {
        at(self.sim.borrow().now + self.clock_ahead)
    }
}

pub fn failed(call: &str) -> CallError {
    CallError::stated(call, "InternalFailure", None)
}

impl StateObjects for Access {
    async fn read(&self, key: &str) -> Result<Option<Object>, CallError> {
        if self.step(&format!("read {key}")).await != Luck::Good {
            return Err(failed("read"));
        }
        let sim = self.sim.borrow();
        Ok(sim.objects.get(key).map(|(bytes, version)| Object {
            bytes: bytes.clone(),
            etag: version.to_string(),
        }))
    }

    async fn replace(
        &self,
        key: &str,
        bytes: Vec<u8>,
        etag: Option<&str>,
    ) -> Result<Replaced, CallError> {
        let luck = self.step(&format!("write {key}")).await;
        if luck == Luck::Refused {
            return Err(failed("write"));
        }
        let mut sim = self.sim.borrow_mut();
        let there = sim.objects.get(key).map(|(_, version)| version.to_string());
        let replaced = if there.as_deref() == etag {
            sim.writes += 1;
            let version = sim.writes;
            sim.objects.insert(key.to_owned(), (bytes, version));
            Replaced::Yes(version.to_string())
        } else {
            Replaced::No
        };
        match luck {
            Luck::LostAnswer => Err(failed("write")),
            _ => Ok(replaced),
        }
    }

    async fn write(&self, key: &str, bytes: Vec<u8>) -> Result<(), CallError> {
        let luck = self.step(&format!("write {key}")).await;
        if luck != Luck::Refused {
            let mut sim = self.sim.borrow_mut();
            sim.writes += 1;
            let version = sim.writes;
            sim.objects.insert(key.to_owned(), (bytes, version));
        }
        match luck {
            Luck::Good => Ok(()),
            _ => Err(failed("write")),
        }
    }

    async fn pause(&self, _: Duration) {
        self.step("pause").await;
    }
}

impl Outbox for Access {
    async fn send(&self, events: &[Event]) -> Result<(), CallError> {
        let luck = self.step("send").await;
        if luck == Luck::Refused {
            return Err(failed("send"));
        }
        let mut sim = self.sim.borrow_mut();
        for event in events {
            sim.assert_reported(event);
        }
        sim.sent.extend(events.iter().cloned());
        sim.undelivered.extend(events.iter().cloned());
        match luck {
            Luck::LostAnswer => Err(failed("send")),
            _ => Ok(()),
        }
    }
}

impl Sim {
    /// A state object as it stands.
    pub fn state<S: Default + serde::de::DeserializeOwned>(&self, key: &str) -> S {
        let object = self.objects.get(key);
        object.map_or_else(S::default, |(bytes, _)| {
            serde_json::from_slice(bytes).unwrap()
        })
    }

    /// Whoever hears how a promote ended reads it in the report.
    fn assert_reported(&self, event: &Event) {
        if !["Release Promoted", "Release Promote Failed"].contains(&event.detail_type.as_str()) {
            return;
        }
        let detail = |field: &str| event.detail[field].as_str().unwrap();
        let key = format!("apps/shop/releases/{}/report.json", detail("release"));
        let report: serde_json::Value = self.state(&key);
        assert_eq!(
            report["requestId"],
            detail("requestId"),
            "{key} is of another request than `{}`: {:#?}",
            event.detail_type,
            self.trace
        );
    }

    /// The marks of Releases whose verdict is not known.
    pub fn marks(&self) -> Vec<String> {
        let marks = self.objects.keys();
        let marks = marks.filter(|key| key.starts_with(keys::UNSETTLED));
        marks.cloned().collect()
    }

    pub fn promotion(&self) -> Promotion {
        self.state(PROMOTION)
    }
}
