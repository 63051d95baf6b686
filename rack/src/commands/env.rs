//! `rack env`: the environment of an App.

use std::ffi::OsString;
use std::io::{IsTerminal as _, stdin};
use std::path::Path;

use environment::{EnvKey, EnvValue, Environment, RESERVED_KEYS};
use names::{AppName, ReleaseId, keys};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Answer, Shell, make, named_or_live};
use crate::cli::{Env, Making};
use crate::core::changes::{Differences, Side};
use crate::core::import::{self, Form};
use crate::core::{dotenv, object};
use crate::edge::editor;
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
        Env::Set { pairs, making } => {
            let pairs = pairs_of(&pairs)?;
            let base = make::base(shell, &making).await?;
            let environment = object::with(&base.environment, pairs);
            make::make(shell, base, environment, &making).await
        }
        Env::Unset { keys, making } => {
            let base = make::base(shell, &making).await?;
            let keys = known_keys(&base, &keys)?;
            let environment = object::without(&base.environment, &keys);
            make::make(shell, base, environment, &making).await
        }
        Env::Edit { making } => edit(shell, &making).await,
        Env::Import {
            file,
            form,
            replace,
            making,
        } => {
            let imported = imported(&file, form)?;
            let base = make::base(shell, &making).await?;
            let environment = if replace {
                imported
            } else {
                let pairs = imported
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone()));
                object::with(&base.environment, pairs)
            };
            make::make(shell, base, environment, &making).await
        }
        Env::Diff { from, to } => {
            let (app, state) = shell.known().await?;
            let from = ReleaseId::new(&from)?;
            let to = named_or_live(&app, to.as_deref(), &state)?;
            diff(shell, &app, &from, &to).await
        }
    }
}

/// What `KEY=VALUE` says. What is wrong with one is said by its number, since it can be a value.
fn pairs_of(pairs: &[OsString]) -> Result<Vec<(EnvKey, EnvValue)>, RackError> {
    let read = pairs.iter().enumerate().map(|(at, pair)| {
        let argument = at + 1;
        let text = pair.to_str().filter(|text| !text.contains('\0'));
        let pair = text.and_then(|text| text.split_once('='));
        let (key, value) = pair.ok_or(RackError::NoPair {
            argument,
            source: None,
        })?;
        let key = EnvKey::new(key).map_err(|rule| RackError::NoPair {
            argument,
            source: Some(rule),
        })?;
        if RESERVED_KEYS.contains(&key.as_str()) {
            return Err(RackError::Reserved(key.to_string()));
        }
        Ok((key, EnvValue::from(value.to_owned())))
    });
    read.collect()
}

fn known_keys(base: &make::Base, keys: &[String]) -> Result<Vec<EnvKey>, RackError> {
    let known = keys.iter().zip(1..).map(|(key, argument)| {
        let known = base.environment.key(key).cloned();
        known.map_or_else(|| named(key, argument).and(Err(base.lacks(key))), Ok)
    });
    known.collect()
}

/// What can be a key may be shown; `KEY=value`, given where a key belongs, has a value.
fn named(key: &str, argument: usize) -> Result<(), RackError> {
    let name = EnvKey::new(key).map(drop);
    name.map_err(|source| RackError::NoKeyName { argument, source })
}

fn imported(path: &Path, form: Form) -> Result<Environment, RackError> {
    let bytes = super::file(path)?;
    let path = path.display().to_string();
    import::read(&bytes, form).map_err(|source| RackError::Import { path, source })
}

async fn edit(shell: &Shell, making: &Making) -> Result<Answer, RackError> {
    let base = make::base(shell, making).await?;
    let text = dotenv::write(&base.environment);
    let chosen = ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(shell.lookup)
        .find(|name| !name.trim().is_empty());
    let editor = chosen.unwrap_or_else(|| "vi".to_owned());
    let temporary = (shell.lookup)("TMPDIR").unwrap_or_else(|| "/tmp".to_owned());
    let places = editor::places((shell.lookup)("XDG_RUNTIME_DIR"), temporary.into());
    let read = |text: &str| {
        import::read(text.as_bytes(), Form::Dotenv).map_err(|source| RackError::Import {
            path: "what was edited".to_owned(),
            source,
        })
    };
    let somebody = stdin().is_terminal();
    let edited = editor::edited(&text, &editor, &places, somebody, read).await?;
    let environment = edited.unwrap_or_else(|| base.environment.clone());
    make::make(shell, base, environment, making).await
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
            let Some(pair) = pair else {
                named(key, 1)?;
                return Err(RackError::NoKey {
                    app: app.to_string(),
                    release: release.to_string(),
                    key: key.to_owned(),
                });
            };
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
        (false, _) => lines(keys.iter().map(String::as_str)),
        (true, None) => dotenv::write(&chosen).to_string(),
        (true, Some(_)) => lines(chosen.iter().map(|(_, value)| value.expose())),
    };
    let shown = Shown {
        app: app.to_string(),
        release: release.to_string(),
        keys,
        values: reveal.then(|| pairs().collect()),
    };
    Ok(Answer::of(&shown, text))
}

fn lines<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    texts.flat_map(|text| [text, "\n"]).collect()
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
    use super::*;

    #[test]
    fn what_is_no_pair_is_said_by_its_number() {
        let read = |pairs: &[&str]| pairs_of(&pairs.iter().map(OsString::from).collect::<Vec<_>>());
        for pairs in [
            &["A=1", "canary"][..],
            &["A=1", "canary canary=canary"],
            &["A=1", "=canary"],
        ] {
            let error = read(pairs).unwrap_err();
            assert!(
                matches!(error, RackError::NoPair { argument: 2, .. }),
                "{pairs:?}"
            );
            assert!(
                !super::super::said(&error).contains("canary")
                    && !format!("{error:?}").contains("canary"),
                "{error:?}"
            );
        }
        assert!(matches!(
            read(&["CONVOX_ENV_URL=canary"]),
            Err(RackError::Reserved(_))
        ));
        let pairs = read(&["A=", "B=x=y"]).unwrap();
        let values: Vec<&str> = pairs.iter().map(|(_, value)| value.expose()).collect();
        assert_eq!(values, ["", "x=y"]);
    }

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
        let missing = |key| get((&app, &release), &environment, Some(key), true).err();
        assert!(matches!(missing("C"), Some(RackError::NoKey { .. })));
        let pair = missing("C=canary").unwrap();
        assert_eq!(
            super::super::said(&pair).split(':').next(),
            Some("argument 1 is no variable's name")
        );
    }
}
