//! What AWS takes in each field of a cron expression (EventBridge user guide, "Cron expressions").

use std::collections::BTreeSet;

use super::weekday::WEEKDAYS;
use super::{ScheduleError, printable};

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

/// One of the six fields and what AWS takes there.
pub(super) struct Field {
    name: &'static str,
    min: u16,
    max: u16,
    names: &'static [&'static str],
    /// The characters beyond `, - * /`.
    special: &'static str,
    allowed: &'static str,
    /// Whether its first value comes after its last one: Monday after Sunday, midnight after 23.
    wraps: bool,
}

pub(super) const MINUTE: Field = Field {
    name: "minute",
    min: 0,
    max: 59,
    names: &[],
    special: "",
    allowed: "0-59 with `,` `-` `*` `/`",
    wraps: true,
};
pub(super) const HOUR: Field = Field {
    name: "hour",
    max: 23,
    allowed: "0-23 with `,` `-` `*` `/`",
    ..MINUTE
};
pub(super) const DAY_OF_MONTH: Field = Field {
    name: "day-of-month",
    min: 1,
    max: 31,
    names: &[],
    special: "?LW",
    allowed: "1-31 with `,` `-` `*` `?` `/` `L` `W`",
    wraps: true,
};
pub(super) const MONTH: Field = Field {
    name: "month",
    min: 1,
    max: 12,
    names: &MONTHS,
    special: "",
    allowed: "1-12 or JAN-DEC with `,` `-` `*` `/`",
    wraps: true,
};
pub(super) const DAY_OF_WEEK: Field = Field {
    name: "day-of-week",
    min: 1,
    max: 7,
    names: &WEEKDAYS,
    special: "?L#",
    allowed: "1-7 (1 = SUN) or SUN-SAT with `,` `-` `*` `?` `/` `L` `#`",
    wraps: true,
};
pub(super) const YEAR: Field = Field {
    name: "year",
    min: 1970,
    max: 2199,
    names: &[],
    special: "",
    allowed: "1970-2199 with `,` `-` `*` `/`",
    wraps: false,
};

impl Field {
    /// Checks what stands in the field.
    pub(super) fn check(&self, text: &str) -> Result<(), ScheduleError> {
        let result = if text == "?" && self.special.contains('?') {
            Ok(())
        } else {
            text.split(',')
                .try_for_each(|item| self.item(item, text.contains(',')))
        };
        result.map_err(|rule| ScheduleError::Field {
            field: self.name,
            text: printable(text),
            rule,
            allowed: self.allowed,
        })
    }

