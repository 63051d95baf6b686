//! An environment as the bytes of an environment object.

use environment::{EnvKey, EnvValue, Environment, EnvironmentObject, read};
use zeroize::Zeroizing;

/// The object of an environment: lines, where they say exactly the same and need no warning, else JSON.
#[must_use]
pub fn encoded(environment: &Environment) -> Zeroizing<Vec<u8>> {
    let lines = lines(environment);
    let is_same = match read(lines.as_bytes()) {
        Ok(EnvironmentObject::Plain(read)) => {
            read.environment == *environment && read.warnings.is_empty()
        }
        _ => false,
    };
    let text = if is_same {
        lines
    } else {
        environment.to_secret_string()
    };
    Zeroizing::new(text.as_bytes().to_vec())
}

fn lines(environment: &Environment) -> Zeroizing<String> {
    let mut lines = Zeroizing::new(String::new());
    for (key, value) in environment.iter() {
        for part in [key.as_str(), "=", value.expose(), "\n"] {
            lines.push_str(part);
        }
    }
    lines
}

/// With some variables set.
pub fn with(
    environment: &Environment,
    set: impl IntoIterator<Item = (EnvKey, EnvValue)>,
) -> Environment {
    let pairs = environment
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()));
    pairs.chain(set).collect()
}

/// Without some.
#[must_use]
pub fn without(environment: &Environment, gone: &[EnvKey]) -> Environment {
    let pairs = environment.iter().filter(|(key, _)| !gone.contains(key));
    pairs
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| {
                (
                    EnvKey::new(key).unwrap(),
                    EnvValue::from((*value).to_owned()),
                )
            })
            .collect()
    }

    #[test]
    fn lines_are_written_where_they_say_the_same() {
        let text = |pairs: &[(&str, &str)]| {
            String::from_utf8(encoded(&environment(pairs)).to_vec()).unwrap()
        };
        assert_eq!(text(&[("B", "2"), ("A", "1 x")]), "A=1 x\nB=2\n");
        assert_eq!(text(&[("A", "1\n2")]), r#"{"A":"1\n2"}"#);
        assert_eq!(text(&[("A", "'x'")]), r#"{"A":"'x'"}"#);
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn variables_are_set_and_unset() {
        let set = with(
            &environment(&[("A", "1"), ("B", "1")]),
            environment(&[("B", "2")])
                .iter()
                .map(|(k, v)| (k.clone(), v.clone())),
        );
        assert_eq!(set, environment(&[("A", "1"), ("B", "2")]));
        assert_eq!(
            without(&set, &[EnvKey::new("A").unwrap()]),
            environment(&[("B", "2")])
        );
    }

    proptest! {
        #[test]
        fn any_environment_is_read_as_it_was(pairs in proptest::collection::btree_map("[A-Z_]{1,8}", "[^\0]*|[ \t\r\n\"'=]*", 0..6)) {
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            let environment = environment(&pairs);
            let EnvironmentObject::Plain(read) = read(&encoded(&environment)).unwrap() else { panic!("an envelope") };
            prop_assert_eq!(read.environment, environment);
            prop_assert!(read.warnings.is_empty());
        }
    }
}
