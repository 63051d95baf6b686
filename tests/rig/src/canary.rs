//! Marker values for test environments, and the check that none of them got out.

use double::unique;

const MARK: &str = "canary-";

/// A value that occurs nowhere else: `canary-<random>-NAME`.
#[must_use]
pub fn value(name: &str) -> String {
    format!("{MARK}{}-{name}", unique::word(16))
}

/// Panics when a text contains a marker value, naming the variable and what stands before it.
///
/// The value itself is cut, so that the failure does not do what it complains about.
pub fn assert_absent<T: AsRef<str>>(texts: &[T]) {
    for text in texts.iter().map(AsRef::as_ref) {
        if let Some(position) = text.find(MARK) {
            let before: String = text[..position].chars().rev().take(200).collect();
            let before: String = before.chars().rev().collect();
            let name: String = text[position..]
                .chars()
                .skip(MARK.len() + 17)
                .take(30)
                .collect();
            panic!("a value of the environment got out, `{name}…`, after:\n{before}");
        }
    }
}
