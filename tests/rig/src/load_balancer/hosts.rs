//! Host names and the patterns of `host-header` conditions: whatever the case, `*` for any characters and none, `?` for one.

use std::collections::BTreeSet;

/// The most characters of a pattern.
const LONGEST: usize = 128;

/// Whether a pattern takes a host, which is a `Host` header without its port.
#[must_use]
pub fn fits(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (lower(pattern), lower(host));
    // What is left to match after each character, by places of the pattern.
    let mut places = closure(&pattern, BTreeSet::from([0]));
    for char in host {
        let next = places.iter().filter_map(|place| match pattern.get(*place) {
            Some('*') => Some(*place),
            Some('?') => Some(place + 1),
            Some(literal) => (*literal == char).then_some(place + 1),
            None => None,
        });
        places = closure(&pattern, next.collect());
    }
    places.contains(&pattern.len())
}

/// The host of a `Host` header.
#[must_use]
pub fn without_port(header: &str) -> &str {
    match header.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => header,
    }
}

/// A host that both patterns take, if there is one.
#[must_use]
pub fn taken_by_both(one: &str, other: &str) -> Option<String> {
    let (one, other) = (lower(one), lower(other));
    let mut seen = BTreeSet::new();
    let mut open = vec![(0, 0, String::new())];
    while let Some((left, right, host)) = open.pop() {
        if (left, right) == (one.len(), other.len()) {
            return Some(host);
        }
        if !seen.insert((left, right)) {
            continue;
        }
        let (of_one, of_other) = (one.get(left), other.get(right));
        if of_one == Some(&'*') {
            open.push((left + 1, right, host.clone()));
        }
        if of_other == Some(&'*') {
            open.push((left, right + 1, host.clone()));
        }
        if let Some(char) = common(of_one, of_other) {
            let step = |place: usize, of: Option<&char>| place + usize::from(of != Some(&'*'));
            let next = (step(left, of_one), step(right, of_other));
            open.push((next.0, next.1, format!("{host}{char}")));
        }
    }
    None
}

/// Why Elastic Load Balancing does not take a pattern.
///
/// Source: user guide for Application Load Balancers, "Host conditions".
#[must_use]
pub fn wrong(pattern: &str) -> Option<&'static str> {
    let known = |char: char| char.is_ascii_alphanumeric() || "-.*?".contains(char);
    let last = pattern.rsplit_once('.').map(|(_, last)| last);
    match last {
        _ if pattern.is_empty() || pattern.len() > LONGEST => {
            Some("it has between 1 and 128 characters")
        }
        _ if !pattern.chars().all(known) => Some("it has letters, digits and -.*? only"),
        None => Some("it has a dot"),
        Some(last) if !last.chars().all(|char| char.is_ascii_alphabetic()) => {
            Some("behind the last dot are letters only")
        }
        Some(_) => None,
    }
}

fn lower(text: &str) -> Vec<char> {
    text.chars().map(|char| char.to_ascii_lowercase()).collect()
}

/// The places with those that `*` leads to without a character.
fn closure(pattern: &[char], places: BTreeSet<usize>) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    for mut place in places {
        while all.insert(place) && pattern.get(place) == Some(&'*') {
            place += 1;
        }
    }
    all
}

/// A character that both take here.
fn common(one: Option<&char>, other: Option<&char>) -> Option<char> {
    let any = |char: char| "*?".contains(char);
    match (*one?, *other?) {
        (one, other) if any(one) && any(other) => Some('x'),
        (one, other) if any(one) => Some(other),
        (one, other) if any(other) => Some(one),
        (one, other) => (one == other).then_some(one),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_takes_hosts_as_the_load_balancer_does() {
        for (pattern, host, want) in [
            ("web.example.com", "web.example.com", true),
            ("web.example.com", "WEB.Example.com", true),
            ("WEB.example.com", "web.example.com", true),
            ("web.example.com", "web.example.com.", false),
            ("web.example.com", "xweb.example.com", false),
            ("*.example.com", "web.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", ".example.com", true),
            ("*.example.com", "example.com", false),
            ("web?.example.com", "web1.example.com", true),
            ("web?.example.com", "web.example.com", false),
            ("w*b.example.com", "wb.example.com", true),
            ("w*b*.example.com", "wabab.example.com", true),
            ("a.example.com", "a-example.com", false),
        ] {
            assert_eq!(fits(pattern, host), want, "{pattern} {host}");
        }
    }

    #[test]
    fn the_port_of_a_host_header_does_not_count() {
        for (header, want) in [
            ("web.example.com:8080", "web.example.com"),
            ("web.example.com", "web.example.com"),
            ("web.example.com:", "web.example.com"),
        ] {
            assert_eq!(without_port(header), want);
        }
    }

    #[test]
    fn a_host_that_two_patterns_take_is_found() {
        for (one, other, want) in [
            ("a.example.com", "a.example.com", true),
            ("a.example.com", "A.EXAMPLE.com", true),
            ("a.example.com", "b.example.com", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "*.example.org", false),
            ("a*.example.com", "*b.example.com", true),
            ("a?.example.com", "ab.example.com", true),
            ("a?.example.com", "a.example.com", false),
        ] {
            let both = taken_by_both(one, other);
            assert_eq!(both.is_some(), want, "{one} {other}: {both:?}");
        }
    }

    #[test]
    fn a_pattern_that_is_refused_says_why() {
        for (pattern, named) in [
            ("", "128"),
            ("localhost", "a dot"),
            ("web.example.c0m", "letters only"),
            ("web_1.example.com", "-.*?"),
        ] {
            let said = wrong(pattern);
            assert!(
                said.is_some_and(|said| said.contains(named)),
                "{pattern}: {said:?}"
            );
        }
        assert_eq!(wrong("*.apps-1.example.com"), None);
    }

    proptest! {
        #[test]
        fn the_host_of_two_patterns_is_taken_by_both(one in "[ab*?.]{0,8}", other in "[ab*?.]{0,8}") {
            if let Some(host) = taken_by_both(&one, &other) {
                prop_assert!(fits(&one, &host) && fits(&other, &host), "{host}");
            }
        }

        #[test]
        fn where_none_is_found_there_is_none(one in "[ab*?]{0,5}", other in "[ab*?]{0,5}", host in "[ab]{0,6}") {
            if taken_by_both(&one, &other).is_none() {
                prop_assert!(!(fits(&one, &host) && fits(&other, &host)));
            }
        }
    }
}
