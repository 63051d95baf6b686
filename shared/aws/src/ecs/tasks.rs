//! The tasks of release commands: whether they have stopped, and how.

use aws_sdk_ecs::types::{Container, Task, TaskStopCode};
use promotion::release_commands::{SeenTask, Sought};
use promotion::stop_reason::{StoppedContainer, StoppedTask};

use super::Cluster;
use crate::call_error::CallError;

/// ECS's word for a task that has ended (API reference, `Task`, `lastStatus`).
const STOPPED: &str = "STOPPED";

impl Cluster {
    /// What became of a task.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call fails.
    pub async fn seen_task(&self, sought: &Sought) -> Result<SeenTask, CallError> {
        match sought {
            Sought::Task { arn, container } => self.described(arn, container).await,
            Sought::StartedBy(by) => self.listed(by).await,
        }
    }

    async fn described(&self, arn: &str, container: &str) -> Result<SeenTask, CallError> {
        // `…:task/cluster/id`: where the Rack's cluster was changed, what is in the one before is not looked for.
        let cluster = arn.rsplit('/').nth(1);
        if cluster.is_some_and(|cluster| !cluster.contains(':') && !self.is_called(cluster)) {
            return Ok(SeenTask::Unknown);
        }
        let request = self.client.describe_tasks().cluster(&self.name).tasks(arn);
        let answer = request.send().await;
        let answer =
            answer.map_err(|err| CallError::new(format!("look up the task {arn}"), &err))?;
        let task = answer.tasks().first();
        Ok(task.map_or(SeenTask::Unknown, |task| seen(task, container)))
    }

    /// Those that run: of one that was started by that nobody knows more.
    async fn listed(&self, started_by: &str) -> Result<SeenTask, CallError> {
        let request = self.client.list_tasks().cluster(&self.name);
        let answer = request.started_by(started_by).send().await;
        let answer = answer.map_err(|err| {
            CallError::new(format!("look up the tasks that {started_by} started"), &err)
        })?;
        Ok(if answer.task_arns().is_empty() {
            SeenTask::Unknown
        } else {
            SeenTask::AtWork
        })
    }
}

fn seen(task: &Task, container: &str) -> SeenTask {
    if task.last_status() != Some(STOPPED) {
        return SeenTask::AtWork;
    }
    let exited = TaskStopCode::EssentialContainerExited;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    // Beside it there may be what watches it for somebody else.
    let is_its = |one: &&Container| one.name().is_none_or(|name| name == container);
    let containers = task.containers().iter().filter(is_its);
    let containers = containers.map(|one| StoppedContainer {
        reason: text(one.reason()),
        exit_code: one.exit_code(),
    });
    SeenTask::Stopped {
        task: StoppedTask {
            reason: text(task.stopped_reason()),
            containers: containers.collect(),
        },
        by_itself: task.stop_code().is_none_or(|code| *code == exited),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(status: &str, code: Option<TaskStopCode>, exits: &[(&str, i32)]) -> Task {
        let containers = exits.iter().map(|(name, code)| {
            let container = Container::builder().name(*name).exit_code(*code);
            container.build()
        });
        let task = Task::builder().last_status(status).set_stop_code(code);
        task.set_containers(Some(containers.collect())).build()
    }

    #[test]
    fn a_task_has_ended_once_it_is_stopped_and_its_own_container_says_how() {
        let exited = Some(TaskStopCode::EssentialContainerExited);
        for status in ["PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING"] {
            assert_eq!(seen(&task(status, None, &[]), "web"), SeenTask::AtWork);
        }
        for (code, by_itself) in [
            (exited, true),
            (None, true),
            (Some(TaskStopCode::UserInitiated), false),
            (Some(TaskStopCode::TaskFailedToStart), false),
        ] {
            let exits = [("aws-guardduty-agent", 137), ("web", 3)];
            let SeenTask::Stopped {
                task,
                by_itself: said,
            } = seen(&task(STOPPED, code.clone(), &exits), "web")
            else {
                panic!("{code:?}: it has stopped");
            };
            assert_eq!(said, by_itself, "{code:?}");
            let codes: Vec<_> = task.containers.iter().map(|one| one.exit_code).collect();
            assert_eq!(codes, [Some(3)]);
        }
    }
}
