//! Where S3 and KMS are. Source: AWS general reference, "AWS service endpoints"; S3 user guide, "Virtual hosting of buckets".

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::object_url::ObjectUrl;

/// What a key keeps in a URL (`SigV4`, `UriEncode`).
const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');
const QUERY: &AsciiSet = &KEY.add(b'/');

/// Finds the endpoints of services.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub region: String,
    s3: Option<String>,
    kms: Option<String>,
}

impl Endpoints {
    /// Those of the region, or what `AWS_ENDPOINT_URL` and its variants say; `None` without a region.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let given = |name: &str| {
            let url = set(name).or_else(|| set("AWS_ENDPOINT_URL"))?;
            Some(url.trim_end_matches('/').to_owned())
        };
        Some(Self {
            region: set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION"))?,
            s3: given("AWS_ENDPOINT_URL_S3"),
            kms: given("AWS_ENDPOINT_URL_KMS"),
        })
    }

    /// The URL of an object's bytes. With an endpoint of one's own, or a dot in its name that no certificate covers, the
    /// bucket stands in the path.
    pub fn object(&self, object: &ObjectUrl) -> String {
        let (bucket, suffix) = (&object.bucket, self.suffix());
        let base = match &self.s3 {
            Some(endpoint) => format!("{endpoint}/{bucket}"),
            None if bucket.contains('.') => format!("https://s3.{}.{suffix}/{bucket}", self.region),
            None => format!("https://{bucket}.s3.{}.{suffix}", self.region),
        };
        let key = utf8_percent_encode(&object.key, KEY);
        match &object.version {
            None => format!("{base}/{key}"),
            Some(version) => {
                let version = utf8_percent_encode(version, QUERY);
                format!("{base}/{key}?versionId={version}")
            }
        }
    }

    /// The URL of KMS.
    pub fn kms(&self) -> String {
        match &self.kms {
            Some(endpoint) => format!("{endpoint}/"),
            None => format!("https://kms.{}.{}/", self.region, self.suffix()),
        }
    }

    /// The partition's domain (botocore, `partitions.json`).
    fn suffix(&self) -> &'static str {
        match self.region.split('-').next() {
            Some("cn") => "amazonaws.com.cn",
            Some("eusc") => "amazonaws.eu",
            _ => "amazonaws.com",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(pairs: &[(&str, &str)]) -> Endpoints {
        let lookup = |name: &str| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Endpoints::from_lookup(lookup).unwrap()
    }

    #[test]
    fn an_object_is_where_s3_has_it() {
        let eu = ("AWS_REGION", "eu-west-1");
        let local = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1/");
        for (pairs, url, want) in [
            (
                &[eu][..],
                "s3://b/k",
                "https://b.s3.eu-west-1.amazonaws.com/k",
            ),
            (
                &[eu],
                "s3://a.b/k?versionId=1",
                "https://s3.eu-west-1.amazonaws.com/a.b/k?versionId=1",
            ),
            (
                &[("AWS_REGION", "cn-north-1")],
                "s3://b/k",
                "https://b.s3.cn-north-1.amazonaws.com.cn/k",
            ),
            (
                &[("AWS_DEFAULT_REGION", "us-gov-west-1")],
                "s3://b/k",
                "https://b.s3.us-gov-west-1.amazonaws.com/k",
            ),
            (
                &[eu, local],
                "s3://b/a b/ü+?versionId=x/=",
                "http://127.0.0.1:1/b/a%20b/%C3%BC%2B?versionId=x%2F%3D",
            ),
            (
                &[eu, local, ("AWS_ENDPOINT_URL_S3", "http://s3:2")],
                "s3://b//k",
                "http://s3:2/b//k",
            ),
        ] {
            let object = ObjectUrl::parse(url).unwrap();
            assert_eq!(endpoints(pairs).object(&object), want, "{url}");
        }
        assert_eq!(
            endpoints(&[eu]).kms(),
            "https://kms.eu-west-1.amazonaws.com/"
        );
        assert_eq!(endpoints(&[eu, local]).kms(), "http://127.0.0.1:1/");
        assert!(Endpoints::from_lookup(|_| None).is_none());
    }
}
