//! `environmentFiles`: fetched from S3 and parsed as the EC2 agent does it.
//!
//! Source: facts/aws.md 1.11 (table of lines), 1.3 (of equal names the first file's counts); aws/amazon-ecs-agent,
//! agent/taskresource/envFiles/envfile.go.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::EnvironmentFile;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};

use super::{LaunchFailure, Origin, Variable};

/// Go's `bufio.Scanner` takes no longer line.
const LINE_MAX: usize = 64 * 1024;

/// The variables of all files.
pub(super) async fn read(
    client: &Client,
    files: &[EnvironmentFile],
) -> Result<BTreeMap<String, Variable>, LaunchFailure> {
    let mut variables = BTreeMap::new();
    for file in files {
        let text = fetch(client, file.value()).await.map_err(LaunchFailure)?;
        let pairs = parse(&text).map_err(|reason| LaunchFailure(reason.to_owned()))?;
        for (name, value) in pairs {
            let origin = Origin::EnvironmentFile(file.value().to_owned());
            let variable = Variable { value, origin };
            variables.entry(name).or_insert(variable);
        }
    }
    Ok(variables)
}

async fn fetch(client: &Client, arn: &str) -> Result<String, String> {
    let failed = |code: Option<&str>, error: String| {
        let code = code.unwrap_or("RequestError");
        format!("unable to download env file {arn}: {code}: {error}")
    };
    let object = arn
        .split_once(":::")
        .and_then(|(_, object)| object.split_once('/'));
    let (bucket, key) = object.ok_or_else(|| format!("invalid env file ARN {arn}"))?;
    let location = client.get_bucket_location().bucket(bucket).send().await;
    location.map_err(|error| failed(error.code(), DisplayErrorContext(&error).to_string()))?;
    let answer = client.get_object().bucket(bucket).key(key).send().await;
    let answer =
        answer.map_err(|error| failed(error.code(), DisplayErrorContext(&error).to_string()))?;
    let bytes = answer.body.collect().await;
    let bytes = bytes.map_err(|error| failed(None, error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes.into_bytes()).into_owned())
}

/// The pairs of one file; of equal names the last counts.
fn parse(text: &str) -> Result<BTreeMap<String, String>, &'static str> {
    let mut pairs = BTreeMap::new();
    for line in text.split('\n') {
        if line.len() >= LINE_MAX {
            return Err("bufio.Scanner: token too long");
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = line.split_once('=').filter(|(name, _)| !name.is_empty()) {
            pairs.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_agent_reads_them() {
        for (line, want) in [
            ("A=\"q\"", Some(("A", "\"q\""))),
            ("export B=2", Some(("export B", "2"))),
            ("  C = 3 ", Some(("  C ", " 3 "))),
            (" #x=1", Some((" #x", "1"))),
            ("#x=1", None),
            ("E=", Some(("E", ""))),
            ("=F", None),
            ("G", None),
            ("", None),
            ("H=a=b", Some(("H", "a=b"))),
            ("I=1\r", Some(("I", "1"))),
            ("\u{FEFF}J=1", Some(("\u{FEFF}J", "1"))),
        ] {
            let got = parse(&format!("{line}\n")).unwrap();
            let got = got
                .iter()
                .next()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            assert_eq!(got, want, "{line:?}");
        }
        let long = parse(&format!("A={}", "x".repeat(LINE_MAX)));
        assert_eq!(long, Err("bufio.Scanner: token too long"));
        assert_eq!(parse("A=1\nA=2").unwrap()["A"], "2");
    }
}
