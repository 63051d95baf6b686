//! `rack env`: the environment of an App.

use environment::Environment;
use names::{AppName, ReleaseId, keys};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Answer, Shell, named_or_live};
use crate::cli::Env;
use crate::core::changes::{Differences, Side};
use crate::core::dotenv;
use crate::error::RackError;

/// Does one thing with the environment.
pub async fn env(shell: &Shell, what: Env) -> Result<Answer, RackError> {
    match what {
        Env::Get {
            key,
            release,
            reveal,
        } => {
            let (app, state) = shell.known().await?;
            let release = named_or_live(&app, release.as_deref(), &state)?;
            let environment = shell.environments().open(&app, &release).await?.environment;
            get((&app, &release), &environment, key.as_deref(), reveal)
        }
        Env::Diff { from, to } => {
            let (app, state) = shell.known().await?;
            let from = ReleaseId::new(&from)?;
            let to = named_or_live(&app, to.as_deref(), &state)?;
            diff(shell, &app, &from, &to).await
        }
    }
}

/// The answer of `env get`. Its values are those that were asked for with `--reveal`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    app: String,
    release: String,
    keys: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Map<String, Value>>,
}

fn get(
    (app, release): (&AppName, &ReleaseId),
    environment: &Environment,
    key: Option<&str>,
    reveal: bool,
) -> Result<Answer, RackError> {
    let chosen: Environment = match key {
        None => environment.clone(),
        Some(key) => {
            let pair = environment.iter().find(|(known, _)| known.as_str() == key);
            let pair = pair.ok_or_else(|| RackError::NoKey {
                app: app.to_string(),
                release: release.to_string(),
                key: key.to_owned(),
            })?;
            [(pair.0.clone(), pair.1.clone())].into_iter().collect()
        }
    };
    let keys: Vec<String> = chosen.keys().map(ToString::to_string).collect();
    let pairs = || {
        chosen
            .iter()
            .map(|(key, value)| (key.to_string(), Value::from(value.expose())))
    };
    let text = match (reveal, key) {
        (false, _) => keys.iter().map(|key| format!("{key}\n")).collect(),
        (true, None) => dotenv::write(&chosen).to_string(),
        (true, Some(_)) => chosen
            .iter()
            .map(|(_, value)| format!("{}\n", value.expose()))
            .collect(),
    };
    let shown = Shown {
        app: app.to_string(),
        release: release.to_string(),
        keys,
        values: reveal.then(|| pairs().collect()),
    };
    Ok(Answer::of(&shown, text))
}

async fn diff(
    shell: &Shell,
    app: &AppName,
    from: &ReleaseId,
    to: &ReleaseId,
) -> Result<Answer, RackError> {
    let (one, other) = (side(shell, app, from).await?, side(shell, app, to).await?);
    let told = Differences::between(app.as_str(), (from.as_str(), &one), (to.as_str(), &other));
    let text = told.text();
    Ok(Answer::of(&told, text))
}

async fn side(shell: &Shell, app: &AppName, release: &ReleaseId) -> Result<Side, RackError> {
    let environment = shell.environments().open(app, release).await?.environment;
    let build = shell.objects.read(&keys::build(app, release)).await?;
    let manifest = shell
        .objects
        .read(&keys::release_manifest(app, release))
        .await?;
    Ok(Side {
        environment,
        build: build.and_then(|build| serde_json::from_slice(&build.bytes).ok()),
        manifest: manifest.map(|manifest| manifest.bytes),
    })
}

#[cfg(test)]
mod tests {
    use environment::{EnvKey, EnvValue};

    use super::*;

    #[test]
    fn values_are_shown_on_request_only() {
        let pair = |key: &str| {
            (
                EnvKey::new(key).unwrap(),
                EnvValue::from("canary x".to_owned()),
            )
        };
        let environment = ["A", "B"].into_iter().map(pair).collect();
        let (app, release) = (AppName::new("shop").unwrap(), ReleaseId::new("R1").unwrap());
        let shown = |key, reveal| get((&app, &release), &environment, key, reveal).unwrap();
        let hidden = shown(None, false);
        assert_eq!(hidden.text, "A\nB\n");
        assert!(
            !hidden.json.to_string().contains("canary"),
            "{}",
            hidden.json
        );
        assert_eq!(shown(None, true).text, "A=\"canary x\"\nB=\"canary x\"\n");
        let one = shown(Some("B"), true);
        assert_eq!(
            (one.text.as_str(), &one.json["values"]),
            ("canary x\n", &serde_json::json!({"B": "canary x"}))
        );
        let missing = get((&app, &release), &environment, Some("C"), true);
        assert!(matches!(missing, Err(RackError::NoKey { .. })));
    }
}
