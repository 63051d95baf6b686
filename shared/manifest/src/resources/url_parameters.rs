//! `urlParameters`: what follows the `?` in the URL of a database. Clients agree on none of them, so the author chooses.

use names::hash8;

/// How long they may be: more than any client has parameters for.
pub(super) const LENGTH_MAX: usize = 512;

/// Parameters as they stand in a URL. Nothing in them means anything to CloudFormation or to JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlParameters(String);

impl UrlParameters {
    /// `key=value`, several joined by `&`, whatever else is in them percent-encoded. `None` for anything else.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = text.len() <= LENGTH_MAX && text.split('&').all(is_pair);
        fits.then(|| Self(text.to_owned()))
    }

    /// Without the `?`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What changes with them and tells nothing of them: convox.yml may interpolate a password.
    #[must_use]
    pub fn digest(&self) -> String {
        hash8(&self.0)
    }
}

fn is_pair(pair: &str) -> bool {
    let Some((key, value)) = pair.split_once('=') else {
        return false;
    };
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !key.is_empty() && key.chars().all(is_of_key) && is_value(value)
}

/// What needs no encoding in a query, without `=` and what only some clients leave as it is, and `%` with two digits.
fn is_value(value: &str) -> bool {
    let mut pieces = value.split('%');
    let is_plain = |piece: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~,/:".contains(c);
        piece.chars().all(plain)
    };
    let is_encoded = |piece: &str| {
        let digits = piece.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.count() == 2 && is_plain(piece)
    };
    pieces.next().is_none_or(is_plain) && pieces.all(is_encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_pairs_that_need_no_encoding() {
        for (text, want) in [
            ("sslmode=require", true),
            (
                "sslmode=verify-full&sslrootcert=/etc/ssl/rds/global-bundle.pem",
                true,
            ),
            ("ssl=%7B%22rejectUnauthorized%22%3Atrue%7D", true),
            ("a=", true),
            ("", false),
            ("?sslmode=require", false),
            ("sslmode", false),
            ("=require", false),
            ("sslmode=require&", false),
            ("a=b=c", false),
            ("a=b c", false),
            ("a=${B}", false),
            ("a={\"b\":1}", false),
            ("a=%", false),
            ("a=%4", false),
            ("a=%4g", false),
            ("a=b#c", false),
            ("a=ü", false),
        ] {
            assert_eq!(UrlParameters::new(text).is_some(), want, "{text}");
        }
        let long = |length: usize| format!("a={}", "b".repeat(length - 2));
        assert!(UrlParameters::new(&long(LENGTH_MAX)).is_some());
        assert!(UrlParameters::new(&long(LENGTH_MAX + 1)).is_none());
    }

    #[test]
    fn a_digest_changes_with_them_and_tells_nothing_of_them() {
        let [one, other] =
            ["a=secret", "a=secret2"].map(|text| UrlParameters::new(text).unwrap().digest());
        assert_ne!(one, other);
        assert!(!one.contains("secret"));
    }
}
