//! What all AWS clients share: one HTTP client, a pinned behaviour and time limits.

use std::env;
use std::ops::Deref;
use std::sync::LazyLock;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_types::sdk_config::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

pub use aws_config::SdkConfig;

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

/// Region, credentials and endpoints from the variables that Lambda and SAM CLI set.
///
/// The SDK's default chain would find the same, after it has read two files and built a client of STS that is never called.
///
/// Source: SDKs and tools reference guide, "Environment variables"; Lambda developer guide, "Defined runtime environment
/// variables". Limits are each Shell's own, see [`limited`].
#[must_use]
pub fn load() -> SdkConfig {
    let http_client = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let is_on = |name| variable(name).map(|value| value.eq_ignore_ascii_case("true"));
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(ConnectsOnce(http_client))
        .service_config(EndpointVariables);
    config.set_region(region.map(Region::new));
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config.set_use_fips(is_on("AWS_USE_FIPS_ENDPOINT"));
    config.set_use_dual_stack(is_on("AWS_USE_DUALSTACK_ENDPOINT"));
    config.set_app_name(variable("AWS_SDK_UA_APP_ID").and_then(|name| AppName::new(name).ok()));
    config.build()
}

#[expect(
    clippy::disallowed_methods,
    reason = "these variables are the SDK's own, and no setting of ours"
)]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// What a variable says for one service, `AWS_ENDPOINT_URL_SECRETS_MANAGER`, else for all.
#[derive(Debug)]
struct EndpointVariables;

impl LoadServiceConfig for EndpointVariables {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        variable(&format!("{}_{service}", key.env())).or_else(|| variable(key.env()))
    }
}

/// A client that is built at its first call.
///
/// Each of the SDK's clients reads a table of all regions when it is built, which costs more than all else at start. Here that
/// happens while earlier calls are under way, and only for what an event needs.
#[derive(Debug)]
pub struct OnDemand<C>(LazyLock<C, Box<dyn FnOnce() -> C + Send>>);

impl<C> OnDemand<C> {
    /// The client that `build` will make.
    #[must_use]
    pub fn new(build: impl FnOnce() -> C + Send + 'static) -> Self {
        Self(LazyLock::new(Box::new(build)))
    }
}

impl<C> Deref for OnDemand<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
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

/// An S3 client, with bucket names in the path where an endpoint is set: emulators have no wildcard DNS.
#[cfg(feature = "s3")]
#[must_use]
pub fn s3(config: &SdkConfig) -> OnDemand<aws_sdk_s3::Client> {
    let key = ServiceConfigKey::builder()
        .service_id("S3")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let of_s3 = config.service_config().zip(key.ok());
    let of_s3 = of_s3.and_then(|(variables, key)| variables.load_config(key));
    let has_endpoint = of_s3.is_some() || config.endpoint_url().is_some();
    let config = config.clone();
    OnDemand::new(move || {
        let config = aws_sdk_s3::config::Builder::from(&config).force_path_style(has_endpoint);
        aws_sdk_s3::Client::from_conf(config.build())
    })
}
