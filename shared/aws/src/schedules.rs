//! Schedules of EventBridge Scheduler that run Timers: read, and put only where something differs.
//!
//! They stand in a group of the Rack's own. They have no tags, so their description says whose they are.

mod target;

use aws_config::SdkConfig;
use aws_sdk_scheduler::operation::create_schedule::CreateScheduleError;
use aws_sdk_scheduler::operation::delete_schedule::DeleteScheduleError;
use aws_sdk_scheduler::operation::get_schedule::{GetScheduleError, GetScheduleOutput};
use aws_sdk_scheduler::types::{
    FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState, Target,
};
use aws_sdk_scheduler::{Client, config};

use crate::call_error::CallError;
use crate::clients::{self, OnDemand};
use names::AppId;
use release::timer_rule::{TimerRule, TimerSchedule, TimerTarget};

/// The schedules of one group.
#[derive(Debug)]
pub struct Schedules {
    client: OnDemand<Client>,
    group: String,
}

/// A schedule as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenSchedule {
    /// All that a Timer says of it; `None` where it runs no task, or not as a Timer's does.
    pub says: Option<TimerSchedule>,
    /// Whose it is, as [`AppId::schedule_note`] says it.
    pub note: String,
    is_disabled: bool,
    retry_policy: Option<RetryPolicy>,
    /// Whether it has a window or an end, which no Timer's has.
    is_bounded: bool,
}

impl SeenSchedule {
    /// One of an App that says `wanted`.
    #[must_use]
    pub fn firing(wanted: TimerSchedule, id: &AppId, is_disabled: bool) -> Self {
        Self {
            says: Some(wanted),
            note: id.schedule_note(),
            is_disabled,
            retry_policy: None,
            is_bounded: false,
        }
    }

    /// Whether it is that App's.
    #[must_use]
    pub fn is_of(&self, id: &AppId) -> bool {
        self.note == id.schedule_note()
    }

    /// The task that it starts, where it starts one as a Timer's does.
    #[must_use]
    pub fn target(&self) -> Option<&TimerTarget> {
        self.says.as_ref().map(|says| &says.rule.target)
    }

    /// Whether it says exactly `wanted`.
    #[must_use]
    pub fn says(&self, wanted: &TimerSchedule) -> bool {
        !self.is_bounded && self.says.as_ref() == Some(wanted)
    }

    /// Whether it does not fire.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.is_disabled
    }
}

