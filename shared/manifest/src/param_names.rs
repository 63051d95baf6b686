//! Names of `params:` that are probably misspelt. Convox drops those that it does not know without a word, and so most have no
//! effect here; one that is close to a name that counts was meant to count.

use super::formation::upper_name;
use super::service::Service;
use crate::precedence::{PARAMETER, VERSION_PARAMETER};
use crate::resources::AUTO_MINOR_VERSION_UPGRADE;
use yaml::{Place, Reader, closest};

/// The param that keeps containers from writing to their own file system (Convox app parameter of that name).
pub const READONLY_ROOT: &str = "EnableContainerReadonlyRootFilesystem";

/// The names that count, but for the Formation of each Service.
pub(super) const COUNTING: [&str; 6] = [
    AUTO_MINOR_VERSION_UPGRADE,
    READONLY_ROOT,
    "FargateServices",
    "FargateTimers",
    PARAMETER,
    VERSION_PARAMETER,
];
/// How many Services are compared at most.
const SERVICES_MAX: usize = 50;

/// Warns of the entries of `place` that are close to a name that counts.
pub(super) fn warn(reader: &mut Reader<'_>, place: &Place<'_>, services: &[Service]) {
    let formations = services.iter().take(SERVICES_MAX);
    let formations: Vec<String> = formations
        .map(|service| format!("{}Formation", upper_name(service.name.as_str())))
        .collect();
    let counting: Vec<&str> = COUNTING
        .into_iter()
        .chain(formations.iter().map(String::as_str))
        .collect();
    for entry in place.entries() {
        let name = entry.key.text.as_str();
        if counting.contains(&name) || reader.warnings_are_full() {
            continue;
        }
        if let Some(close) = closest(entry.key.source(), &counting) {
            let path = place.child(entry).path;
            let message = format!("`{path}` has no effect, did you mean `{close}`?");
            reader.warn(entry.line, &message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::loaded;

    #[test]
    fn a_misspelt_param_that_would_count_is_named() {
        for (param, want) in [
            ("SecretManagerEnv: 'No'", Some("SecretsManagerEnv")),
            ("SecretsManagerENV: 'No'", Some("SecretsManagerEnv")),
            ("SecretsMangerEnv: 'No'", Some("SecretsManagerEnv")),
            ("FargateService: 'Yes'", Some("FargateServices")),
            ("FargateTimer: 'Yes'", Some("FargateTimers")),
            (
                "EnableContainerReadOnlyRootFileSystem: 'Yes'",
                Some("EnableContainerReadonlyRootFilesystem"),
            ),
            (
                "AutoMinorVersionUpgrades: 'false'",
                Some("AutoMinorVersionUpgrade"),
            ),
            ("WbeFormation: '1,256,512'", Some("WebFormation")),
            ("WebFormation: '1,256,512'", None),
            ("SecretsManagerEnv: 'No'", None),
            ("LogRetention: '7'", None),
            ("BuildCpu: '256'", None),
        ] {
            let text = format!("params:\n  {param}\nservices:\n  web: {{image: a}}\n");
            let warnings = loaded(&text, "").warnings;
            let warning = warnings
                .iter()
                .find(|warning| warning.contains("did you mean"));
            let want = want.map(|want| format!("has no effect, did you mean `{want}`?"));
            assert_eq!(warning.is_some(), want.is_some(), "{param}: {warnings:?}");
            if let (Some(warning), Some(want)) = (warning, want) {
                assert!(
                    warning.starts_with("convox.yml, line 2: `params."),
                    "{warning}"
                );
                assert!(warning.contains(&want), "{param}: {warning}");
            }
        }
    }
}
