//! The tasks of release commands in the schedules: each ends by itself, and ECS shows it for an hour after that.

use aws::ecs::OneOff;
use promotion::release_commands::{SeenTask, Sought};
use promotion::stop_reason::{StoppedContainer, StoppedTask};

use super::outside::cluster_arn;

/// How long one runs.
pub const RUNS_SECONDS: [i64; 4] = [0, 1, 30, 400];
/// How long ECS shows one that has stopped.
const SHOWN_SECONDS: i64 = 3_600;

/// All that were ever started.
#[derive(Debug, Default)]
pub struct Commands(Vec<Task>);

#[derive(Debug)]
struct Task {
    arn: String,
    token: String,
    started_by: String,
    release: String,
    service: String,
    ends_at: i64,
    exit_code: i32,
    is_told: bool,
}

impl Commands {
    /// Starts one, unless its token has.
    pub fn run(&mut self, one: &OneOff<'_>, now: i64, ends_at: i64) -> String {
        if let Some(known) = self.0.iter().find(|task| task.token == one.client_token) {
            return known.arn.clone();
        }
        let at_work = self.0.iter().find(|task| now < task.ends_at);
        assert!(
            at_work.is_none(),
            "never two release commands of one App at once: {at_work:?}"
        );
        let same = self.0.iter().find(|task| task.started_by == one.started_by);
        assert!(same.is_none(), "a request runs each once: {same:?}");
        let script = one.command.and_then(<[String]>::last);
        let fails = script.is_some_and(|script| script.contains("exit 3"));
        let arn = format!(
            "{}/{}",
            cluster_arn().replace("cluster", "task"),
            self.0.len()
        );
        self.0.push(Task {
            arn: arn.clone(),
            token: one.client_token.to_owned(),
            started_by: one.started_by.to_owned(),
            release: one.tags["convox:release"].clone(),
            service: one.container.to_owned(),
            ends_at,
            exit_code: if fails { 3 } else { 0 },
            is_told: false,
        });
        arn
    }

    /// What ECS shows.
    pub fn seen(&self, sought: &Sought, now: i64) -> SeenTask {
        let (arn, by) = match sought {
            Sought::Task { arn, .. } => (Some(arn), None),
            Sought::StartedBy(by) => (None, Some(by)),
        };
        let mut tasks = self.0.iter();
        let found = tasks.find(|task| {
            arn.is_some_and(|arn| task.arn == *arn) || by.is_some_and(|by| task.started_by == *by)
        });
        match found {
            Some(task) if now < task.ends_at => SeenTask::AtWork,
            Some(task) if arn.is_some() && now < task.ends_at + SHOWN_SECONDS => {
                SeenTask::Stopped {
                    task: StoppedTask {
                        reason: "Essential container in task exited".to_owned(),
                        containers: vec![StoppedContainer {
                            reason: String::new(),
                            exit_code: Some(task.exit_code),
                        }],
                    },
                    by_itself: true,
                }
            }
            _ => SeenTask::Unknown,
        }
    }

    /// How many have ended that nobody was told of.
    pub fn settle(&mut self, now: i64) -> usize {
        let ended = self
            .0
            .iter_mut()
            .filter(|task| task.ends_at <= now && !task.is_told);
        ended.map(|task| task.is_told = true).count()
    }

    /// Whether that of a Service of a Release has ended well.
    pub fn has_ended_well(&self, release: &str, service: &str, now: i64) -> bool {
        let mut tasks = self.0.iter();
        tasks.any(|task| {
            (task.release.as_str(), task.service.as_str()) == (release, service)
                && task.ends_at <= now
                && task.exit_code == 0
        })
    }

    /// How many were started.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}
