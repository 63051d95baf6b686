//! What is kept of requests for good: written beside the state, and made up by whoever goes on where somebody died.

use aws::call_error::{CallError, ErrorClass};
use aws::settings_bucket::Replaced;
use futures_util::future::{join, try_join_all};
use names::AppName;
use names::error_chain::Chain;
use promotion::history::{HistoryRecord, Index, says_waiting};
use serde_json::Value;

use crate::intake::Failure as _;
use crate::state_store::{Snapshot, StateObjects, StateStore, StoreError};

/// The index as it stands; `None` where it cannot be read now, so that whoever writes reads it again.
pub async fn read(objects: &impl StateObjects, app: &AppName) -> Option<Snapshot<Index>> {
    StateStore::history(objects, app).read_anew().await.ok()
}

/// Writes the records, and beside them their entries into the index as it was read; somebody else's entries stay. Written before,
/// nothing changes. It is for people: what can never be written holds up nothing.
///
/// # Errors
///
/// [`StoreError`] of the transient class.
pub async fn write<B: StateObjects>(
    objects: &B,
    app: &AppName,
    records: &[HistoryRecord],
    index: Option<Snapshot<Index>>,
) -> Result<Option<Snapshot<Index>>, StoreError> {
    if records.is_empty() {
        return Ok(index);
    }
    let store = StateStore::history(objects, app);
    let entered = async {
        let mut index = match index {
            Some(index) => index,
            None => store.read_anew().await?,
        };
        let enter = |index: &mut Index| {
            for record in records {
                index.enter(record.entry.clone());
            }
        };
        store.change(&mut index, enter).await?;
        Ok::<_, StoreError>(index)
    };
    let written = try_join_all(records.iter().map(|record| write_record(objects, record)));
    let (entered, written) = join(entered, written).await;
    written?;
    match entered {
        Ok(index) => Ok(Some(index)),
        Err(err) if err.class() == ErrorClass::Permanent => {
            log(&err);
            Ok(None)
        }
        Err(err) => Err(err),
    }
}

async fn write_record(
    objects: &impl StateObjects,
    record: &HistoryRecord,
) -> Result<(), CallError> {
    let written = if record.entry.status.yields() {
        write_unless_ended(objects, record).await
    } else {
        let object = record.object();
        objects.write(&object.key, object.text.into_bytes()).await
    };
    match written {
        Err(err) if err.class() == ErrorClass::Permanent => {
            log(&err.into());
            Ok(())
        }
        written => written,
    }
}

/// The first, or in the place of one that says that the request waits.
async fn write_unless_ended(
    objects: &impl StateObjects,
    record: &HistoryRecord,
) -> Result<(), CallError> {
    let object = record.object();
    let bytes = object.text.into_bytes();
    if objects.replace(&object.key, bytes.clone(), None).await? != Replaced::No {
        return Ok(());
    }
    let Some(stands) = objects.read(&object.key).await? else {
        return Ok(());
    };
    let says: Value = serde_json::from_slice(&stands.bytes).unwrap_or_default();
    if says_waiting(&says) {
        objects
            .replace(&object.key, bytes, Some(&stands.etag))
            .await?;
    }
    Ok(())
}

fn log(err: &StoreError) {
    let kind = err.error_type();
    tracing::error!(error.kind = %kind, "{}", Chain(err));
}
