//! Where S3 and KMS are. Source: AWS general reference, "AWS service endpoints"; S3 user guide, "Virtual hosting of buckets".

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::object_url::ObjectUrl;
use crate::task::Task;

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
    /// The Rack's.
    pub region: String,
    /// One for all, in a test.
    own: Option<String>,
}

impl Endpoints {
    /// Those of the task's region; `None` without a region.
    pub fn of(task: &Task) -> Option<Self> {
        Some(Self {
            region: task.region.clone()?,
            own: task.endpoint.clone(),
        })
    }

    /// The URL of an object's bytes. In a test, or with a dot in its name that no certificate covers, the
    /// bucket stands in the path.
    pub fn object(&self, object: &ObjectUrl) -> String {
        let (bucket, suffix) = (&object.bucket, self.suffix());
        let base = match &self.own {
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
        match &self.own {
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

    fn endpoints(region: &str, own: Option<&str>) -> Endpoints {
        let task = Task {
            credentials: None,
            region: Some(region.to_owned()),
            endpoint: own.map(str::to_owned),
        };
        Endpoints::of(&task).unwrap()
    }

    #[test]
    fn an_object_is_where_s3_has_it() {
        let local = Some("http://127.0.0.1:1");
        for (region, own, url, want) in [
            (
                "eu-west-1",
                None,
                "s3://b/k",
                "https://b.s3.eu-west-1.amazonaws.com/k",
            ),
            (
                "eu-west-1",
                None,
                "s3://a.b/k?versionId=1",
                "https://s3.eu-west-1.amazonaws.com/a.b/k?versionId=1",
            ),
            (
                "cn-north-1",
                None,
                "s3://b/k",
                "https://b.s3.cn-north-1.amazonaws.com.cn/k",
            ),
            (
                "us-gov-west-1",
                None,
                "s3://b/k",
                "https://b.s3.us-gov-west-1.amazonaws.com/k",
            ),
            (
                "eu-west-1",
                local,
                "s3://b/a b/ü+?versionId=x/=",
                "http://127.0.0.1:1/b/a%20b/%C3%BC%2B?versionId=x%2F%3D",
            ),
            ("eu-west-1", local, "s3://b//k", "http://127.0.0.1:1/b//k"),
        ] {
            let object = ObjectUrl::parse(url).unwrap();
            assert_eq!(endpoints(region, own).object(&object), want, "{url}");
        }
        let eu = endpoints("eu-west-1", None);
        assert_eq!(eu.kms(), "https://kms.eu-west-1.amazonaws.com/");
        assert_eq!(endpoints("eu-west-1", local).kms(), "http://127.0.0.1:1/");
    }
}