    fn item(&self, item: &str, in_list: bool) -> Result<(), &'static str> {
        if let Some(special) = self.special_item(item) {
            return match special {
                Ok(()) if in_list => Err("`L`, `W` and `#` cannot stand in a list"),
                other => other,
            };
        }
        let (values, step) = item
            .split_once('/')
            .map_or((item, None), |(values, step)| (values, Some(step)));
        if let Some(step) = step {
            let step = number(step).ok_or("a step is a number")?;
            if step == 0 || step > self.max {
                return Err("a step is at least 1 and within the range");
            }
        }
        if values == "*" {
            return Ok(());
        }
        let Some((from, to)) = values.split_once('-') else {
            return self.value(values).map(drop);
        };
        if self.value(from)? > self.value(to)? && !self.wraps {
            return Err("a range goes upwards");
        }
        Ok(())
    }

    /// The field without ranges that go on after its last value: `22-6` is `22-23,0-6`, and `SAT-SUN` is `SAT,SUN`. AWS shows
    /// such a range in an example and says nothing of it in its rules; lists and ranges that go upwards are in the rules.
    pub(super) fn spelled_out(&self, text: &str) -> String {
        let items: Vec<String> = text
            .split(',')
            .map(|item| self.item_spelled_out(item))
            .collect();
        items.join(",")
    }

    fn item_spelled_out(&self, item: &str) -> String {
        let (values, step) = item
            .split_once('/')
            .map_or((item, None), |(values, step)| (values, number(step)));
        let ends = values.split_once('-').and_then(|(from, to)| {
            let wraps = self.value(from).ok()? > self.value(to).ok()?;
            wraps.then_some((from, to))
        });
        let Some((from, to)) = ends else {
            return item.to_owned();
        };
        if let Some(step) = step {
            let values: Vec<String> = self
                .range(from, to, step)
                .map(|at| self.named(at, from))
                .collect();
            return values.join(",");
        }
        let range = |from: &str, to: &str| {
            if from == to {
                from.to_owned()
            } else {
                format!("{from}-{to}")
            }
        };
        let (first, last) = (self.named(self.min, to), self.named(self.max, from));
        format!("{},{}", range(from, &last), range(&first, to))
    }

    /// The values from one to the other in steps, over the end of the field if need be.
    fn range(&self, from: &str, to: &str, step: u16) -> impl Iterator<Item = u16> + use<> {
        let (min, count) = (self.min, self.max - self.min + 1);
        let (from, to) = (
            self.value(from).unwrap_or(min),
            self.value(to).unwrap_or(min),
        );
        let length = if from > to {
            to + count - from
        } else {
            to - from
        };
        let offsets = (0..=length).step_by(usize::from(step.max(1)));
        offsets.map(move |offset| min + (from - min + offset) % count)
    }

    /// A value as `like` is written: by its name, or as a number.
    fn named(&self, value: u16, like: &str) -> String {
        let name = self.names.get(usize::from(value - self.min));
        match name.filter(|_| self.names.contains(&like)) {
            Some(name) => (*name).to_owned(),
            None => value.to_string(),
        }
    }

    /// All values that a checked field chooses; `None` where it says something else than values.
    pub(super) fn values(&self, text: &str) -> Option<BTreeSet<u16>> {
        let mut all = BTreeSet::new();
        for item in text.split(',') {
            let (values, step) = match item.split_once('/') {
                Some((values, step)) => (values, Some(number(step)?)),
                None => (item, None),
            };
            let (first, last) = (self.min.to_string(), self.max.to_string());
            let (from, to) = match (values, values.split_once('-')) {
                ("*", _) => (first.as_str(), last.as_str()),
                (_, Some(ends)) => ends,
                // `5/15` goes on from 5 to the end.
                (value, None) if step.is_some() => (value, last.as_str()),
                (value, None) => (value, value),
            };
            self.value(from).ok().zip(self.value(to).ok())?;
            all.extend(self.range(from, to, step.unwrap_or(1)));
        }
        Some(all)
    }

    /// An item that uses `L`, `W` or `#` where the field has them; `None` for all others.
    fn special_item(&self, item: &str) -> Option<Result<(), &'static str>> {
        if self.special.contains('#') {
            if let Some((day, which)) = item.split_once('#') {
                let which = number(which).filter(|which| (1..=5).contains(which));
                return Some(
                    self.value(day)
                        .and(which.map(drop).ok_or("after `#` stands 1 to 5")),
                );
            }
            // No weekday's name ends in L: `FRIL` is FRI and L, the last Friday.
            let day = item.strip_suffix('L')?;
            return Some(if day.is_empty() {
                Ok(())
            } else {
                self.value(day).map(drop)
            });
        }
        if self.special.contains('W') {
            if item == "L" || item == "LW" {
                return Some(Ok(()));
            }
            return item.strip_suffix('W').map(|day| self.value(day).map(drop));
        }
        None
    }

    /// A value, by its number or its name.
    pub(super) fn value(&self, text: &str) -> Result<u16, &'static str> {
        let named = self.names.iter().position(|name| *name == text);
        let value = match named {
            Some(index) => u16::try_from(index + 1).ok(),
            None => number(text),
        };
        value
            .filter(|value| (self.min..=self.max).contains(value))
            .ok_or("that is no value of this field")
    }
}

pub(super) fn number(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
