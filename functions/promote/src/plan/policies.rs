//! The policies that convox.yml names, and those that the Rack's owner lets Apps have.

use shared::app_stack::Needs;

use super::checks::Checks;
use crate::config::Config;

impl Checks {
    /// What `AppPolicyArns` does not allow, CloudFormation would be refused in the middle of its work.
    pub(super) fn policies(&mut self, config: &Config, needs: &Needs) {
        let allowed = |arn: &str| {
            let mut patterns = config.app_policy_arns.iter();
            patterns.any(|pattern| is_like(pattern, arn))
        };
        for (path, arns) in needs.policies() {
            if !arns.iter().all(|arn| allowed(arn)) {
                self.problem("PolicyNotAllowed", format!(
                    "`{path}` names policies that the Rack's parameter AppPolicyArns does not have; let the Rack's owner add them, or \
                     leave them out"
                ));
            }
        }
    }
}

/// Whether the ARN fits the pattern, as IAM compares them: part by part, `*` for any characters and `?` for one (IAM
/// user guide, "Condition operators", `ArnLike`).
fn is_like(pattern: &str, arn: &str) -> bool {
    let (patterns, parts) = (pattern.splitn(6, ':'), arn.splitn(6, ':'));
    let all: Vec<(&str, &str)> = patterns.clone().zip(parts.clone()).collect();
    let same_count = patterns.count() == parts.count();
    pattern == "*"
        || same_count
            && all
                .iter()
                .all(|(pattern, part)| matches(pattern.as_bytes(), part.as_bytes()))
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => matches(rest, text),
        (Some((b'*', rest)), Some((_, left))) => matches(rest, text) || matches(pattern, left),
        (Some((wanted, rest)), Some((got, left))) => {
            (*wanted == b'?' || wanted == got) && matches(rest, left)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
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
            ("arn:aws:iam::aws:policy/ReadOnlyAcces?", true),
            ("arn:*:iam::*:policy/*", true),
            ("arn:aws:iam::*", false),
            ("arn:aws:iam::123456789012:policy/*", false),
            ("arn:aws:iam::aws:policy/Read", false),
            ("", false),
        ] {
            assert_eq!(is_like(pattern, arn), want, "{pattern}");
        }
    }
}
