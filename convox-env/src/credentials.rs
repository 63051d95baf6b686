//! Whose calls these are: static keys of the environment, else the task role's.
//!
//! Source: AWS SDKs and Tools reference guide, "Container credential provider". The instance's own role is not asked: a task
//! of this Rack always has a role.

use std::fs;
use std::net::IpAddr;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::http::{Client, Request};
use crate::service_error::ServiceError;

/// Where the agent and Fargate answer for a relative address.
const AGENT: &str = "http://169.254.170.2";
/// Hosts that may be asked without TLS: ECS, EKS on IPv4 and on IPv6. The loopback too.
const HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

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
    /// Finds them.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] where there are none; its code is `Unreachable`, or what the endpoint said.
    pub fn find(
        client: &Client,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ServiceError> {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        if let (Some(id), Some(secret)) = (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY")) {
            return Ok(Self {
                access_key_id: id,
                secret_access_key: Zeroizing::new(secret),
                session_token: set("AWS_SESSION_TOKEN"),
            });
        }
        let none = |why: &str| {
            ServiceError::new("find the task role's credentials", "Unreachable", Some(why))
        };
        let relative =
            set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{AGENT}{path}"));
        let url = relative.or_else(|| set("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
        let url = url.ok_or_else(|| none("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set"))?;
        if !is_trusted(&url) {
            return Err(none(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor this host's",
            ));
        }
        let token =
            match set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
                Some(file) => {
                    let read = fs::read_to_string(file);
                    Some(read.map_err(|_| {
                        none("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read")
                    })?)
                }
                None => set("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
            };
        let request = Request {
            attempted: "ask for the task role's credentials",
            url,
            headers: token
                .map(|token| ("authorization".to_owned(), token.trim().to_owned()))
                .into_iter()
                .collect(),
            body: None,
        };
        let answer = client.send(|| Ok(request.clone()))?;
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

/// Credentials come over TLS, or from this host.
fn is_trusted(url: &str) -> bool {
    if url.starts_with("https://") {
        return true;
    }
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_loopback = host
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    host == "localhost" || is_loopback || HOSTS.contains(&host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_is_asked_without_tls() {
        for (url, want) in [
            ("https://anything/x", true),
            ("http://169.254.170.2/v2/x", true),
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("http://127.0.0.1:8080/x", true),
            ("http://[::1]:1/x", true),
            ("http://localhost/x", true),
            ("http://169.254.170.2.example/x", false),
            ("http://169.254.169.254/x", false),
            ("http://example/?http://127.0.0.1", false),
            ("http://user@127.0.0.1/x", false),
            ("ftp://127.0.0.1", false),
        ] {
            assert_eq!(is_trusted(url), want, "{url}");
        }
    }
}
