//! `rack run SERVICE -- COMMAND`: a one-off process.

use serde_json::Map;

use super::{Answer, Shell, plan};
use crate::cli::Run;
use crate::core::members::text;
use crate::core::table::facts;
use crate::error::RackError;
use crate::exit::Exit;

/// Starts one.
pub async fn run(shell: &Shell, asked: &Run) -> Result<Answer, RackError> {
    let (app, _) = shell.known().await?;
    let mut payload = Map::new();
    payload.insert("app".to_owned(), app.as_str().into());
    payload.insert("service".to_owned(), asked.service.as_str().into());
    if let Some(release) = &asked.release {
        payload.insert("release".to_owned(), release.as_str().into());
    }
    if !asked.command.is_empty() {
        payload.insert("command".to_owned(), in_a_shell(&asked.command).into());
    }
    let function = shell.rack.output("ProcessRunFunction")?;
    let answer = shell
        .functions
        .invoke(function, &payload.into())
        .await?
        .answer;
    if text(&answer, "status") != Some("started") {
        return Ok(plan::refused(answer));
    }
    let said = |name: &str| text(&answer, name).map(str::to_owned);
    let told = facts(&[
        ("task", said("taskArn")),
        ("task definition", said("taskDefinition")),
        ("Release", said("release")),
        ("delivery", said("delivery")),
        (
            "logs",
            Some(format!(
                "aws logs tail {}/{app} --follow",
                shell.rack.name.log_group()
            )),
        ),
    ]);
    Ok(Answer {
        text: told,
        json: answer,
        exit: Exit::Done,
    })
}

/// One word is a line for the shell; several are the words of a command.
fn in_a_shell(words: &[String]) -> String {
    match words {
        [line] => line.clone(),
        words => words
            .iter()
            .map(|word| quoted(word))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        for (words, want) in [
            (
                &["bin/migrate && echo done"][..],
                "bin/migrate && echo done",
            ),
            (&["bin/migrate", "--all"], "bin/migrate --all"),
            (
                &["echo", "it's two", "", "$HOME"],
                r"echo 'it'\''s two' '' '$HOME'",
            ),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(in_a_shell(&words), want);
        }
    }
}
