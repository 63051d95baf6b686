//! The default event bus: our own events go out here.

use std::borrow::Cow;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::call_error::{CallError, ErrorClass};
use crate::clients::OnDemand;
use crate::metrics;
use names::error_chain::Chain;
use names::error_type::ErrorCode;
use promotion::events::{self, EVENT_MAX_BYTES, Event, REFUSED_MAX_BYTES, SOURCE};

/// Where events are sent.
#[derive(Debug)]
pub struct EventBus {
    client: OnDemand<Client>,
    clock: fn() -> DateTime<Utc>,
}

/// An event that EventBridge never takes, so that nobody hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Its `detail-type`.
    pub detail_type: String,
    /// The code of the refusal.
    pub error_type: ErrorCode,
    /// The refusal in words.
    pub reason: String,
}

impl EventBus {
    /// The bus of the configured account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig, clock: fn() -> DateTime<Utc>) -> Self {
        let sdk = sdk.clone();
        Self {
            client: OnDemand::new(move || Client::new(&sdk)),
            clock,
        }
    }

    /// Sends all events. A failure says nothing about which arrived: they are sent again, and consumers know
    /// duplicates by `requestId`.
    ///
    /// An event that is refused for good takes no other with it and is not kept: it is shortened, and if that does not help,
    /// dropped with an error in the log and a metric. What was to be told stands in the log line; what an App needs never
    /// depends on an event that arrives.
    ///
    /// # Errors
    ///
    /// [`CallError`] of the transient class, when a call fails or the answer refuses an entry for now.
    pub async fn send(&self, events: &[Event]) -> Result<Vec<Dropped>, CallError> {
        let bounded: Vec<Cow<'_, Event>> = events
            .iter()
            .map(|event| event.within(EVENT_MAX_BYTES))
            .collect();
        let (mut dropped, mut again) = (Vec::new(), None);
        for call in events::calls(&bounded) {
            for (event, refusal) in self.put_apart(call).await? {
                let refusal = match self.settle(event, refusal).await {
                    Ok(()) => continue,
                    Err(refusal) => refusal,
                };
                if refusal.class() == ErrorClass::Transient {
                    again = Some(refusal);
                } else {
                    dropped.push(self.give_up(event, &refusal));
                }
            }
        }
        again.map_or(Ok(dropped), Err)
    }

    /// The entries that a call refuses. One that is refused as a whole is made for each of its entries alone.
    async fn put_apart<'a>(
        &self,
        call: &'a [Cow<'_, Event>],
    ) -> Result<Vec<(&'a Event, CallError)>, CallError> {
        let refusals = match self.put(call).await {
            Ok(refusals) => refusals,
            Err(err) if err.class() == ErrorClass::Transient => return Err(err),
            Err(err) if call.len() == 1 => vec![Some(err)],
            Err(_) => {
                let mut refusals = Vec::new();
                for event in call.chunks(1) {
                    refusals.push(match self.put(event).await {
                        Ok(mut refusal) => refusal.pop().flatten(),
                        Err(err) if err.class() == ErrorClass::Transient => return Err(err),
                        Err(err) => Some(err),
                    });
                }
                refusals
            }
        };
        let refused = call.iter().zip(refusals);
        Ok(refused
            .filter_map(|(event, refusal)| Some((event.as_ref(), refusal?)))
            .collect())
    }

    /// Tries a shorter form of an event that is refused for good, where there is one.
    async fn settle(&self, event: &Event, refusal: CallError) -> Result<(), CallError> {
        let shorter = event.within(REFUSED_MAX_BYTES);
        if refusal.class() == ErrorClass::Transient || matches!(shorter, Cow::Borrowed(_)) {
            return Err(refusal);
        }
        let refusal = self.put(&[shorter]).await?.pop().flatten();
        refusal.map_or(Ok(()), Err)
    }

    /// One call; what became of each entry, in order.
    async fn put(&self, events: &[Cow<'_, Event>]) -> Result<Vec<Option<CallError>>, CallError> {
        let names = events.iter().map(|event| event.detail_type.as_str());
        let attempted = format!("send the events {}", names.collect::<Vec<_>>().join(", "));
        let entries = events.iter().map(|event| entry(event)).collect();
        let request = self.client.put_events().set_entries(Some(entries));
        let answer = request.send().await;
        let answer = answer.map_err(|err| CallError::new(&*attempted, &err))?;
        if answer.entries().len() != events.len() {
            return Err(CallError::incomplete(attempted, "result of each entry"));
        }
        // Status 200 can still be a failure (API reference, `PutEvents`).
        let refusals = answer.entries().iter().map(|refused| {
            let code = refused.error_code()?;
            Some(CallError::stated(
                &*attempted,
                code,
                refused.error_message(),
            ))
        });
        Ok(refusals.collect())
    }

    fn give_up(&self, event: &Event, refusal: &CallError) -> Dropped {
        let text = |name: &str| event.detail.get(name).and_then(Value::as_str);
        let reason = Chain(refusal).to_string();
        let (kind, told) = (&event.detail_type, event.within(REFUSED_MAX_BYTES));
        let told = Value::Object(told.detail.clone());
        tracing::error!(
            app.name = text("app"),
            request.id = text("requestId"),
            error.kind = refusal.code(),
            "the event `{kind}` is dropped, since EventBridge never takes it: {reason}; nobody was \
             told {told}"
        );
        let members = json!({"Rack": text("rack"), "EventsDropped": 1, "app.name": text("app")});
        let set: metrics::Set<'_> = (&["Rack"], &["EventsDropped"]);
        println!("{}", metrics::embedded(&[set], members, (self.clock)()));
        Dropped {
            detail_type: kind.clone(),
            error_type: refusal.error_type(),
            reason,
        }
    }
}

fn entry(event: &Event) -> PutEventsRequestEntry {
    let detail = Value::Object(event.detail.clone()).to_string();
    PutEventsRequestEntry::builder()
        .source(SOURCE)
        .detail_type(&event.detail_type)
        .detail(detail)
        .build()
}
