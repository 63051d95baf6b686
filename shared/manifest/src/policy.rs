//! `policies` of a Service or Timer. Source: `convox/rack:provider/aws/formation/service.json.tmpl`, `DedicatedRole`.

use yaml::{Place, Reader};

/// ARNs of IAM policies. Convox takes any text, and `CloudFormation` refuses it later: a warning says so first.
pub(super) fn read(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> Vec<String> {
    for item in place.iter().filter_map(Place::items).flatten() {
        if item
            .scalar()
            .is_some_and(|scalar| !is_policy_arn(&scalar.text))
        {
            let (path, shown) = (&item.path, item.node.shown());
            let message = format!(
                "`{path}` is {shown}, which is not the ARN of an IAM policy such as \
                 `arn:aws:iam::aws:policy/ReadOnlyAccess`"
            );
            reader.warn(item.node.line, &message);
        }
    }
    place.map(|place| reader.texts(&place)).unwrap_or_default()
}

/// `arn:{partition}:iam::{account, or aws}:policy/{path and name}` (IAM user guide, "IAM ARNs"; its "IAM and AWS STS quotas" for
/// the characters of paths, U+0021 to U+007E, which those of names are among).
#[must_use]
pub fn is_policy_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [scheme, partition, service, region, account, resource] = *parts.as_slice() else {
        return false;
    };
    let of_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let named = resource
        .strip_prefix("policy/")
        .is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()));
    let of_iam =
        scheme == "arn" && partition.starts_with("aws") && service == "iam" && region.is_empty();
    of_iam && (of_account || account == "aws") && named
}
