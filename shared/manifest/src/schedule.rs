//! A Timer's schedule -> the `cron(…)` or `rate(…)` expression EventBridge is told, or why EventBridge would refuse it.
//!
//! Numbers are never shifted: they mean what AWS says, 1 = SUN (EventBridge user guide, "Cron expressions").

mod due;
mod field;
mod rate;
mod weekday;

pub use due::may_be_due;

use field::{DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH, YEAR};

/// EventBridge refuses longer expressions (API reference, `PutRule`, `ScheduleExpression`).
const EXPRESSION_MAX: usize = 256;
/// What a message repeats of a field at most.
const SHOWN_MAX: usize = 40;
/// A schedule that EventBridge accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// `cron(minute hour day-of-month month day-of-week year)`, or `rate(value unit)`.
    pub expression: String,
    /// What its author may have meant otherwise.
    pub warnings: Vec<Warning>,
    /// The last year in which it can run, if it names years.
    pub last_year: Option<u16>,
}

/// What the author of a schedule should know, although EventBridge takes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A weekday number in five fields, as crontab has them.
    #[error(
        "AWS reads the weekday `{text}` as `{aws}` (1 = SUN): write `{crontab}` if that is meant, `{aws}` if not"
    )]
    WeekdayNumber {
        /// What was written.
        text: String,
        /// What AWS reads.
        aws: String,
        /// What crontab reads.
        crontab: String,
    },
    /// The same of a schedule that may not be printed.
    #[error("`{shown}` has a weekday number, and AWS counts from 1 = SUN: use a name, SUN-SAT")]
    SomeWeekdayNumber {
        /// What may be printed.
        shown: String,
    },
    /// The 30th of February.
    #[error("no month and year that it names has such a day, so it never runs")]
    NoSuchDay,
}

impl Warning {
    /// The same warning about a schedule of which only `shown` may be printed.
    #[must_use]
    pub fn showing(self, shown: &str) -> Self {
        match self {
            Self::WeekdayNumber { .. } | Self::SomeWeekdayNumber { .. } => {
                let shown = shown.to_owned();
                Self::SomeWeekdayNumber { shown }
            }
            Self::NoSuchDay => Self::NoSuchDay,
        }
    }
}

/// A schedule that EventBridge would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Neither five nor six fields.
    #[error(
        "the schedule `{schedule}` has {found} fields: write five (minute hour day-of-month month day-of-week) or six (and a year)"
    )]
    FieldCount {
        /// What was written.
        schedule: String,
        /// How many fields that is.
        found: usize,
    },
    /// A rate that is none.
    #[error(
        "the schedule `{schedule}` is no rate: write a whole number from 1 and minutes, hours or days, such as `rate(5 minutes)`"
    )]
    Rate {
        /// What was written.
        schedule: String,
    },
    /// Longer than EventBridge allows.
    #[error(
        "the schedule is {length} characters long as `cron(…)`, EventBridge allows {EXPRESSION_MAX}"
    )]
    TooLong {
        /// How long the expression would be.
        length: usize,
    },
    /// A field that holds something else than it may.
    #[error("the {field} field of the schedule is `{text}`: {rule}; allowed is {allowed}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it holds.
        text: String,
        /// What is wrong.
        rule: &'static str,
        /// What it may hold.
        allowed: &'static str,
    },
    /// Weekday 0, which is Sunday in crontab and nothing in AWS.
    #[error(
        "the day-of-week field of the schedule is `{text}`, but AWS counts from 1 = SUN: write `SUN` for 0"
    )]
    WeekdayZero {
        /// What it holds.
        text: String,
    },
    /// Two day fields that both choose days, or neither.
    #[error(
        "the schedule has `{day_of_month}` as day-of-month and `{day_of_week}` as day-of-week: exactly one of them must be `?`"
    )]
    DayFields {
        /// The third field.
        day_of_month: String,
        /// The fifth.
        day_of_week: String,
    },
}

