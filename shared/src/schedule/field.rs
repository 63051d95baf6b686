//! What AWS takes in each field of a cron expression (EventBridge user guide, "Cron expressions").

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
}

pub(super) const MINUTE: Field = Field {
    name: "minute",
    min: 0,
    max: 59,
    names: &[],
    special: "",
    allowed: "0-59 with `,` `-` `*` `/`",
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
};
pub(super) const MONTH: Field = Field {
    name: "month",
    min: 1,
    max: 12,
    names: &MONTHS,
    special: "",
    allowed: "1-12 or JAN-DEC with `,` `-` `*` `/`",
};
pub(super) const DAY_OF_WEEK: Field = Field {
    name: "day-of-week",
    min: 1,
    max: 7,
    names: &WEEKDAYS,
    special: "?L#",
    allowed: "1-7 (1 = SUN) or SUN-SAT with `,` `-` `*` `?` `/` `L` `#`",
};
pub(super) const YEAR: Field = Field {
    name: "year",
    min: 1970,
    max: 2199,
    names: &[],
    special: "",
    allowed: "1970-2199 with `,` `-` `*` `/`",
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
        if self.value(from)? > self.value(to)? {
            return Err("a range goes upwards");
        }
        Ok(())
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

    fn value(&self, text: &str) -> Result<u16, &'static str> {
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

fn number(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
