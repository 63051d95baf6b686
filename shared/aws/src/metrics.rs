//! CloudWatch embedded metrics: one JSON line, which a function prints on standard output as it stands.
//!
//! Source: CloudWatch user guide, "Embedded metric format specification". Every set of dimensions is a billed metric, so
//! the App is none.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// The namespace of all metrics.
const NAMESPACE: &str = "SecretsManagerEnv";

/// Metrics by the names of their dimensions.
pub type Set<'a> = (&'a [&'a str], &'a [&'a str]);

/// The line; `members` hold the value of each metric and dimension, and what else a reader of the log wants to know.
///
/// A metric whose name ends in `Duration` is in milliseconds, every other one a count.
#[must_use]
pub fn embedded(sets: &[Set<'_>], members: Value, now: DateTime<Utc>) -> Value {
    let metric = |name: &&str| {
        let unit = if name.ends_with("Duration") {
            "Milliseconds"
        } else {
            "Count"
        };
        json!({"Name": name, "Unit": unit})
    };
    let sets: Vec<Value> = sets
        .iter()
        .map(|(dimensions, metrics)| {
            let metrics: Vec<Value> = metrics.iter().map(metric).collect();
            json!({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics})
        })
        .collect();
    let about = json!({"Timestamp": now.timestamp_millis(), "CloudWatchMetrics": sets});
    let mut line = Map::from_iter([("_aws".to_owned(), about)]);
    if let Value::Object(members) = members {
        line.extend(members);
    }
    line.into()
}
