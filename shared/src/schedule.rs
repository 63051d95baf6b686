//! A Timer's schedule -> the `cron(…)` expression EventBridge is told, or why EventBridge would refuse it.
//!
//! Numbers are never shifted: they mean what AWS says, 1 = SUN (EventBridge user guide, "Cron expressions").

/// EventBridge refuses longer expressions (API reference, `PutRule`, `ScheduleExpression`).
const EXPRESSION_MAX: usize = 256;
/// What a message repeats of a field at most.
const SHOWN_MAX: usize = 40;
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

/// A schedule that EventBridge accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// `cron(minute hour day-of-month month day-of-week year)`.
    pub expression: String,
    /// What its author may have meant otherwise.
    pub warnings: Vec<String>,
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
    /// Longer than EventBridge allows.
    #[error("the schedule is {length} characters long as `cron(…)`, EventBridge allows {EXPRESSION_MAX}")]
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
    #[error("the day-of-week field of the schedule is `{text}`, but AWS counts from 1 = SUN: write `SUN` for 0")]
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
            Self::FieldCount { found, .. } => Self::FieldCount { schedule: shown, found },
            Self::TooLong { length } => Self::TooLong { length },
            Self::Field { field, rule, allowed, .. } => Self::Field { field, text: shown, rule, allowed },
            Self::WeekdayZero { .. } => Self::WeekdayZero { text: shown },
            Self::DayFields { .. } => Self::DayFields { day_of_month: shown.clone(), day_of_week: shown },
        }
    }
}

/// One of the six fields and what AWS takes there.
struct Field {
    name: &'static str,
    min: u16,
    max: u16,
    names: &'static [&'static str],
    /// The characters beyond `, - * /`.
    special: &'static str,
    allowed: &'static str,
}

const MINUTE: Field = Field {
    name: "minute",
    min: 0,
    max: 59,
    names: &[],
    special: "",
    allowed: "0-59 with `,` `-` `*` `/`",
};
const HOUR: Field = Field {
    name: "hour",
    max: 23,
    allowed: "0-23 with `,` `-` `*` `/`",
    ..MINUTE
};
const DAY_OF_MONTH: Field = Field {
    name: "day-of-month",
    min: 1,
    max: 31,
    names: &[],
    special: "?LW",
    allowed: "1-31 with `,` `-` `*` `?` `/` `L` `W`",
};
const MONTH: Field = Field {
    name: "month",
    min: 1,
    max: 12,
    names: &MONTHS,
    special: "",
    allowed: "1-12 or JAN-DEC with `,` `-` `*` `/`",
};
const DAY_OF_WEEK: Field = Field {
    name: "day-of-week",
    min: 1,
    max: 7,
    names: &WEEKDAYS,
    special: "?L#",
    allowed: "1-7 (1 = SUN) or SUN-SAT with `,` `-` `*` `?` `/` `L` `#`",
};
const YEAR: Field = Field {
    name: "year",
    min: 1970,
    max: 2199,
    names: &[],
    special: "",
    allowed: "1970-2199 with `,` `-` `*` `/`",
};

/// Checks `schedule`, five or six fields apart by any white space, and renders it for EventBridge.
///
/// Five fields get the year `*`. Where neither day field is `?`, one that is `*` becomes `?`: the day-of-week if
/// both are.
///
/// # Errors
///
/// [`ScheduleError`] naming the field, what it holds and what is allowed.
pub fn aws_cron(schedule: &str) -> Result<Checked, ScheduleError> {
    let upper = schedule.to_ascii_uppercase();
    let fields: Vec<&str> = upper.split_whitespace().collect();
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
    let warnings = crontab_weekday(day_of_week, fields.len())?;
    MINUTE.check(minute)?;
    HOUR.check(hour)?;
    DAY_OF_MONTH.check(day_of_month)?;
    MONTH.check(month)?;
    DAY_OF_WEEK.check(day_of_week)?;
    YEAR.check(year)?;
    let (day_of_month, day_of_week) = one_question_mark(day_of_month, day_of_week)?;
    let expression = format!("cron({minute} {hour} {day_of_month} {month} {day_of_week} {year})");
    if expression.len() > EXPRESSION_MAX {
        return Err(ScheduleError::TooLong { length: expression.len() });
    }
    Ok(Checked { expression, warnings })
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

/// Refuses weekday 0; with five fields, as in crontab, warns that a number names another day to AWS.
fn crontab_weekday(text: &str, fields: usize) -> Result<Vec<String>, ScheduleError> {
    let mut numbers = weekday_numbers(text).peekable();
    if numbers.peek().is_none() {
        return Ok(Vec::new());
    }
    if numbers.any(|number| number.bytes().all(|digit| digit == b'0')) {
        return Err(ScheduleError::WeekdayZero { text: printable(text) });
    }
    if fields != 5 {
        return Ok(Vec::new());
    }
    let (aws, crontab) = (with_names(text, -1), with_names(text, 0));
    let text = printable(text);
    Ok(vec![format!(
        "AWS reads the weekday `{text}` as `{aws}` (1 = SUN): write `{crontab}` if that is meant, `{aws}` if not"
    )])
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
            format!("{}{last}", (digits.len() == 1).then(|| name(digits)).flatten().unwrap_or(digits))
        });
        values.collect::<Vec<_>>().join("-") + rest
    };
    printable(&text.split(',').map(item).collect::<Vec<_>>().join(","))
}

