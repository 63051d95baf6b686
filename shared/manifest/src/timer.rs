//! `timers:` of convox.yml. Source: `convox/rack:pkg/manifest/timer.go`.

use std::fmt;

use super::reference::{self, Names};
use super::{policy, time_zone};
use crate::capacity::Capacity;
use crate::schedule::{Checked, ScheduleError, aws_cron};
use names::{ServiceName, TimerName};
use yaml::{Entry, Fields, Place, Reader};

/// The keys of a Timer.
pub(super) const KNOWN: [&str; 5] = ["command", "policies", "schedule", "service", "timezone"];

/// A Timer: a command that a Service's container runs on a schedule.
#[derive(Clone, PartialEq, Eq)]
pub struct Timer {
    /// Its name.
    pub name: TimerName,
    /// When it runs, as written.
    pub schedule: String,
    /// The line of the schedule.
    pub schedule_line: usize,
    /// The schedule as a message may show it.
    pub schedule_shown: String,
    /// The time zone of the schedule, by its IANA name; `None`: what the Rack says, and UTC.
    pub timezone: Option<String>,
    /// What it runs, for `sh -c`.
    pub command: String,
    /// The Service whose image and environment it runs with: one of the manifest's.
    pub service: ServiceName,
    /// What its tasks run on, where `params` say so; `None` = what the Rack says.
    pub capacity: Option<Capacity>,
    /// `policies`: ARNs of IAM policies for a task role of its own.
    pub policies: Vec<String>,
}

impl fmt::Debug for Timer {
    /// Its name only: convox.yml can interpolate secrets into all the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Timer {
    /// The schedule as EventBridge is told it. Where a `${NAME}` stands in it, neither error nor warning repeats a value.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`] when EventBridge would refuse it.
    pub fn cron(&self) -> Result<Checked, ScheduleError> {
        let checked = aws_cron(&self.schedule);
        if self.schedule == self.schedule_shown {
            return checked;
        }
        let mut checked = checked.map_err(|error| error.showing(&self.schedule_shown))?;
        let warnings = checked.warnings.into_iter();
        checked.warnings = warnings
            .map(|warning| warning.showing(&self.schedule_shown))
            .collect();
        Ok(checked)
    }
}

/// Reads one Timer. `None` only with a problem noted.
pub(super) fn read(
    reader: &mut Reader<'_>,
    place: &Place<'_>,
    entry: &Entry,
    services: &Names,
) -> Option<Timer> {
    let fields = reader.fields(place, &KNOWN);
    let policies = policy::read(reader, fields.get("policies"));
    let timezone = fields.get("timezone");
    let timezone = timezone.and_then(|place| time_zone::read(reader, &place));
    let name = name(reader, place, entry);
    let at = (entry.line, entry.column);
    let mut required = |key| required(reader, at, &fields, key);
    let (command, schedule) = (required("command"), required("schedule"));
    let service = required("service");
    let service = service.and_then(|place| service_name(reader, &place, services));
    let schedule = schedule?;
    let scalar = schedule.scalar()?;
    Some(Timer {
        name: name?,
        schedule: scalar.text.clone(),
        schedule_line: schedule.node.line,
        schedule_shown: scalar.source().to_owned(),
        timezone,
        command: command?.scalar()?.text.clone(),
        service: service?,
        capacity: None,
        policies,
    })
}

fn name(reader: &mut Reader<'_>, place: &Place<'_>, entry: &Entry) -> Option<TimerName> {
    if let Ok(name) = TimerName::new(&entry.key.text) {
        return Some(name);
    }
    // With `${NAME}` in place it is no valid name either, so this error says the same without the value.
    if let Err(error) = TimerName::new(entry.key.source()) {
        reader.problem_at(
            (entry.line, entry.column),
            &place.path,
            format!("cannot be used: {error}"),
        );
    }
    None
}

/// A text that a Timer cannot be without.
fn required<'a>(
    reader: &mut Reader<'_>,
    at: (usize, usize),
    fields: &Fields<'a>,
    key: &str,
) -> Option<Place<'a>> {
    let says = |field: &Place<'_>| field.scalar().is_none_or(|scalar| !scalar.text.is_empty());
    let Some(field) = fields.get(key).filter(says) else {
        let help = "a Timer needs `command`, `schedule` and `service`";
        reader.lacks(fields, at, key, help);
        return None;
    };
    if field.scalar().is_none() {
        reader.wrong(&field, "a text");
        return None;
    }
    Some(field)
}

fn service_name(
    reader: &mut Reader<'_>,
    place: &Place<'_>,
    services: &Names,
) -> Option<ServiceName> {
    let scalar = place.scalar()?;
    if services.contains_key(&scalar.text) {
        return ServiceName::new(&scalar.text).ok();
    }
    let allowed = reference::meant(scalar, services);
    let message = format!(
        "names the Service `{}`, which is not in `services`",
        scalar.shown()
    );
    reader.problem_with_help(place, message, allowed);
    None
}
