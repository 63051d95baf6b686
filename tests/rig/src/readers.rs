//! Everything that reads what users write, with samples of it, and what files are made of that could take long to read.

use environment::{EnvKey, Environment, EnvironmentObject};
use manifest::app_settings::{AppSettings, Build};
use manifest::schedule::aws_cron;
use names::environment_file::EnvironmentFile;
use names::secret_reference::SecretReference;

/// Reads bytes, or refuses them.
pub type Reader = fn(&[u8]);

/// A reader, how many cases it gets, and what well-formed input looks like.
pub const READERS: [(&str, Reader, u32, &[&str]); 6] = [
    (
        "environments",
        environment,
        12_000,
        &[
            "A=1\nB=two words\r\n# c\n",
            r#"{"A": "1", "B": "\u0041\n"}"#,
        ],
    ),
    (
        "envelopes",
        environment,
        12_000,
        &[
            r#"{"c":"AAAAAAAAAAAAAAAAAAAAAAAA","k":"AQIDBA==","n":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        ],
    ),
    (
        "manifests",
        manifest,
        4_000,
        &[
            "environment: [A, B=${V}]\nservices:\n  web: {port: 80, scale: 1-3, links: [web]}\n",
            "x: &a {image: i}\nservices:\n  web:\n    <<: *a\n    command: |\n      a\n      b\ntimers: {t: {schedule: rate(1 day), command: c, service: web}}\n",
        ],
    ),
    (
        "references and ARNs",
        arns,
        12_000,
        &[
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:db/main-AbCdEf:password:AWSPREVIOUS:",
            "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:x-AbCdEf:::0123456789abcdef0123456789abcdef",
            "arn:aws:s3:::bucket/folder/file.env",
        ],
    ),
    (
        "schedules",
        schedule,
        12_000,
        &[
            "0 3 * * ?",
            "cron(0/15 8-18 ? * MON-FRI *)",
            "rate(5 minutes)",
            "0 9 L * ? 2030",
        ],
    ),
    (
        "app.json and build.json",
        settings,
        6_000,
        &[
            r#"{"generation": "2", "params": {"SecretsManagerEnv": "Yes"}, "services": {"web": "x"}, "id": "B1"}"#,
        ],
    ),
];

fn environment(bytes: &[u8]) {
    if let Ok(EnvironmentObject::Sealed(envelope)) = environment::read(bytes) {
        let _ = envelope.open(&[0; 32]);
    }
}

fn manifest(bytes: &[u8]) {
    let value = "a: b # c\n- d".to_owned();
    let environment: Environment = [(EnvKey::new("V").unwrap(), value.into())]
        .into_iter()
        .collect();
    match manifest::load("convox.yml", bytes, &environment) {
        Ok(manifest) => manifest.timers.iter().for_each(|timer| drop(timer.cron())),
        Err(error) => drop(error.to_string()),
    }
}

fn arns(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(reference) = SecretReference::parse(&text) {
        assert_eq!(
            SecretReference::parse(&reference.to_string()).unwrap(),
            reference
        );
    }
    let _ = EnvironmentFile::parse(&text);
}

fn schedule(bytes: &[u8]) {
    let _ = aws_cron(&String::from_utf8_lossy(bytes));
}

fn settings(bytes: &[u8]) {
    let _ = AppSettings::read("app.json", bytes);
    let _ = Build::read("build.json", bytes);
}

/// What is repeated until it fills a file.
pub const SHAPES: [&str; 12] = [
    "[",
    "{\"a\":",
    "{a: ",
    "A=1\n",
    "\"",
    "- &a [*a, *a]\n",
    "${V}",
    "a:\n",
    "<<: ",
    "\\u0041",
    ":",
    "0,",
];
