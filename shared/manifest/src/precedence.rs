//! Who decides how an App's environment is delivered: Rack < App `Yes` < convox.yml `params`.
//!
//! Source: Convox `SecretsManagerEnv` page, "Precedence" and "Gen1 Limitation".

use serde::{Deserialize, Serialize};

use crate::Manifest;
use crate::app_settings::AppSettings;
pub use crate::secrets_manager_env::{
    EnvVersion, Generation, PARAMETER, VERSION_PARAMETER, ValueError, YesNo,
};

/// The Rack's level, in messages.
const RACK: &str = "the Rack (the stack's parameter)";

/// How tasks get the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnvDelivery {
    /// ECS reads each variable from the App's secret.
    SecretsManager,
    /// `convox-env` reads the object of the Release.
    S3,
}

/// The level that decided, spelled as reports and events spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    /// The Rack's default.
    Rack,
    /// The App's `Yes`.
    App,
    /// `params:` of the manifest.
    #[serde(rename = "convox.yml")]
    Manifest,
    /// A generation 1 App always takes the S3 path.
    Generation,
}

/// What the levels say.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The App's generation.
    pub generation: Generation,
    /// The Rack's default.
    pub rack: YesNo,
    /// The App's parameter; its `No` is not an opt-out.
    pub app: Option<YesNo>,
    /// The manifest's parameter.
    pub manifest: Option<YesNo>,
}

/// The delivery that is wanted, and who decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What is wanted; a failed write still falls back to S3.
    pub delivery: EnvDelivery,
    /// Who wanted it.
    pub decided_by: Level,
}

/// Decides for a Release; `rack` is the Rack's setting as it was written. A value that cannot be read counts as not set
/// there, and is answered beside the decision.
#[must_use]
pub fn of_release(
    rack: &str,
    app: &AppSettings,
    manifest: &Manifest,
) -> (Decision, Vec<ValueError>) {
    let mut refused = Vec::new();
    let mut parse = |place: &str, value: &str, shown: &str| {
        let parsed = YesNo::parse(place, value, shown);
        parsed.map_err(|err| refused.push(err)).ok()
    };
    let rack = parse(RACK, rack, rack).unwrap_or(YesNo::No);
    let manifest = manifest.params.get(PARAMETER);
    let manifest =
        manifest.and_then(|param| parse(&in_params(param.line), &param.value, &param.shown));
    let decision = decide(&Settings {
        generation: app.generation,
        rack,
        app: app.secrets_manager_env,
        manifest,
    });
    (decision, refused)
}

/// The version of the secret that task definitions of a Release name: convox.yml's `params` beat `rack`, the Rack's setting as
/// it was written. A value that cannot be read counts as not set there, and is answered beside.
#[must_use]
pub fn version_of_release(rack: &str, manifest: &Manifest) -> (EnvVersion, Vec<ValueError>) {
    let mut refused = Vec::new();
    let mut parse = |place: &str, value: &str, shown: &str| {
        let parsed = EnvVersion::parse(place, value, shown);
        parsed.map_err(|err| refused.push(err)).ok()
    };
    let rack = parse(RACK, rack, rack).unwrap_or_default();
    let manifest = manifest.params.get(VERSION_PARAMETER);
    let manifest =
        manifest.and_then(|param| parse(&in_params(param.line), &param.value, &param.shown));
    (manifest.unwrap_or(rack), refused)
}

fn in_params(line: usize) -> String {
    format!("convox.yml (`params`, line {line})")
}

/// The App's `No`, where the environment is delivered through Secrets Manager all the same: whoever wrote it meant to opt out.
#[must_use]
pub fn ignored_no(app: &AppSettings, decision: Decision) -> Option<String> {
    let ignored = app.secrets_manager_env == Some(YesNo::No)
        && decision.delivery == EnvDelivery::SecretsManager;
    ignored.then(|| {
        format!(
            "app.json sets `{PARAMETER}` to `No`, which has no effect: an App can only opt in \
             there; to opt out, write `params: {{{PARAMETER}: No}}` into convox.yml"
        )
    })
}

