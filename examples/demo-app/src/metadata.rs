//! The task metadata endpoint, version 4. Source: ECS developer guide, "Task metadata endpoint version 4": every field is
//! optional, statistics can be null right after the start, and a rate is missing while it is not known.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Uri;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;

/// A page does not wait longer for it.
const LIMIT: Duration = Duration::from_secs(2);
const ANSWER_MAX_BYTES: usize = 1024 * 1024;

/// What is known of the task.
#[derive(Debug, Default, PartialEq)]
pub struct Metadata {
    /// `FARGATE` or `EC2`.
    pub launch_type: Option<String>,
    /// The task definition's family.
    pub family: Option<String>,
    /// Its revision.
    pub revision: Option<String>,
    /// The container's ARN.
    pub container_arn: Option<String>,
    /// Where its log goes.
    pub log_driver: Option<String>,
    /// What is mounted in the container.
    pub volumes: Vec<Volume>,
    /// Its traffic.
    pub rates: Rates,
    /// Why nothing is known, in words.
    pub problem: Option<String>,
}

/// Something mounted.
#[derive(Debug, PartialEq)]
pub struct Volume {
    /// Docker's name for it.
    pub name: String,
    /// The container's path.
    pub destination: String,
}

/// Bytes a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Received.
    pub received: Option<f64>,
    /// Sent.
    pub sent: Option<f64>,
}

/// Asks the endpoint for all three at once.
pub async fn read(variables: &BTreeMap<String, String>) -> Metadata {
    let Some(base) = variables.get("ECS_CONTAINER_METADATA_URI_V4") else {
        return Metadata {
            problem: Some(
                "ECS_CONTAINER_METADATA_URI_V4 is not set: this is no task of ECS".to_owned(),
            ),
            ..Metadata::default()
        };
    };
    let (container, task, stats) = (get(base, ""), get(base, "/task"), get(base, "/stats"));
    match timeout(LIMIT, async { tokio::join!(container, task, stats) }).await {
        Ok((Ok(container), Ok(task), stats)) => of(&container, &task, &stats.unwrap_or_default()),
        Ok((Err(err), ..) | (_, Err(err), _)) => failed(&format!(
            "the task metadata endpoint does not answer: {err}"
        )),
        Err(_) => failed("the task metadata endpoint does not answer in time"),
    }
}

fn failed(problem: &str) -> Metadata {
    Metadata {
        problem: Some(problem.to_owned()),
        ..Metadata::default()
    }
}

fn of(container: &Value, task: &Value, stats: &Value) -> Metadata {
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let rate = |name: &str| {
        stats
            .get("network_rate_stats")
            .and_then(|rates| rates.get(name)?.as_f64())
    };
    Metadata {
        launch_type: text(task, "LaunchType"),
        family: text(task, "Family"),
        revision: text(task, "Revision"),
        container_arn: text(container, "ContainerARN"),
        log_driver: text(container, "LogDriver"),
        volumes: volumes(container),
        rates: Rates {
            received: rate("rx_bytes_per_sec"),
            sent: rate("tx_bytes_per_sec"),
        },
        problem: None,
    }
}

fn volumes(container: &Value) -> Vec<Volume> {
    let volumes = container.get("Volumes").and_then(Value::as_array);
    let text = |of: &Value, name: &str| {
        let text = of.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let volumes = volumes.into_iter().flatten().map(|volume| Volume {
        name: text(volume, "DockerName"),
        destination: text(volume, "Destination"),
    });
    volumes.collect()
}

async fn get(base: &str, path: &str) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let uri: Uri = format!("{base}{path}").parse()?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = client.get(uri).await?;
    let body = Limited::new(answer.into_body(), ANSWER_MAX_BYTES)
        .collect()
        .await?;
    Ok(serde_json::from_slice(&body.to_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_there_is_taken_and_the_rest_is_not_missed() {
        assert_eq!(
            of(&Value::Null, &Value::Null, &Value::Null),
            Metadata::default()
        );
        let read = of(
            &json!({"ContainerARN": "arn:c", "LogDriver": null, "Volumes": [{"Destination": "/uploads"}]}),
            &json!({"LaunchType": "EC2", "Revision": "7", "Family": 1}),
            &json!({"network_rate_stats": {"rx_bytes_per_sec": 1.5, "tx_bytes_per_sec": null}}),
        );
        let want = Metadata {
            launch_type: Some("EC2".to_owned()),
            revision: Some("7".to_owned()),
            container_arn: Some("arn:c".to_owned()),
            volumes: vec![Volume {
                name: String::new(),
                destination: "/uploads".to_owned(),
            }],
            rates: Rates {
                received: Some(1.5),
                sent: None,
            },
            ..Metadata::default()
        };
        assert_eq!(read, want);
    }
}
