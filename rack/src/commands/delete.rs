//! `rack delete`: an App goes, and its secret waits for 30 days.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};
use std::time::Instant;

use names::AppName;
use promotion::{Promotion, Status, WorkKind};
use serde_json::{Value, json};

use super::{Answer, Shell, plan};
use crate::cli::{Delete, Waiting};
use crate::core::members::{text, texts};
use crate::core::table::{facts, section};
use crate::edge::terminal::Progress;
use crate::error::RackError;
use crate::exit::Exit;

/// Deletes the App.
pub async fn delete(shell: &Shell, asked: &Delete) -> Result<Answer, RackError> {
    let (app, state) = shell.known().await?;
    if !asked.yes {
        confirm(&app)?;
    }
    super::next_second(&state).await;
    let function = shell.rack.output("AppDeletionFunction")?;
    let answer = shell
        .functions
        .invoke(function, &json!({"app": app, "delete": true}))
        .await?
        .answer;
    match text(&answer, "status") {
        Some("deleted") => Ok(deleted(&app, answer)),
        Some("waiting" | "queued") if asked.waiting.wait => wait(shell, &app, &asked.waiting).await,
        Some("waiting" | "queued") => {
            let text = format!(
                "the deletion of {app} goes on by itself: {}\n",
                message(&answer)
            );
            Ok(Answer {
                text,
                json: answer,
                exit: Exit::Done,
            })
        }
        _ => Ok(plan::refused(answer)),
    }
}

fn message(answer: &Value) -> &str {
    text(answer, "message").unwrap_or_default()
}

/// A deletion takes databases with it, so it is said twice.
fn confirm(app: &AppName) -> Result<(), RackError> {
    if !stdin().is_terminal() {
        return Err(RackError::Use(format!(
            "this deletes {app}, with its databases: say --yes"
        )));
    }
    let _ = write!(
        stderr(),
        "This deletes {app}, with its databases. Type its name to go on: "
    );
    let mut typed = String::new();
    let read = stdin().read_line(&mut typed);
    read.map_err(|source| RackError::System {
        what: "read the answer",
        source,
    })?;
    if typed.trim() == app.as_str() {
        Ok(())
    } else {
        Err(RackError::Use(
            "that is not its name; nothing is deleted".to_owned(),
        ))
    }
}

fn deleted(app: &AppName, answer: Value) -> Answer {
    let said = |name: &str| text(&answer, name).map(str::to_owned);
    let mut told = facts(&[
        ("deleted", Some(app.to_string())),
        ("secret until", said("deletionDate")),
    ]);
    told.push_str(&section("removed", &texts(&answer, "removed")));
    told.push_str(&section("Warnings", &texts(&answer, "warnings")));
    Answer {
        text: told,
        json: answer,
        exit: Exit::Done,
    }
}

async fn wait(shell: &Shell, app: &AppName, waiting: &Waiting) -> Result<Answer, RackError> {
    let (began, mut progress) = (Instant::now(), Progress::new());
    loop {
        let state = shell.objects.state(app).await?;
        let (status, reason, exit) = ended(&state);
        if let Some(exit) = exit {
            let text = format!("the deletion of {app}: {status} {reason}");
            let text = format!("{}\n", text.trim_end());
            return Ok(Answer {
                text,
                json: json!({"app": app, "status": status, "message": reason}),
                exit,
            });
        }
        progress.show(vec![format!("{app}: {status} {reason}")]);
        if began.elapsed() >= waiting.timeout {
            let text = format!(
                "the deletion of {app} was not seen to its end in time; it goes on by itself\n"
            );
            return Ok(Answer {
                text,
                json: json!({"app": app, "status": "timedOut", "message": reason}),
                exit: Exit::TimedOut,
            });
        }
        tokio::time::sleep(waiting.every).await;
    }
}

/// What became of a deletion: its status, why, and with what to end.
fn ended(state: &Promotion) -> (&'static str, String, Option<Exit>) {
    let Some(desired) = state
        .desired
        .as_ref()
        .filter(|desired| desired.work.kind() == WorkKind::Delete)
    else {
        return (
            "superseded",
            "by a later request".to_owned(),
            Some(Exit::Failed),
        );
    };
    match &desired.status {
        Status::Done => ("deleted", String::new(), Some(Exit::Done)),
        Status::Failed { reason, .. } => ("failed", reason.to_string(), Some(Exit::Failed)),
        Status::Waiting { reason, .. } => ("waiting", reason.clone(), None),
        Status::Pending => ("pending", String::new(), None),
    }
}
