//! The known word that a misspelt one probably is.

/// Longer words are not compared: nothing known is that long.
const WORD_MAX: usize = 40;

/// The one of `known` that is closest to `word`, if it is close.
pub(crate) fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let length = word.chars().count();
    if length > WORD_MAX {
        return None;
    }
    let allowed = (length / 3).clamp(1, 3);
    let distances = known.iter().map(|known| {
        (
            distance(&word.to_lowercase(), &known.to_lowercase()),
            *known,
        )
    });
    let (distance, known) = distances.min()?;
    (distance <= allowed && distance < length).then_some(known)
}

/// How many characters must be added, removed or replaced (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, from) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&to) {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = *cell;
            left = replaced.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_close_word_is_suggested() {
        let known = [
            "command",
            "environment",
            "image",
            "init",
            "port",
            "resources",
            "scale",
        ];
        for (word, want) in [
            ("imag", Some("image")),
            ("Image", Some("image")),
            ("resorces", Some("resources")),
            ("enviroment", Some("environment")),
            ("ports", Some("port")),
            ("comand", Some("command")),
            ("annotations", None),
            ("x", None),
            ("", None),
            ("p", None),
        ] {
            assert_eq!(closest(word, &known), want, "{word}");
        }
        assert_eq!(closest(&"image".repeat(50), &known), None);
    }

    #[test]
    fn distances_are_edits() {
        for (from, to, want) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(from, to), want, "{from} {to}");
        }
    }
}
