//! One HTTP client for all requests: with time limits, a bound on what it reads, and a few tries.

use std::cell::Cell;
use std::io::ErrorKind;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use environment::OBJECT_MAX_BYTES;
use serde_json::Value;
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use crate::service_error::ServiceError;

/// How often a request is sent, the first time included.
const ATTEMPTS: u32 = 3;
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_secs(1);
/// For a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(3);
/// For one try, its answer included.
const ATTEMPT: Duration = Duration::from_secs(5);
/// For all of it, from the first request to the last answer.
const TOTAL: Duration = Duration::from_secs(20);
/// The largest object, and one byte more: with that an answer is too large.
const ANSWER_MAX_BYTES: u64 = OBJECT_MAX_BYTES as u64 + 1;

/// The code of an answer that is larger.
pub const TOO_LARGE: &str = "TooLarge";

/// Sends requests.
pub struct Client {
    /// Each with other roots, in the order in which they are tried.
    agents: Vec<Agent>,
    /// The one that worked.
    at: Cell<usize>,
    ends_at: Instant,
}

/// A request. It holds a signature, so there is no `Debug`.
#[derive(Clone)]
pub struct HttpRequest {
    /// Completes "failed to …".
    pub attempted: &'static str,
    /// Where to.
    pub url: String,
    /// Headers beside those of HTTP itself.
    pub headers: Vec<(String, String)>,
    /// `None` is a GET.
    pub body: Option<Vec<u8>>,
}

/// A try that failed, and whether another one can help.
struct Failed {
    error: ServiceError,
    can_pass: bool,
}

impl Client {
    /// Trusts the roots in the PEM file `certificates`, as `SSL_CERT_FILE` has it for others, and where those do not do
    /// Mozilla's of the day of the build: many images bring none, and an App can have a file of its own roots alone. No proxy:
    /// what a task reads of S3 goes there directly.
    ///
    /// `application` stands in the user agent as the SDKs have it (SDKs and tools reference guide, "Application ID").
    pub fn new(certificates: Option<&str>, application: Option<&str>) -> Self {
        let given = certificates
            .and_then(|file| std::fs::read(file).ok())
            .map(|pem| roots(&pem))
            .filter(|roots| !roots.is_empty());
        let agent = |roots: RootCerts| {
            let config = Agent::config_builder()
                .tls_config(TlsConfig::builder().root_certs(roots).build())
                .http_status_as_error(false)
                .max_redirects(0)
                .proxy(None)
                .timeout_connect(Some(CONNECT))
                .user_agent(user_agent(application))
                .build();
            Agent::from(config)
        };
        let given = given.map(|roots| agent(RootCerts::from(roots)));
        Self {
            agents: given
                .into_iter()
                .chain([agent(RootCerts::WebPki)])
                .collect(),
            at: Cell::new(0),
            ends_at: Instant::now() + TOTAL,
        }
    }

    /// Sends what `request` makes, anew for each try, since a signature has a time; the answer's body.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] of the last try.
    pub fn send(
        &self,
        request: impl Fn() -> Result<HttpRequest, ServiceError>,
    ) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
        let mut pause = PAUSE;
        for _ in 1..ATTEMPTS {
            match self.attempt(&request()?) {
                Ok(answer) => return Ok(answer),
                Err(Failed { error, can_pass }) => {
                    let rest = self.ends_at.saturating_duration_since(Instant::now());
                    if !can_pass || rest <= pause {
                        return Err(error);
                    }
                    std::thread::sleep(jittered(pause));
                    pause *= 2;
                }
            }
        }
        self.attempt(&request()?).map_err(|failed| failed.error)
    }

    /// Sends it with the roots that did before, else with each in turn.
    fn sent(&self, request: &HttpRequest, limit: Duration) -> Result<Response<Body>, ureq::Error> {
        // Never seen: there is at least one agent.
        let mut result = Err(ureq::Error::ConnectionFailed);
        for (index, agent) in self.agents.iter().enumerate().skip(self.at.get()) {
            result = match &request.body {
                None => with(agent.get(&request.url), request, limit).call(),
                Some(body) => with(agent.post(&request.url), request, limit).send(&body[..]),
            };
            match &result {
                Ok(_) => self.at.set(index),
                Err(err) if is_of_tls(err) => continue,
                Err(_) => {}
            }
            break;
        }
        result
    }

    fn attempt(&self, request: &HttpRequest) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let limit = ATTEMPT.min(self.ends_at.saturating_duration_since(Instant::now()));
        let failed = |err: &ureq::Error| {
            let error = unanswered(request.attempted, err);
            let can_pass = error.can_pass(0);
            Failed { error, can_pass }
        };
        let mut answer = self.sent(request, limit).map_err(|err| failed(&err))?;
        let status = answer.status().as_u16();
        let body = answer
            .body_mut()
            .with_config()
            .limit(ANSWER_MAX_BYTES)
            .read_to_vec();
        let body = Zeroizing::new(body.map_err(|err| failed(&err))?);
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let error = said(request.attempted, status, &body);
        let can_pass = error.can_pass(status);
        Err(Failed { error, can_pass })
    }
}

