//! What queues hold, and what an invocation makes of it.

use lambda::work::{Invocation, Message, RecordRead};
use names::{AppId, ReleaseId, keys};
use promotion::history::Asker;
use promotion::{Allowed, Order, Request, Tie, Work};

use super::model::Model;
use super::outside::EnvVersion;
use super::store::{Luck, at};

/// What a message says.
#[derive(Debug, Clone)]
pub enum Body {
    /// S3's event about a version of an environment.
    Written(EnvVersion, String),
    /// `Release Promote Requested`: release, event id, time.
    Requested(&'static str, String, i64),
    /// `App Deleted`: event id, time.
    Deleted(String, i64),
    /// `Promotion Continue`.
    Continue,
    /// `CloudFormation Stack Status Change`.
    StackChanged,
    /// A hint for failure-count.
    Outcome,
}

/// One invocation of promote or app-deletion: what the message leaves out is looked up, then the way through the state.
pub async fn work(model: &Model, owner: &str, id: AppId, body: Body, ends_at: i64) -> bool {
    let message = match body {
        Body::Continue | Body::Outcome => Message::continues(id),
        Body::StackChanged => Message::wakes(id),
        Body::Deleted(event, time) => Message {
            request: Some(request(Work::Delete, time, event, Tie::default())),
            ..Message::continues(id)
        },
        Body::Written(version, sequencer) => {
            if model.access.step("head").await != Luck::Good {
                return false;
            }
            let current = newest(model, version.release);
            let (at, event, release) = (version.at, version.id.clone(), version.release);
            let record = record(model, &id, release).await;
            let tie = tie(&id, release, sequencer);
            Message {
                request: Some(request(promotes(release, &version.id), at, event, tie)),
                current,
                record,
                ..Message::continues(id)
            }
        }
        Body::Requested(release, event, asked_at) => {
            if model.access.step("head").await != Luck::Good {
                return false;
            }
            let current = newest(model, release);
            let version = current.clone().unwrap();
            let record = record(model, &id, release).await;
            let tie = tie(&id, release, String::new());
            Message {
                request: Some(request(promotes(release, &version), asked_at, event, tie)),
                current,
                record,
                ..Message::continues(id)
            }
        }
    };
    let ends_at = at(ends_at + model.access.clock_ahead);
    let invocation = Invocation {
        function: model,
        owner,
        ends_at,
    };
    invocation.take(&message).await.is_ok()
}

/// The newest S3 version of a Release's environment.
pub fn newest(model: &Model, release: &str) -> Option<String> {
    let sim = model.access.sim.borrow();
    sim.outside
        .newest(release)
        .map(|version| version.id.clone())
}

/// What the Release ran when it was live before; a read that fails is made again by the attempt.
async fn record(model: &Model, id: &AppId, release: &str) -> RecordRead {
    if model.access.step("read the record").await != Luck::Good {
        return RecordRead::NotYet;
    }
    let release = ReleaseId::new(release).unwrap();
    RecordRead::Known(model.record(id, &release))
}

fn promotes(release: &str, version: &str) -> Work {
    Work::Promote {
        release: ReleaseId::new(release).unwrap(),
        env_version_id: version.to_owned(),
        allowed: Allowed::default(),
    }
}

fn tie(id: &AppId, release: &str, sequencer: String) -> Tie {
    Tie {
        key: keys::environment(&id.app, &ReleaseId::new(release).unwrap()),
        sequencer,
    }
}

fn request(work: Work, seconds: i64, request_id: String, tie: Tie) -> Request {
    let order = Order {
        requested_at: at(seconds),
        request_id,
        tie,
    };
    let asked_by = Asker::default();
    Request {
        work,
        order,
        asked_by,
    }
}
