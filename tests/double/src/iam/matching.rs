//! How IAM compares texts, ARNs and patterns.

/// Whether `text` fits `pattern`: `*` stands for any characters, `?` for one.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    let mut star = None; // the last `*`, and how much of the text it took
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(one) if *one == '?' || *one == text[seen] => {
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
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// The same without regard to case, for actions.
pub(super) fn fits_any_case(pattern: &str, text: &str) -> bool {
    fits(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

/// Whether an ARN fits a pattern, each of the six parts by itself. `*` alone fits everything; an action without
/// resources has the resource `*`, which fits nothing else.
///
/// Source: IAM user guide, "IAM JSON policy elements: Resource" (wildcards within the segments of an ARN) and
/// "…: Condition operators" (`ArnEquals` and `ArnLike`: each of the six components is checked separately).
pub(super) fn arn_fits(pattern: &str, arn: &str) -> bool {
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (pattern, arn) = (parts(pattern), parts(arn));
    if pattern == ["*"] {
        return true;
    }
    pattern.len() == 6 && arn.len() == 6 && pattern.iter().zip(&arn).all(|(p, a)| fits(p, a))
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
