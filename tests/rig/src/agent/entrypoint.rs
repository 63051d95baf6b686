//! What `convox-env` does, for accounts in memory: the built program would need sockets.

use std::collections::BTreeMap;

use aws_sdk_kms::primitives::Blob;
use environment::{self, EnvironmentObject, ReadEnvironment};

use super::{Agent, LaunchFailure, Origin, Variable};

type Variables = BTreeMap<String, Variable>;

/// The App's variables: those of the task, overridden by those of the environment that its Service declares.
pub(super) async fn run(
    agent: &Agent,
    kms: &aws_sdk_kms::Client,
    mut variables: Variables,
) -> Result<Variables, LaunchFailure> {
    let text = |name: &str| variables.get(name).map(|variable| variable.value.clone());
    let url = text("CONVOX_ENV_URL").unwrap_or_default();
    let read = fetch(agent, kms, &url, text("CONVOX_ENV_KEY")).await;
    let read = read.map_err(|reason| LaunchFailure(format!("convox-env: {url}: {reason}")))?;
    let declared = text("CONVOX_ENV_VARS").unwrap_or_default();
    for (key, value) in read.environment.iter() {
        if declared
            .split(',')
            .any(|name| name == "*" || name == key.as_str())
        {
            let variable = Variable {
                value: value.expose().to_owned(),
                origin: Origin::ConvoxEnv,
            };
            variables.insert(key.as_str().to_owned(), variable);
        }
    }
    Ok(variables)
}

async fn fetch(
    agent: &Agent,
    kms: &aws_sdk_kms::Client,
    url: &str,
    key: Option<String>,
) -> Result<ReadEnvironment, String> {
    let (path, version) = url.split_once("?versionId=").unwrap_or((url, ""));
    let object = path
        .strip_prefix("s3://")
        .and_then(|path| path.split_once('/'));
    let (bucket, name) = object.ok_or("it names no object")?;
    let request = agent.s3.get_object().bucket(bucket).key(name);
    let version = Some(version.to_owned()).filter(|version| !version.is_empty());
    let answer = request.set_version_id(version).send().await;
    let answer = answer.map_err(|err| format!("cannot read it: {:?}", err.raw_response()))?;
    let bytes = answer.body.collect().await.map_err(|err| err.to_string())?;
    let read = environment::read(&bytes.into_bytes()).map_err(|err| err.to_string())?;
    let envelope = match read {
        EnvironmentObject::Plain(read) => return Ok(read),
        EnvironmentObject::Sealed(envelope) => envelope,
    };
    let sealed = Blob::new(envelope.encrypted_data_key());
    let opened = kms
        .decrypt()
        .set_key_id(key)
        .ciphertext_blob(sealed)
        .send()
        .await;
    let opened = opened.map_err(|err| format!("cannot open it: {:?}", err.raw_response()))?;
    let data_key = opened.plaintext.unwrap_or_else(|| Blob::new([]));
    envelope
        .open(data_key.as_ref())
        .map_err(|err| err.to_string())
}
