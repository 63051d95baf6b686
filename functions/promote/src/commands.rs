//! Release commands around an attempt: what is read of them before it, what is written down, and what is told.

use futures_util::future::try_join_all;
use lambda::state_store::StateStore;
use lambda::work::Due;
use names::AppId;
use promotion::release_commands::{self, CommandEnd, ReleaseCommand, SeenTask};
use serde::Serialize;

use crate::edge::Edge;
use crate::error::PromoteError;

/// The release commands as they were written down, and as they are.
#[derive(Debug, Clone, Default)]
pub struct CommandsRead {
    written: Vec<ReleaseCommand>,
    /// As a look at ECS shows them.
    pub now: Vec<ReleaseCommand>,
}

/// Looks at those that are not known to have ended.
///
/// # Errors
///
/// [`PromoteError`] when a call fails.
pub async fn read<E: Edge>(edge: &E, due: Due<'_>) -> Result<CommandsRead, PromoteError> {
    let request_id = due.desired.order.request_id.as_str();
    let sought = release_commands::sought(due.commands, due.id, request_id);
    let looks = sought
        .into_iter()
        .map(async |sought| Ok::<_, PromoteError>((edge.seen_task(&sought).await?, sought)));
    let seen = try_join_all(looks).await?;
    let look = |sought: &_| {
        let found = seen.iter().find(|(_, it)| it == sought);
        found.map_or(SeenTask::Unknown, |(seen, _)| seen.clone())
    };
    let now = release_commands::looked_at(due.commands, (due.id, request_id), look, edge.now());
    Ok(CommandsRead {
        written: due.commands.to_vec(),
        now,
    })
}

impl CommandsRead {
    /// Writes down what was found out: ECS shows the end of a task for an hour.
    ///
    /// # Errors
    ///
    /// [`PromoteError`] when the state cannot be changed.
    pub async fn note(&self, edge: &impl Edge, id: &AppId) -> Result<(), PromoteError> {
        if self.now.iter().all(|it| self.written.contains(it)) {
            return Ok(());
        }
        write(edge, id, &self.now).await
    }
}

/// Writes them into the state.
///
/// # Errors
///
/// [`PromoteError`] when the state cannot be changed.
pub async fn write(
    edge: &impl Edge,
    id: &AppId,
    commands: &[ReleaseCommand],
) -> Result<(), PromoteError> {
    let store = StateStore::promotion(edge.objects(), &id.app);
    let mut state = store.read().await?;
    store
        .change(&mut state, |state| {
            state.commands.clear();
            state.commands.extend_from_slice(commands);
        })
        .await?;
    Ok(())
}

/// A release command, as reports tell of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RanCommand {
    /// The Service.
    pub service: String,
    /// Its task, where one was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The log group of its output.
    pub log_group: String,
    /// The log stream of its output; what that begins with where there is no task.
    pub log_stream: String,
    /// Its exit code, once it has ended by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How it ended, in words; none while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

impl RanCommand {
    /// Those of a request.
    #[must_use]
    pub fn of(commands: &[ReleaseCommand], request_id: &str) -> Vec<Self> {
        let own = commands.iter().filter(|it| it.request_id == request_id);
        let told = own.map(|command| {
            let end = command.end.as_ref();
            Self {
                service: command.service.clone(),
                task: command.task.clone(),
                log_group: command.log.group.clone(),
                log_stream: command.log.stream.clone(),
                exit_code: end.and_then(|end| end.exit_code),
                ended: end.map(CommandEnd::in_words),
            }
        });
        told.collect()
    }
}