impl Schedules {
    /// The schedules of that group in the configured account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig, group: &str) -> Self {
        let sdk = sdk.clone();
        let client = OnDemand::new(move || {
            let config = config::Builder::from(&sdk);
            Client::from_conf(config.retry_partition(clients::without_budget()).build())
        });
        let group = group.to_owned();
        Self { client, group }
    }

    /// The schedule called `name`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn see(&self, name: &str) -> Result<Option<SeenSchedule>, CallError> {
        let request = self.client.get_schedule().group_name(&self.group);
        match request.name(name).send().await {
            Ok(schedule) => Ok(Some(seen(&schedule))),
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(GetScheduleError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(err) => Err(CallError::new(format!("read schedule `{name}`"), &err)),
        }
    }

    /// The names of all schedules that start with `prefix`.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn names(&self, prefix: &str) -> Result<Vec<String>, CallError> {
        let mut names = Vec::new();
        let mut next = None;
        loop {
            let request = self.client.list_schedules().group_name(&self.group);
            let request = request.name_prefix(prefix).set_next_token(next);
            let answer = request
                .send()
                .await
                .map_err(|err| CallError::new(format!("list the schedules `{prefix}*`"), &err))?;
            let listed = answer.schedules.into_iter();
            names.extend(listed.filter_map(|schedule| schedule.name));
            next = answer.next_token;
            if next.is_none() {
                return Ok(names);
            }
        }
    }

    /// Makes the schedule say `wanted`: what stood as `seen` stays enabled or disabled and keeps its retries, a new one is
    /// disabled where that is said.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn put(
        &self,
        name: &str,
        wanted: &TimerSchedule,
        seen: Option<&SeenSchedule>,
        (id, is_disabled): (&AppId, bool),
    ) -> Result<(), CallError> {
        let attempted = || format!("put schedule `{name}`");
        let retry_policy = seen.and_then(|seen| seen.retry_policy.clone());
        let target = target::wanted(wanted, retry_policy);
        let target = target.ok_or_else(|| CallError::unbuilt(attempted()))?;
        let state = if seen.map_or(is_disabled, SeenSchedule::is_disabled) {
            ScheduleState::Disabled
        } else {
            ScheduleState::Enabled
        };
        let to_put = Put {
            name,
            wanted,
            target,
            state,
            note: id.schedule_note(),
        };
        if seen.is_some() {
            return self.update(to_put).await;
        }
        self.create(to_put).await
    }

    async fn create(&self, put: Put<'_>) -> Result<(), CallError> {
        let attempted = format!("create schedule `{}`", put.name);
        let window = window().ok_or_else(|| CallError::unbuilt(attempted.clone()))?;
        let request = self.client.create_schedule().group_name(&self.group);
        let request = request.name(put.name).description(put.note);
        let request = request
            .schedule_expression(&put.wanted.rule.schedule)
            .schedule_expression_timezone(&put.wanted.timezone);
        let request = request.flexible_time_window(window).target(put.target);
        match request.state(put.state).send().await {
            Ok(_) => Ok(()),
            // Somebody was quicker, as a call that was answered too late may have been: what stands has to be looked at again.
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(CreateScheduleError::is_conflict_exception) =>
            {
                Err(CallError::new(attempted, &err).as_transient())
            }
            Err(err) => Err(CallError::new(attempted, &err)),
        }
    }

    /// What is left out gets its default (API reference, `UpdateSchedule`), so all is said.
    async fn update(&self, put: Put<'_>) -> Result<(), CallError> {
        let attempted = format!("update schedule `{}`", put.name);
        let window = window().ok_or_else(|| CallError::unbuilt(attempted.clone()))?;
        let request = self.client.update_schedule().group_name(&self.group);
        let request = request.name(put.name).description(put.note);
        let request = request
            .schedule_expression(&put.wanted.rule.schedule)
            .schedule_expression_timezone(&put.wanted.timezone);
        let request = request.flexible_time_window(window).target(put.target);
        let answer = request.state(put.state).send().await;
        answer
            .map(drop)
            .map_err(|err| CallError::new(attempted, &err))
    }

    /// Removes a schedule.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails; a schedule that is gone is none.
    pub async fn remove(&self, name: &str) -> Result<(), CallError> {
        let request = self.client.delete_schedule().group_name(&self.group);
        match request.name(name).send().await {
            Ok(_) => Ok(()),
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(DeleteScheduleError::is_resource_not_found_exception) =>
            {
                Ok(())
            }
            Err(err) => Err(CallError::new(format!("remove schedule `{name}`"), &err)),
        }
    }
}

/// What a schedule is made or changed to.
struct Put<'a> {
    name: &'a str,
    wanted: &'a TimerSchedule,
    target: Target,
    state: ScheduleState,
    note: String,
}

/// A Timer runs when it says, not within a window.
fn window() -> Option<FlexibleTimeWindow> {
    let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off);
    window.build().ok()
}

fn seen(schedule: &GetScheduleOutput) -> SeenSchedule {
    let target = schedule.target();
    let window = schedule.flexible_time_window();
    let has_window = window.is_some_and(|window| *window.mode() != FlexibleTimeWindowMode::Off);
    SeenSchedule {
        says: target.and_then(|target| says(schedule, target)),
        note: schedule.description().unwrap_or_default().to_owned(),
        is_disabled: schedule.state() == Some(&ScheduleState::Disabled),
        retry_policy: target.and_then(|target| target.retry_policy().cloned()),
        is_bounded: has_window || schedule.end_date().is_some(),
    }
}

fn says(schedule: &GetScheduleOutput, target: &Target) -> Option<TimerSchedule> {
    let dead_letters = target.dead_letter_config().and_then(|config| config.arn());
    Some(TimerSchedule {
        rule: TimerRule {
            schedule: schedule.schedule_expression()?.to_owned(),
            target: target::seen(target)?,
        },
        timezone: schedule.schedule_expression_timezone()?.to_owned(),
        dead_letter_arn: dead_letters.unwrap_or_default().to_owned(),
    })
}
