//! Whose calls these are and where they go, by what an App cannot set.
//!
//! The process has two kinds of variables: those of ECS and of the definition that promote renders, and the App's own, which
//! defaults, `secrets` and environment files put beside them. An App may well have keys, a session token, a profile, a region
//! or an endpoint of AWS, for another account than its task's. They are the App's business: here nothing is read that it can
//! set by accident. What only this program reads stands under names that promote keeps for itself.
//!
//! Sources: ECS developer guide, "Task IAM role" (the relative address, which the agent sets over what the definition says);
//! AWS SDKs and Tools reference guide, "Container credential provider".

use std::ffi::OsStr;
use std::net::IpAddr;

use crate::settings::SettingsError;

/// Where the agent and Fargate answer.
const AGENT: &str = "http://169.254.170.2";
/// The path of the task role's credentials there.
pub const CREDENTIALS_PATH: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const TEST_CREDENTIALS: &str = "CONVOX_ENV_TEST_CREDENTIALS";
const TEST_ENDPOINT: &str = "CONVOX_ENV_TEST_ENDPOINT";

/// What a task says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Where its role's credentials are; `None` without a role.
    pub credentials: Option<String>,
    /// The region of the Rack.
    pub region: Option<String>,
    /// Where S3 and KMS are in a test; `None` = where AWS has them.
    pub endpoint: Option<String>,
}

impl Task {
    /// Reads the variables that `lookup` finds; `key_id` is the KMS key of the object's bucket.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for an address of a test that leaves this machine.
    pub fn from_lookup<'a>(
        lookup: impl Fn(&str) -> Option<&'a OsStr>,
        key_id: Option<&str>,
    ) -> Result<Self, SettingsError> {
        let text = |name| {
            let text = lookup(name)?.to_str()?;
            (!text.is_empty()).then(|| text.trim_end_matches('/').to_owned())
        };
        // An image or an environment file could name them too, so a program that is shipped does not look.
        let is_test = cfg!(any(debug_assertions, feature = "test-addresses"));
        let of_test = |variable| match text(variable).filter(|_| is_test) {
            Some(url) if !is_of_this_machine(&url) => Err(SettingsError::NotLoopback { variable }),
            url => Ok(url),
        };
        // Anything else would be another host behind the agent's.
        let path = text(CREDENTIALS_PATH).filter(|path| path.starts_with('/'));
        let path = path.map(|path| format!("{AGENT}{path}"));
        // A bucket's key is in the bucket's region. The last is what definitions without both say.
        let region = key_id.and_then(region_of).map(str::to_owned);
        let region = region.or_else(|| text("CONVOX_ENV_REGION"));
        Ok(Self {
            credentials: of_test(TEST_CREDENTIALS)?.or(path),
            region: region.or_else(|| text("AWS_REGION")),
            endpoint: of_test(TEST_ENDPOINT)?,
        })
    }
}

/// The region in a key's ARN.
fn region_of(key_id: &str) -> Option<&str> {
    let mut sections = key_id.split(':');
    let (arn, _, service, region) = (
        sections.next()?,
        sections.next()?,
        sections.next()?,
        sections.next()?,
    );
    (arn == "arn" && service == "kms" && !region.is_empty()).then_some(region)
}

fn is_of_this_machine(url: &str) -> bool {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    let authority = authority.unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.unwrap_or_default();
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(pairs: &[(&str, &str)], key_id: Option<&str>) -> Result<Task, SettingsError> {
        let lookup = |name: &str| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsStr::new(*value))
        };
        Task::from_lookup(lookup, key_id)
    }

    const PATH: (&str, &str) = (CREDENTIALS_PATH, "/v2/credentials/1");
    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1";

    /// Every variable by which AWS's SDKs are told an identity, a region or an address.
    const OF_THE_APP: [(&str, &str); 21] = [
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_SESSION_TOKEN", "x"),
        ("AWS_PROFILE", "other"),
        ("AWS_DEFAULT_PROFILE", "other"),
        ("AWS_CONFIG_FILE", "/other"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/other"),
        ("AWS_REGION", "us-west-2"),
        ("AWS_DEFAULT_REGION", "us-west-2"),
        ("AWS_ENDPOINT_URL", "http://other"),
        ("AWS_ENDPOINT_URL_S3", "http://other"),
        ("AWS_ENDPOINT_URL_KMS", "http://other"),
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://localhost/other",
        ),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "x"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/other"),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/other"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/other"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://other"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
    ];

    #[test]
    fn what_an_app_sets_for_itself_changes_nothing() {
        for key in [Some(KEY), None] {
            let region = ("CONVOX_ENV_REGION", "eu-west-1");
            let alone = task(&[PATH, region], key).unwrap();
            let mut all = OF_THE_APP.to_vec();
            all.extend([PATH, region]);
            assert_eq!(task(&all, key), Ok(alone), "{key:?}");
        }
        let none = task(&OF_THE_APP, Some(KEY)).unwrap();
        assert_eq!(
            none.credentials, None,
            "without a task role there is no other"
        );
    }

    #[test]
    fn the_region_is_the_bucket_keys_else_what_the_definition_says() {
        let (region, of_app) = (
            ("CONVOX_ENV_REGION", "eu-west-2"),
            ("AWS_REGION", "eu-west-3"),
        );
        for (pairs, key, want) in [
            (&[region, of_app][..], Some(KEY), Some("eu-west-1")),
            (&[region, of_app], Some("alias/x"), Some("eu-west-2")),
            (&[region, of_app], None, Some("eu-west-2")),
            (&[of_app], None, Some("eu-west-3")),
            (&[("AWS_DEFAULT_REGION", "eu-west-3")], None, None),
        ] {
            let got = task(pairs, key).unwrap().region;
            assert_eq!(got.as_deref(), want, "{pairs:?} {key:?}");
        }
    }

    #[test]
    fn credentials_are_asked_of_the_agent_alone() {
        for (path, want) in [
            (
                "/v2/credentials/1",
                Some("http://169.254.170.2/v2/credentials/1"),
            ),
            ("@other/x", None),
            (".other/x", None),
            ("", None),
        ] {
            let got = task(&[(CREDENTIALS_PATH, path)], None).unwrap();
            assert_eq!(got.credentials.as_deref(), want, "{path}");
        }
    }

    #[test]
    fn a_tests_addresses_are_those_of_this_machine() {
        for (url, want) in [
            ("http://127.0.0.1:8080", true),
            ("https://localhost:1/", true),
            ("http://[::1]:1", true),
            ("https://example", false),
            ("http://169.254.169.254", false),
            ("http://127.0.0.1.example", false),
            ("http://user@127.0.0.1", false),
            ("127.0.0.1:1", false),
        ] {
            for variable in [TEST_CREDENTIALS, TEST_ENDPOINT] {
                let got = task(&[(variable, url), PATH], None);
                let refused = Err(SettingsError::NotLoopback { variable });
                assert_eq!(got.is_ok(), want, "{url}");
                assert!(want || got == refused, "{url}");
            }
        }
        let pairs = [
            (TEST_CREDENTIALS, "http://[::1]:1/x"),
            (TEST_ENDPOINT, "http://[::1]:2/"),
            PATH,
        ];
        let got = task(&pairs, None).unwrap();
        assert_eq!(got.credentials.as_deref(), Some("http://[::1]:1/x"));
        assert_eq!(got.endpoint.as_deref(), Some("http://[::1]:2"));
    }
}
