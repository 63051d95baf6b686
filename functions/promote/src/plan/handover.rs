//! When a Timer is handed over from a rule to a schedule, or back, so that no run is missed. Pure.
//!
//! AWS starts a run anywhere within its minute (EventBridge user guide, "Scheduled rules"; Scheduler user guide, "Schedule types").
//! So a run is certain only of what stands from before its minute to the end of it, and two services cannot be changed at once.
//! That leaves two ways: to change both in a minute in which no run is due, or, where a run is due in every minute, to let what runs
//! the Timer so far stand until the minute is over in which its successor was put.

use chrono::{DateTime, TimeDelta, Utc};
use manifest::schedule::may_be_due;

use super::TimerPut;

const MINUTE: TimeDelta = TimeDelta::minutes(1);
/// How long after its call something put is taken not to fire yet. AWS says that it takes "a short time" (EventBridge user guide,
/// "Troubleshooting").
const SETTLES: TimeDelta = TimeDelta::seconds(10);
/// How far a clock here and AWS's may be apart.
const CLOCKS: TimeDelta = TimeDelta::seconds(1);
/// How long is waited at most, a minute that begins while something settles included.
const PATIENCE: TimeDelta = TimeDelta::seconds(60 + 10 + 1);

impl TimerPut<'_> {
    /// From when on its steps may be taken: `now`, but for a Timer that moves and has a run due. That waits for the next minute
    /// without one, where it comes soon. Where none does, both stand for a while, but not over the whole of another minute.
    #[must_use]
    pub fn begins_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let next = minute_of(now) + MINUTE + CLOCKS;
        let moments = [now, next, next + MINUTE].into_iter();
        let mut near = moments.filter(|moment| *moment <= now + PATIENCE);
        let is_late = minute_of(now + SETTLES) > minute_of(now);
        near.find(|moment| !self.is_due_around(*moment))
            .unwrap_or(if is_late { next } else { now })
    }

    /// From when on what ran it may go, where what is to run it was `put` then: at once, but where a run is due that only what
    /// ran it so far is certain to start.
    #[must_use]
    pub fn leaves_at(&self, put: DateTime<Utc>) -> DateTime<Utc> {
        let minutes = [put, put + SETTLES].into_iter();
        let due = minutes.filter(|moment| self.is_due(*moment));
        let over = due.map(|moment| minute_of(moment) + MINUTE + CLOCKS);
        over.max().unwrap_or(put)
    }

    /// Whether what is put at `moment` may come too late for a run.
    fn is_due_around(&self, moment: DateTime<Utc>) -> bool {
        self.is_due(moment) || self.is_due(moment + SETTLES)
    }

    /// Whether what ran it so far, and is to go, may start a run in the minute of `moment`.
    fn is_due(&self, moment: DateTime<Utc>) -> bool {
        let second = moment.timestamp();
        if self.timezone.is_none() {
            let Some(seen) = self.scheduled.filter(|seen| !seen.is_disabled()) else {
                return false;
            };
            // One that runs no task, or not as a Timer's does, was changed by hand.
            let says = seen.says.as_ref();
            return says.is_none_or(|says| may_be_due(&says.rule.schedule, &says.timezone, second));
        }
        let rule = self.rule.filter(|rule| !rule.is_disabled());
        rule.is_some_and(|rule| may_be_due(&rule.schedule, "UTC", second))
    }
}

