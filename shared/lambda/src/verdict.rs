//! Verdicts that are decided: each is written into the record of its request, the index and the report, then told.

use aws::call_error::ErrorClass;
use aws::settings_bucket::Replaced;
use futures_util::future::try_join;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use names::error_chain::Chain;
use names::{AppName, keys};
use promotion::history::Index;
use promotion::verdict::Settled;
use serde_json::{Map, Value};

use crate::intake::Failure as _;
use crate::state_store::{StateObjects, StateStore, StoreError};

/// Lost races after which the next look tries again.
const TRIES: usize = 5;
/// Verdicts that are written at once.
const AT_ONCE: usize = 8;
/// Where a record, an entry and a report have it.
const VERDICT: &str = "verdict";

/// Writes verdicts where they belong. What is not there, or is another request's by now, stays as it is; written before, nothing
/// changes.
///
/// # Errors
///
/// [`StoreError`] when a call fails, or others win every race.
pub async fn write<B: StateObjects>(
    objects: &B,
    app: &AppName,
    settled: &[Settled],
) -> Result<(), StoreError> {
    let written = stream::iter(settled)
        .map(async |settled| unless_permanent(write_one(objects, app, settled).await))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>();
    // One write of the index for all: each of its own would race the others.
    let entered = async { unless_permanent(enter(objects, app, settled).await) };
    try_join(written, entered).await.map(drop)
}

/// It is for people: what can never be written holds up nothing.
fn unless_permanent(written: Result<(), StoreError>) -> Result<(), StoreError> {
    match written {
        Err(err) if err.class() == ErrorClass::Permanent => {
            tracing::error!(error.kind = %err.error_type(), "{}", Chain(&err));
            Ok(())
        }
        written => written,
    }
}

async fn write_one(
    objects: &impl StateObjects,
    app: &AppName,
    settled: &Settled,
) -> Result<(), StoreError> {
    let verdict = serde_json::to_value(&settled.verdict).unwrap_or_default();
    let of_record = |record: &mut Map<String, Value>| {
        record.insert(VERDICT.to_owned(), verdict.clone());
    };
    let of_report = |report: &mut Map<String, Value>| {
        if report.get("requestId").and_then(Value::as_str) == Some(&settled.request_id) {
            report.insert(VERDICT.to_owned(), verdict.clone());
        }
    };
    let report_key = keys::report(app, &settled.release);
    let written = try_join(
        amend(objects, &settled.record, of_record),
        amend(objects, &report_key, of_report),
    );
    written.await.map(drop)
}

async fn enter<B: StateObjects>(
    objects: &B,
    app: &AppName,
    settled: &[Settled],
) -> Result<(), StoreError> {
    let store = StateStore::history(objects, app);
    let mut index = store.read_anew().await?;
    let enter = |index: &mut Index| {
        for settled in settled {
            index.settle(&settled.record, settled.verdict.status);
        }
    };
    store.change(&mut index, enter).await
}

/// Changes an object that is there, if `change` does, and only as it was read.
async fn amend(
    objects: &impl StateObjects,
    key: &str,
    change: impl Fn(&mut Map<String, Value>),
) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let Some(object) = objects.read(key).await? else {
            return Ok(());
        };
        let Ok(Value::Object(before)) = serde_json::from_slice(&object.bytes) else {
            return Ok(());
        };
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(());
        }
        let bytes = format!("{:#}", Value::Object(after)).into_bytes();
        if objects.replace(key, bytes, Some(&object.etag)).await? != Replaced::No {
            return Ok(());
        }
    }
    let key = key.to_owned();
    Err(StoreError::Contended { key })
}
