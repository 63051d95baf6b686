//! `CONVOX_ENV_URL`: where the environment object lies.

use std::fmt;

/// A version of an object: `s3://bucket/key?versionId=version`.
///
/// Taken as it stands: neither names of Apps and Releases nor version ids have anything to decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectUrl {
    /// The bucket.
    pub bucket: String,
    /// The key, without a leading `/`.
    pub key: String,
    /// The version; the newest without one.
    pub version: Option<String>,
}

/// A text that is no [`ObjectUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use s3://bucket/key?versionId=version, where the version may be left out")]
pub struct ObjectUrlError;

impl ObjectUrl {
    /// Takes `url` apart.
    ///
    /// # Errors
    ///
    /// [`ObjectUrlError`] when there is no bucket or key, or a query that is no version.
    pub fn parse(url: &str) -> Result<Self, ObjectUrlError> {
        let (path, query) = match url.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (url, None),
        };
        let version = match query.map(|query| query.strip_prefix("versionId=")) {
            Some(Some(version)) if !version.is_empty() && !version.contains('&') => Some(version),
            None => None,
            Some(_) => return Err(ObjectUrlError),
        };
        let location = path
            .strip_prefix("s3://")
            .and_then(|rest| rest.split_once('/'));
        match location {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok(Self {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                version: version.map(str::to_owned),
            }),
            _ => Err(ObjectUrlError),
        }
    }
}

impl fmt::Display for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)?;
        match &self.version {
            Some(version) => write!(f, "?versionId={version}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_bucket_key_and_version() {
        for (url, bucket, key, version) in [
            ("s3://b/env", "b", "env", None),
            (
                "s3://b/apps/shop/releases/R1/env",
                "b",
                "apps/shop/releases/R1/env",
                None,
            ),
            ("s3://b/a/env?versionId=3.x_-", "b", "a/env", Some("3.x_-")),
            ("s3://b/a/env?versionId=null", "b", "a/env", Some("null")),
            ("s3://b//a%20b", "b", "/a%20b", None),
        ] {
            let got = ObjectUrl::parse(url).unwrap();
            let parts = (
                got.bucket.as_str(),
                got.key.as_str(),
                got.version.as_deref(),
            );
            assert_eq!(parts, (bucket, key, version), "{url}");
            assert_eq!(got.to_string(), url);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for url in [
            "",
            "b/env",
            "https://b/env",
            "S3://b/env",
            "s3:/b/env",
            "s3://",
            "s3://b",
            "s3://b/",
            "s3:///env",
            "s3://b/env?",
            "s3://b/env?versionId",
            "s3://b/env?versionId=",
            "s3://b/env?versionid=1",
            "s3://b/env?versionId=1&x=2",
            "s3://b/?versionId=1",
        ] {
            assert_eq!(ObjectUrl::parse(url), Err(ObjectUrlError), "{url}");
        }
    }
}
