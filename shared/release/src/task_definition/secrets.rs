//! What a container reads from Secrets Manager. What is the App's own secret's is data, so that its ARN and its version are said
//! once for all variables.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::iter;

use environment::EnvKey;
use names::{SecretArn, VersionPart};
use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};

/// The references of a container, each by the name of its variable. No name is in both parts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// What it reads from the App's own secret.
    pub of_app: Option<SecretOfApp>,
    /// The rest, as ECS takes it.
    pub others: BTreeMap<String, String>,
}

/// The variables that a container reads from the App's own secret, each from the JSON key of its name.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretOfApp {
    /// The secret.
    pub arn: SecretArn,
    /// How references name the version.
    pub version: VersionPart,
    /// The variables, sorted, at least one.
    pub keys: Vec<EnvKey>,
}

impl Secrets {
    /// Whether the variable is read from Secrets Manager.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let is_of_app = |secret: &SecretOfApp| {
            let found = secret.keys.binary_search_by(|key| key.as_str().cmp(name));
            found.is_ok()
        };
        self.others.contains_key(name) || self.of_app.as_ref().is_some_and(is_of_app)
    }

    /// Names and references, in order of name, as ECS takes them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let mut text = String::new();
        self.merged().map(move |(name, reference)| {
            let value_from = match reference {
                Reference::Other(value_from) => Cow::Borrowed(value_from),
                Reference::OfApp(secret) => {
                    secret.write(name, &mut text);
                    Cow::Owned(text.clone())
                }
            };
            (name, value_from)
        })
    }

    /// The bytes that what is read from the App's secret adds to the definition: keys and ARNs have nothing that JSON escapes.
    pub(super) fn of_app_bytes(&self) -> usize {
        let Some(of_app) = &self.of_app else {
            return 0;
        };
        let mut reference = String::new();
        of_app.write("", &mut reference);
        let each = r#"{"name":"","valueFrom":""},"#.len() + reference.len();
        let keys = of_app.keys.iter().map(|key| 2 * key.as_str().len());
        let comma = usize::from(self.others.is_empty());
        of_app.keys.len() * each + keys.sum::<usize>() - comma
    }

    fn merged(&self) -> impl Iterator<Item = (&str, Reference<'_>)> {
        let of_app = self.of_app.iter();
        let of_app =
            of_app.flat_map(|secret| secret.keys.iter().map(move |key| (key.as_str(), secret)));
        let mut of_app = of_app.peekable();
        let others = self.others.iter();
        let mut others = others
            .map(|(name, from)| (name.as_str(), from.as_str()))
            .peekable();
        iter::from_fn(move || {
            let other = others.peek().map(|(name, _)| *name);
            let is_next = |(name, _): &(&str, _)| other.is_none_or(|other| *name < other);
            if let Some((name, secret)) = of_app.next_if(is_next) {
                return Some((name, Reference::OfApp(secret)));
            }
            let (name, value_from) = others.next()?;
            Some((name, Reference::Other(value_from)))
        })
    }
}

enum Reference<'a> {
    OfApp(&'a SecretOfApp),
    Other(&'a str),
}

impl SecretOfApp {
    fn write(&self, key: &str, to: &mut String) {
        to.clear();
        self.arn.write_reference(key, &self.version, to);
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Secret<'a> {
    name: &'a str,
    value_from: &'a str,
}

/// ECS's list of pairs, in order of name.
impl Serialize for Secrets {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        let mut text = String::new();
        for (name, reference) in self.merged() {
            let value_from = match reference {
                Reference::Other(value_from) => value_from,
                Reference::OfApp(secret) => {
                    secret.write(name, &mut text);
                    &text
                }
            };
            list.serialize_element(&Secret { name, value_from })?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, btree_set};
    use proptest::prelude::*;

    use super::super::definition::json_size;
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:myrack/shop-a1B2c3";

    fn version() -> impl Strategy<Value = VersionPart> {
        let id = "[0-9a-f]{32}";
        prop_oneof![
            Just(VersionPart::Current),
            id.prop_map(VersionPart::Id),
            id.prop_map(VersionPart::ShortLabel),
        ]
    }

    proptest! {
        /// ECS takes both lists as one in order of name, and what is counted is what is written.
        #[test]
        fn references_stand_in_order_of_name_and_their_bytes_are_known(
            own in btree_set("[A-Z][A-Z0-9_]{0,6}", 1..9),
            others in btree_map("[a-z]{1,6}|[A-Z]{8,9}", "[a-z:\"\\\\]{0,9}", 0..9),
            version in version(),
        ) {
            let rest = Secrets { of_app: None, others };
            let keys = own.iter().map(|key| EnvKey::new(key).unwrap()).collect();
            let arn = SecretArn::returned(ARN);
            let of_app = Some(SecretOfApp { arn, version, keys });
            let secrets = Secrets { of_app, ..rest.clone() };
            let names: Vec<&str> = secrets.iter().map(|(name, _)| name).collect();
            prop_assert!(names.is_sorted());
            prop_assert_eq!(names.len(), own.len() + rest.others.len());
            prop_assert!(names.iter().all(|name| secrets.has(name)));
            prop_assert_eq!(json_size(&secrets), json_size(&rest) + secrets.of_app_bytes());
            let listed = secrets.iter().map(|(name, value_from)| Secret {
                name,
                value_from: value_from.into_owned().leak(),
            });
            let listed: Vec<_> = listed.collect();
            prop_assert_eq!(json_size(&listed), json_size(&secrets));
        }
    }
}
