//! The SDK's own chain of credentials, regions and endpoints: variables, profiles, SSO, roles of machines.

use std::time::Duration;

use aws::clients::{CallLimits, SdkConfig, limited};
use aws_config::{AppName, BehaviorVersion, Region};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// What promote may take, and some more.
const INVOCATION: Duration = Duration::from_mins(3);

/// The configuration for a profile and a region, where somebody chose them.
pub async fn load(profile: Option<&str>, region: Option<&str>) -> SdkConfig {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    let mut loader =
        aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http.build_https());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let sdk = loader.load().await;
    let named = sdk.app_name().is_some();
    let sdk = match AppName::new("rack") {
        Ok(name) if !named => sdk.into_builder().app_name(name).build(),
        _ => sdk,
    };
    limited(&sdk, CallLimits::default())
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
