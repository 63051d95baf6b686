//! `rack releases`, and what other commands ask of the Releases of an App.

use std::collections::BTreeMap;

use futures_util::future::try_join;
use names::{AppName, ReleaseId, keys};
use promotion::Promotion;
use promotion::history::Index;
use serde_json::Value;

use super::{Answer, Shell};
use crate::core::history::{self, Folder, ReleaseRow, Releases};
use crate::edge::bounded;
use crate::error::RackError;

/// Lists the newest Releases of the App.
pub async fn releases(shell: &Shell, limit: usize) -> Result<Answer, RackError> {
    let (app, state) = shell.known().await?;
    let index = shell.objects.history(&app);
    let (folders, index) = try_join(folders(shell, &app), index).await?;
    let (index, error) = match index {
        Ok(index) => (index, None),
        Err(error) => (Index::default(), Some(error)),
    };
    let newest = history::newest_first(&folders);
    let older = newest.len().saturating_sub(limit);
    let shown: Vec<(ReleaseId, Folder, Option<&str>)> = newest
        .into_iter()
        .take(limit)
        .map(|(release, folder)| {
            let record = history::record(&index, release);
            (release.clone(), folder.clone(), record)
        })
        .collect();
    let rows = shown.into_iter().map(async |(release, folder, record)| {
        row(shell, &app, (release, folder, record), &state).await
    });
    let releases = Releases {
        app: app.to_string(),
        releases: bounded::try_all(rows).await?,
        older,
        error,
    };
    let text = releases.text();
    Ok(Answer::of(&releases, text))
}

/// The folders of all Releases of an App.
pub async fn folders(
    shell: &Shell,
    app: &AppName,
) -> Result<BTreeMap<ReleaseId, Folder>, RackError> {
    let of_releases = format!("{}releases/", keys::app(app));
    let of_records = format!("{}state/releases/", keys::app(app));
    let lists = try_join(
        shell.objects.list(&of_releases),
        shell.objects.list(&of_records),
    );
    let (mut listed, records) = lists.await?;
    listed.extend(records);
    Ok(history::folders(app, &listed))
}

async fn row(
    shell: &Shell,
    app: &AppName,
    (release, folder, record): (ReleaseId, Folder, Option<&str>),
    state: &Promotion,
) -> Result<ReleaseRow, RackError> {
    // A record says what a report says, and who asked; what was promoted before there was a history has its report alone.
    let report = async {
        let recorded = match record {
            Some(record) => shell.objects.report(record).await?,
            None => None,
        };
        match folder.report.filter(|_| recorded.is_none()) {
            Some(_) => shell.objects.report(&keys::report(app, &release)).await,
            None => Ok(recorded),
        }
    };
    let build = async {
        if folder.has_build {
            shell.objects.read(&keys::build(app, &release)).await
        } else {
            Ok(None)
        }
    };
    let (report, build) = try_join(report, build).await?;
    let build = build.and_then(|build| serde_json::from_slice::<Value>(&build.bytes).ok());
    let said = |name: &str| build.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let description = said("description").or_else(|| said("gitSha"));
    Ok(history::row(
        &release,
        &folder,
        report.as_ref(),
        description,
        state,
    ))
}
