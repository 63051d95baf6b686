//! `rack page`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chrono::Utc;
use futures_util::future::{try_join, try_join3};
use names::{AppName, ReleaseId, keys};
use promotion::history::Index;
use promotion::{Desired, Promotion};
use serde::Serialize;

use super::{Answer, Shell, said};
use crate::core::page::{self, Page, Read, Seen};
use crate::edge::{bounded, files};
use crate::error::RackError;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    rack: String,
    file: String,
    apps: Vec<AppRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AppRow {
    app: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Writes the page; to standard output for `-`.
pub async fn page(shell: &Shell, output: PathBuf, is_json: bool) -> Result<Answer, RackError> {
    let is_printed = output == Path::new("-");
    if is_printed && is_json {
        let why = "--json answers on standard output, so the page needs a file: --output FILE";
        return Err(RackError::Use(why.to_owned()));
    }
    let apps = match shell.app {
        Some(_) => vec![shell.known().await?.0],
        None => shell.objects.apps().await?,
    };
    let apps = apps.into_iter().map(async |app| page::App {
        name: app.to_string(),
        seen: seen(shell, &app).await.map_err(|err| said(&err)),
    });
    let page = Page {
        rack: shell.rack.name.to_string(),
        made_at: Utc::now(),
        apps: bounded::all(apps).await,
    };
    let html = page::html(&page);
    let written = Written::of(page, &output);
    let text = if is_printed {
        html
    } else {
        files::replace(&output, html.as_bytes())?;
        written.text()
    };
    Ok(Answer::of(&written, text))
}

async fn seen(shell: &Shell, app: &AppName) -> Result<Seen, RackError> {
    let read = try_join(shell.objects.state(app), shell.objects.history(app));
    let (state, index) = read.await?;
    let wanted = state.desired.as_ref().and_then(Desired::promotes);
    let wanted = wanted.map(|(release, _)| release);
    let live = state.applied.as_ref().map(|applied| &applied.release);
    let other = live.filter(|live| Some(*live) != wanted);
    let entries = index.as_ref().map(|index: &Index| &*index.entries);
    let is_told = page::since_when(&state, entries.unwrap_or_default()).is_some();
    let (wanted, other, since) = try_join3(
        shell.report(app, wanted),
        shell.report(app, other),
        since(shell, app, live.filter(|_| !is_told)),
    )
    .await?;
    let is_same = is_same(&state);
    let live = if is_same { wanted.clone() } else { other };
    let read = Read {
        state,
        index,
        wanted,
        live,
        since,
    };
    Ok(Seen::of(&shell.id(app), read))
}

/// Whether what is wanted and what runs are one Release, which has one report.
fn is_same(state: &Promotion) -> bool {
    let wanted = state.desired.as_ref().and_then(Desired::promotes);
    let live = state.applied.as_ref().map(|applied| &applied.release);
    live.is_some() && live == wanted.map(|(release, _)| release)
}

/// When a Release was written down as live, where no history says it.
async fn since(
    shell: &Shell,
    app: &AppName,
    live: Option<&ReleaseId>,
) -> Result<Option<chrono::DateTime<Utc>>, RackError> {
    let Some(live) = live else {
        return Ok(None);
    };
    let listed = shell.objects.list(&keys::record(app, live)).await?;
    Ok(listed.first().map(|listed| listed.modified))
}

impl Written {
    fn of(page: Page, output: &Path) -> Self {
        let apps = page.apps.into_iter().map(|app| AppRow {
            app: app.name,
            error: app.seen.err(),
        });
        Self {
            rack: page.rack,
            file: output.display().to_string(),
            apps: apps.collect(),
        }
    }

    fn text(&self) -> String {
        let mut text = match self.apps.len() {
            1 => format!("{}: 1 App of {}\n", self.file, self.rack),
            apps => format!("{}: {apps} Apps of {}\n", self.file, self.rack),
        };
        for row in &self.apps {
            if let Some(error) = &row.error {
                let _ = writeln!(text, "{} could not be read: {error}", row.app);
            }
        }
        text
    }
}