impl ScheduleError {
    /// The same error with `shown` in place of everything it repeats of a schedule that may not be printed.
    #[must_use]
    pub fn showing(self, shown: &str) -> Self {
        let shown = printable(shown);
        match self {
            Self::FieldCount { found, .. } => Self::FieldCount {
                schedule: shown,
                found,
            },
            Self::Rate { .. } => Self::Rate { schedule: shown },
            Self::TooLong { length } => Self::TooLong { length },
            Self::Field {
                field,
                rule,
                allowed,
                ..
            } => Self::Field {
                field,
                text: shown,
                rule,
                allowed,
            },
            Self::WeekdayZero { .. } => Self::WeekdayZero { text: shown },
            Self::DayFields { .. } => Self::DayFields {
                day_of_month: shown.clone(),
                day_of_week: shown,
            },
        }
    }
}

/// Checks `schedule`, five or six fields apart by any white space, and renders it for EventBridge.
///
/// What AWS itself writes is taken too: `cron(…)` around the fields, and `rate(…)`, which Convox does not know.
/// Five fields get the year `*`. Where neither day field is `?`, one that is `*` becomes `?`: the day-of-week if
/// both are.
///
/// # Errors
///
/// [`ScheduleError`] naming the field, what it holds and what is allowed.
pub fn aws_cron(schedule: &str) -> Result<Checked, ScheduleError> {
    if let Some(rate) = rate::read(schedule) {
        return rate.map(|expression| Checked {
            expression,
            warnings: Vec::new(),
            last_year: None,
        });
    }
    let upper = schedule.trim().to_ascii_uppercase();
    let inner = upper
        .strip_prefix("CRON(")
        .and_then(|inner| inner.strip_suffix(')'));
    let fields: Vec<&str> = inner.unwrap_or(&upper).split_whitespace().collect();
    let (minute, hour, day_of_month, month, day_of_week, year) = match *fields.as_slice() {
        [minute, hour, day, month, weekday] => (minute, hour, day, month, weekday, "*"),
        [minute, hour, day, month, weekday, year] => (minute, hour, day, month, weekday, year),
        _ => {
            return Err(ScheduleError::FieldCount {
                schedule: printable(schedule),
                found: fields.len(),
            });
        }
    };
    let mut warnings = weekday::check(day_of_week, fields.len())?;
    MINUTE.check(minute)?;
    HOUR.check(hour)?;
    DAY_OF_MONTH.check(day_of_month)?;
    MONTH.check(month)?;
    DAY_OF_WEEK.check(day_of_week)?;
    YEAR.check(year)?;
    let (day_of_month, day_of_week) = one_question_mark(day_of_month, day_of_week)?;
    if never(day_of_month, month, year) {
        warnings.push(Warning::NoSuchDay);
    }
    let last_year = (year != "*")
        .then(|| YEAR.values(year)?.pop_last())
        .flatten();
    let (minute, hour) = (MINUTE.spelled_out(minute), HOUR.spelled_out(hour));
    let (day_of_month, month) = (
        DAY_OF_MONTH.spelled_out(day_of_month),
        MONTH.spelled_out(month),
    );
    let day_of_week = DAY_OF_WEEK.spelled_out(day_of_week);
    let expression = format!("cron({minute} {hour} {day_of_month} {month} {day_of_week} {year})");
    if expression.len() > EXPRESSION_MAX {
        return Err(ScheduleError::TooLong {
            length: expression.len(),
        });
    }
    Ok(Checked {
        expression,
        warnings,
        last_year,
    })
}

/// Whether the calendar lacks all the days that are chosen: the 30th of February, or the 29th in years without one.
fn never(day_of_month: &str, month: &str, year: &str) -> bool {
    let chosen = (
        DAY_OF_MONTH.values(day_of_month),
        MONTH.values(month),
        YEAR.values(year),
    );
    let (Some(days), Some(months), Some(years)) = chosen else {
        return false;
    };
    let leap = |year: &u16| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let february = if years.iter().any(leap) { 29 } else { 28 };
    let longest = months.iter().map(|month| match month {
        2 => february,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    });
    days.first() > longest.max().as_ref()
}

