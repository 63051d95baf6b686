//! CloudWatch embedded metrics: one JSON line for each promote, on standard output as it stands.
//!
//! Source: CloudWatch user guide, "Embedded metric format specification". Every set of dimensions is a billed metric, so
//! there are two sets and no App among them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::report::Report;

/// The namespace of all metrics.
const NAMESPACE: &str = "SecretsManagerEnv";

/// The line about one promote.
#[must_use]
pub fn embedded(report: &Report, now: DateTime<Utc>) -> Value {
    let promoted = report.status == "promoted";
    let count = |yes: bool| u8::from(yes);
    let metric = |name: &str| json!({"Name": name, "Unit": if name.ends_with("Duration") { "Milliseconds" } else { "Count" }});
    let of_rack = [
        "Promotes",
        "PromoteFailures",
        "Fallbacks",
        "PromoteDuration",
    ]
    .map(metric);
    let of_delivery = ["Deliveries"].map(metric);
    let delivery = report
        .delivery
        .map_or(Value::from("None"), |delivery| json!(delivery));
    json!({
        "_aws": {
            "Timestamp": now.timestamp_millis(),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [["Rack"]],
                    "Metrics": of_rack,
                },
                {"Namespace": NAMESPACE, "Dimensions": [["Rack", "Delivery"]], "Metrics": of_delivery},
            ],
        },
        "Rack": report.rack,
        "Delivery": delivery,
        "Promotes": count(promoted),
        "PromoteFailures": count(!promoted),
        "Fallbacks": count(report.fallback.is_some()),
        "Deliveries": count(promoted),
        "PromoteDuration": report.steps.iter().map(|step| step.duration_ms).sum::<u64>(),
        "app.name": report.app,
        "release.id": report.release,
        "request.id": report.request_id,
    })
}

#[cfg(test)]
mod tests {
    use shared::names::{AppId, AppName, RackName, ReleaseId};

    use super::*;

    #[test]
    fn every_metric_and_dimension_is_a_member_of_the_line() {
        let id = AppId {
            rack: RackName::new("r").unwrap(),
            app: AppName::new("a").unwrap(),
        };
        let report = Report::new(&id, &ReleaseId::new("R1").unwrap(), "v1", "v1");
        let line = embedded(&report, DateTime::UNIX_EPOCH);
        for metrics in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            let named = metrics["Metrics"]
                .as_array()
                .unwrap()
                .iter()
                .map(|metric| &metric["Name"]);
            let dimensions = metrics["Dimensions"][0].as_array().unwrap().iter();
            for name in named.chain(dimensions) {
                assert!(line.get(name.as_str().unwrap()).is_some(), "{name}");
            }
        }
        assert_eq!(
            (&line["Promotes"], &line["PromoteFailures"]),
            (&json!(0), &json!(1))
        );
    }
}
