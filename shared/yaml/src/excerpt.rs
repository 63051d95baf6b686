//! The piece of a file's line that an error shows, and what in it is marked. It is the file's own text, so `${NAME}`
//! stands in it and no value does.

use std::ops::Range;

/// What stands before the marked place at most, in characters.
const BEFORE_MAX: usize = 60;
/// What stands from there on at most.
const AFTER_MAX: usize = 60;

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    text: String,
    marked: Range<usize>,
    starts_line: bool,
}

impl Excerpt {
    /// The piece around `column`, which counts from 1 in characters. `None` behind the end of the line.
    pub(crate) fn cut(line: &str, column: usize) -> Option<Self> {
        let before: String = line.chars().take(column.checked_sub(1)?).collect();
        let rest = line
            .strip_prefix(before.as_str())
            .filter(|rest| !rest.is_empty())?;
        let skipped = before.chars().count().saturating_sub(BEFORE_MAX);
        let before: String = before.chars().skip(skipped).collect();
        let shown: String = rest.chars().take(AFTER_MAX).collect();
        let start = before.len();
        let marked = start..start + marked(&shown);
        let text = before + &shown;
        Some(Self {
            text,
            marked,
            starts_line: skipped == 0,
        })
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing is cut off before it.
    #[must_use]
    pub fn starts_line(&self) -> bool {
        self.starts_line
    }

    /// Which bytes of it are wrong, at least one character.
    #[must_use]
    pub fn marked(&self) -> Range<usize> {
        self.marked.clone()
    }
}

/// How many bytes the scalar or key at the start of `rest` takes, judged by its looks; a list or mapping is marked at
/// its first character.
fn marked(rest: &str) -> usize {
    let mut chars = rest.chars();
    let Some(first) = chars.next() else {
        return 0;
    };
    let length = match first {
        '"' | '\'' => chars.as_str().find(first).map(|at| at + 2),
        '[' | '{' | '|' | '>' | '*' | '&' | '-' => None,
        _ => Some(plain(rest)),
    };
    length.unwrap_or(0).max(first.len_utf8())
}

/// A plain scalar ends at a comma, a bracket, a comment, or a colon before white space; not in a `${NAME}`.
fn plain(rest: &str) -> usize {
    let mut in_name = false;
    let mut chars = rest.char_indices().peekable();
    let mut previous = ' ';
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let ends = match c {
            ',' | ']' => !in_name,
            '}' => !std::mem::take(&mut in_name),
            ':' => next.is_none_or(char::is_whitespace),
            '#' => previous.is_whitespace(),
            _ => false,
        };
        if ends {
            return rest.get(..at).map_or(at, |text| text.trim_end().len());
        }
        in_name |= c == '{' && previous == '$';
        previous = c;
    }
    rest.trim_end().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_wrong_is_marked() {
        for (line, column, want) in [
            ("port: http # x", 7, "http"),
            ("port: http", 1, "port"),
            ("a: {b: c d, e: f}", 8, "c d"),
            ("a: {b: ${C} d}", 8, "${C} d"),
            ("a: ${B:-x, y}z", 4, "${B:-x, y}z"),
            ("a: \"b, c\" ", 4, "\"b, c\""),
            ("a: 'b", 4, "'"),
            ("a: [b]", 4, "["),
            ("ä: é", 4, "é"),
            ("a: http://b:80/", 4, "http://b:80/"),
            ("a: }", 4, "}"),
            ("a:  ", 3, " "),
        ] {
            let excerpt = Excerpt::cut(line, column).unwrap();
            assert_eq!(&excerpt.text()[excerpt.marked()], want, "{line}");
        }
        for (line, column) in [("", 1), ("a", 2), ("a", 9), ("a", 0)] {
            assert_eq!(Excerpt::cut(line, column), None, "{line}");
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}here: {}", "é".repeat(1000), "x".repeat(1000));
        let excerpt = Excerpt::cut(&line, 1001).unwrap();
        assert_eq!(&excerpt.text()[excerpt.marked()], "here");
        assert_eq!(excerpt.text().chars().count(), BEFORE_MAX + AFTER_MAX);
        assert!(!excerpt.starts_line());
    }
}
