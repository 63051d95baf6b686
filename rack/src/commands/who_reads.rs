//! `rack who-reads KEY`.

use super::{Answer, Shell};
use crate::core::readers::{IsSet, Readers, SeenDefinition, any_by_s3, readers};
use crate::edge::bounded;
use crate::error::RackError;

/// Says which Services and Timers that run read a variable.
pub async fn who_reads(shell: &Shell, key: &str) -> Result<Answer, RackError> {
    let (app, state) = shell.known().await?;
    let applied = state.applied.as_ref();
    let applied = applied.ok_or_else(|| RackError::NothingLive {
        app: app.to_string(),
    })?;
    let services = applied.services.iter().map(|known| ("service", known));
    let timers = applied.timers.iter().map(|known| ("timer", known));
    let definitions = services
        .chain(timers)
        .map(async |(kind, (name, definition))| {
            let containers = shell.ecs.containers(&definition.arn).await?;
            Ok::<_, RackError>(SeenDefinition {
                kind,
                name: name.clone(),
                arn: definition.arn.clone(),
                containers,
            })
        });
    let definitions = bounded::try_all(definitions).await?;
    let is_set = if any_by_s3(&definitions) {
        let environments = shell.environments();
        let opened = environments.open(&app, &applied.release).await?;
        if opened.environment.key(key).is_some() {
            IsSet::Yes
        } else {
            IsSet::No
        }
    } else {
        IsSet::No
    };
    let told = Readers {
        app: app.to_string(),
        release: applied.release.to_string(),
        key: key.to_owned(),
        readers: readers(key, &definitions, is_set),
    };
    let text = told.text();
    Ok(Answer::of(&told, text))
}
