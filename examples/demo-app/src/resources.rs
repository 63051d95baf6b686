//! The resources of convox.yml that this App is linked to. Nothing of them is ever shown: a generated password is no dummy.

use std::collections::BTreeMap;
use std::fs;

use crate::metadata::Volume;

/// The database of convox.yml.
pub const DATABASE: &str = "main-db";
/// Its variables, and what each is.
pub const VARIABLES: [(&str, &str); 6] = [
    ("MAIN_DB_URL", "all of them in one URL"),
    ("MAIN_DB_USER", "user"),
    ("MAIN_DB_PASS", "generated password"),
    ("MAIN_DB_HOST", "address"),
    ("MAIN_DB_PORT", "port"),
    ("MAIN_DB_NAME", "name of the database"),
];
/// The file system of convox.yml.
pub const FILES: &str = "uploads";
/// Where convox.yml mounts it.
pub const FILES_PATH: &str = "/uploads";

/// How a variable came. Whatever delivers the App's environment, ECS reads these.
pub fn way(variables: &BTreeMap<String, String>, name: &str) -> &'static str {
    if variables.contains_key(name) {
        "ECS read it from Secrets Manager"
    } else {
        "it did not arrive"
    }
}

/// Dots for what arrived, whatever it is.
pub fn shown(variables: &BTreeMap<String, String>, name: &str) -> &'static str {
    if variables.contains_key(name) {
        "••••••••"
    } else {
        "–"
    }
}

/// The volume at the path, as ECS says.
pub fn volume(volumes: &[Volume]) -> Option<&Volume> {
    volumes
        .iter()
        .find(|volume| volume.destination == FILES_PATH)
}

/// Whether there is a folder at the volume's path.
pub fn has_folder() -> bool {
    fs::metadata(FILES_PATH).is_ok_and(|at_path| at_path.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_arrive_is_said() {
        let variables = BTreeMap::from([("MAIN_DB_URL".to_owned(), "postgres://".to_owned())]);
        assert!(way(&variables, "MAIN_DB_URL").contains("ECS read it"));
        assert_eq!(way(&variables, "MAIN_DB_PASS"), "it did not arrive");
        assert_eq!(shown(&variables, "MAIN_DB_PASS"), "–");
    }

    proptest! {
        #[test]
        fn no_value_reaches_the_page(value in "(dummy-)?[a-zA-Z0-9]{8,40}") {
            let variables: BTreeMap<String, String> =
                VARIABLES.iter().map(|(name, _)| ((*name).to_owned(), value.clone())).collect();
            let page = crate::pages::resources(&variables, &crate::metadata::Metadata::default(), true);
            prop_assert!(!page.contains(&value));
        }
    }
}
