//! Events as `EventBridge` delivers them to the functions.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::World;

const OBJECT_CREATED: &str = include_str!("../../../events/promote-object-created.json");

/// S3's event about the environment object of a Release: the sample of `events/`, about this World.
#[must_use]
pub fn written(world: &World, app: &str, release: &str, version_id: &str) -> Value {
    let mut event: Value = serde_json::from_str(OBJECT_CREATED).expect("the sample is JSON");
    event["account"] = world.account.as_str().into();
    event["resources"] = json!([format!("arn:aws:s3:::{}", world.bucket)]);
    event["detail"]["bucket"]["name"] = world.bucket.as_str().into();
    event["detail"]["object"]["key"] = format!("apps/{app}/releases/{release}/env").into();
    event["detail"]["object"]["version-id"] = version_id.into();
    event
}

/// An event of a Rack's own: `Release Promote Requested`, `App Deleted`, `Process Run Requested`.
#[must_use]
pub fn of_rack(kind: &str, id: &str, time: DateTime<Utc>, detail: &Value) -> Value {
    sent("rack", kind, id, time, detail)
}

/// An event that one function sends another, of now.
#[must_use]
pub fn of_functions(kind: &str, id: &str, detail: &Value) -> Value {
    sent("secrets-manager-env", kind, id, Utc::now(), detail)
}

/// An event of any source.
#[must_use]
pub fn sent(source: &str, kind: &str, id: &str, time: DateTime<Utc>, detail: &Value) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": kind, "source": source, "account": "123456789012",
        "time": time.to_rfc3339_opts(SecondsFormat::Secs, true), "region": "us-east-1", "resources": [],
        "detail": detail,
    })
}
