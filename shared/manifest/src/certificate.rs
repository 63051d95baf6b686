//! `certificate` of a listener. Source: `convox/rack:pkg/manifest/validate.go`.

use yaml::{Fields, Place, Reader};

/// `None` with a problem noted; `Some(None)` where there is none and none is needed.
#[expect(
    clippy::option_option,
    reason = "a missing certificate is not a wrong one"
)]
pub(super) fn read(
    reader: &mut Reader<'_>,
    place: &Place<'_>,
    fields: &Fields<'_>,
    is_tls: bool,
) -> Option<Option<String>> {
    let field = fields.get("certificate");
    let arn = field.as_ref().and_then(|field| reader.text(field));
    match (is_tls, field, arn) {
        (false, _, None) => Some(None),
        (true, Some(field), Some(arn)) => {
            if !is_certificate(&arn) {
                reader.wrong(
                    &field,
                    "the full ARN of an ACM certificate or of an IAM server certificate",
                );
                return None;
            }
            Some(Some(arn))
        }
        (false, field, Some(_)) => {
            let place = field.as_ref().unwrap_or(place);
            reader.problem_with_help(
                place,
                "is for `protocol: tls` only",
                "remove it, or use tls",
            );
            None
        }
        (true, ..) => {
            let help = "`protocol: tls` needs the ARN of one";
            reader.problem_with_help(place, "has no `certificate`", help);
            None
        }
    }
}

/// `arn:{partition}:acm:{region}:{account}:certificate/{id}`, or `arn:{partition}:iam::{account}:server-certificate/{name}`
/// (IAM and ACM references, "Resource types").
fn is_certificate(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [scheme, partition, service, region, account, resource] = *parts.as_slice() else {
        return false;
    };
    let of_service = match service {
        "acm" => {
            !region.is_empty()
                && resource
                    .strip_prefix("certificate/")
                    .is_some_and(|id| !id.is_empty())
        }
        "iam" => {
            let name = resource.strip_prefix("server-certificate/");
            region.is_empty() && name.is_some_and(|name| !name.is_empty())
        }
        _ => false,
    };
    let account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    scheme == "arn" && partition.starts_with("aws") && account && of_service
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_acm_or_iam_in_any_partition() {
        for (arn, want) in [
            ("arn:aws:acm:us-east-1:123456789012:certificate/0", true),
            ("arn:aws-cn:acm:cn-north-1:123456789012:certificate/0", true),
            (
                "arn:aws:iam::123456789012:server-certificate/path/name",
                true,
            ),
            (
                "arn:aws:iam:us-east-1:123456789012:server-certificate/name",
                false,
            ),
            ("arn:aws:iam::123456789012:role/name", false),
            ("arn:aws:acm:us-east-1:1234:certificate/0", false),
            ("arn:aws:acm:us-east-1:123456789012:certificate/", false),
            ("acm-0", false),
        ] {
            assert_eq!(is_certificate(arn), want, "{arn}");
        }
    }
}
