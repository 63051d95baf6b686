//! A verdict that is decided: written into the record of its request, the index and the report, then told.

use aws::call_error::ErrorClass;
use aws::settings_bucket::Replaced;
use futures_util::future::try_join3;
use names::error_chain::Chain;
use names::{AppName, keys};
use promotion::history::Index;
use promotion::verdict::Settled;
use serde_json::{Map, Value};

use crate::intake::Failure as _;
use crate::state_store::{StateObjects, StateStore, StoreError};

/// Lost races after which the next look tries again.
const TRIES: usize = 5;
/// Where a record, an entry and a report have it.
const VERDICT: &str = "verdict";

/// Writes it where it belongs. What is not there, or is another request's by now, stays as it is; written before, nothing changes.
///
/// # Errors
///
/// [`StoreError`] when a call fails, or others win every race.
pub async fn write<B: StateObjects>(
    objects: &B,
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
    let written = try_join3(
        amend(objects, &settled.record, of_record),
        amend(objects, &report_key, of_report),
        enter(objects, app, settled),
    );
    match written.await {
        Err(err) if err.class() == ErrorClass::Permanent => {
            tracing::error!(error.kind = %err.error_type(), "{}", Chain(&err));
            Ok(())
        }
        written => written.map(drop),
    }
}

async fn enter<B: StateObjects>(
    objects: &B,
    app: &AppName,
    settled: &Settled,
) -> Result<(), StoreError> {
    let store = StateStore::history(objects, app);
    let mut index = store.read_anew().await?;
    let enter = |index: &mut Index| index.settle(&settled.record, settled.verdict.status);
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
