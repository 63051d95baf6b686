//! `rack why`.

use futures_util::future::join;
use promotion::{Applied, Desired};

use super::{Answer, Shell, said};
use crate::core::why::{Known, Stopped, Why};
use crate::edge::bounded;
use crate::error::RackError;

/// Says what went wrong last.
pub async fn why(shell: &Shell) -> Result<Answer, RackError> {
    let (app, state) = shell.known().await?;
    let wanted = state
        .desired
        .as_ref()
        .and_then(Desired::promotes)
        .map(|(release, _)| release);
    let live = state.applied.as_ref().map(|applied| &applied.release);
    let mut known = Known {
        wanted: shell.report(&app, wanted).await?,
        live: shell.report(&app, live).await?,
        ..Known::default()
    };
    if let Some(applied) = &state.applied {
        look(shell, applied, &mut known).await;
    }
    let why = Why::of(&shell.id(&app), &state, known);
    let text = why.text();
    Ok(Answer::of(&why, text))
}

/// What ECS says. Who may not ask it is told the rest.
async fn look(shell: &Shell, applied: &Applied, known: &mut Known) {
    let Some(cluster) = applied.cluster.as_deref() else {
        return;
    };
    let names: Vec<String> = applied
        .services
        .values()
        .map(|definition| definition.runs_as.clone())
        .collect();
    let stopped = applied.services.iter();
    let stopped =
        stopped.map(|(name, definition)| shell.ecs.stopped(cluster, (name, &definition.runs_as)));
    let (services, stopped) =
        join(shell.ecs.services(cluster, &names), bounded::all(stopped)).await;
    match services {
        Ok(services) => {
            known.services = services;
            let noted = super::pauses::note(shell, cluster, &mut known.services).await;
            known.warnings.extend(noted.err().map(|err| said(&err)));
        }
        Err(err) => known.warnings.push(said(&err)),
    }
    let is_applied = |task: &Stopped| {
        let definition = applied.services.get(&task.service);
        definition.is_some_and(|definition| definition.arn == task.task_definition)
    };
    for stopped in stopped {
        match stopped {
            Ok(stopped) => known.stopped.extend(stopped.into_iter().filter(is_applied)),
            Err(err) => known.warnings.push(said(&err)),
        }
    }
}
