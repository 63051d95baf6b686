//! The SDK's own chain of credentials, regions and endpoints: variables, profiles, SSO, roles of machines.

use std::error::Error;
use std::time::Duration;

use aws::clients::{CallLimits, SdkConfig, limited};
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{AppName, BehaviorVersion, Region};
use aws_sdk_lambda::config::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// What promote may take, and some more.
const INVOCATION: Duration = Duration::from_mins(3);

/// The configuration for a profile and a region, where somebody chose them. As with the AWS CLI, a profile that was chosen here
/// goes before the credentials of variables.
pub async fn load(profile: Option<&str>, region: Option<&str>) -> SdkConfig {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    let http = http.build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http.clone());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let mut sdk = loader.load().await;
    if let Some(profile) = profile {
        let way = ProviderConfig::without_region()
            .with_region(sdk.region().cloned())
            .with_http_client(http);
        let chosen = ProfileFileCredentialsProvider::builder()
            .configure(&way)
            .profile_name(profile);
        let chosen = SharedCredentialsProvider::new(chosen.build());
        sdk = sdk.into_builder().credentials_provider(chosen).build();
    }
    let named = sdk.app_name().is_some();
    let sdk = match AppName::new("rack") {
        Ok(name) if !named => sdk.into_builder().app_name(name).build(),
        _ => sdk,
    };
    limited(&sdk, CallLimits::default())
}

/// Why there are no credentials; none where there are some.
pub async fn without_credentials(sdk: &SdkConfig) -> Option<Box<dyn Error + Send + Sync>> {
    let provider = sdk.credentials_provider()?;
    let answer = provider.provide_credentials().await;
    answer.err().map(Into::into)
}

/// The same for calls that a function answers when it has done its work. A call that broke off is not made again: a process
/// could be started twice.
#[must_use]
pub fn patient(sdk: &SdkConfig) -> SdkConfig {
    let limits = CallLimits {
        attempt: INVOCATION,
        operation: INVOCATION,
        max_attempts: 1,
        ..CallLimits::default()
    };
    limited(sdk, limits)
}
