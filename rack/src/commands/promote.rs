//! `rack promote`, `rack rollback`, `rack restore`: which Release is to be live.

use std::fmt::Write as _;

use names::{AppName, ReleaseId, keys};
use promotion::Desired;
use serde_json::Value;

use super::follow::{Followed, follow};
use super::plan::payload;
use super::{Answer, Shell, releases};
use crate::cli::{Allowed, GoLive, Promote};
use crate::core::history;
use crate::core::members::text;
use crate::core::report::{SeenReport, explained};
use crate::core::wait::{Asked, Verdict, reported};
use crate::edge::objects::Put;
use crate::error::RackError;

/// Promotes a Release: a draft by writing its environment, another by asking the function.
pub async fn promote(
    shell: &Shell,
    GoLive {
        anyway,
        go_on,
        asked,
    }: GoLive,
) -> Result<Answer, RackError> {
    let (app, state) = shell.known().await?;
    if go_on {
        return super::pauses::go_on(shell, &app, &state).await;
    }
    let folders = releases::folders(shell, &app).await?;
    let release = if let Some(release) = &asked.release {
        ReleaseId::new(release)?
    } else {
        let newest = history::newest_first(&folders);
        let draft = newest.first().filter(|(_, folder)| folder.is_draft());
        let draft = draft.map(|(release, _)| (*release).clone());
        let none = || format!("the newest Release of {app} is no draft; name the one to promote");
        draft.ok_or_else(|| RackError::Nothing(none()))?
    };
    let folder = folders
        .get(&release)
        .ok_or_else(|| missing(&app, &release))?;
    let followed = if folder.is_draft() {
        let since = history::asked_since(folder, &state).filter(|_| !anyway);
        if let Some(desired) = since {
            return Err(outdated(&app, &release, desired));
        }
        go_live(shell, (&app, &release), &asked).await?
    } else {
        super::next_second(&state).await;
        ask(shell, (&app, &release), &asked).await?
    };
    Ok(answer(&followed))
}

/// Goes back to a Release that was live before.
pub async fn rollback(shell: &Shell, asked: Promote) -> Result<Answer, RackError> {
    let (app, state) = shell.known().await?;
    let live = state.applied.as_ref().map(|applied| &applied.release);
    let live = live.ok_or_else(|| RackError::NothingLive {
        app: app.to_string(),
    })?;
    let release = earlier(shell, &app, asked.release.as_deref(), Some(live)).await?;
    super::next_second(&state).await;
    Ok(answer(&ask(shell, (&app, &release), &asked).await?))
}

/// Brings a deleted App back, also one whose deletion is not done yet: the newest request wins.
pub async fn restore(shell: &Shell, asked: Promote) -> Result<Answer, RackError> {
    let (app, state) = shell.known().await?;
    if !super::is_to_go(&state) {
        return Err(RackError::Use(format!(
            "{app} is not deleted; `rack promote` makes a Release live"
        )));
    }
    let release = earlier(shell, &app, asked.release.as_deref(), None).await?;
    super::next_second(&state).await;
    Ok(answer(&ask(shell, (&app, &release), &asked).await?))
}

/// The Release that was named, or the one that was live last before `live`.
async fn earlier(
    shell: &Shell,
    app: &AppName,
    named: Option<&str>,
    live: Option<&ReleaseId>,
) -> Result<ReleaseId, RackError> {
    let folders = releases::folders(shell, app).await?;
    let release = if let Some(named) = named {
        ReleaseId::new(named)?
    } else {
        let before = history::applied_before(&folders, live).cloned();
        let none = || format!("no other Release of {app} was ever live; name one");
        before.ok_or_else(|| RackError::Nothing(none()))?
    };
    match folders.get(&release) {
        Some(folder) if folder.env.is_some() => Ok(release),
        Some(folder) if folder.is_draft() => Err(RackError::Use(format!(
            "{release} is a draft and was never live; `rack promote {release}` makes it live"
        ))),
        _ => Err(missing(app, &release)),
    }
}

fn missing(app: &AppName, release: &ReleaseId) -> RackError {
    RackError::NoRelease {
        app: app.to_string(),
        release: release.to_string(),
    }
}

fn outdated(app: &AppName, draft: &ReleaseId, desired: &Desired) -> RackError {
    let what = match desired.promotes() {
        Some((release, _)) => format!("{release} of {app} was asked for"),
        None => format!("the deletion of {app} was asked for"),
    };
    RackError::Outdated {
        draft: draft.to_string(),
        what,
    }
}

async fn go_live(
    shell: &Shell,
    (app, release): (&AppName, &ReleaseId),
    asked: &Promote,
) -> Result<Followed, RackError> {
    let Allowed {
        allow_replacement,
        allow_removal,
        restart,
    } = asked.allowed;
    if allow_replacement || allow_removal || restart {
        let what = "the environment of a draft carries no --allow-… and no --restart: promote it without, then again with them";
        return Err(RackError::Use(what.to_owned()));
    }
    let draft = shell.objects.read(&keys::draft(app, release)).await?;
    let draft = draft.ok_or_else(|| missing(app, release))?;
    match shell
        .objects
        .put_new(&keys::environment(app, release), draft.bytes)
        .await?
    {
        Put::Taken => Err(RackError::Meanwhile {
            what: format!("somebody else promotes {release}"),
        }),
        Put::Written(version) => {
            let open = Asked::Open("asked for".to_owned());
            follow(shell, (app, release), &version, open, &asked.waiting).await
        }
    }
}

async fn ask(
    shell: &Shell,
    (app, release): (&AppName, &ReleaseId),
    asked: &Promote,
) -> Result<Followed, RackError> {
    let function = shell.rack.output("PromoteFunction")?;
    let answered = shell
        .functions
        .invoke(function, &payload(app, release, asked.allowed))
        .await?;
    let said = text(&answered.answer, "requestId");
    let request_id = said.unwrap_or(&answered.request_id).to_owned();
    let open = of_answer(&answered.answer);
    follow(shell, (app, release), &request_id, open, &asked.waiting).await
}

fn of_answer(answer: &Value) -> Asked {
    let report: SeenReport = serde_json::from_value(answer.clone()).unwrap_or_default();
    match report.status.as_str() {
        "refused" | "ignored" => Asked::Failed(report.in_words()),
        _ => reported(&report),
    }
}

fn answer(followed: &Followed) -> Answer {
    let mut told = followed.text();
    let kind = followed
        .reason
        .as_deref()
        .and_then(|reason| reason.split(':').next());
    if let (Verdict::Failed, Some(known)) = (followed.verdict, kind.and_then(explained)) {
        let _ = writeln!(told, "  what to do: {}", known.cure);
    }
    Answer::of(followed, told).ends(followed.verdict.exit())
}
