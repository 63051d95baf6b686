//! A Timer's runs by the clock: at each minute, what stands then starts what is due.
//!
//! EventBridge starts what a rule says in UTC. EventBridge Scheduler starts what a schedule says in its time zone: a time of day
//! that a change of the clocks leaves out is left out, and one that comes twice is taken once (Scheduler user guide, "Schedule
//! types", on daylight saving time).

mod minutes;

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta, Timelike as _};
use double::Fault;
use rig::{Invocation, World, proof};

use super::app::App;
use super::calls::places;
use super::pool;
use super::scenario::{Scenario, settle};
use super::situation::Situation;

/// What may start a Timer's tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Starter {
    /// `cron(…)`.
    expression: String,
    /// Of a schedule; a rule has none.
    timezone: Option<String>,
}

/// What stands of the Timer `cleanup` and fires.
async fn standing(world: &World, app: &App) -> Vec<Starter> {
    let name = app.rule(world, "cleanup");
    let mut standing = Vec::new();
    let rule = world.eventbridge.describe_rule().name(&name).send().await;
    let targets = world.eventbridge.list_targets_by_rule().rule(&name);
    if let (Ok(rule), Ok(targets)) = (rule, targets.send().await) {
        let fires = rule.state().is_some_and(|it| it.as_str() == "ENABLED");
        let expression = rule.schedule_expression().unwrap().to_owned();
        let starts = targets.targets().iter().filter(|_| fires);
        standing.extend(starts.map(|_| Starter {
            expression: expression.clone(),
            timezone: None,
        }));
    }
    let schedule = world.scheduler.get_schedule().group_name(&world.rack);
    if let Ok(schedule) = schedule.name(&name).send().await {
        let fires = schedule.state().is_some_and(|it| it.as_str() == "ENABLED");
        let timezone = schedule.schedule_expression_timezone().unwrap().to_owned();
        let starter = Starter {
            expression: schedule.schedule_expression().unwrap().to_owned(),
            timezone: Some(timezone),
        };
        standing.extend(fires.then_some(starter));
    }
    standing
}

fn at(year: i32, month: u32, day: u32) -> NaiveDateTime {
    let date = NaiveDate::from_ymd_opt(year, month, day);
    date.unwrap().and_hms_opt(0, 0, 0).unwrap()
}

/// The time of day in Berlin in 2026, and whether it comes for the second time: the clocks change at 01:00 UTC on the last
/// Sundays of March and October.
fn in_berlin(utc: NaiveDateTime) -> (NaiveDateTime, bool) {
    let hour = TimeDelta::hours(1);
    let (spring, autumn) = (at(2026, 3, 29) + hour, at(2026, 10, 25) + hour);
    let is_summer = (spring..autumn).contains(&utc);
    let ahead = if is_summer { hour * 2 } else { hour };
    (utc + ahead, (autumn..autumn + hour).contains(&utc))
}

impl Starter {
    /// Whether it starts a task in this minute: its expression names minutes and hours.
    fn is_due(&self, utc: NaiveDateTime) -> bool {
        let (local, comes_again) = match self.timezone.as_deref() {
            None | Some("UTC") => (utc, false),
            Some("Europe/Berlin") => in_berlin(utc),
            Some(other) => panic!("the clock does not know {other}"),
        };
        let fields = self.expression.strip_prefix("cron(").unwrap();
        let fields: Vec<&str> = fields.trim_end_matches(')').split(' ').collect();
        assert_eq!(fields[2..], ["*", "*", "?", "*"], "{}", self.expression);
        let is = |field: &str, value: u32| match (field.split_once('/'), field.split_once('-')) {
            (Some((from, step)), _) => {
                let from: u32 = from.parse().unwrap_or_default();
                value >= from && (value - from).is_multiple_of(step.parse().unwrap())
            }
            (None, Some((first, last))) => {
                (first.parse().unwrap()..=last.parse::<u32>().unwrap()).contains(&value)
            }
            (None, None) => field == "*" || field.parse() == Ok(value),
        };
        !comes_again && is(fields[0], local.minute()) && is(fields[1], local.hour())
    }
}

/// The starts of each day of the clock in Berlin from one day to another.
fn starts(standing: &[Starter], first: NaiveDateTime, days: i64) -> BTreeMap<NaiveDate, Vec<u32>> {
    let mut starts: BTreeMap<NaiveDate, Vec<u32>> = BTreeMap::new();
    let mut now = first;
    while now < first + TimeDelta::days(days) {
        let (local, _) = in_berlin(now);
        let of_day = starts.entry(local.date()).or_default();
        let due = standing.iter().filter(|starter| starter.is_due(now));
        of_day.extend(due.map(|_| local.hour()));
        now += TimeDelta::minutes(1);
    }
    starts
}

