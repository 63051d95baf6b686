//! `failures.json`: how many secret writes in a row failed, which tasks could not read their secret, and what the Rack is
//! told of it. Pure code over the rows that promote and app-deletion append, so duplicates, delays and reordering of
//! events change nothing.

mod launches;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::events::{Event, EventType};
use crate::{Merged, OutcomeResult, Outcomes};
use names::AppId;
use names::error_type::ErrorCode;

pub use launches::{LaunchFailure, Launches};

/// Failures in a row that raise a warning, and then again and again.
const WARNED_EVERY: u64 = 3;
/// Counted requests that are remembered: more than the rows that a state keeps once they are counted.
const REMEMBERED: usize = 64;
/// The code of a warning about secret writes.
pub const SECRET_WRITE_FAILING: &str = "SecretWriteFailing";

/// The failure counter of one App.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// The newest row of the outcomes that was counted.
    #[serde(default)]
    pub counted_seq: u64,
    /// The requests of the rows that were counted last, oldest first: after somebody restored an older `promotion.json`, new
    /// rows have the numbers of counted ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counted_requests: Vec<String>,
    /// Secret writes that failed since the last that did not.
    #[serde(default)]
    pub consecutive_failures: u64,
    /// Whether the Rack was warned of them.
    #[serde(default)]
    pub warned: bool,
    /// Tasks that could not read their secret.
    #[serde(default)]
    pub launches: Launches,
    /// Events that are decided and not yet sent.
    #[serde(default)]
    pub unsent: Vec<Event>,
}

impl Failures {
    /// Counts the rows that are new, each exactly once. `outcomes` are never older than this counter, unless they were
    /// restored.
    pub fn count(&mut self, id: &AppId, outcomes: &Outcomes) {
        if self.counts_others(outcomes) {
            self.go_back(outcomes);
        }
        self.count_merged(id, outcomes.merged());
        for row in outcomes.rows() {
            if row.seq <= self.counted_seq {
                continue;
            }
            self.counted_seq = row.seq;
            self.remember(&row.request_id);
            match row.result {
                OutcomeResult::Failed => {
                    self.failed(id, 1, &row.request_id, row.error_type.as_ref());
                }
                OutcomeResult::Ok | OutcomeResult::Off => self.reset(id, &row.request_id),
                OutcomeResult::Deleted => {
                    self.reset(id, &row.request_id);
                    self.unsent
                        .extend(self.launches.forget(id, &row.request_id));
                }
            }
        }
    }

    /// Whether rows are not counted or events not sent.
    #[must_use]
    pub fn is_behind(&self, outcomes: &Outcomes) -> bool {
        self.counted_seq < outcomes.last_seq()
            || self.counts_others(outcomes)
            || !self.unsent.is_empty()
    }

    /// Whether the rows that were counted are not these: somebody restored an older state.
    fn counts_others(&self, outcomes: &Outcomes) -> bool {
        if newest_seq(outcomes) < self.counted_seq {
            return true;
        }
        let mut rows = outcomes.rows().iter();
        let newest = rows.find(|row| row.seq == self.counted_seq);
        let counted = self.counted_requests.last();
        newest
            .zip(counted)
            .is_some_and(|(row, counted)| row.request_id != *counted)
    }

    /// Back to the newest row that is known to be counted. Where none is known, only the newest can be new: each row brings a
    /// message of its own.
    fn go_back(&mut self, outcomes: &Outcomes) {
        let place = |request: &str| self.counted_requests.iter().rposition(|it| it == request);
        let mut newest_first = outcomes.rows().iter().rev();
        let known = newest_first.find_map(|row| Some((row.seq, place(&row.request_id)?)));
        let (seq, remembered) = known.map_or_else(
            || (newest_seq(outcomes).saturating_sub(1), 0),
            |(seq, place)| (seq, place + 1),
        );
        self.counted_seq = seq;
        self.counted_requests.truncate(remembered);
    }

    fn remember(&mut self, request_id: &str) {
        self.counted_requests.push(request_id.to_owned());
        let surplus = self.counted_requests.len().saturating_sub(REMEMBERED);
        self.counted_requests.drain(..surplus);
    }

    /// Removes exactly the events that were sent.
    pub fn sent(&mut self, events: &[Event]) {
        self.unsent.retain(|event| !events.contains(event));
    }

    /// A task of the App stopped because it could not read its secret; once for each Release and cause the Rack is warned.
    pub fn launch_failed(&mut self, id: &AppId, failure: &LaunchFailure, request_id: &str) {
        self.unsent
            .extend(self.launches.failed(id, failure, request_id));
    }

    /// A deployment of the ECS service with this family is complete, so its tasks can read their secret.
    pub fn deployed(
        &mut self,
        id: &AppId,
        family: &str,
        at: chrono::DateTime<chrono::Utc>,
        request_id: &str,
    ) {
        self.unsent
            .extend(self.launches.completed(id, family, at, request_id));
    }

    /// Rows that nobody counted in time stand as a summary: how they ended is known, not what they held before.
    fn count_merged(&mut self, id: &AppId, merged: &Merged) {
        let missed = merged.up_to_seq.saturating_sub(self.counted_seq);
        if missed == 0 {
            return;
        }
        self.counted_seq = merged.up_to_seq;
        if merged.trailing_failures < missed {
            self.reset(id, &merged.request_id);
        }
        let failed = merged.trailing_failures.min(missed);
        self.failed(id, failed, &merged.request_id, None);
    }

    fn failed(&mut self, id: &AppId, times: u64, request_id: &str, error_type: Option<&ErrorCode>) {
        let before = self.consecutive_failures;
        self.consecutive_failures = before.saturating_add(times);
        if before / WARNED_EVERY == self.consecutive_failures / WARNED_EVERY {
            return;
        }
        self.warned = true;
        let count = self.consecutive_failures;
        let last = error_type.map_or_else(String::new, |last| format!(", the last time: {last}"));
        let message = format!(
            "the secret `{}` could not be written for {count} promotes in a row{last}; the \
             Releases are live through S3. Look into Secrets Manager, or set SecretsManagerEnv=No \
             in the params of the App's convox.yml",
            id.secret()
        );
        let fields = [
            ("code", SECRET_WRITE_FAILING.into()),
            ("consecutiveFailures", count.into()),
            ("errorType", json!(error_type)),
            ("message", message.into()),
        ];
        self.unsent
            .push(Event::new(EventType::RackWarning, id, request_id, fields));
    }

    fn reset(&mut self, id: &AppId, request_id: &str) {
        if self.warned {
            let fields = [
                ("code", SECRET_WRITE_FAILING.into()),
                ("consecutiveFailures", self.consecutive_failures.into()),
            ];
            let cleared = Event::new(EventType::RackWarningCleared, id, request_id, fields);
            self.unsent.push(cleared);
        }
        self.warned = false;
        self.consecutive_failures = 0;
    }
}

fn newest_seq(outcomes: &Outcomes) -> u64 {
    outcomes.last_seq().max(outcomes.merged().up_to_seq)
}

#[cfg(test)]
mod tests;
