//! How long texts may be that come from outside: users' files and AWS's answers have no end of their own, but an event, a state
//! and a line of the log have one. Bytes are those of UTF-8.

use std::fmt::Display;

/// A message of a report, an event or the log; enough for some hundred names.
pub const MESSAGE_MAX_BYTES: usize = 16 * 1024;
/// A reason that stands in the state while a request waits.
pub const REASON_MAX_BYTES: usize = 1024;
/// One warning.
const WARNING_MAX_BYTES: usize = 2 * 1024;
/// Warnings of one report.
const WARNINGS_MAX: usize = 100;
/// Names of one list.
const NAMES_MAX: usize = 500;
/// All names of one list.
const NAMES_MAX_BYTES: usize = 16 * 1024;
/// All warnings of one report.
const WARNINGS_MAX_BYTES: usize = 64 * 1024;

/// A text of at most `max` bytes; where it was longer its end says by how much.
#[must_use]
pub fn text(mut text: String, max: usize) -> String {
    if text.len() <= max {
        return text;
    }
    let whole = text.len();
    // As long as it can get: the number of bytes that are left out is no larger than that of all.
    let end = |left: usize| format!(" … ({left} more bytes are left out)");
    let kept = floor(&text, max.saturating_sub(end(whole).len()));
    text.truncate(kept);
    text.push_str(&end(whole - kept));
    text
}

/// What is to be said, bounded.
#[must_use]
pub fn message(said: impl Display) -> String {
    text(said.to_string(), MESSAGE_MAX_BYTES)
}

/// Warnings, bounded in length, number and all together; the last one says how many are left out.
#[must_use]
pub fn warnings(warnings: Vec<String>) -> Vec<String> {
    let all = warnings.len();
    let mut room = WARNINGS_MAX_BYTES;
    let mut kept: Vec<String> = warnings
        .into_iter()
        .take(WARNINGS_MAX)
        .map(|warning| text(warning, WARNING_MAX_BYTES))
        .take_while(|warning| {
            let fits = warning.len() <= room;
            room = room.saturating_sub(warning.len());
            fits
        })
        .collect();
    let more = all - kept.len();
    if more > 0 {
        kept.push(format!("and {more} more"));
    }
    kept
}

/// Names, bounded in number and all together; the last one says how many are left out.
#[must_use]
pub fn names(names: &[String]) -> Vec<String> {
    let mut room = NAMES_MAX_BYTES;
    let kept = names.iter().take(NAMES_MAX).take_while(|name| {
        let fits = name.len() <= room;
        room = room.saturating_sub(name.len());
        fits
    });
    let mut kept: Vec<String> = kept.cloned().collect();
    let more = names.len() - kept.len();
    if more > 0 {
        kept.push(format!("and {more} more"));
    }
    kept
}

/// The largest end of a piece of at most `max` bytes that cuts no character.
fn floor(text: &str, max: usize) -> usize {
    (0..=max.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_never_longer_than_allowed_and_says_what_is_left_out() {
        for (whole, max, want) in [
            ("short".to_owned(), 5, "short".to_owned()),
            (
                "a".repeat(100),
                50,
                format!("{} … (84 more bytes are left out)", "a".repeat(16)),
            ),
            // Two bytes each: a character is left out whole.
            (
                "é".repeat(50),
                51,
                format!("{} … (84 more bytes are left out)", "é".repeat(8)),
            ),
        ] {
            let cut = text(whole.clone(), max);
            assert_eq!(cut, want);
            assert!(cut.len() <= max, "{cut}");
        }
    }

    #[test]
    fn a_message_of_any_length_is_16_kib_at_most() {
        for character in ["a", "é", "😀"] {
            assert!(message(character.repeat(100_000)).len() <= MESSAGE_MAX_BYTES);
        }
    }

    #[test]
    fn many_and_long_names_are_cut_and_counted() {
        let few = vec!["A".to_owned(), "B".to_owned()];
        assert_eq!(names(&few), few);
        let many = names(&vec!["A".to_owned(); 520]);
        assert_eq!((many.len(), many[500].as_str()), (501, "and 20 more"));
        let long = names(&vec!["A".repeat(1_000); 100]);
        assert_eq!((long.len(), long[16].as_str()), (17, "and 84 more"));
    }

    #[test]
    fn many_and_long_warnings_are_cut_and_counted() {
        let few = vec!["one".to_owned(), "two".to_owned()];
        assert_eq!(warnings(few.clone()), few);
        let many = warnings(vec!["w".to_owned(); 130]);
        assert_eq!((many.len(), many[100].as_str()), (101, "and 30 more"));
        let long = warnings(vec!["é".repeat(5_000); 100]);
        let bytes: usize = long.iter().map(String::len).sum();
        assert!(bytes <= WARNINGS_MAX_BYTES + 20, "{bytes}");
        let last = long.last().unwrap();
        assert!(
            last.starts_with("and ") && last.ends_with(" more"),
            "{last}"
        );
    }
}