#[test]
fn a_schedule_keeps_its_time_of_day_over_both_changes_of_the_clocks_and_a_rule_does_not() {
    let _alone = super::alone();
    let ends = pool::once(async |rack| {
        let mut ends = Vec::new();
        for scenario in [Scenario::Scheduled, Scenario::Unscheduled] {
            let (app, event) = rack.situation(scenario.into(), 0).await;
            let answer = rack.usual("promote").invoke(&event).await.answer();
            assert_eq!(answer["status"], "promoted", "{answer:#}");
            ends.push(standing(&rack.world, &app).await);
        }
        ends
    });
    let [schedule, rule] = ends.as_slice() else {
        panic!("there are two");
    };
    for (first, change) in [(at(2026, 3, 26), 29), (at(2026, 10, 22), 25)] {
        for (date, hours) in starts(schedule, first, 7).into_iter().skip(1).take(6) {
            assert_eq!(hours, [4], "{date}");
        }
        let by_rule = starts(rule, first, 7).into_iter().skip(1).take(6);
        let by_rule: Vec<u32> = by_rule.flat_map(|(_, hours)| hours).collect();
        assert!(by_rule.contains(&5) && by_rule.contains(&6), "{by_rule:?}");
        let half_past_two = Starter {
            expression: "cron(30 2 * * ? *)".to_owned(),
            timezone: Some("Europe/Berlin".to_owned()),
        };
        let is_spring = change == 29;
        for (date, hours) in starts(&[half_past_two], first, 7)
            .into_iter()
            .skip(1)
            .take(6)
        {
            let leaves_out = is_spring && date == at(2026, 3, 29).date();
            let want = if leaves_out { vec![] } else { vec![2] };
            assert_eq!(hours, want, "{date}");
        }
    }
}

#[test]
fn a_move_between_rule_and_schedule_misses_no_run_wherever_it_dies() {
    let _alone = super::alone();
    let (count, both) = pool::once(async |rack| {
        let (mut count, mut both) = (0, 0);
        for scenario in [
            Scenario::Scheduled,
            Scenario::Unscheduled,
            Scenario::Rescheduled,
        ] {
            let baseline = Situation::from(scenario).baseline(rack).await;
            for (place, call) in places(&baseline.calls).into_iter().zip(&baseline.calls) {
                if !call.changes_something() {
                    continue;
                }
                for kill in [Fault::KillBefore, Fault::KillAfter] {
                    let case = format!("{scenario:?}, {place}, {kill:?}");
                    let (app, event) = rack.situation(scenario.into(), 0).await;
                    let world = &rack.world;
                    let before = standing(world, &app).await;
                    // What is put back was left half-way.
                    let left = if scenario == Scenario::Rescheduled {
                        2
                    } else {
                        1
                    };
                    assert_eq!(before.len(), left, "{case}: {before:?}");
                    let injection = kill.on(&place.service, &place.operation);
                    world.inject(injection.after(place.before).times(1));
                    let ended = rack.usual("promote").invoke(&event).await;
                    world.proxy.lift();
                    assert!(matches!(ended, Invocation::Error { .. }), "{case}");
                    // The minute of the move: whatever is due in it is started at least once.
                    let between = standing(world, &app).await;
                    assert!(!between.is_empty(), "{case}: nothing would run it");
                    assert!(between.len() <= 2, "{case}: {between:?}");
                    both += usize::from(between.len() == 2);
                    settle(rack, &app, scenario, &event).await;
                    // From then on each once.
                    let after = standing(world, &app).await;
                    assert_eq!(after.len(), 1, "{case}: {after:?}");
                    let zoned = scenario == Scenario::Scheduled;
                    assert_eq!(after[0].timezone.is_some(), zoned, "{case}");
                    for (date, hours) in starts(&after, at(2026, 6, 1), 3)
                        .into_iter()
                        .skip(1)
                        .take(2)
                    {
                        assert_eq!(hours.len(), 1, "{case}: {date}");
                    }
                    count += 1;
                }
            }
        }
        (count, both)
    });
    assert!(both > 0, "no move was met half-way");
    proof::covered(&format!(
        "moves of a Timer between rule and schedule: {count} kills; none left a minute without its run, {both} left both"
    ));
}
