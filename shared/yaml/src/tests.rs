//! What the tests of several modules share.

use environment::{Environment, EnvironmentObject};

pub(crate) fn environment(text: &str) -> Environment {
    match environment::read(text.as_bytes()).unwrap() {
        EnvironmentObject::Plain(read) => read.environment,
        EnvironmentObject::Sealed(_) => panic!("a plain environment"),
    }
}

/// `count` lines, made from their numbers.
pub(crate) fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().join("\n")
}