/// Decides.
#[must_use]
pub fn decide(settings: &Settings) -> Decision {
    let (value, decided_by) = match settings {
        Settings {
            generation: Generation::One,
            ..
        } => (YesNo::No, Level::Generation),
        Settings {
            manifest: Some(value),
            ..
        } => (*value, Level::Manifest),
        Settings {
            app: Some(YesNo::Yes),
            ..
        } => (YesNo::Yes, Level::App),
        Settings { rack, .. } => (*rack, Level::Rack),
    };
    let delivery = match value {
        YesNo::Yes => EnvDelivery::SecretsManager,
        YesNo::No => EnvDelivery::S3,
    };
    Decision {
        delivery,
        decided_by,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use YesNo::{No, Yes};

    #[test]
    fn manifest_beats_app_and_app_can_only_opt_in() {
        for (rack, app, manifest, want, level) in [
            (No, None, None, EnvDelivery::S3, Level::Rack),
            (Yes, None, None, EnvDelivery::SecretsManager, Level::Rack),
            (No, Some(Yes), None, EnvDelivery::SecretsManager, Level::App),
            (
                Yes,
                Some(Yes),
                None,
                EnvDelivery::SecretsManager,
                Level::App,
            ),
            (
                Yes,
                Some(No),
                None,
                EnvDelivery::SecretsManager,
                Level::Rack,
            ),
            (No, Some(No), None, EnvDelivery::S3, Level::Rack),
            (Yes, Some(Yes), Some(No), EnvDelivery::S3, Level::Manifest),
            (
                No,
                Some(No),
                Some(Yes),
                EnvDelivery::SecretsManager,
                Level::Manifest,
            ),
        ] {
            let got = decide(&Settings {
                generation: Generation::Two,
                rack,
                app,
                manifest,
            });
            let want = Decision {
                delivery: want,
                decided_by: level,
            };
            assert_eq!(got, want, "rack={rack:?} app={app:?} manifest={manifest:?}");
        }
    }

    #[test]
    fn an_app_level_no_that_changes_nothing_is_said() {
        for (rack, app, manifest, said) in [
            ("Yes", Some(No), "", true),
            ("Yes", Some(No), "params: {SecretsManagerEnv: 'Yes'}", true),
            ("Yes", Some(No), "params: {SecretsManagerEnv: 'No'}", false),
            ("No", Some(No), "", false),
            ("Yes", Some(Yes), "", false),
            ("Yes", None, "", false),
        ] {
            let settings = AppSettings {
                secrets_manager_env: app,
                ..AppSettings::default()
            };
            let environment = environment::Environment::default();
            let manifest = crate::load("convox.yml", manifest.as_bytes(), &environment).unwrap();
            let (decision, _) = of_release(rack, &settings, &manifest);
            let note = ignored_no(&settings, decision);
            assert_eq!(note.is_some(), said, "{rack} {app:?}: {note:?}");
        }
    }

    #[test]
    fn only_the_two_spellings_are_values() {
        for value in ["yes", "YES", "true", "1", "on", "", " Yes"] {
            let message = YesNo::parse("app.json", value, value)
                .unwrap_err()
                .to_string();
            assert!(
                message.starts_with(&format!("app.json sets SecretsManagerEnv to `{value}`")),
                "{message}"
            );
        }
    }

    fn yes_no() -> impl Strategy<Value = YesNo> {
        prop_oneof![Just(Yes), Just(No)]
    }

    proptest! {
        #[test]
        fn generation_1_is_always_s3(rack in yes_no(), app in proptest::option::of(yes_no()), manifest in proptest::option::of(yes_no())) {
            let got = decide(&Settings { generation: Generation::One, rack, app, manifest });
            prop_assert_eq!(got, Decision { delivery: EnvDelivery::S3, decided_by: Level::Generation });
        }

        #[test]
        fn an_app_level_no_changes_nothing(rack in yes_no(), manifest in proptest::option::of(yes_no())) {
            let with = |app| decide(&Settings { generation: Generation::Two, rack, app, manifest });
            prop_assert_eq!(with(Some(No)), with(None));
        }

        #[test]
        fn the_manifest_has_the_last_word(rack in yes_no(), app in proptest::option::of(yes_no()), manifest in yes_no()) {
            let got = decide(&Settings { generation: Generation::Two, rack, app, manifest: Some(manifest) });
            prop_assert_eq!(got.delivery == EnvDelivery::SecretsManager, manifest == Yes);
            prop_assert_eq!(got.decided_by, Level::Manifest);
        }
    }
}
