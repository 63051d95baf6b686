//! `rack plan [RELEASE]`.

use std::fmt::Write as _;

use names::{AppName, ReleaseId};
use serde_json::{Value, json};

use super::{Answer, Shell, releases};
use crate::cli::{Allowed, Plan};
use crate::core::members::text;
use crate::core::report::{SeenReport, explained};
use crate::core::{history, plan as shown};
use crate::error::RackError;
use crate::exit::Exit;

/// Asks promote what it would do.
pub async fn plan(shell: &Shell, asked: Plan) -> Result<Answer, RackError> {
    let (app, _) = shell.known().await?;
    let release = match asked.release {
        Some(release) => ReleaseId::new(&release)?,
        None => newest(shell, &app).await?,
    };
    let mut payload = payload(&app, &release, asked.allowed);
    if let Some(members) = payload.as_object_mut() {
        members.insert("dryRun".to_owned(), Value::Bool(true));
    }
    let function = shell.rack.output("PromoteFunction")?;
    let answer = shell.functions.invoke(function, &payload).await?.answer;
    if text(&answer, "status") == Some("planned") {
        let text = shown::text(&answer);
        return Ok(Answer {
            text,
            json: answer,
            exit: Exit::Done,
        });
    }
    Ok(refused(answer))
}

/// What promote is invoked with.
pub fn payload(app: &AppName, release: &ReleaseId, allowed: Allowed) -> Value {
    json!({
        "app": app,
        "release": release,
        "allowReplacement": allowed.allow_replacement,
        "allowRemoval": allowed.allow_removal,
        "restart": allowed.restart,
    })
}

/// Why a function does not do what it was asked for, and what to do. What is not there was asked for in a wrong way.
pub fn refused(answer: Value) -> Answer {
    let exit = match text(&answer, "errorType") {
        Some("ReleaseNotFound" | "ServiceNotFound") => Exit::WrongUse,
        _ => Exit::Failed,
    };
    Answer {
        text: cure(&answer),
        json: answer,
        exit,
    }
}

fn cure(answer: &Value) -> String {
    let report: SeenReport = serde_json::from_value(answer.clone()).unwrap_or_default();
    let mut text = format!("{}\n", report.in_words());
    let known = report.error_type.as_deref().and_then(explained);
    if let Some(known) = known {
        let _ = writeln!(text, "what to do: {}", known.cure);
    }
    text.extend(
        report
            .warnings
            .iter()
            .map(|warning| format!("warning: {warning}\n")),
    );
    text
}

async fn newest(shell: &Shell, app: &AppName) -> Result<ReleaseId, RackError> {
    let folders = releases::folders(shell, app).await?;
    let newest = history::newest_first(&folders)
        .first()
        .map(|(release, _)| (*release).clone());
    newest.ok_or_else(|| RackError::Nothing(format!("{app} has no Release")))
}
