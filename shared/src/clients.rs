//! What all AWS clients share: one HTTP client, a pinned behaviour and time limits.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};

/// How long an AWS call may take, and how often it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For one attempt, up to the answer's head.
    pub attempt: Duration,
    /// For the call: all attempts and the pauses between them, up to the answer's head.
    pub operation: Duration,
    /// How many attempts there are, the first included.
    pub max_attempts: u32,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(5),
            operation: Duration::from_secs(20),
            max_attempts: 3,
        }
    }
}

/// Loads region, credentials and endpoints as the SDK's default chain finds them.
pub async fn load(limits: CallLimits) -> SdkConfig {
    load_with_tls(limits, TlsContext::default()).await
}

/// The same for a machine that may have no root certificates: those in `roots_pem` are trusted too.
///
/// # Errors
///
/// [`TlsContextError`] never, as long as the SDK checks certificates only when it connects.
pub async fn load_trusting(limits: CallLimits, roots_pem: String) -> SdkConfig {
    let roots = TrustStore::default().with_pem_certificate(roots_pem);
    let tls = TlsContext::builder().with_trust_store(roots).build();
    load_with_tls(limits, tls).await
}

async fn load_with_tls(limits: CallLimits, tls: TlsContext) -> SdkConfig {
    let http_client = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(limits.connect)
        .operation_attempt_timeout(limits.attempt)
        .operation_timeout(limits.operation)
        .build();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(limits.max_attempts))
        .load()
        .await
}

/// An S3 client, with bucket names in the path where an endpoint is set: emulators have no wildcard DNS.
///
/// `lookup` finds a variable of the process.
#[cfg(feature = "s3")]
pub fn s3(config: &SdkConfig, lookup: impl Fn(&str) -> Option<String>) -> aws_sdk_s3::Client {
    let has_endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
        .iter()
        .any(|name| lookup(name).is_some());
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(has_endpoint);
    aws_sdk_s3::Client::from_conf(config.build())
}
