//! Patterns of ARNs, as IAM compares them.

/// Whether the ARN fits the pattern: part by part, `*` for any characters and `?` for one (IAM user guide, "Condition
/// operators", `ArnLike`).
#[must_use]
pub fn is_like(pattern: &str, arn: &str) -> bool {
    let (patterns, parts) = (pattern.splitn(6, ':'), arn.splitn(6, ':'));
    let mut all = patterns.clone().zip(parts.clone());
    pattern == "*"
        || patterns.count() == parts.count()
            && all.all(|(pattern, part)| matches(pattern.as_bytes(), part.as_bytes()))
}

/// Goes back to the last `*` alone: what one before it could take, that one can.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut last_star = None;
    while let Some(byte) = text.get(read) {
        match pattern.get(at) {
            Some(b'*') => {
                last_star = Some((at, read));
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((star, taken)) = last_star else {
                    return false;
                };
                last_star = Some((star, taken + 1));
                (at, read) = (star + 1, taken + 1);
            }
        }
    }
    let rest = pattern.iter().skip(at);
    rest.copied().all(|byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_iam() {
        let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        for (pattern, want) in [
            ("*", true),
            (arn, true),
            ("arn:aws:iam::aws:policy/*", true),
            ("arn:aws:iam::aws:policy/Read*Access", true),
            ("arn:aws:iam::aws:policy/*O*y*", true),
            ("arn:aws:iam::aws:policy/**Access*", true),
            ("arn:aws:iam::aws:policy/ReadOnlyAcces?", true),
            ("arn:aws:iam::aws:policy/ReadOnlyAccess?", false),
            ("arn:aws:iam::aws:policy/*Acces", false),
            ("arn:*:iam::*:policy/*", true),
            ("arn:aws:iam::*", false),
            ("arn:aws:iam::123456789012:policy/*", false),
            ("arn:aws:iam::aws:policy/Read", false),
            ("", false),
        ] {
            assert_eq!(is_like(pattern, arn), want, "{pattern}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = format!("arn:aws:s3:::{}b", "*a".repeat(30));
        assert!(!is_like(
            &pattern,
            &format!("arn:aws:s3:::{}", "a".repeat(1000))
        ));
    }
}