fn one_question_mark<'a>(
    day_of_month: &'a str,
    day_of_week: &'a str,
) -> Result<(&'a str, &'a str), ScheduleError> {
    match (day_of_month, day_of_week) {
        ("?", day) if day != "?" => Ok(("?", day)),
        (day, "?" | "*") if day != "?" => Ok((day, "?")),
        ("*", day) => Ok(("?", day)),
        _ => Err(ScheduleError::DayFields {
            day_of_month: printable(day_of_month),
            day_of_week: printable(day_of_week),
        }),
    }
}

/// A piece of `text` that is fit for a message.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(SHOWN_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_completed_but_never_shifted() {
        for (schedule, want) in [
            ("0 8 * * ?", "cron(0 8 * * ? *)"),
            ("0 8 * * *", "cron(0 8 * * ? *)"),
            ("0 8 ? * *", "cron(0 8 ? * * *)"),
            ("0 8 1 * *", "cron(0 8 1 * ? *)"),
            ("0 8 * * mon-fri", "cron(0 8 ? * MON-FRI *)"),
            ("0 8 * * */2", "cron(0 8 ? * */2 *)"),
            ("0 8 ? * 2-6 *", "cron(0 8 ? * 2-6 *)"),
            (
                " 0\t8  1,15 jan-mar/2 ?  2030-2040 ",
                "cron(0 8 1,15 JAN-MAR/2 ? 2030-2040)",
            ),
            ("0/15 8-18/2 L 1,6 ?", "cron(0/15 8-18/2 L 1,6 ? *)"),
            ("*/5 * 3W * ? *", "cron(*/5 * 3W * ? *)"),
            ("0 0 LW * ? *", "cron(0 0 LW * ? *)"),
            ("0 0 ? * FRIL *", "cron(0 0 ? * FRIL *)"),
            ("0 0 ? * L *", "cron(0 0 ? * L *)"),
            ("cron(0 8 * * ? *)", "cron(0 8 * * ? *)"),
            (" Cron( 0 8 * * MON-FRI ) ", "cron(0 8 ? * MON-FRI *)"),
            ("rate(1 minute)", "rate(1 minute)"),
            ("rate(5 minutes)", "rate(5 minutes)"),
            ("0 0 ? * MON#2 *", "cron(0 0 ? * MON#2 *)"),
        ] {
            let got = aws_cron(schedule);
            let got = got.map(|checked| (checked.expression, checked.warnings));
            assert_eq!(got, Ok((want.to_owned(), Vec::new())), "{schedule}");
        }
    }

    #[test]
    fn a_range_over_the_end_of_its_field_is_spelled_out() {
        for (schedule, want) in [
            ("0 8 * * SAT-SUN", "cron(0 8 ? * SAT,SUN *)"),
            ("0 8 * * FRI-MON", "cron(0 8 ? * FRI-SAT,SUN-MON *)"),
            ("0 8 * * MON-SUN", "cron(0 8 ? * MON-SAT,SUN *)"),
            ("0 8 ? * 7-2 *", "cron(0 8 ? * 7,1-2 *)"),
            ("0 8 ? * FRI-2 *", "cron(0 8 ? * FRI-SAT,1-2 *)"),
            ("0 22-6 * * ?", "cron(0 22-23,0-6 * * ? *)"),
            ("0 23-0 * * ?", "cron(0 23,0 * * ? *)"),
            ("0 1,22-6/2,12 * * ?", "cron(0 1,22,0,2,4,6,12 * * ? *)"),
            ("0 0 ? * THU-TUE/2 *", "cron(0 0 ? * THU,SAT,MON *)"),
            ("50-10 * * * ?", "cron(50-59,0-10 * * * ? *)"),
            ("0 0 1 NOV-FEB ?", "cron(0 0 1 NOV-DEC,JAN-FEB ? *)"),
            ("0 0 25-5 * ?", "cron(0 0 25-31,1-5 * ? *)"),
            (
                "0/30 20-2 ? * MON-FRI *",
                "cron(0/30 20-23,0-2 ? * MON-FRI *)",
            ),
        ] {
            assert_eq!(aws_cron(schedule).unwrap().expression, want, "{schedule}");
        }
    }

    #[test]
    fn a_date_that_no_calendar_has_is_a_warning() {
        for (schedule, never, last_year) in [
            ("0 0 30 2 ? *", true, None),
            ("0 0 31 APR,JUN,9,11 ? *", true, None),
            ("0 0 30/1 FEB ? *", true, None),
            ("0 0 29 2 ? 2027", true, Some(2027)),
            ("0 0 29 2 ? 2027-2028", false, Some(2028)),
            ("0 0 29 2 ? *", false, None),
            ("0 0 31 2-3 ? *", false, None),
            ("0 0 L 2 ? *", false, None),
            ("0 0 31W 4 ? *", false, None),
            ("0 0 ? 2 MON 2020,2019", false, Some(2020)),
            ("0 0 1 1 ? 2020/2", false, Some(2198)),
        ] {
            let checked = aws_cron(schedule).unwrap();
            assert_eq!(
                !checked.warnings.is_empty(),
                never,
                "{schedule}: {:?}",
                checked.warnings
            );
            assert_eq!(checked.last_year, last_year, "{schedule}");
        }
    }

    #[test]
    fn what_aws_would_refuse_names_its_field() {
        for (schedule, field) in [
            ("60 * * * ?", "minute"),
            ("-1 * * * ?", "minute"),
            ("? * * * ?", "minute"),
            ("*/0 * * * ?", "minute"),
            ("*/60 * * * ?", "minute"),
            ("5- * * * ?", "minute"),
            ("1,,2 * * * ?", "minute"),
            ("1/2/3 * * * ?", "minute"),
            ("+1 * * * ?", "minute"),
            ("٣ * * * ?", "minute"),
            ("99999999999 * * * ?", "minute"),
            ("0 24 * * ?", "hour"),
            ("0 L * * ?", "hour"),
            ("0 0 0 * ?", "day-of-month"),
            ("0 0 32 * ?", "day-of-month"),
            ("0 0 W * ?", "day-of-month"),
            ("0 0 1,L * ?", "day-of-month"),
            ("0 0 1#2 * ?", "day-of-month"),
            ("0 0 1 13 ?", "month"),
            ("0 0 1 MON ?", "month"),
            ("0 0 1 ? *", "month"),
            ("0 0 ? * 8", "day-of-week"),
            ("0 0 ? * 3W", "day-of-week"),
            ("0 0 ? * MON#6", "day-of-week"),
            ("0 0 ? * MON#1,FRI#2", "day-of-week"),
            ("0 0 ? * MON#1#2", "day-of-week"),
            ("0 0 ? * MONDAY", "day-of-week"),
            ("0 0 ? * ?,MON", "day-of-week"),
            ("0 0 1 * ? 1969", "year"),
            ("0 0 1 * ? 2200", "year"),
            ("0 0 1 * ? 2030-2029", "year"),
        ] {
            match aws_cron(schedule) {
                Err(ScheduleError::Field { field: got, .. }) => {
                    assert_eq!(got, field, "{schedule}");
                }
                other => panic!("{schedule}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_message_says_what_is_allowed() {
        for (schedule, want) in [
            (
                "0 24 * * ?",
                "the hour field of the schedule is `24`: that is no value of this field; allowed is 0-23 with `,` `-` `*` `/`",
            ),
            (
                "0 8 1 * MON",
                "the schedule has `1` as day-of-month and `MON` as day-of-week: exactly one of them must be `?`",
            ),
            (
                "0 8 ? * ?",
                "the schedule has `?` as day-of-month and `?` as day-of-week: exactly one of them must be `?`",
            ),
            (
                "@daily",
                "the schedule `@daily` has 1 fields: write five (minute hour day-of-month month day-of-week) or six (and a year)",
            ),
            (
                "rate(5 weeks)",
                "the schedule `rate(5 weeks)` is no rate: write a whole number from 1 and minutes, hours or days, such as `rate(5 minutes)`",
            ),
            (
                "",
                "the schedule `` has 0 fields: write five (minute hour day-of-month month day-of-week) or six (and a year)",
            ),
            (
                "0 8 ? * 0-5 *",
                "the day-of-week field of the schedule is `0-5`, but AWS counts from 1 = SUN: write `SUN` for 0",
            ),
        ] {
            assert_eq!(
                aws_cron(schedule).unwrap_err().to_string(),
                want,
                "{schedule}"
            );
        }
    }

    #[test]
    fn a_weekday_number_in_five_fields_warns_with_the_day_aws_reads() {
        for (schedule, aws, crontab) in [
            ("0 8 * * 1", "SUN", "MON"),
            ("0 8 * * 7", "SAT", "SUN"),
            ("0 8 * * 1-5", "SUN-THU", "MON-FRI"),
            ("0 8 * * 1-5/2", "SUN-THU/2", "MON-FRI/2"),
            ("0 8 ? * 2#1", "MON#1", "TUE#1"),
            ("0 8 ? * 6L", "FRIL", "SATL"),
            ("0 8 * * MON,3", "MON,TUE", "MON,WED"),
        ] {
            let warnings = aws_cron(schedule).unwrap().warnings;
            assert_eq!(warnings.len(), 1, "{schedule}");
            let warnings = [warnings[0].to_string()];
            assert!(
                warnings[0].contains(&format!("as `{aws}` (1 = SUN)")),
                "{warnings:?}"
            );
            assert!(
                warnings[0].contains(&format!("write `{crontab}` if that is meant")),
                "{warnings:?}"
            );
        }
        for schedule in ["0 8 ? * 1-5 *", "0 8 * * */2", "0 8 * * MON"] {
            assert_eq!(aws_cron(schedule).unwrap().warnings, [], "{schedule}");
        }
    }

    #[test]
    fn eventbridge_takes_256_characters() {
        let minutes = |count: usize| vec!["1"; count].join(",");
        let fits = format!("{} 0 * * ?", minutes(120));
        assert_eq!(aws_cron(&fits).unwrap().expression.len(), 255);
        let long = format!("{} 0 * * ?", minutes(121));
        assert_eq!(aws_cron(&long), Err(ScheduleError::TooLong { length: 257 }));
    }

    #[test]
    fn a_schedule_that_may_not_be_printed_is_replaced_in_its_error() {
        for schedule in [
            "sesame",
            "rate(sesame)",
            "sesame 0 * * ?",
            "0 0 SESAME * SESAME",
            "0 0 1 * 1",
            "0 0 * * 0",
        ] {
            let error = aws_cron(schedule)
                .unwrap_err()
                .showing("${CRON}")
                .to_string();
            assert!(error.contains("`${CRON}`"), "{error}");
            assert!(!error.to_lowercase().contains("sesame"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_checked_without_panic(schedule in ".*") {
            let _ = aws_cron(&schedule);
        }

        #[test]
        fn an_accepted_schedule_has_six_fields_and_one_question_mark(
            fields in prop::collection::vec("[0-9*?LW#/,-]{1,4}|MON|JAN|[*?]", 4..7)
        ) {
            if let Ok(checked) = aws_cron(&fields.join(" ")) {
                let inner = checked.expression.strip_prefix("cron(").unwrap().strip_suffix(')').unwrap();
                let got: Vec<&str> = inner.split(' ').collect();
                prop_assert_eq!(got.len(), 6);
                prop_assert!((got[2] == "?") != (got[4] == "?"), "{}", inner);
            }
        }
    }
}
