//! What the log says of the Rack Warnings that were sent, and their count as an embedded metric.

use aws::metrics;
use chrono::{DateTime, Utc};
use names::RackName;
use promotion::events::{Event, EventType};
use serde_json::{Value, json};

/// Logs each Rack Warning among `events`, and writes their count to standard output, where Lambda takes it from.
pub fn tell(rack: &RackName, events: &[Event], now: DateTime<Utc>) {
    let is_warning = |event: &&Event| event.detail_type == EventType::RackWarning.as_str();
    let warnings: Vec<&Event> = events.iter().filter(is_warning).collect();
    for warning in &warnings {
        let text = |name: &str| warning.detail.get(name).and_then(Value::as_str);
        let message = text("message").unwrap_or_default();
        tracing::warn!(
            app.name = text("app"),
            request.id = text("requestId"),
            warning.code = text("code"),
            "Rack Warning: {message}"
        );
    }
    if !warnings.is_empty() {
        println!("{}", embedded(rack, warnings.len(), now));
    }
}

/// Writes the count of an event that nobody takes to standard output.
pub fn count_unheard(rack: &RackName, now: DateTime<Utc>) {
    let members = json!({"Rack": rack.as_str(), "UnheardEvents": 1});
    let set: metrics::Set<'_> = (&["Rack"], &["UnheardEvents"]);
    println!("{}", metrics::embedded(&[set], members, now));
}

fn embedded(rack: &RackName, warnings: usize, now: DateTime<Utc>) -> Value {
    let members = json!({"Rack": rack.as_str(), "RackWarnings": warnings});
    metrics::embedded(&[(&["Rack"], &["RackWarnings"])], members, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metric_and_its_dimension_are_members_of_the_line() {
        let rack = RackName::new("r").unwrap();
        let line = embedded(&rack, 2, DateTime::UNIX_EPOCH);
        assert_eq!(
            (&line["Rack"], &line["RackWarnings"]),
            (&json!("r"), &json!(2))
        );
        assert_eq!(
            line["_aws"]["CloudWatchMetrics"],
            json!([{
                "Namespace": "SecretsManagerEnv",
                "Dimensions": [["Rack"]],
                "Metrics": [{"Name": "RackWarnings", "Unit": "Count"}],
            }])
        );
    }
}
