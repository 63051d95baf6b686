//! Rule names and schedule expressions that `PutRule` refuses.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::super::Refusal;
use super::validation;

const ID_MAX: usize = 64;
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One of the six fields: its numbers, the names it takes for them, and the characters only it takes.
struct Field {
    numbers: RangeInclusive<u32>,
    names: &'static [&'static str],
    special: &'static str,
}

/// Source: `EventBridge` user guide, "Cron expressions" (fields, values, wildcards).
const FIELDS: [Field; 6] = [
    field(0..=59, &[], ""),
    field(0..=23, &[], ""),
    field(1..=31, &[], "?LW"),
    field(1..=12, &MONTHS, ""),
    field(1..=7, &DAYS, "?L#"),
    field(1970..=2199, &[], ""),
];

const fn field(
    numbers: RangeInclusive<u32>,
    names: &'static [&'static str],
    special: &'static str,
) -> Field {
    Field {
        numbers,
        names,
        special,
    }
}

pub(super) fn check_rule(rule: &Value) -> Result<(), Refusal> {
    check_id("Name", rule["Name"].as_str().unwrap_or_default())?;
    match rule["ScheduleExpression"].as_str() {
        Some(expression) if !is_schedule(expression) => {
            Err(validation("Parameter ScheduleExpression is not valid."))
        }
        _ => Ok(()),
    }
}

/// Source: facts/aws.md 4.2 (rule name and target id: `[.\-_A-Za-z0-9]+`, at most 64).
pub(super) fn check_id(parameter: &str, id: &str) -> Result<(), Refusal> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if (1..=ID_MAX).contains(&id.len()) && id.bytes().all(valid) {
        return Ok(());
    }
    Err(validation(format!("Parameter {parameter} is not valid.")))
}

/// Source: facts/aws.md 4.5.
pub(super) fn is_schedule(expression: &str) -> bool {
    let inside = |name: &str| {
        expression
            .strip_prefix(name)?
            .strip_prefix('(')?
            .strip_suffix(')')
    };
    match (inside("cron"), inside("rate")) {
        (Some(cron), _) => is_cron(cron),
        (_, Some(rate)) => is_rate(rate),
        _ => false,
    }
}

/// The unit is singular exactly for 1.
fn is_rate(rate: &str) -> bool {
    let Some((value, unit)) = rate.split_once(' ') else {
        return false;
    };
    let plural = ["minutes", "hours", "days"];
    match value.parse::<u32>() {
        Ok(0) | Err(_) => false,
        Ok(1) => ["minute", "hour", "day"].contains(&unit),
        Ok(_) => plural.contains(&unit),
    }
}

/// Six fields, exactly one of day-of-month and day-of-week is `?`.
fn is_cron(cron: &str) -> bool {
    let texts: Vec<&str> = cron.split_whitespace().collect();
    let [_, _, day_of_month, _, day_of_week, _] = texts.as_slice() else {
        return false;
    };
    (*day_of_month == "?") != (*day_of_week == "?")
        && texts
            .iter()
            .zip(&FIELDS)
            .all(|(text, field)| field.takes(text))
}

impl Field {
    fn takes(&self, text: &str) -> bool {
        match text {
            "*" => true,
            "?" | "L" => self.special.contains(text),
            "LW" => self.special.contains('W'),
            list => list.split(',').all(|item| self.takes_item(item)),
        }
    }

    fn takes_item(&self, item: &str) -> bool {
        if self.takes_range(item) {
            return true; // first, because `JUL` ends like a wildcard
        }
        if let Some((base, step)) = item.split_once('/') {
            let steps = step.parse::<u32>().is_ok_and(|step| step > 0);
            return steps && (base == "*" || self.takes_range(base));
        }
        if let Some((day, week)) = item.split_once('#') {
            let weeks = week
                .parse::<u32>()
                .is_ok_and(|week| (1..=5).contains(&week));
            return self.special.contains('#') && weeks && self.takes_value(day);
        }
        if let Some(day) = item.strip_suffix(['W', 'L']) {
            let letter = &item[day.len()..];
            // `L` after a number only means something for days of the week.
            let known =
                self.special.contains(letter) && (letter == "W" || self.special.contains('#'));
            return known && self.takes_value(day);
        }
        false
    }

    /// Whether AWS takes a range that goes downwards, its rules do not say, so nothing may depend on it.
    fn takes_range(&self, range: &str) -> bool {
        match range.split_once('-') {
            Some((first, last)) => match (self.value(first), self.value(last)) {
                (Some(first), Some(last)) => first <= last,
                _ => false,
            },
            None => self.takes_value(range),
        }
    }

    fn takes_value(&self, value: &str) -> bool {
        self.value(value).is_some()
    }

    fn value(&self, value: &str) -> Option<u32> {
        let upper = value.to_ascii_uppercase();
        let named = self.names.iter().position(|name| *name == upper);
        let named = named.and_then(|at| u32::try_from(at).ok());
        match named {
            Some(at) => Some(self.numbers.start() + at),
            None => value
                .parse()
                .ok()
                .filter(|number| self.numbers.contains(number)),
        }
    }
}
