//! The secrets that this App knows, how each arrived, and what of it may be shown.

use std::collections::BTreeMap;

/// What marks a value as one that may be shown: it protects nothing.
const DUMMY: &str = "dummy-";

/// A secret of convox.yml.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secret {
    /// The variable.
    pub name: &'static str,
    /// What convox.yml asks for.
    pub form: &'static str,
    /// Whether it is of the App's environment, which S3 can deliver too.
    of_environment: bool,
}

/// In the order of the page.
pub const SECRETS: [Secret; 4] = [
    Secret {
        name: "API_TOKEN",
        form: "a key of the App’s environment",
        of_environment: true,
    },
    Secret {
        name: "DATABASE",
        form: "a whole secret",
        of_environment: false,
    },
    Secret {
        name: "DATABASE_PASSWORD",
        form: "one JSON key of it",
        of_environment: false,
    },
    Secret {
        name: "DATABASE_PASSWORD_BEFORE",
        form: "the same key at AWSPREVIOUS",
        of_environment: false,
    },
];

impl Secret {
    /// How it came.
    pub fn way(self, variables: &BTreeMap<String, String>) -> &'static str {
        match (variables.contains_key(self.name), self.of_environment) {
            (false, _) => "it did not arrive",
            (true, true) if variables.contains_key("CONVOX_ENV_URL") => {
                "convox-env read it from S3"
            }
            (true, _) => "ECS read it from Secrets Manager",
        }
    }

    /// What may be shown of it: dots, unless it is `revealed` and a dummy from its first letter to its last.
    pub fn shown(self, variables: &BTreeMap<String, String>, revealed: bool) -> String {
        match variables.get(self.name) {
            None => "–".to_owned(),
            Some(value) if revealed && is_dummy(value) => value.clone(),
            Some(_) => "••••••••".to_owned(),
        }
    }

    /// Whether it could be shown.
    pub fn is_dummy(self, variables: &BTreeMap<String, String>) -> bool {
        variables
            .get(self.name)
            .is_some_and(|value| is_dummy(value))
    }
}

/// A dummy itself, or a JSON object whose values all are.
fn is_dummy(value: &str) -> bool {
    let members: Option<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(value).ok();
    match members {
        None => value.starts_with(DUMMY),
        Some(members) => {
            !members.is_empty()
                && members
                    .values()
                    .all(|member| member.as_str().is_some_and(|text| text.starts_with(DUMMY)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_dummies_are_revealed() {
        let token = SECRETS[0];
        for (value, shown) in [
            ("dummy-1", true),
            ("real", false),
            (" dummy-1", false),
            (r#"{"a": "dummy-1"}"#, true),
            (r#"{"a": "dummy-1", "b": "real"}"#, false),
            (r#"{"a": 1}"#, false),
            ("{}", false),
            ("", false),
        ] {
            let variables = BTreeMap::from([("API_TOKEN".to_owned(), value.to_owned())]);
            assert_eq!(token.shown(&variables, true) == value, shown, "{value}");
            assert_ne!(token.shown(&variables, false), value);
        }
    }

    proptest! {
        #[test]
        fn no_other_value_reaches_a_page(value in "[a-zA-Z0-9]{8,40}") {
            let variables: BTreeMap<String, String> =
                SECRETS.iter().map(|secret| (secret.name.to_owned(), value.clone())).collect();
            for secret in SECRETS {
                let page = crate::pages::secrets(&variables, Some(secret.name));
                prop_assert!(!page.contains(&value));
            }
        }
    }
}
