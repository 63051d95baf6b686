//! The known word that a misspelt one probably is.

use strsim::osa_distance;

/// Longer words are not compared: nothing known is that long.
const WORD_MAX: usize = 40;

/// The one of `known` that is closest to `word`, if it is close.
#[must_use]
pub fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let length = word.chars().count();
    if length > WORD_MAX {
        return None;
    }
    let allowed = (length / 3).clamp(1, 3);
    let word = word.to_lowercase();
    // Two neighbours that changed places are one edit: in a short word two would be too many.
    let distances = known
        .iter()
        .map(|known| (osa_distance(&word, &known.to_lowercase()), *known));
    let (distance, known) = distances.min()?;
    (distance <= allowed && distance < length).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_close_word_is_suggested() {
        let known = [
            "command",
            "count",
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
            ("prot", Some("port")),
            ("cuont", Some("count")),
            ("iamge", Some("image")),
            ("inti", Some("init")),
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
}