/// The beginning of the minute.
fn minute_of(moment: DateTime<Utc>) -> DateTime<Utc> {
    let into = moment.timestamp_micros().rem_euclid(60_000_000);
    moment - TimeDelta::microseconds(into)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws::event_rules::SeenRule;
    use aws::schedules::SeenSchedule;
    use names::{AppId, AppName, RackName};
    use release::timer_rule::{Placement, TimerRule, TimerSchedule, TimerTarget};

    use super::*;
    use crate::plan::TimerStep;

    fn id() -> AppId {
        AppId {
            rack: RackName::new("myrack").unwrap(),
            app: AppName::new("shop").unwrap(),
        }
    }

    fn rule(schedule: &str) -> TimerRule {
        TimerRule {
            schedule: schedule.to_owned(),
            target: TimerTarget {
                cluster_arn: "cluster".to_owned(),
                role_arn: "role".to_owned(),
                task_definition: "cleanup:1".to_owned(),
                placement: Placement::Ec2,
            },
        }
    }

    fn schedule(rule: TimerRule, timezone: &str) -> TimerSchedule {
        TimerSchedule {
            rule,
            timezone: timezone.to_owned(),
            dead_letter_arn: "queue".to_owned(),
        }
    }

    fn seen_rule(schedule: &str) -> SeenRule {
        SeenRule::firing(rule(schedule), BTreeMap::new())
    }

    fn seen_schedule(expression: &str, is_disabled: bool) -> SeenSchedule {
        let says = schedule(rule(expression), "Europe/Berlin");
        SeenSchedule::firing(says, &id(), is_disabled)
    }

    /// The Timer that is to run at 3:00, in Berlin or by UTC.
    fn timer<'a>(
        is_zoned: bool,
        rule: Option<&'a SeenRule>,
        scheduled: Option<&'a SeenSchedule>,
    ) -> TimerPut<'a> {
        TimerPut {
            name: "cleanup".to_owned(),
            rule,
            scheduled,
            schedule: THREE.to_owned(),
            timezone: is_zoned.then(|| "Europe/Berlin".to_owned()),
            cluster_arn: "cluster".to_owned(),
            role_arn: "role".to_owned(),
            placement: Placement::Ec2,
            dead_letter_arn: "queue".to_owned(),
            is_disabled: false,
        }
    }

    const THREE: &str = "cron(0 3 * * ? *)";

    fn in_words(step: &TimerStep<'_>) -> &'static str {
        match step {
            TimerStep::PutRule { seen: None, .. } => "create the rule",
            TimerStep::PutRule { seen: Some(_), .. } => "change the rule",
            TimerStep::PutSchedule { seen: None, .. } => "create the schedule",
            TimerStep::PutSchedule { seen: Some(_), .. } => "change the schedule",
            TimerStep::RemoveRule => "remove the rule",
            TimerStep::RemoveSchedule => "remove the schedule",
        }
    }

    #[test]
    fn what_is_to_run_a_timer_is_put_before_the_other_kind_goes() {
        let (as_wanted, other) = (seen_rule(THREE), seen_rule("cron(0 4 * * ? *)"));
        let (berlin, later) = (
            seen_schedule(THREE, false),
            seen_schedule("cron(0 4 * * ? *)", false),
        );
        let (has_rule, differs) = (Some(&as_wanted), Some(&other));
        let (has_schedule, is_late) = (Some(&berlin), Some(&later));
        for (is_zoned, rule, scheduled, want) in [
            (false, None, None, vec!["create the rule"]),
            (false, has_rule, None, vec![]),
            (false, differs, None, vec!["change the rule"]),
            (
                false,
                None,
                has_schedule,
                vec!["create the rule", "remove the schedule"],
            ),
            (false, has_rule, has_schedule, vec!["remove the schedule"]),
            (
                false,
                differs,
                is_late,
                vec!["change the rule", "remove the schedule"],
            ),
            (true, None, None, vec!["create the schedule"]),
            (true, None, has_schedule, vec![]),
            (true, None, is_late, vec!["change the schedule"]),
            (
                true,
                has_rule,
                None,
                vec!["create the schedule", "remove the rule"],
            ),
            (true, has_rule, has_schedule, vec!["remove the rule"]),
            (
                true,
                differs,
                is_late,
                vec!["change the schedule", "remove the rule"],
            ),
        ] {
            let timer = timer(is_zoned, rule, scheduled);
            let steps = timer.steps("cleanup:1");
            let words: Vec<&str> = steps.iter().map(in_words).collect();
            assert_eq!(words, want);
            let removals = steps.iter().filter(|step| step.removes()).count();
            assert_eq!(
                removals,
                usize::from(timer.moves_from().is_some()),
                "{want:?}"
            );
            let other_revision = timer.steps("cleanup:2");
            assert!(!other_revision[0].removes(), "{want:?}");
        }
    }

    #[test]
    fn what_is_created_is_off_where_that_is_said_and_what_stands_is_named() {
        let berlin = seen_schedule(THREE, true);
        let mut off = timer(false, None, Some(&berlin));
        off.is_disabled = true;
        let steps = off.steps("cleanup:1");
        let want = TimerStep::PutRule {
            rule: rule(THREE),
            seen: None,
            is_disabled: true,
        };
        assert_eq!(steps, [want, TimerStep::RemoveSchedule]);
        let later = seen_schedule("cron(0 4 * * ? *)", false);
        let steps = timer(true, None, Some(&later)).steps("cleanup:1");
        let want = TimerStep::PutSchedule {
            schedule: schedule(rule(THREE), "Europe/Berlin"),
            seen: Some(&later),
            is_disabled: false,
        };
        assert_eq!(steps, [want]);
    }

    fn at(time: &str) -> DateTime<Utc> {
        format!("2026-06-01T{time}Z").parse().unwrap()
    }

    #[test]
    fn a_move_waits_for_a_minute_without_a_run_and_what_ran_it_for_the_end_of_one() {
        for (expression, now, begins, leaves) in [
            // No run is near.
            ("cron(0 4 * * ? *)", "03:00:20", "03:00:20", "03:00:20"),
            ("cron(1 3 * * ? *)", "03:00:49", "03:00:49", "03:00:49"),
            // One is due, and none in the next minute.
            ("cron(0 3 * * ? *)", "03:00:00", "03:01:01", "03:01:01"),
            ("cron(0 3 * * ? *)", "03:00:59.999", "03:01:01", "03:01:01"),
            ("cron(*/2 * * * ? *)", "03:00:20", "03:01:01", "03:01:01"),
            // One is due so soon that what is put may be too late for it.
            ("cron(1 3 * * ? *)", "03:00:50", "03:02:01", "03:02:01"),
            ("cron(0-1 3 * * ? *)", "03:00:55", "03:02:01", "03:02:01"),
            // Each minute has one: what ran it stays until that minute is over.
            ("cron(* * * * ? *)", "03:00:20", "03:00:20", "03:01:01"),
            ("cron(0-1 3 * * ? *)", "03:00:20", "03:00:20", "03:01:01"),
            ("cron(* * * * ? *)", "03:00:50", "03:01:01", "03:02:01"),
            ("rate(1 day)", "03:00:20", "03:00:20", "03:01:01"),
        ] {
            let seen = seen_rule(expression);
            let timer = timer(true, Some(&seen), None);
            let got = timer.begins_at(at(now));
            assert_eq!(got, at(begins), "{expression} at {now} begins");
            // It is put within a second.
            let put = got + TimeDelta::milliseconds(900);
            let got = timer.leaves_at(put);
            let want = at(leaves).max(put);
            assert_eq!(got, want, "{expression} at {now} ends");
            assert!(want - at(now) <= PATIENCE + TimeDelta::seconds(1));
        }
    }

    #[test]
    fn what_is_put_late_lets_the_other_start_what_it_was_too_late_for() {
        let seen = seen_rule("cron(1 3 * * ? *)");
        let timer = timer(true, Some(&seen), None);
        for (put, leaves) in [
            ("03:00:49", "03:00:49"),
            ("03:00:51", "03:02:01"),
            ("03:01:10", "03:02:01"),
            ("03:02:00", "03:02:00"),
        ] {
            assert_eq!(timer.leaves_at(at(put)), at(leaves), "put at {put}");
        }
    }

    #[test]
    fn only_what_fires_and_is_to_go_is_waited_for() {
        let now = at("03:00:20");
        let (utc, berlin) = (seen_rule(THREE), seen_schedule(THREE, false));
        let (off, others) = (seen_schedule(THREE, true), seen_rule("rate(1 day)"));
        let mut unknown = seen_schedule(THREE, false);
        unknown.says = None;
        for (what, timer, waits) in [
            ("a new rule", timer(false, None, None), false),
            ("a rule that stays", timer(false, Some(&utc), None), false),
            ("a rule that goes", timer(true, Some(&utc), None), true),
            ("both", timer(true, Some(&utc), Some(&berlin)), true),
            (
                "a rate that stays",
                timer(false, Some(&others), Some(&berlin)),
                false,
            ),
            (
                "one that does not fire",
                timer(false, None, Some(&off)),
                false,
            ),
            (
                "one of another time zone",
                timer(false, None, Some(&berlin)),
                false,
            ),
            (
                "one changed by hand",
                timer(false, None, Some(&unknown)),
                true,
            ),
        ] {
            let leaves = timer.leaves_at(now);
            let is_at_once = timer.begins_at(now) == now && leaves == now;
            assert_eq!(is_at_once, !waits, "{what}");
        }
        let in_berlin = at("01:00:20");
        let timer = timer(false, None, Some(&berlin));
        assert!(timer.begins_at(in_berlin) > in_berlin, "3:00 in Berlin");
    }
}
