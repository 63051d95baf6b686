//! The forms of `valueFrom` that name a Secrets Manager secret.

/// A taken-apart reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) secret_id: String,
    pub(super) json_key: Option<String>,
    pub(super) version_stage: Option<String>,
    pub(super) version_id: Option<String>,
}

/// Takes `arn`, or `arn:json-key:version-stage:version-id` with empty parts, apart.
///
/// Source: aws/amazon-ecs-agent, agent/taskresource/asmsecret/asmsecret.go, `getASMParametersFromInput`: the resource
/// part of the ARN has exactly two or exactly five pieces. The error texts are the agent's.
pub(super) fn parse(value_from: &str) -> Result<Reference, &'static str> {
    if !value_from.starts_with("arn:") {
        return Err("arn: invalid prefix");
    }
    let sections: Vec<&str> = value_from.splitn(6, ':').collect();
    let [_, _, _, _, _, resource] = sections.as_slice() else {
        return Err("arn: not enough sections");
    };
    let pieces: Vec<&str> = resource.split(':').collect();
    match pieces.as_slice() {
        [_, _] => Ok(Reference {
            secret_id: value_from.to_owned(),
            json_key: None,
            version_stage: None,
            version_id: None,
        }),
        [kind, id, json_key, stage, version] => {
            let some = |piece: &str| (!piece.is_empty()).then(|| piece.to_owned());
            let prefix = sections[..5].join(":");
            Ok(Reference {
                secret_id: format!("{prefix}:{kind}:{id}"),
                json_key: some(json_key),
                version_stage: some(stage),
                version_id: some(version),
            })
        }
        _ => Err(
            "an invalid ARN format for the AWS Secrets Manager secret was specified. Specify a valid ARN and try again.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rack/app-abcdef";

    #[test]
    fn a_reference_has_two_or_five_pieces() {
        for (pieces, want) in [
            ("", Some([None, None, None])),
            (":KEY::", Some([Some("KEY"), None, None])),
            (
                ":KEY:AWSPREVIOUS:",
                Some([Some("KEY"), Some("AWSPREVIOUS"), None]),
            ),
            (":KEY::v1", Some([Some("KEY"), None, Some("v1")])),
            ("::AWSPREVIOUS:", Some([None, Some("AWSPREVIOUS"), None])),
            (":KEY", None),
            (":KEY:", None),
            (":a:b:c:d", None),
            (":KEY:release:v1:", None), // a label that holds a colon
        ] {
            let got = parse(&format!("{ARN}{pieces}")).ok();
            let parts = got.as_ref().map(|reference| {
                assert_eq!(reference.secret_id, ARN, "{pieces}");
                let parts = [
                    &reference.json_key,
                    &reference.version_stage,
                    &reference.version_id,
                ];
                parts.map(Option::as_deref)
            });
            assert_eq!(parts, want, "{pieces}");
        }
    }
}
