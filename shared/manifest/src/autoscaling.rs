//! `cooldown` and `targets` of `scale`. Source: `convox/rack:pkg/manifest/yaml.go` (`ServiceScaleCooldown`, `ServiceScaleMetrics`).

use std::collections::BTreeMap;

use yaml::{Entry, NodeKind, Place, Reader, Scalar};

const SECONDS: &str = "a number of seconds, or a mapping of `up` and `down`";

/// Seconds to wait after a change of the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cooldown {
    /// After more containers.
    pub up: u32,
    /// After fewer.
    pub down: u32,
}

impl Default for Cooldown {
    fn default() -> Self {
        Self { up: 60, down: 60 }
    }
}

/// What autoscaling aims at; 0 is no target.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// Percent of CPU.
    pub cpu: u32,
    /// Percent of memory.
    pub memory: u32,
    /// Requests a minute.
    pub requests: u32,
    /// `CloudWatch` metrics, in file order.
    pub custom: Vec<Metric>,
}

impl Targets {
    /// Whether there is one.
    #[must_use]
    pub fn any(&self) -> bool {
        self.cpu > 0 || self.memory > 0 || self.requests > 0 || !self.custom.is_empty()
    }
}

/// A `CloudWatch` metric and the value it is held at.
#[derive(Clone, PartialEq, Eq)]
pub struct Metric {
    /// All before the last `/` of its key.
    pub namespace: String,
    /// What follows it.
    pub name: String,
    /// How values become one, such as `max`; empty where it is not said.
    pub aggregate: String,
    /// What selects the metric.
    pub dimensions: BTreeMap<String, String>,
    /// A decimal number, as text.
    pub value: String,
}

/// 0 counts as unset, as in Convox.
pub(super) fn cooldown(reader: &mut Reader<'_>, place: &Place<'_>) -> Cooldown {
    let default = Cooldown::default();
    let or_default =
        |value: Option<u32>, default| value.filter(|value| *value > 0).unwrap_or(default);
    let NodeKind::Mapping(_) = place.node.kind else {
        let seconds = reader.number(Some(place.clone()), SECONDS);
        let seconds = or_default(seconds, default.up);
        return Cooldown {
            up: seconds,
            down: seconds,
        };
    };
    let fields = reader.fields(place, &["down", "up"]);
    Cooldown {
        up: or_default(
            reader.number(fields.get("up"), "a number of seconds"),
            default.up,
        ),
        down: or_default(
            reader.number(fields.get("down"), "a number of seconds"),
            default.down,
        ),
    }
}

pub(super) fn targets(reader: &mut Reader<'_>, place: &Place<'_>) -> Targets {
    let fields = reader.fields(place, &["cpu", "custom", "memory", "requests"]);
    let mut number = |key| {
        reader
            .number(fields.get(key), "a whole number of 0 or more")
            .unwrap_or(0)
    };
    let (cpu, memory, requests) = (number("cpu"), number("memory"), number("requests"));
    let mut custom = Vec::new();
    if let Some(place) = fields.get("custom") {
        for entry in reader.entries(&place) {
            custom.extend(metric(reader, &place.child(entry), entry));
        }
    }
    Targets {
        cpu,
        memory,
        requests,
        custom,
    }
}

/// `None` only with a problem noted.
fn metric(reader: &mut Reader<'_>, place: &Place<'_>, entry: &Entry) -> Option<Metric> {
    let fields = reader.fields(place, &["aggregate", "dimensions", "value"]);
    let value = match fields.get("value") {
        None => "0".to_owned(),
        Some(field) => {
            let text = field.scalar().map(Scalar::normalised).unwrap_or_default();
            if !text.parse::<f64>().is_ok_and(f64::is_finite) {
                reader.wrong(&field, "a number");
                return None;
            }
            text
        }
    };
    let (namespace, name) = entry
        .key
        .text
        .rsplit_once('/')
        .unwrap_or(("", &entry.key.text));
    Some(Metric {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        aggregate: fields
            .get("aggregate")
            .and_then(|field| reader.text(&field))
            .unwrap_or_default(),
        dimensions: reader.text_map(fields.get("dimensions")),
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refused, web};

    #[test]
    fn cooldowns_are_a_number_or_two() {
        for (cooldown, want) in [
            ("30", (30, 30)),
            ("'30'", (30, 30)),
            ("{up: 59, down: '61'}", (59, 61)),
            ("{up: 59}", (59, 60)),
            ("0", (60, 60)),
            ("{}", (60, 60)),
        ] {
            let got = web(&format!("{{scale: {{cooldown: {cooldown}}}}}"), "")
                .0
                .scale
                .cooldown;
            assert_eq!((got.up, got.down), want, "{cooldown}");
        }
        let error = refused("services: {web: {scale: {cooldown: {up: x}}}}", "");
        assert!(
            error.contains("`services.web.scale.cooldown.up` is `x`: use a number of seconds"),
            "{error}"
        );
    }

    #[test]
    fn targets_autoscale_a_range() {
        let targets = "{cpu: 50, memory: '75', requests: 200, custom: {AWS/SQS/Visible: {aggregate: max, value: 2.50, \
            dimensions: {QueueName: q}}, Other: {value: '1'}}}";
        let scale = web(
            &format!("{{scale: {{count: 1-5, targets: {targets}}}}}"),
            "",
        )
        .0
        .scale;
        assert!(scale.autoscales());
        assert_eq!(
            (
                scale.targets.cpu,
                scale.targets.memory,
                scale.targets.requests
            ),
            (50, 75, 200)
        );
        let [visible, other] = &*scale.targets.custom else {
            panic!("two metrics");
        };
        assert_eq!(
            (visible.namespace.as_str(), visible.name.as_str()),
            ("AWS/SQS", "Visible")
        );
        assert_eq!(
            (visible.aggregate.as_str(), visible.value.as_str()),
            ("max", "2.5")
        );
        assert_eq!(visible.dimensions["QueueName"], "q");
        assert_eq!(
            (
                other.namespace.as_str(),
                other.name.as_str(),
                other.value.as_str()
            ),
            ("", "Other", "1")
        );
        assert!(!web("{scale: 1-5}", "").0.scale.autoscales());
        assert!(
            !web("{scale: {count: 2, targets: {cpu: 50}}}", "")
                .0
                .scale
                .autoscales()
        );
        for (targets, want) in [
            ("{cpu: half}", "`services.web.scale.targets.cpu` is `half`"),
            (
                "{custom: {a/b: {value: x}}}",
                "`services.web.scale.targets.custom.a/b.value` is `x`: use a number",
            ),
        ] {
            let error = refused(
                &format!("services: {{web: {{scale: {{targets: {targets}}}}}}}"),
                "",
            );
            assert!(error.contains(want), "{error}");
        }
    }
}
