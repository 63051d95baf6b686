//! `rack status`.

use futures_util::future::join3;
use names::keys;

use super::{Answer, Shell};
use crate::core::history;
use crate::core::status::{Known, Status};
use crate::error::RackError;

/// Says what runs of the App.
pub async fn status(shell: &Shell) -> Result<Answer, RackError> {
    let (app, state) = shell.known().await?;
    let mut known = Known::default();
    if let Some(applied) = &state.applied {
        let names: Vec<String> = applied
            .services
            .values()
            .map(|definition| definition.runs_as.clone())
            .collect();
        let report_key = keys::report(&app, &applied.release);
        let report = shell.objects.report(&report_key);
        let record_key = keys::record(&app, &applied.release);
        let record = shell.objects.list(&record_key);
        let services = async {
            let cluster = applied.cluster.as_deref()?;
            let services = super::pauses::seen(shell, cluster, &names).await;
            Some(services.map_err(|err| super::said(&err)))
        };
        let (report, record, services) = join3(report, record, services).await;
        known.report = report?;
        known.since = record?
            .first()
            .map(|listed: &history::Listed| listed.modified);
        known.services = services;
    }
    let status = Status::of(shell.rack.name.as_str(), app.as_str(), &state, known);
    let text = status.text();
    Ok(Answer::of(&status, text))
}