impl Field {
    fn check(&self, text: &str) -> Result<(), ScheduleError> {
        let result = if text == "?" && self.special.contains('?') {
            Ok(())
        } else {
            text.split(',').try_for_each(|item| self.item(item, text.contains(',')))
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
        let (values, step) = item.split_once('/').map_or((item, None), |(values, step)| (values, Some(step)));
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
                return Some(self.value(day).and(which.map(drop).ok_or("after `#` stands 1 to 5")));
            }
            // No weekday's name ends in L: `FRIL` is FRI and L, the last Friday.
            let day = item.strip_suffix('L')?;
            return Some(if day.is_empty() { Ok(()) } else { self.value(day).map(drop) });
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

/// A piece of `text` that is fit for a message.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect()
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
            (" 0\t8  1,15 jan-mar/2 ?  2030-2040 ", "cron(0 8 1,15 JAN-MAR/2 ? 2030-2040)"),
            ("0/15 8-18/2 L 1,6 ?", "cron(0/15 8-18/2 L 1,6 ? *)"),
            ("*/5 * 3W * ? *", "cron(*/5 * 3W * ? *)"),
            ("0 0 LW * ? *", "cron(0 0 LW * ? *)"),
            ("0 0 ? * FRIL *", "cron(0 0 ? * FRIL *)"),
            ("0 0 ? * L *", "cron(0 0 ? * L *)"),
            ("0 0 ? * MON#2 *", "cron(0 0 ? * MON#2 *)"),
        ] {
            let got = aws_cron(schedule);
            let want = Checked { expression: want.to_owned(), warnings: Vec::new() };
            assert_eq!(got, Ok(want), "{schedule}");
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
            ("30-10 * * * ?", "minute"),
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
            ("0 0 ? * FRI-MON", "day-of-week"),
            ("0 0 ? * MONDAY", "day-of-week"),
            ("0 0 ? * ?,MON", "day-of-week"),
            ("0 0 1 * ? 1969", "year"),
            ("0 0 1 * ? 2200", "year"),
            ("0 0 1 * ? 2030-2029", "year"),
        ] {
            match aws_cron(schedule) {
                Err(ScheduleError::Field { field: got, .. }) => assert_eq!(got, field, "{schedule}"),
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
                "rate(5 minutes)",
                "the schedule `rate(5 minutes)` has 2 fields: write five (minute hour day-of-month month day-of-week) or six (and a year)",
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
            assert_eq!(aws_cron(schedule).unwrap_err().to_string(), want, "{schedule}");
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
            assert!(warnings[0].contains(&format!("as `{aws}` (1 = SUN)")), "{warnings:?}");
            assert!(warnings[0].contains(&format!("write `{crontab}` if that is meant")), "{warnings:?}");
        }
        for schedule in ["0 8 ? * 1-5 *", "0 8 * * */2", "0 8 * * MON"] {
            assert_eq!(aws_cron(schedule).unwrap().warnings, [""; 0], "{schedule}");
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
        for schedule in ["sesame", "sesame 0 * * ?", "0 0 SESAME * SESAME", "0 0 1 * 1", "0 0 * * 0"] {
            let error = aws_cron(schedule).unwrap_err().showing("${CRON}").to_string();
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
