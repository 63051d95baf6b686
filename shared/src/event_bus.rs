//! The default event bus: our own events go out here.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use crate::call_error::CallError;
use crate::clients::OnDemand;
use crate::events::{Event, SOURCE};

/// `PutEvents` takes no more entries at once.
const EVENTS_PER_CALL: usize = 10;

/// Where events are sent.
#[derive(Debug)]
pub struct EventBus {
    client: OnDemand<Client>,
}

impl EventBus {
    /// The bus of the configured account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        let sdk = sdk.clone();
        Self {
            client: OnDemand::new(move || Client::new(&sdk)),
        }
    }

    /// Sends all events. A failure says nothing about which arrived: they are sent again, and consumers know
    /// duplicates by `requestId`.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails or the answer refuses an entry.
    pub async fn send(&self, events: &[Event]) -> Result<(), CallError> {
        for events in events.chunks(EVENTS_PER_CALL) {
            let names: Vec<&str> = events
                .iter()
                .map(|event| event.detail_type.as_str())
                .collect();
            let attempted = || format!("send the events {}", names.join(", "));
            let request = self
                .client
                .put_events()
                .set_entries(Some(events.iter().map(entry).collect()));
            let answer = request
                .send()
                .await
                .map_err(|err| CallError::new(attempted(), &err))?;
            // Status 200 can still be a failure (API reference, `PutEvents`).
            if let Some(refused) = answer
                .entries()
                .iter()
                .find(|entry| entry.error_code().is_some())
            {
                let code = refused.error_code().unwrap_or_default();
                return Err(CallError::stated(
                    attempted(),
                    code,
                    refused.error_message(),
                ));
            }
        }
        Ok(())
    }
}

fn entry(event: &Event) -> PutEventsRequestEntry {
    let detail = serde_json::Value::Object(event.detail.clone()).to_string();
    PutEventsRequestEntry::builder()
        .source(SOURCE)
        .detail_type(&event.detail_type)
        .detail(detail)
        .build()
}
