//! `rack promote --continue`: deployments that pause go on.

use std::fmt::Write as _;

use aws::call_error::CallError;
use names::AppName;
use promotion::Promotion;
use serde::Serialize;

use super::{Answer, Shell};
use crate::core::services::SeenService;
use crate::edge::bounded;
use crate::error::RackError;

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WentOn {
    /// The App.
    app: String,
    /// What went on.
    continued: Vec<Continued>,
}

/// A deployment that went on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Continued {
    /// The Service.
    service: String,
    /// The stage at which it paused.
    stage: String,
}

/// The ECS services of these names, with the pauses of those that have any.
pub async fn seen(
    shell: &Shell,
    cluster: &str,
    names: &[String],
) -> Result<Vec<SeenService>, CallError> {
    let mut services = shell.ecs.services(cluster, names).await?;
    note(shell, cluster, &mut services).await?;
    Ok(services)
}

/// Notes where the deployments of these ECS services pause.
pub async fn note(
    shell: &Shell,
    cluster: &str,
    services: &mut [SeenService],
) -> Result<(), CallError> {
    let shifting = services.iter_mut().filter(|service| service.shifts);
    let looks = shifting.map(async |service| {
        let paused = shell.ecs.paused(cluster, &service.name).await?;
        service.paused = paused.first().map(|paused| paused.stage.clone());
        Ok::<_, CallError>(())
    });
    bounded::try_all(looks).await.map(drop)
}

/// Lets all deployments of an App go on that pause.
pub async fn go_on(shell: &Shell, app: &AppName, state: &Promotion) -> Result<Answer, RackError> {
    let applied = state.applied.as_ref();
    let applied = applied.ok_or_else(|| RackError::NothingLive {
        app: app.to_string(),
    })?;
    let cluster = applied.cluster.as_deref().unwrap_or_default();
    let looks = applied.services.iter().map(async |(service, known)| {
        let paused = shell.ecs.paused(cluster, &known.runs_as).await?;
        Ok::<_, RackError>((service, paused))
    });
    let mut continued = Vec::new();
    for (service, paused) in bounded::try_all(looks).await? {
        for one in paused {
            shell.ecs.go_on(&one).await?;
            continued.push(Continued {
                service: service.clone(),
                stage: one.stage,
            });
        }
    }
    if continued.is_empty() {
        return Err(RackError::Nothing(format!("no deployment of {app} pauses")));
    }
    let mut text = String::new();
    for Continued { service, stage } in &continued {
        let _ = writeln!(text, "{service} goes on after {stage}");
    }
    let answer = WentOn {
        app: app.to_string(),
        continued,
    };
    Ok(Answer::of(&answer, text))
}
