//! The release command of a Service: started once for its request, and left to run. The attempt ends with that.

use aws::call_error::{CallError, ErrorClass};
use aws::ecs::{OneOff, Ran, Refusal};
use manifest::Service;
use names::bounds;
use names::error_chain::Chain;
use promotion::Definition;
use promotion::release_commands::{CommandEnd, LogPlace, ReleaseCommand};

use super::Job;
use super::source::Settled;
use crate::commands;
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::plan::{self, Process, ProcessStep};
use crate::progress::Progress;

/// What the release command of a Service is started with.
struct Start<'s> {
    process: &'s Process<'s>,
    step: &'s ProcessStep<'s>,
    definition: &'s Definition,
}

impl<E: Edge> Job<'_, E> {
    /// Starts it, and says why the attempt ends: it runs, there is no room for it, or it could not be started.
    pub(super) async fn run_command(
        &self,
        service: &Service,
        settled: &Settled<'_>,
        progress: &mut Progress,
    ) -> PromoteError {
        match self.start_command(service, settled, progress).await {
            Ok(ends) | Err(ends) => ends,
        }
    }

    async fn start_command(
        &self,
        service: &Service,
        settled: &Settled<'_>,
        progress: &mut Progress,
    ) -> Result<PromoteError, PromoteError> {
        let processes = self.plan.processes.iter().zip(&settled.route.steps);
        let mut all = processes.zip(&settled.definitions);
        let found = all
            .find(|((process, _), _)| !process.is_timer() && process.service.name == service.name);
        let Some(((process, step), definition)) = found else {
            return Err(PromoteError::NotAPromote); // each Service of the Release has a process
        };
        let start = Start {
            process,
            step,
            definition,
        };
        // Whoever comes after a process that dies at the next call has no other way to know of the task.
        let mut command = self.intended(service, &start, progress);
        let is_first = !progress.commands.iter().any(|it| command.is_same(it));
        self.write_command(&command, progress).await?;
        let ran = match self.run(service, &start, progress).await {
            Err(err) if err.class() == ErrorClass::Permanent => {
                command.end = Some(not_started(&err));
                // An earlier delivery may have started it nevertheless.
                if is_first {
                    self.write_command(&command, progress).await?;
                }
                return Ok(plan::failed(&command));
            }
            ran => ran?,
        };
        let ends = match ran {
            Ran::Started(task) | Ran::StartedOtherwise(task) => {
                command.log = command.log.of_task(&task);
                command.task = Some(task);
                plan::runs(&command)
            }
            Ran::Refused(refusal) if refusal.can_pass() => return Ok(no_room(service, &refusal)),
            Ran::Refused(refusal) => {
                command.end = Some(not_placed(&refusal));
                plan::failed(&command)
            }
        };
        self.write_command(&command, progress).await?;
        Ok(ends)
    }

    /// The command as it is about to be started, or was to be started before.
    fn intended(
        &self,
        service: &Service,
        start: &Start<'_>,
        progress: &Progress,
    ) -> ReleaseCommand {
        let name = service.name.as_str();
        let containers = start.step.definition.container_definitions.first();
        let option = |name: &str| {
            let option = containers.and_then(|one| one.awslogs.get(name));
            option.map_or("", String::as_str)
        };
        let (group, prefix) = (option("awslogs-group"), option("awslogs-stream-prefix"));
        let mut command = ReleaseCommand {
            request_id: self.request_id.to_owned(),
            release: self.wanted.release.clone(),
            service: name.to_owned(),
            began_at: self.edge.now(),
            task: None,
            log: LogPlace::new(group, prefix, name),
            end: None,
        };
        let mut known = progress.commands.iter();
        if let Some(known) = known.find(|it| command.is_same(it)) {
            command.began_at = known.began_at;
        }
        command
    }

    async fn run(
        &self,
        service: &Service,
        start: &Start<'_>,
        progress: &mut Progress,
    ) -> Result<Ran, CallError> {
        let (id, name) = (self.wanted.id, service.name.as_str());
        let mut tags = id.tags();
        tags.insert("convox:release".to_owned(), self.wanted.release.to_string());
        progress
            .wrote
            .push(format!("the release command of Service `{name}`"));
        let one = OneOff {
            task_definition: &start.definition.arn,
            container: name,
            command: Some(&service.release),
            placement: &start.process.command_placement(id, &self.plan.network),
            started_by: &ReleaseCommand::started_by(id, self.request_id, name),
            client_token: &ReleaseCommand::token(id, self.request_id, name),
            exec: service.exec,
            tags: &tags,
        };
        self.edge.run(&one).await
    }

    /// Writes down what is known of a command, in the state too.
    async fn write_command(
        &self,
        command: &ReleaseCommand,
        progress: &mut Progress,
    ) -> Result<(), PromoteError> {
        let mut known = progress.commands.iter_mut();
        match known.find(|it| command.is_same(it)) {
            Some(known) => known.clone_from(command),
            None => progress.commands.push(command.clone()),
        }
        commands::write(self.edge, self.wanted.id, &progress.commands).await
    }
}

fn no_room(service: &Service, refusal: &Refusal) -> PromoteError {
    let service = &service.name;
    PromoteError::ReleaseCommandAtWork {
        reason: format!(
            "there is no room yet for the release command of Service `{service}` ({refusal})"
        ),
    }
}

fn not_placed(refusal: &Refusal) -> CommandEnd {
    CommandEnd::without_task(format!("ECS did not place its task: {refusal}"))
}

fn not_started(err: &CallError) -> CommandEnd {
    let said = format!("ECS did not start its task: {}", Chain(err));
    CommandEnd::without_task(bounds::text(said, bounds::REASON_MAX_BYTES))
}