/// Whether other roots may do.
fn is_of_tls(err: &ureq::Error) -> bool {
    match err {
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => true,
        // The handshake's error comes wrapped as the connection's.
        ureq::Error::Io(err) => err.kind() == ErrorKind::InvalidData,
        _ => false,
    }
}

fn user_agent(application: Option<&str>) -> String {
    let own = concat!("convox-env/", env!("CARGO_PKG_VERSION"));
    let in_a_word = |id: &&str| {
        let mut letters = id.bytes();
        !id.is_empty()
            && letters.all(|letter| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter))
    };
    match application.filter(in_a_word) {
        Some(id) => format!("{own} app/{id}"),
        None => own.to_owned(),
    }
}

fn with<B>(
    builder: ureq::RequestBuilder<B>,
    request: &HttpRequest,
    limit: Duration,
) -> ureq::RequestBuilder<B> {
    let builder = request
        .headers
        .iter()
        .fold(builder, |builder, (name, value)| {
            builder.header(name, value)
        });
    builder.config().timeout_global(Some(limit)).build()
}

fn roots(pem: &[u8]) -> Vec<Certificate<'static>> {
    let items = ureq::tls::parse_pem(pem).filter_map(Result::ok);
    items
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect()
}

/// No answer, or half of one.
fn unanswered(attempted: &str, err: &ureq::Error) -> ServiceError {
    let code = match err {
        ureq::Error::Timeout(_) => "Timeout",
        ureq::Error::BodyExceedsLimit(_) => TOO_LARGE,
        _ => "Unreachable",
    };
    ServiceError::new(attempted, code, Some(&err.to_string()))
}

/// An error as the service words it: S3 in XML, KMS in JSON, the credentials endpoint in either form or none.
fn said(attempted: &str, status: u16, body: &[u8]) -> ServiceError {
    let text = String::from_utf8_lossy(body);
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0.to_owned())
    };
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    let member = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| json.get(*name)?.as_str())
            .map(str::to_owned)
    };
    let code = element("Code").or_else(|| member(["__type", "code"]));
    // `com.amazonaws.kms#NotFoundException` in some protocols.
    let code = code.map(|code| code.rsplit('#').next().unwrap_or_default().to_owned());
    let code = code.unwrap_or_else(|| match status {
        403 => "AccessDenied".to_owned(),
        status => format!("HTTP {status}"),
    });
    let message = element("Message").or_else(|| member(["message", "Message"]));
    ServiceError::new(attempted, &code, message.as_deref())
}

/// Half of it to all of it: containers that start together do not ask together again.
fn jittered(pause: Duration) -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.subsec_nanos());
    pause / 2 + (pause / 2).mul_f64(f64::from(nanos % 1_000_000) / 1_000_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_in_every_form() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>It is &lt;gone&gt;</Message></Error>";
        for (status, body, want) in [
            (404, xml, "failed to ask: NoSuchKey: It is &lt;gone&gt;"),
            (
                400,
                r#"{"__type":"com.amazonaws.kms#DisabledException","message":"it is off"}"#,
                "failed to ask: DisabledException: it is off",
            ),
            (
                400,
                r#"{"code":"InvalidIdInPath","message":"no such task"}"#,
                "failed to ask: InvalidIdInPath: no such task",
            ),
            (403, "", "failed to ask: AccessDenied"),
            (502, "<html>", "failed to ask: HTTP 502"),
        ] {
            assert_eq!(said("ask", status, body.as_bytes()).to_string(), want);
        }
    }

    #[test]
    fn what_can_pass_is_asked_again() {
        for (status, code, want) in [
            (503, "SlowDown", true),
            (500, "InternalError", true),
            (429, "HTTP 429", true),
            (400, "ThrottlingException", true),
            (0, "Timeout", true),
            (403, "AccessDenied", false),
            (404, "NoSuchKey", false),
            (400, "ExpiredToken", false),
        ] {
            assert_eq!(
                ServiceError::new("ask", code, None).can_pass(status),
                want,
                "{code}"
            );
        }
    }

    #[test]
    fn an_application_names_itself_in_a_word() {
        let own = concat!("convox-env/", env!("CARGO_PKG_VERSION"));
        for (id, want) in [
            (None, own.to_owned()),
            (Some(""), own.to_owned()),
            (Some("two words\n"), own.to_owned()),
            (Some("shop-1"), format!("{own} app/shop-1")),
        ] {
            assert_eq!(user_agent(id), want, "{id:?}");
        }
    }

    #[test]
    fn a_pause_is_half_to_all_of_it() {
        let pause = jittered(PAUSE);
        assert!(pause >= PAUSE / 2 && pause <= PAUSE, "{pause:?}");
    }
}
