//! `rack apps`.

use names::AppName;
use promotion::Promotion;
use serde::Serialize;

use super::{Answer, Shell};
use crate::core::status::{Wanted, asked, delivery};
use crate::core::table::table;
use crate::edge::bounded;
use crate::error::RackError;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Apps {
    rack: String,
    apps: Vec<AppRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AppRow {
    app: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Wanted>,
}

/// Lists the Apps of the Rack.
pub async fn apps(shell: &Shell) -> Result<Answer, RackError> {
    let apps = shell.objects.apps().await?;
    let rows = apps.into_iter().map(async |app| {
        let state = shell.objects.state(&app).await?;
        Ok::<_, RackError>(row(&app, &state))
    });
    let apps = bounded::try_all(rows).await?;
    let apps = Apps {
        rack: shell.rack.name.to_string(),
        apps,
    };
    let text = apps.text();
    Ok(Answer::of(&apps, text))
}

fn row(app: &AppName, state: &Promotion) -> AppRow {
    let applied = state.applied.as_ref();
    AppRow {
        app: app.to_string(),
        live: applied.map(|applied| applied.release.to_string()),
        delivery: applied.map(delivery),
        last: state.desired.as_ref().map(asked),
    }
}

impl Apps {
    fn text(&self) -> String {
        if self.apps.is_empty() {
            return format!("Rack {} has no App\n", self.rack);
        }
        let rows: Vec<[String; 4]> = self
            .apps
            .iter()
            .map(|row| {
                let last = row.last.as_ref().map(|last| match &last.release {
                    Some(release) => format!("{} of {release} {}", last.kind, last.status),
                    None => format!("{} {}", last.kind, last.status),
                });
                let live = row.live.clone().unwrap_or_default();
                [
                    row.app.clone(),
                    live,
                    row.delivery.clone().unwrap_or_default(),
                    last.unwrap_or_default(),
                ]
            })
            .collect();
        table(["APP", "LIVE", "DELIVERY", "LAST REQUEST"], &rows)
    }
}
