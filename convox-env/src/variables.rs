//! Which fetched variables the App gets, and how they meet those it already has.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use environment::{EnvKey, EnvValue, Environment};

/// `CONVOX_ENV_VARS`: the names that a Service declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// `*`
    All,
    /// Exactly these.
    Names(BTreeSet<String>),
}

impl Filter {
    /// Reads comma-separated names, as they stand; one `*` among them means all.
    pub fn parse(names: &str) -> Self {
        let names: BTreeSet<String> = names.split(',').map(str::to_owned).collect();
        if names.contains("*") {
            Self::All
        } else {
            Self::Names(names)
        }
    }

    /// The pairs that pass.
    pub fn apply<'a>(
        &'a self,
        environment: &'a Environment,
    ) -> impl Iterator<Item = (&'a EnvKey, &'a EnvValue)> {
        environment.iter().filter(move |(key, _)| match self {
            Self::All => true,
            Self::Names(names) => names.contains(key.as_str()),
        })
    }
}

/// The App's variables: those of the process, overridden by the fetched ones.
pub fn merge<'a>(
    mut process: BTreeMap<OsString, OsString>,
    fetched: impl Iterator<Item = (&'a EnvKey, &'a EnvValue)>,
) -> BTreeMap<OsString, OsString> {
    process.extend(fetched.map(|(key, value)| (key.as_str().into(), value.expose().into())));
    process
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt as _;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs
            .iter()
            .map(|(key, value)| {
                (
                    EnvKey::new(key).unwrap(),
                    EnvValue::from((*value).to_owned()),
                )
            })
            .collect()
    }

    #[test]
    fn only_exact_names_pass() {
        let environment = environment(&[("A", "1"), ("AB", "2"), ("a", "3")]);
        for (names, want) in [
            ("", &[][..]),
            (",", &[]),
            ("A", &["A"]),
            ("A,AB", &["A", "AB"]),
            ("A,A,missing", &["A"]),
            ("A, AB", &["A"]),
            ("*", &["A", "AB", "a"]),
            ("A,*", &["A", "AB", "a"]),
            ("A*", &[]),
        ] {
            let filter = Filter::parse(names);
            let got: Vec<_> = filter
                .apply(&environment)
                .map(|(key, _)| key.as_str())
                .collect();
            assert_eq!(got, want, "{names:?}");
        }
    }

    #[test]
    fn fetched_values_win_and_other_bytes_pass_through() {
        let odd = OsString::from_vec(b"\xff".to_vec());
        let process = BTreeMap::from([
            ("KEPT".into(), odd.clone()),
            ("SHARED".into(), "process".into()),
            (odd.clone(), "x".into()),
        ]);
        let environment = environment(&[("SHARED", "fetched"), ("ADDED", "")]);
        let got = merge(process, environment.iter());
        let want: [(OsString, OsString); 4] = [
            ("ADDED".into(), "".into()),
            ("KEPT".into(), odd.clone()),
            ("SHARED".into(), "fetched".into()),
            (odd, "x".into()),
        ];
        assert!(got.into_iter().eq(want));
    }
}
