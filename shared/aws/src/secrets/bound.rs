//! What Secrets Manager may cost in time, on a clock that only these tests move.

use aws_config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::config::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_types::sdk_config::SharedCredentialsProvider;
use tokio::time::Instant;

use super::*;
use names::error_type::{ErrorCode, ErrorType};
use names::{AppName, RackName};

const LIMIT: Duration = Duration::from_secs(10);

/// A Secrets Manager that answers with 500 after `0`, or never.
#[derive(Debug, Clone, Copy)]
struct Failing(Option<Duration>);

impl HttpConnector for Failing {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let answers_after = self.0;
        HttpConnectorFuture::new(async move {
            match answers_after {
                Some(delay) => tokio::time::sleep(delay).await,
                None => std::future::pending().await,
            }
            let status = 500.try_into().unwrap();
            Ok(HttpResponse::new(status, SdkBody::empty()))
        })
    }
}

fn failing(failing: Failing) -> Secrets {
    let credentials = Credentials::new("AKIAEXAMPLE", "none", None, None, "test");
    let http_client = http_client_fn(move |_, _| SharedHttpConnector::new(failing));
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client)
        .build();
    Secrets::new(&config, None, LIMIT)
}

fn readable() -> ReadableSecret {
    ReadableSecret {
        arn: SecretArn::returned("arn"),
        stages: Stages::default(),
    }
}

fn id() -> AppId {
    AppId {
        rack: RackName::new("myrack").unwrap(),
        app: AppName::new("shop").unwrap(),
    }
}

/// How long a write-through takes, its read included, and how it ends.
async fn write_through(secrets: &Secrets) -> (Duration, ErrorCode) {
    let (id, began) = (id(), Instant::now());
    let secret = secrets.of(&id);
    let written = secret.put_back(&"0".repeat(32), "{}", false).await;
    (began.elapsed(), written.unwrap_err().error_type())
}

/// Timers of tokio end at whole milliseconds.
const ROUNDED: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn a_promote_spends_no_more_time_on_secrets_manager_than_its_limit() {
    for answers_after in [None, Some(LIMIT / 20), Some(LIMIT / 4), Some(LIMIT * 2)] {
        let (took, error_type) = write_through(&failing(Failing(answers_after))).await;
        assert!(
            took <= LIMIT + ROUNDED,
            "{answers_after:?}: {took:?}, {error_type}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_secrets_manager_that_never_answers_is_a_time_out() {
    let secrets = failing(Failing(None));
    let (took, error_type) = write_through(&secrets).await;
    assert_eq!(error_type, ErrorType::Timeout.into(), "after {took:?}");
    for call in ["make_current", "forget", "readable"] {
        let (id, began) = (id(), Instant::now());
        let secret = secrets.of(&id);
        let error = match call {
            "make_current" => secret.make_current(&readable(), "v1").await.unwrap_err(),
            "forget" => secret
                .forget(&readable().arn, "v1", false)
                .await
                .unwrap_err(),
            _ => secret.readable().await.unwrap_err(),
        };
        assert_eq!(error.error_type(), ErrorType::Timeout.into(), "{call}");
        assert!(began.elapsed() <= LIMIT + ROUNDED, "{call}");
    }
}
