//! SDK configurations that lead to the double, or to the emulator behind it.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::config::{Credentials, SharedCredentialsProvider};

use crate::REGION;
use crate::proxy::{Direct, NOWHERE};

/// The secret half of every account's key; nobody checks signatures.
pub const SECRET_ACCESS_KEY: &str = "not-a-secret";

/// Much more than any answer takes on a busy machine: a test whose call gets none ends, and says which.
const LIMIT: Duration = Duration::from_mins(2);

/// Through a socket, with a limit of two minutes. One HTTP client each: tests have runtimes of their own, and a connection cannot leave its runtime.
#[must_use]
pub fn over_http(endpoint: &str, account: &str) -> SdkConfig {
    let config = config(account).into_builder();
    config
        .endpoint_url(endpoint)
        .timeout_config(TimeoutConfig::builder().operation_timeout(LIMIT).build())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// Without a socket, for a program in this process.
#[must_use]
pub fn in_process(direct: Direct, account: &str) -> SdkConfig {
    let config = config(account).into_builder();
    config.endpoint_url(NOWHERE).http_client(direct).build()
}

fn config(account: &str) -> SdkConfig {
    let credentials = Credentials::new(account, SECRET_ACCESS_KEY, None, None, "double");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}
