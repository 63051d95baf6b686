//! The embedded metrics of one promote. There are two sets of dimensions and no App among them: each is billed.

use aws::metrics::{self, Set};
use chrono::{DateTime, Utc};
use manifest::precedence::EnvDelivery;
use serde_json::{Value, json};

use crate::report::Report;

/// What one promote came to.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The Rack.
    pub rack: &'a str,
    /// The App.
    pub app: &'a str,
    /// The Release.
    pub release: &'a str,
    /// The request.
    pub request_id: &'a str,
    /// How it is delivered; `None`: it failed.
    pub delivery: Option<EnvDelivery>,
    /// Whether Secrets Manager was wanted and not used.
    pub fell_back: bool,
    /// How long it took.
    pub duration_ms: u64,
}

impl<'a> From<&'a Report> for Sample<'a> {
    fn from(report: &'a Report) -> Self {
        Self {
            rack: &report.rack,
            app: &report.app,
            release: &report.release,
            request_id: &report.request_id,
            delivery: report.delivery,
            fell_back: report.fallback.is_some(),
            duration_ms: report.steps.iter().map(|step| step.duration_ms).sum(),
        }
    }
}

/// Writes the line about one promote to standard output, where Lambda takes it from.
pub fn emit(sample: Sample<'_>, now: DateTime<Utc>) {
    println!("{}", embedded(sample, now));
}

fn embedded(sample: Sample<'_>, now: DateTime<Utc>) -> Value {
    let of_rack: Set<'_> = (
        &["Rack"],
        &[
            "Promotes",
            "PromoteFailures",
            "Fallbacks",
            "PromoteDuration",
        ],
    );
    let of_delivery: Set<'_> = (&["Rack", "Delivery"], &["Deliveries"]);
    let promoted = sample.delivery.is_some();
    let sets = [of_rack, of_delivery];
    let sets = if promoted { &sets[..] } else { &sets[..1] };
    let members = json!({
        "Rack": sample.rack,
        "Delivery": sample.delivery,
        "Promotes": u8::from(promoted),
        "PromoteFailures": u8::from(!promoted),
        "Fallbacks": u8::from(sample.fell_back),
        "Deliveries": u8::from(promoted),
        "PromoteDuration": sample.duration_ms,
        "app.name": sample.app,
        "release.id": sample.release,
        "request.id": sample.request_id,
    });
    metrics::embedded(sets, members, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_and_dimension_is_a_member_of_the_line() {
        for (delivery, promotes, sets) in [(None, 0, 1), (Some(EnvDelivery::S3), 1, 2)] {
            let sample = Sample {
                rack: "r",
                app: "a",
                release: "R1",
                request_id: "v1",
                delivery,
                fell_back: false,
                duration_ms: 5,
            };
            let line = embedded(sample, DateTime::UNIX_EPOCH);
            let metrics = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
            assert_eq!(metrics.len(), sets);
            for metrics in metrics {
                let named = metrics["Metrics"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|metric| &metric["Name"]);
                for name in named.chain(metrics["Dimensions"][0].as_array().unwrap()) {
                    assert!(!line[name.as_str().unwrap()].is_null(), "{name}");
                }
            }
            let counts = (&line["Promotes"], &line["PromoteFailures"]);
            assert_eq!(counts, (&json!(promotes), &json!(1 - promotes)));
        }
    }
}
