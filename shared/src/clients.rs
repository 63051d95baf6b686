//! What all AWS clients share: one HTTP client, a pinned behaviour and time limits.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// The SDK's own pause before the second attempt, and its longest (`aws-smithy-types`, `RetryConfig`).
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: u32 = 20;

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
    /// The pause before the second attempt, at most; it doubles. The SDK takes a random part of it.
    pub pause: Duration,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(5),
            operation: Duration::from_secs(20),
            max_attempts: 3,
            pause: FIRST_PAUSE,
        }
    }
}

/// Loads region, credentials and endpoints as the SDK's default chain finds them.
pub async fn load(limits: CallLimits) -> SdkConfig {
    let http_client = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(ConnectsOnce(http_client))
        .timeout_config(limits.timeouts())
        .retry_config(limits.retries())
        .load()
        .await
}

/// The SDK's HTTP client, without its rehearsal: each SDK client that is built has the HTTP client set up a connection's
/// TLS, all root certificates included, only to see whether that works, and drops it. The first call does it once.
#[derive(Debug)]
struct ConnectsOnce(SharedHttpClient);

impl HttpClient for ConnectsOnce {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

/// The same configuration, HTTP client included, with other limits.
#[must_use]
pub fn limited(config: &SdkConfig, limits: CallLimits) -> SdkConfig {
    let builder = config.to_builder().timeout_config(limits.timeouts());
    builder.retry_config(limits.retries()).build()
}

/// Retries that only [`CallLimits`] bound, for APIs that take fewer calls than many Apps make.
///
/// The SDK gives each client a budget of retries for its whole life. Throttling uses that up, and from then on each throttled
/// call fails at once, in every promote that this process still has before it.
#[must_use]
pub fn without_budget() -> RetryPartition {
    let retries = RetryPartition::custom("without budget");
    retries.token_bucket(TokenBucket::unlimited()).build()
}

impl CallLimits {
    /// The same ratios, with all times multiplied by `scale`.
    #[must_use]
    pub fn scaled(self, scale: f64) -> Self {
        Self {
            connect: self.connect.mul_f64(scale),
            attempt: self.attempt.mul_f64(scale),
            operation: self.operation.mul_f64(scale),
            pause: self.pause.mul_f64(scale),
            ..self
        }
    }

    fn timeouts(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connect)
            .operation_attempt_timeout(self.attempt)
            .operation_timeout(self.operation)
            .build()
    }

    fn retries(self) -> RetryConfig {
        RetryConfig::standard()
            .with_max_attempts(self.max_attempts)
            .with_initial_backoff(self.pause)
            .with_max_backoff(self.pause * LONGEST_PAUSE)
    }
}

/// A KMS client.
#[cfg(feature = "kms")]
#[must_use]
pub fn kms(config: &SdkConfig) -> aws_sdk_kms::Client {
    aws_sdk_kms::Client::new(config)
}

/// An S3 client, with bucket names in the path where an endpoint is set: emulators have no wildcard DNS.
///
/// `lookup` finds a variable of the process.
#[cfg(feature = "s3")]
pub fn s3(config: &SdkConfig, lookup: impl Fn(&str) -> Option<String>) -> aws_sdk_s3::Client {
    let has_endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
        .iter()
        .any(|name| lookup(name).is_some_and(|url| !url.is_empty()));
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(has_endpoint);
    aws_sdk_s3::Client::from_conf(config.build())
}
