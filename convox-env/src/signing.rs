//! Signature Version 4 of one request. Source: IAM user guide, "AWS Signature Version 4 for API requests".

use std::time::SystemTime;

use aws_credential_types::Credentials as SignedBy;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;

use crate::credentials::Credentials;
use crate::http::HttpRequest;
use crate::service_error::ServiceError;

/// Adds the headers that sign `request` for `service`.
///
/// # Errors
///
/// [`ServiceError`] for a request that cannot be signed, an odd region for example.
pub fn signed(
    mut request: HttpRequest,
    credentials: &Credentials,
    region: &str,
    service: &str,
    now: SystemTime,
) -> Result<HttpRequest, ServiceError> {
    let refuse = |why: String| ServiceError::new("sign the request", "Unreachable", Some(&why));
    let identity: Identity = SignedBy::new(
        credentials.access_key_id.clone(),
        credentials.secret_access_key.as_str(),
        credentials.session_token.clone(),
        None,
        "convox-env",
    )
    .into();
    let mut settings = SigningSettings::default();
    if service == "s3" {
        // S3 signs the path as it stands, and wants the payload's hash (S3 API reference, "Authenticating Requests").
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|err| refuse(err.to_string()))?;
    let headers = request.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
    let method = if request.body.is_some() {
        "POST"
    } else {
        "GET"
    };
    let body = SignableBody::Bytes(request.body.as_deref().unwrap_or_default());
    let signable = SignableRequest::new(method, &request.url, headers, body)
        .map_err(|err| refuse(err.to_string()))?;
    let (instructions, _) = sign(signable, &parameters.into())
        .map_err(|err| refuse(err.to_string()))?
        .into_parts();
    let (added, _) = instructions.into_parts();
    request.headers.extend(
        added
            .iter()
            .map(|header| (header.name().to_owned(), header.value().to_owned())),
    );
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use zeroize::Zeroizing;

    /// The example of the S3 API reference, "Signature Calculations for the Authorization Header": GET Object.
    #[test]
    fn s3s_own_example_has_its_signature() {
        let request = HttpRequest {
            attempted: "get it",
            url: "https://examplebucket.s3.amazonaws.com/test.txt".to_owned(),
            headers: vec![("range".to_owned(), "bytes=0-9".to_owned())],
            body: None,
        };
        let credentials = Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: Zeroizing::new(
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            ),
            session_token: None,
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(380_376); // 2013-05-24T00:00:00Z
        let signed = signed(request, &credentials, "us-east-1", "s3", now).unwrap();
        let of = |name: &str| {
            let found = signed.headers.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone()).unwrap()
        };
        let want = "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        assert!(
            of("authorization").ends_with(want),
            "{}",
            of("authorization")
        );
        assert_eq!(of("x-amz-date"), "20130524T000000Z");
    }
}
