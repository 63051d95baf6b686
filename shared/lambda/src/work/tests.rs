//! What is looked up again between a message and the state.

use std::cell::Cell;
use std::convert::Infallible;

use aws::settings_bucket::{Object, Replaced};
use chrono::SubsecRound as _;
use names::{AppName, RackName, ReleaseId, keys};
use promotion::history::Asker;
use promotion::{Allowed, Order, Tie, Work};
use std::time::Duration;

use super::*;

/// A bucket with one state object, and the newest version of the environment.
struct Fake {
    state: Promotion,
    newest: &'static str,
    asked: Cell<u32>,
}

impl StateObjects for Fake {
    async fn read(&self, _: &str) -> Result<Option<Object>, CallError> {
        Ok(Some(Object {
            bytes: serde_json::to_vec(&self.state).unwrap(),
            etag: "1".to_owned(),
        }))
    }

    async fn replace(&self, _: &str, _: Vec<u8>, _: Option<&str>) -> Result<Replaced, CallError> {
        Ok(Replaced::Yes("2".to_owned()))
    }

    async fn write(&self, _: &str, _: Vec<u8>) -> Result<(), CallError> {
        Ok(())
    }

    async fn pause(&self, _: Duration) {}
}

impl Outbox for Fake {
    async fn send(&self, _: &[Event]) -> Result<(), CallError> {
        Ok(())
    }
}

impl Function for Fake {
    type Report = Infallible;
    type Error = StoreError;
    type Objects = Self;
    type Bus = Self;
    type Facts = ();

    fn kind(&self) -> WorkKind {
        WorkKind::Promote
    }

    fn objects(&self) -> &Self {
        self
    }

    fn bus(&self) -> &Self {
        self
    }

    fn now(&self) -> DateTime<Utc> {
        now()
    }

    async fn newest(&self, _: &Request) -> Result<Option<String>, StoreError> {
        self.asked.set(self.asked.get() + 1);
        Ok(Some(self.newest.to_owned()))
    }

    async fn read(&self, _: Due<'_>) {}

    async fn attempt(&self, due: Due<'_>, (): ()) -> Result<Attempt<Infallible>, StoreError> {
        let finished = Finished {
            request_id: due.desired.order.request_id.clone(),
            status: Status::Done,
            runs: promotion::Runs::AsBefore,
            outcome: None,
            events: Vec::new(),
            objects: Vec::new(),
            history: None,
        };
        let report = None;
        Ok(Attempt { finished, report })
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 500_000_000).unwrap()
}

fn id() -> AppId {
    AppId {
        rack: RackName::new("myrack").unwrap(),
        app: AppName::new("shop").unwrap(),
    }
}

/// An upload of R1, of this second.
fn upload(version: &str, sequencer: &str) -> Request {
    let release = ReleaseId::new("R1").unwrap();
    Request {
        asked_by: Asker::default(),
        order: Order {
            requested_at: now().trunc_subsecs(0),
            request_id: version.to_owned(),
            tie: Tie {
                key: keys::environment(&id().app, &release),
                sequencer: sequencer.to_owned(),
            },
        },
        work: Work::Promote {
            release,
            env_version_id: version.to_owned(),
            allowed: Allowed::default(),
        },
    }
}

/// What becomes of the upload `ours`, which was the newest when its message was looked into, where `theirs` is promoted and
/// `newest` is the newest by now; and how often that was asked.
async fn admitted(
    ours: (&str, &str),
    theirs: (&str, &str),
    newest: &'static str,
) -> (Option<Admission>, u32) {
    let mut state = Promotion::default();
    state.admit(&upload(theirs.0, theirs.1), Some(theirs.0), now());
    if let Some(desired) = &mut state.desired {
        desired.status = Status::Done;
    }
    let asked = Cell::new(0);
    let fake = Fake {
        state,
        newest,
        asked,
    };
    let message = Message {
        request: Some(upload(ours.0, ours.1)),
        current: Some(ours.0.to_owned()),
        ..Message::continues(id())
    };
    let ends_at = now() + TimeDelta::seconds(120);
    let invocation = Invocation {
        function: &fake,
        owner: "one",
        ends_at,
    };
    let answered = invocation.take(&message).await.unwrap();
    (answered.admission, fake.asked.get())
}

#[tokio::test]
async fn of_two_uploads_of_one_second_the_one_that_is_newest_by_now_counts() {
    let superseded = Admission::Superseded {
        by: "v2".to_owned(),
    };
    for (ours, theirs, newest, want, asked) in [
        // What came with the message is older than the state.
        (("v1", "1"), ("v2", "2"), "v2", superseded.clone(), 1),
        (("v1", ""), ("v2", "2"), "v2", superseded, 1),
        (("v2", ""), ("v1", "1"), "v2", Admission::Newest, 1),
        // S3 itself says that ours came later.
        (("v2", "2"), ("v1", "1"), "v2", Admission::Newest, 0),
    ] {
        let got = admitted(ours, theirs, newest).await;
        assert_eq!(got, (Some(want), asked), "{ours:?} after {theirs:?}");
    }
}
