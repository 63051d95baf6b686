//! `scale` of a Service in its forms. Source: `convox/rack:pkg/manifest/yaml.go`, `manifest.go` (defaults).

use serde::{Deserialize, Serialize};

use super::autoscaling::{self, Cooldown, Targets};
use yaml::{NodeKind, Place, Reader, Scalar, integer};

const COUNT: &str = "a number, a range such as `1-3`, or a mapping of `min` and `max`";

/// What is written beside `count` instead of under it; Convox leaves it out without a word.
const MISPLACED: &str = "write `count: {min: 1, max: 3}`";

/// Other platforms of Convox have it; `cpu`, which looks like it, would be another size.
const GPU: &str = "no GPU is given to a task";

/// How many tasks a Service is to have, as convox.yml says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The fewest.
    pub min: u32,
    /// The most.
    pub max: u32,
}

impl Count {
    /// So many, and no other number.
    #[must_use]
    pub fn of(count: u32) -> Self {
        Self {
            min: count,
            max: count,
        }
    }

    /// The number, where it is one.
    #[must_use]
    pub fn fixed(self) -> Option<u32> {
        (self.min == self.max).then_some(self.min)
    }
}

/// How many containers a Service has, and how large each is.
#[derive(Clone, PartialEq, Eq)]
pub struct Scale {
    /// The fewest; 0 is a Service for Timers and one-off processes.
    pub min: u32,
    /// The most.
    pub max: u32,
    /// CPU units, 1,024 to a core.
    pub cpu: u32,
    /// MiB of memory.
    pub memory: u32,
    /// The line that says so, where one does.
    pub line: Option<usize>,
    /// How long autoscaling waits after it changed the count.
    pub cooldown: Cooldown,
    /// What autoscaling aims at.
    pub targets: Targets,
}

impl Scale {
    /// Whether Convox would scale it by its targets; an agent is never.
    /// Source: `convox/rack:pkg/manifest/service.go`, `Autoscale`.
    #[must_use]
    pub fn autoscales(&self) -> bool {
        self.min != self.max && self.targets.any()
    }
}

impl Scale {
    /// Whether it is scaled between its numbers by its targets; an agent is never.
    #[must_use]
    pub fn scales(&self) -> bool {
        self.autoscales() && self.min < self.max
    }

    /// How many tasks ECS is told, or may be told later: what nothing scales has as many as its minimum.
    #[must_use]
    pub fn count(&self) -> Count {
        let max = if self.scales() { self.max } else { self.min };
        Count { min: self.min, max }
    }
}

impl Default for Scale {
    fn default() -> Self {
        Self {
            min: 1,
            max: 1,
            cpu: 256,
            memory: 512,
            line: None,
            cooldown: Cooldown::default(),
            targets: Targets::default(),
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> Scale {
    let mut scale = Scale::default();
    let Some(place) = place else {
        return scale;
    };
    scale.line = Some(place.node.line);
    if let NodeKind::Mapping(_) = place.node.kind {
        let keys = ["cooldown", "count", "cpu", "memory", "targets"];
        let others = [("gpu", GPU), ("max", MISPLACED), ("min", MISPLACED)];
        let fields = reader.fields_but(&place, &keys, &others);
        if let Some(place) = fields.get("cooldown") {
            scale.cooldown = autoscaling::cooldown(reader, &place);
        }
        if let Some(place) = fields.get("targets") {
            scale.targets = autoscaling::targets(reader, &place);
        }
        let size =
            |value: Option<u32>, default| value.filter(|value| *value > 0).unwrap_or(default);
        scale.cpu = size(reader.lenient_integer(fields.get("cpu")), scale.cpu);
        scale.memory = size(reader.lenient_integer(fields.get("memory")), scale.memory);
        if let Some(place) = fields.get("count") {
            count(reader, &place, &mut scale);
        }
        if !scale.scales() {
            reader.all_without_effect(&fields, &["cooldown", "targets"]);
        }
    } else {
        count(reader, &place, &mut scale);
    }
    scale
}

fn count(reader: &mut Reader<'_>, place: &Place<'_>, scale: &mut Scale) {
    let range = if let NodeKind::Mapping(_) = place.node.kind {
        count_mapping(reader, place)
    } else {
        let range = place.scalar().and_then(count_scalar);
        if range.is_none() {
            reader.wrong(place, COUNT);
        }
        range
    };
    if let Some((min, max)) = range {
        (scale.min, scale.max) = (min, max);
        if min > max {
            let message = format!("`{}` has a minimum above its maximum", place.path);
            reader.warn(place.node.line, &message);
        }
    }
}

/// An absent minimum is 0 as in Convox; an absent maximum is the minimum.
fn count_mapping(reader: &mut Reader<'_>, place: &Place<'_>) -> Option<(u32, u32)> {
    let fields = reader.fields(place, &["max", "min"]);
    let mut number = |key| match fields.get(key) {
        None => Some(None),
        Some(place) => {
            let value = place.scalar().and_then(integer);
            if value.is_none() {
                reader.wrong(&place, "a whole number of 0 or more");
            }
            value.map(Some)
        }
    };
    let (min, max) = (number("min")?, number("max")?);
    let min = min.unwrap_or(0);
    Some((min, max.unwrap_or(min)))
}

fn count_scalar(scalar: &Scalar) -> Option<(u32, u32)> {
    if let Some(count) = integer(scalar) {
        return Some((count, count));
    }
    let (min, max) = scalar.text.split_once('-')?;
    let number = |text: &str| {
        let digits = text.trim();
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())
            .flatten()
    };
    Some((number(min)?, number(max)?))
}
