//! How IAM compares texts, ARNs and patterns.

/// Whether `text` fits `pattern`: `*` stands for any characters, `?` for one.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    fits_where(pattern, text, |one, other| one == other)
}

/// The same without regard to case, for actions.
pub(super) fn fits_any_case(pattern: &str, text: &str) -> bool {
    fits_where(pattern, text, u8::eq_ignore_ascii_case)
}

/// By bytes, for actions and ARNs are ASCII, and without a copy: the proofs ask this millions of times.
fn fits_where(pattern: &str, text: &str, same: impl Fn(&u8, &u8) -> bool) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut seen) = (0, 0);
    let mut star = None; // the last `*`, and how much of the text it took
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(one) if *one == b'?' || same(one, &text[seen]) => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((place, taken)) = star else {
                    return false;
                };
                star = Some((place, taken + 1));
                at = place + 1;
                seen = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == b'*')
}

/// Whether an ARN fits a pattern, each of the six parts by itself. `*` alone fits everything; an action without
/// resources has the resource `*`, which fits nothing else.
///
/// Source: IAM user guide, "IAM JSON policy elements: Resource" (wildcards within the segments of an ARN) and
/// "…: Condition operators" (`ArnEquals` and `ArnLike`: each of the six components is checked separately).
pub(super) fn arn_fits(pattern: &str, arn: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let is_whole = |text: &str| text.splitn(6, ':').count() == 6;
    let mut parts = pattern.splitn(6, ':').zip(arn.splitn(6, ':'));
    is_whole(pattern) && is_whole(arn) && parts.all(|(pattern, part)| fits(pattern, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_what_iam_says() {
        for (pattern, text, want) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*/env", "a/env/env", true),
            ("secret:r/*-??????", "secret:r/a-b-AbCdEf", true),
            ("secret:r/*-??????", "secret:r/a", false),
            ("a?", "a", false),
            ("a**", "a", true),
        ] {
            assert_eq!(fits(pattern, text), want, "{pattern} {text}");
        }
        assert!(fits_any_case("S3:get*", "s3:GetObject"));
    }

    #[test]
    fn a_wildcard_stays_within_its_part_of_an_arn() {
        let arn = "arn:aws:ecs:us-east-1:1:service/blue/r_web";
        for (pattern, want) in [
            ("*", true),
            ("arn:aws:ecs:*:*:service/blue/r_*", true),
            ("arn:aws:ecs:*:service/blue/r_*", false),
            ("arn:aws:ecs:us-east-1:2:service/blue/r_*", false),
            ("arn:*", false),
        ] {
            assert_eq!(arn_fits(pattern, arn), want, "{pattern}");
        }
        assert!(!arn_fits("arn:aws:ecs:us-east-1:1:*", "*"));
    }
}
