//! Hosts as the `host-header` conditions of listener rules have them: names in which `*` stands for any text and `?` for one
//! character (Application Load Balancer user guide, "Host conditions"). Case does not count.

/// The most characters of one (the same).
const MAX: usize = 128;

/// A host as rules are told it; an error says what is wrong with it.
pub(super) fn host(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '*' | '?');
    if let Some(wrong) = text.chars().find(|c| !allowed(*c)) {
        return Err(format!(
            "holds {wrong:?}: a host has letters, digits, `-` and `.`, and `*` or `?` for any"
        ));
    }
    if text.len() > MAX {
        return Err(format!(
            "has {} characters, and a rule takes {MAX}",
            text.len()
        ));
    }
    if !text.trim_matches('.').contains('.') {
        return Err("has no `.` inside: use a whole name such as `www.example.com`".to_owned());
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    if last.is_empty() || !last.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(
            "has something else than letters behind its last `.`, and a rule takes nothing else \
             there: use a whole name such as `www.example.com`"
                .to_owned(),
        );
    }
    Ok(text.to_ascii_lowercase())
}

/// Whether it stands for more than one name.
pub(super) fn is_pattern(host: &str) -> bool {
    host.contains(['*', '?'])
}

/// Whether there is a name that both match.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    if !is_pattern(one) && !is_pattern(other) {
        return one == other;
    }
    let (one, other) = (one.as_bytes(), other.as_bytes());
    // Row by row: whether the first characters of `one` and of `other` can be the same text.
    let mut row = vec![false; other.len() + 1];
    if let Some(first) = row.first_mut() {
        *first = true;
    }
    spread(&mut row, other);
    for c in one {
        let mut next = vec![false; other.len() + 1];
        for (place, known) in row.iter().enumerate() {
            if !known {
                continue;
            }
            if *c == b'*' {
                // It stands for nothing, or takes in what follows.
                next.iter_mut().skip(place).for_each(|cell| *cell = true);
                continue;
            }
            match other.get(place) {
                // The star of the other takes this character in.
                Some(b'*') => set(&mut next, place),
                Some(d) if c == d || *c == b'?' || *d == b'?' => set(&mut next, place + 1),
                _ => {}
            }
        }
        spread(&mut next, other);
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// A star may stand for nothing.
fn spread(row: &mut [bool], pattern: &[u8]) {
    for (place, c) in pattern.iter().enumerate() {
        if *c == b'*' && row.get(place) == Some(&true) {
            set(row, place + 1);
        }
    }
}

fn set(row: &mut [bool], place: usize) {
    if let Some(cell) = row.get_mut(place) {
        *cell = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a load balancer matches.
    fn matches(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.first(), name.first()) {
            (None, None) => true,
            (Some(b'*'), _) => {
                matches(&pattern[1..], name) || !name.is_empty() && matches(pattern, &name[1..])
            }
            (Some(b'?'), Some(_)) => matches(&pattern[1..], &name[1..]),
            (Some(c), Some(d)) if c == d => matches(&pattern[1..], &name[1..]),
            _ => false,
        }
    }

    /// All texts of the letters `a` and `.`, up to so many characters.
    fn names(length: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..length {
            last = last
                .iter()
                .flat_map(|name| ["a", "."].map(|c| format!("{name}{c}")))
                .collect();
            all.extend(last.clone());
        }
        all
    }

    proptest! {
        #[test]
        fn two_patterns_overlap_where_one_name_matches_both(
            one in "[a.*?]{0,4}", other in "[a.*?]{0,4}",
        ) {
            let both = |name: &String| {
                matches(one.as_bytes(), name.as_bytes()) && matches(other.as_bytes(), name.as_bytes())
            };
            prop_assert_eq!(overlap(&one, &other), names(8).iter().any(both));
            prop_assert_eq!(overlap(&one, &other), overlap(&other, &one));
        }
    }

    #[test]
    fn a_host_is_a_name_or_a_pattern() {
        assert_eq!(host("WWW.Example.com").as_deref(), Ok("www.example.com"));
        assert_eq!(host("*.example.com").as_deref(), Ok("*.example.com"));
        for (wrong, says) in [
            ("a b.example.com", "holds ' '"),
            ("https://example.com", "holds ':'"),
            ("localhost", "has no `.` inside"),
            ("localhost.", "has no `.` inside"),
            ("www.example.com.", "has something else than letters behind"),
            ("www.example.*", "has something else than letters behind"),
            ("10.0.0.1", "has something else than letters behind"),
            ("www.xn--p1ai", "has something else than letters behind"),
            (&format!("{}.com", "a".repeat(125)), "has 129 characters"),
        ] {
            let said = host(wrong).unwrap_err();
            assert!(said.starts_with(says), "{wrong}: {said}");
        }
    }
}
