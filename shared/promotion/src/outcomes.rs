//! What became of the App's secret, one row for each promote request; failure-count counts the rows.

use names::error_type::ErrorCode;
use serde::{Deserialize, Serialize};

/// Rows that are kept although they were counted.
const KEPT: usize = 32;
/// Rows that are kept although nobody counts them.
const MOST: usize = 1_000;

/// The result of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What became of the secret.
    pub result: OutcomeResult,
    /// Why it failed.
    pub error_type: Option<ErrorCode>,
}

/// What became of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeResult {
    /// It holds the environment.
    Ok,
    /// Secrets Manager could not take it; the Release fell back to S3.
    Failed,
    /// The settings chose S3.
    Off,
    /// The App was deleted.
    Deleted,
}

/// The newest rows, oldest first, and a summary of older ones that nobody counted in time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcomes {
    #[serde(default, rename = "outcomes")]
    rows: Vec<Row>,
    #[serde(default, rename = "outcomesMerged")]
    merged: Merged,
}

/// The result of one request, with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Counts up by one.
    pub seq: u64,
    /// The request.
    pub request_id: String,
    /// What became of the secret.
    pub result: OutcomeResult,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<ErrorCode>,
}

/// Uncounted rows beyond [`MOST`]: how many, up to which, and how many failures in a row they end with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Merged {
    /// How many.
    pub rows: u64,
    /// The number of the newest.
    pub up_to_seq: u64,
    /// Its request.
    #[serde(default)]
    pub request_id: String,
    /// How many of the newest failed one after another.
    pub trailing_failures: u64,
}

impl Outcomes {
    /// Whether a request has its row.
    pub(super) fn has(&self, request_id: &str) -> bool {
        self.rows.iter().any(|row| row.request_id == request_id)
    }

    /// The rows that are kept, oldest first.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The summary of older rows.
    #[must_use]
    pub fn merged(&self) -> &Merged {
        &self.merged
    }

    /// The number of the newest row, 0 before the first.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.rows.last().map_or(0, |row| row.seq)
    }

    /// Whether old rows can only go once it is known that they were counted.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.rows.len() >= KEPT
    }

    /// Adds a row; `counted` is the last number that failure-count has counted.
    pub(super) fn append(&mut self, request_id: String, outcome: Outcome, counted: u64) {
        let Outcome { result, error_type } = outcome;
        self.rows.push(Row {
            seq: self.last_seq() + 1,
            request_id,
            result,
            error_type,
        });
        let surplus = self.rows.len().saturating_sub(KEPT);
        let droppable = self
            .rows
            .iter()
            .take(surplus)
            .take_while(|row| row.seq <= counted)
            .count();
        self.rows.drain(..droppable);
        let surplus = self.rows.len().saturating_sub(MOST);
        for row in self.rows.drain(..surplus) {
            self.merged.add(&row);
        }
    }
}

impl Merged {
    fn add(&mut self, row: &Row) {
        self.rows += 1;
        self.up_to_seq = row.seq;
        self.request_id.clone_from(&row.request_id);
        self.trailing_failures = match row.result {
            OutcomeResult::Failed => self.trailing_failures + 1,
            OutcomeResult::Ok | OutcomeResult::Off | OutcomeResult::Deleted => 0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(outcomes: &mut Outcomes, result: OutcomeResult, counted: u64) {
        let request_id = format!("request-{}", outcomes.last_seq() + 1);
        outcomes.append(
            request_id,
            Outcome {
                result,
                error_type: None,
            },
            counted,
        );
    }

    #[test]
    fn the_newest_32_stay_and_no_uncounted_row_goes() {
        let mut outcomes = Outcomes::default();
        for _ in 0..40 {
            append(&mut outcomes, OutcomeResult::Ok, 0);
        }
        assert_eq!((outcomes.rows.len(), outcomes.last_seq()), (40, 40));
        append(&mut outcomes, OutcomeResult::Ok, 5);
        assert_eq!(
            (outcomes.rows[0].seq, outcomes.last_seq()),
            (6, 41),
            "rows 1 to 5 were counted"
        );
        append(&mut outcomes, OutcomeResult::Ok, 41);
        assert_eq!((outcomes.rows.len(), outcomes.rows[0].seq), (32, 11));
    }

    #[test]
    fn beyond_1000_uncounted_rows_the_oldest_become_a_count() {
        let mut outcomes = Outcomes::default();
        append(&mut outcomes, OutcomeResult::Ok, 0);
        for _ in 0..1_003 {
            append(&mut outcomes, OutcomeResult::Failed, 0);
        }
        assert_eq!(outcomes.rows.len(), 1_000);
        assert_eq!(
            outcomes.merged,
            Merged {
                rows: 4,
                up_to_seq: 4,
                request_id: "request-4".to_owned(),
                trailing_failures: 3
            }
        );
    }
}
