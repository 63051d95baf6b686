//! The keys of the task role, as the agent gives them. No others: neither keys of the App's nor the instance's own role.
//!
//! Source: AWS SDKs and Tools reference guide, "Container credential provider".

use serde_json::Value;
use zeroize::Zeroizing;

use crate::http::{Client, HttpRequest};
use crate::service_error::ServiceError;
use crate::task::{CREDENTIALS_PATH, Task};

/// An access key. No `Debug`: it signs.
pub struct Credentials {
    /// Its public half.
    pub access_key_id: String,
    /// Its secret half.
    pub secret_access_key: Zeroizing<String>,
    /// The session's token, of a role.
    pub session_token: Option<String>,
}

impl Credentials {
    /// Asks for those of the task's role.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] where there are none; its code is `Unreachable`, or what the endpoint said.
    pub fn find(client: &Client, task: &Task) -> Result<Self, ServiceError> {
        let none = |why: &str| {
            ServiceError::new("find the task role's credentials", "Unreachable", Some(why))
        };
        let Some(url) = &task.credentials else {
            return Err(none(&format!("ECS sets no {CREDENTIALS_PATH}")));
        };
        let answer = client.send(|| {
            Ok(HttpRequest {
                attempted: "ask for the task role's credentials",
                url: url.clone(),
                headers: Vec::new(),
                body: None,
            })
        })?;
        read(&answer).ok_or_else(|| none("the answer of the credentials endpoint cannot be read"))
    }
}

fn read(answer: &[u8]) -> Option<Credentials> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let text = |name: &str| Some(answer.get(name)?.as_str()?.to_owned());
    Some(Credentials {
        access_key_id: text("AccessKeyId")?,
        secret_access_key: Zeroizing::new(text("SecretAccessKey")?),
        session_token: text("Token"),
    })
}
