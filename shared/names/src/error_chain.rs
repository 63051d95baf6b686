//! Displays an error with all its sources: what an error alone hides, such as the AWS SDK's "service error".

use std::error::Error;
use std::fmt;

/// An error and its sources, separated by `: `.
///
/// A source that only repeats the end of the text before it is left out, as the SDK's often do.
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.to_string();
        f.write_str(&shown)?;
        let mut next = self.0.source();
        while let Some(err) = next {
            let text = err.to_string();
            if !shown.ends_with(&text) {
                write!(f, ": {text}")?;
                shown = text;
            }
            next = err.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Link(&'static str, Option<Box<Link>>);

    impl fmt::Display for Link {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Link {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|link| link as &dyn Error)
        }
    }

    #[test]
    fn each_part_is_shown_once() {
        for (texts, want) in [
            (&["a"][..], "a"),
            (&["a", "b", "c"], "a: b: c"),
            (&["a", "a", "b"], "a: b"),
            (&["a: b", "b", "c"], "a: b: c"),
            (&["a", "", "b"], "a: b"),
            (&["a", "b", "a"], "a: b: a"),
        ] {
            let link =
                |next: Option<Box<Link>>, text: &&'static str| Some(Box::new(Link(text, next)));
            let err = texts.iter().rev().fold(None, link).unwrap();
            assert_eq!(Chain(&*err).to_string(), want, "{texts:?}");
        }
    }
}
