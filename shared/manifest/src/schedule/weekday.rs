//! Weekday numbers: crontab counts from 0 = SUN, AWS from 1 = SUN.

use super::{ScheduleError, Warning, printable};

/// As AWS counts them, from 1.
pub(super) const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/// Refuses weekday 0; with five fields, as in crontab, warns that a number names another day to AWS.
pub(super) fn check(text: &str, fields: usize) -> Result<Vec<Warning>, ScheduleError> {
    let mut numbers = weekday_numbers(text).peekable();
    if numbers.peek().is_none() {
        return Ok(Vec::new());
    }
    if numbers.any(|number| number.bytes().all(|digit| digit == b'0')) {
        return Err(ScheduleError::WeekdayZero {
            text: printable(text),
        });
    }
    if fields != 5 {
        return Ok(Vec::new());
    }
    let (aws, crontab) = (with_names(text, -1), with_names(text, 0));
    let text = printable(text);
    Ok(vec![Warning::WeekdayNumber { text, aws, crontab }])
}

/// The pieces of a day-of-week field between its operators: values, never steps or the `n` of `#n`.
fn weekday_numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .filter_map(|item| item.split(['/', '#']).next())
        .flat_map(|item| item.split('-'))
        .map(|value| value.strip_suffix('L').unwrap_or(value))
        .filter(|value| !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()))
}

/// `text` with each weekday number written as the name that stands `shift` places after it, counted from 0 = SUN.
fn with_names(text: &str, shift: i32) -> String {
    let name = |value: &str| {
        let number: i32 = value.parse().ok()?;
        let index = usize::try_from((number + shift).rem_euclid(7)).ok()?;
        WEEKDAYS.get(index).copied()
    };
    let item = |item: &str| {
        let end = item.find(['/', '#']).unwrap_or(item.len());
        let (values, rest) = item.split_at_checked(end).unwrap_or((item, ""));
        let values = values.split('-').map(|value| {
            let digits = value.strip_suffix('L').unwrap_or(value);
            let last = if digits.len() < value.len() { "L" } else { "" };
            format!(
                "{}{last}",
                (digits.len() == 1)
                    .then(|| name(digits))
                    .flatten()
                    .unwrap_or(digits)
            )
        });
        values.collect::<Vec<_>>().join("-") + rest
    };
    printable(&text.split(',').map(item).collect::<Vec<_>>().join(","))
}
