//! ECS services that are deleted and still have tasks to stop; the emulator's are gone at once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::Shared;
use super::super::answer::{self, Answer};
use super::super::incoming::Incoming;
use super::text;

/// The services that are `DRAINING`, by ARN, while the test holds them there.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Draining {
    holds: bool,
    services: BTreeSet<String>,
}

impl Draining {
    pub(in super::super) fn hold(&mut self) {
        self.holds = true;
    }

    pub(in super::super) fn end(&mut self) {
        *self = Self::default();
    }

    /// Shows a service as it is while its tasks stop.
    ///
    /// Source: ECS API reference, `DeleteService` (`DRAINING` until no task runs; still seen by `DescribeServices`).
    pub(super) fn apply(&self, service: &mut Value) {
        if self.services.contains(text(service, "serviceArn")) {
            service["status"] = json!("DRAINING");
            service["runningCount"] = json!(1);
        }
    }
}

/// The emulator's answer, with what drains shown so.
pub(super) fn applied(shared: &Shared, incoming: &Incoming, answer: Answer) -> Answer {
    let mut draining = shared.draining.lock().unwrap();
    let shows = ["DeleteService", "DescribeServices"].contains(&incoming.operation.as_str());
    if !draining.holds || !shows || !answer.status().is_success() {
        return answer;
    }
    let mut body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if incoming.operation == "DeleteService" {
        let arn = text(&body["service"], "serviceArn").to_owned();
        draining.services.insert(arn);
        draining.apply(&mut body["service"]);
    }
    let services = body["services"].as_array_mut().into_iter().flatten();
    services.for_each(|service| draining.apply(service));
    answer::json(Ok(body))
}
