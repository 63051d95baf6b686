//! CloudFormation, EC2 and Secrets Manager of the emulator over plain HTTP: the query protocol with XML answers, and JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use rig::emulator;
use serde_json::{Value, json};

const PAUSE: Duration = Duration::from_millis(100);

/// An account's access.
pub(super) struct Aws {
    account: String,
}

impl Aws {
    pub(super) fn new(account: &str) -> Self {
        Self {
            account: account.to_owned(),
        }
    }

    pub(super) fn ec2(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        self.ask("ec2", "2016-11-15", action, parameters).unwrap()
    }

    pub(super) fn cloudformation(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let answer = self.ask("cloudformation", "2010-05-15", action, parameters);
        answer.unwrap()
    }

    /// The description of the stack once nothing is in progress.
    pub(super) fn settled(&self, stack: &str, limit: Duration) -> String {
        let end = Instant::now() + limit;
        loop {
            let described = self.cloudformation("DescribeStacks", &[("StackName", stack)]);
            if !element(&described, "StackStatus").ends_with("_IN_PROGRESS") {
                return described;
            }
            assert!(Instant::now() < end, "{described}");
            thread::sleep(PAUSE);
        }
    }

    /// Whether the stack goes.
    pub(super) fn is_deleted(&self, stack: &str, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            let name = [("StackName", stack)];
            let described = self.ask("cloudformation", "2010-05-15", "DescribeStacks", &name);
            if described.is_err() {
                return true;
            }
            thread::sleep(PAUSE);
        }
        false
    }

    /// The template that stands.
    pub(super) fn template(&self, stack: &str) -> Value {
        let answer = self.cloudformation("GetTemplate", &[("StackName", stack)]);
        let body = element(&answer, "TemplateBody");
        let marks = [
            ("&quot;", "\""),
            ("&apos;", "'"),
            ("&#x27;", "'"),
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&amp;", "&"),
        ];
        let body = marks
            .iter()
            .fold(body, |body, (mark, is)| body.replace(mark, is));
        serde_json::from_str(&body).unwrap()
    }

    fn ask(
        &self,
        service: &str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, String> {
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            let _ = write!(body, "&{name}={}", encoded(value)); // writing to a String cannot fail
        }
        let kind = "Content-Type: application/x-www-form-urlencoded";
        self.send(service, kind, &body)
    }

    /// The JSON object of a secret, if there is one: the emulator's own, which CloudFormation makes.
    pub(super) fn secret(&self, id: &str) -> Option<BTreeMap<String, String>> {
        let kind = "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: secretsmanager.GetSecretValue";
        let body = json!({"SecretId": id}).to_string();
        let answer = self.send("secretsmanager", kind, &body).ok()?;
        let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        serde_json::from_str(answer["SecretString"].as_str()?).ok()
    }

    fn send(&self, service: &str, headers: &str, body: &str) -> Result<String, String> {
        let address = emulator::shared().url().replace("http://", "");
        let mut stream = TcpStream::connect(&address).unwrap();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={}/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=none\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.account,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        if answer.starts_with("HTTP/1.1 200") {
            Ok(answer)
        } else {
            Err(answer)
        }
    }
}

/// The text of the first element called `name`.
pub(super) fn element(xml: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let rest = xml.split_once(&open).map(|(_, rest)| rest);
    let text = rest.and_then(|rest| rest.split_once(&close));
    text.unwrap_or_else(|| panic!("no {name} in {xml}"))
        .0
        .to_owned()
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}"); // writing to a String cannot fail
        }
        encoded
    })
}
