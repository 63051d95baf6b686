//! The way of failure-count through its state: send what is unsent, count what is new, send again.

use crate::state_store::{Snapshot, StateObjects, StateStore, StoreError};
use crate::work::Outbox;
use names::AppId;
use promotion::Promotion;
use promotion::events::Event;
use promotion::failures::Failures;

/// What a run came to.
#[derive(Debug)]
pub struct Counted {
    /// The counter as it stands now.
    pub failures: Failures,
    /// Events that this run sent; another may have sent them before.
    pub sent: Vec<Event>,
    /// Whether the App has a `promotion.json`; without one there is nothing to count, and nothing is written.
    pub has_promotion: bool,
}

/// Counts the outcomes of `id` that are new. Whatever brought the message, the state decides, so a hint that comes twice,
/// late or out of order changes nothing, and two runs at once count each row once.
///
/// # Errors
///
/// [`StoreError`] when a state cannot be read or changed, or an event not be sent; what was decided by then stands in the
/// state, and the next run sends it.
pub async fn count<B: StateObjects, O: Outbox>(
    objects: &B,
    bus: &O,
    id: &AppId,
) -> Result<Counted, StoreError> {
    update(objects, bus, id, |_, _| {}).await
}

/// The same, and then `change`: a task that failed, or a deployment that is complete.
///
/// # Errors
///
/// As [`count`].
pub async fn update<B: StateObjects, O: Outbox>(
    objects: &B,
    bus: &O,
    id: &AppId,
    mut change: impl FnMut(&mut Failures, &Promotion),
) -> Result<Counted, StoreError> {
    let store = StateStore::failures(objects, &id.app);
    let promotion = StateStore::promotion(objects, &id.app);
    let mut snapshot = store.read().await?;
    let mut sent = send_unsent(&store, &mut snapshot, bus).await?;
    // Rows that are older than the counter are skipped, rows that are newer than what was read bring a message of their own.
    let has_promotion = store
        .change_beside(
            &mut snapshot,
            async |_| promotion.read().await,
            |failures, promotion| {
                if promotion.exists() {
                    failures.count(id, &promotion.state.outcomes);
                    change(failures, &promotion.state);
                }
                promotion.exists()
            },
        )
        .await?;
    sent.extend(send_unsent(&store, &mut snapshot, bus).await?);
    Ok(Counted {
        failures: snapshot.state,
        sent,
        has_promotion,
    })
}

/// Sends what is decided, then removes exactly that.
async fn send_unsent<B: StateObjects, O: Outbox>(
    store: &StateStore<'_, Failures, B>,
    snapshot: &mut Snapshot<Failures>,
    bus: &O,
) -> Result<Vec<Event>, StoreError> {
    let events = snapshot.state.unsent.clone();
    if events.is_empty() {
        return Ok(events);
    }
    bus.send(&events).await?;
    store
        .change(snapshot, |failures| failures.sent(&events))
        .await?;
    Ok(events)
}
