//! `rate(value unit)` (EventBridge user guide, "Rate expressions"): the unit is singular for 1 and plural otherwise.

use super::ScheduleError;

/// The expression in EventBridge's spelling, if `schedule` is one: a wrong number of the unit is put right, because only
/// one thing can be meant.
pub(super) fn read(schedule: &str) -> Option<Result<String, ScheduleError>> {
    let lower = schedule.trim().to_ascii_lowercase();
    let inner = lower.strip_prefix("rate(")?.strip_suffix(')')?;
    let mut words = inner.split_whitespace();
    let (value, unit, end) = (words.next(), words.next(), words.next());
    let value = value.filter(|value| value.bytes().all(|b| b.is_ascii_digit()));
    let value = value
        .and_then(|value| value.parse::<u32>().ok())
        .filter(|value| *value > 0);
    let unit = match unit {
        Some("minute" | "minutes") => Some("minute"),
        Some("hour" | "hours") => Some("hour"),
        Some("day" | "days") => Some("day"),
        _ => None,
    };
    let (Some(value), Some(unit), None) = (value, unit, end) else {
        let schedule = super::printable(schedule);
        return Some(Err(ScheduleError::Rate { schedule }));
    };
    let plural = if value == 1 { "" } else { "s" };
    Some(Ok(format!("rate({value} {unit}{plural})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_singular_for_one_and_plural_otherwise() {
        for (schedule, want) in [
            ("rate(1 minute)", "rate(1 minute)"),
            ("rate(5 minutes)", "rate(5 minutes)"),
            (" rate(  1   hour ) ", "rate(1 hour)"),
            ("Rate(12 Hours)", "rate(12 hours)"),
            ("rate(1 days)", "rate(1 day)"),
            ("rate(7 day)", "rate(7 days)"),
            ("rate(01 day)", "rate(1 day)"),
        ] {
            assert_eq!(read(schedule), Some(Ok(want.to_owned())), "{schedule}");
        }
        for schedule in [
            "rate()",
            "rate(0 minutes)",
            "rate(-1 minutes)",
            "rate(+1 minutes)",
            "rate(1.5 hours)",
            "rate(5 weeks)",
            "rate(5)",
            "rate(5 minutes ago)",
            "rate(99999999999 days)",
        ] {
            assert!(
                matches!(read(schedule), Some(Err(ScheduleError::Rate { .. }))),
                "{schedule}"
            );
        }
        for schedule in [
            "",
            "0 8 * * ?",
            "rate",
            "rate(5 minutes",
            "cron(0 8 * * ? *)",
        ] {
            assert_eq!(read(schedule), None, "{schedule}");
        }
    }
}
