//! `rack status`.

use std::collections::BTreeMap;

use aws::call_error::CallError;
use futures_util::future::join4;
use names::keys;
use promotion::Applied;

use super::{Answer, Shell};
use crate::core::history;
use crate::core::status::{Known, Status};
use crate::edge::bounded;
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
        let urls = gateway_urls(shell, applied);
        let (report, record, services, urls) = join4(report, record, services, urls).await;
        known.report = report?;
        known.since = record?
            .first()
            .map(|listed: &history::Listed| listed.modified);
        known.services = services;
        known.gateway_urls = urls.map_err(|err| super::said(&err));
    }
    let status = Status::of(shell.rack.name.as_str(), app.as_str(), &state, known);
    let text = status.text();
    Ok(Answer::of(&status, text))
}

/// The addresses that gateways have given Services, by Service; of an App without one nothing is looked at.
async fn gateway_urls(
    shell: &Shell,
    applied: &Applied,
) -> Result<BTreeMap<String, Vec<String>>, CallError> {
    let cluster = applied.cluster.as_deref().unwrap_or_default();
    let services = applied.services.iter();
    let reached = services.filter(|(_, known)| !known.connectors.is_empty());
    let looks = reached.map(async |(name, known)| {
        let urls = shell.ecs.gateway_urls(cluster, &known.runs_as).await?;
        Ok::<_, CallError>((name.clone(), urls))
    });
    Ok(bounded::try_all(looks).await?.into_iter().collect())
}
