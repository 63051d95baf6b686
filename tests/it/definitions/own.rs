//! Definitions with what ECS itself delivers beside the App's environment.

use manifest::capacity::LaunchType;
use names::environment_file::ENVIRONMENT_FILES_MAX;
use release::task_definition::EnvSource;

use super::{Inputs, deliveries, fixed_settings, s3};
use crate::snapshots::{Variant, assert_rendered};

/// A Service and a Timer with secrets of the user's own in all forms, and files.
pub(super) const MANIFEST: &str = r#"
services:
  jobs:
    image: example/jobs:1
    environment:
      - TOKEN
      - DB_PASSWORD=default
    environmentFiles:
      - arn:aws:s3:::example-settings/shared.env
      - arn:aws:s3:::example-settings/${STAGE}/jobs.env
    secrets:
      APP: arn:aws:secretsmanager:us-east-1:210987654321:secret:names-AbCdEf
      DB_PASSWORD: "arn:aws:secretsmanager:us-east-1:210987654321:secret:db/main-AbCdEf:password::"
      DB_OLD_PASSWORD:
        arn: arn:aws:secretsmanager:us-east-1:210987654321:secret:db/main-AbCdEf
        jsonKey: password
        versionStage: AWSPREVIOUS
      LICENSE: "arn:aws:secretsmanager:us-east-1:210987654321:secret:license-AbCdEf:::0123456789abcdef0123456789abcdef"
      TOKEN: arn:aws:secretsmanager:us-east-1:210987654321:secret:unread-AbCdEf
timers:
  nightly:
    schedule: "0 3 * * *"
    command: bin/nightly
    service: jobs
"#;

pub(super) const ENVIRONMENT: &str = "TOKEN=canary-0000000000000000-TOKEN\nSTAGE=production\n";

#[test]
fn own_secrets_and_files_are_rendered_as_in_the_snapshots() {
    let inputs = Inputs::new("myrack", MANIFEST, ENVIRONMENT);
    let mut variants = Vec::new();
    for (delivery, source) in deliveries() {
        let rendered = inputs.render(&fixed_settings(), LaunchType::Fargate, &source);
        variants.push(Variant::new(delivery, &rendered));
        for (name, definition) in &rendered {
            let container = &definition.container_definitions[0];
            let mut names = container.secrets.iter().map(|(name, _)| name);
            let twice = names.find(|name| container.environment.contains_key(*name));
            assert_eq!(twice, None, "{delivery} {name}");
        }
    }
    assert_rendered("own-secrets-and-files", &variants);
}

fn digest(manifest: &str, source: &EnvSource) -> (String, usize) {
    let inputs = Inputs::new("myrack", manifest, ENVIRONMENT);
    let rendered = inputs.render(&fixed_settings(), LaunchType::Fargate, source);
    let definition = &rendered["services.jobs"];
    (definition.digest(), definition.size_bytes())
}

#[test]
fn each_of_them_counts_in_digest_and_size() {
    let source = s3("v1");
    let (whole, size) = digest(MANIFEST, &source);
    for (from, to) in [
        ("shared.env", "other.env"),
        (":password::", ":other::"),
        ("AWSPREVIOUS", "AWSCURRENT"),
        ("secret:names-AbCdEf", "secret:names-AbCdEg"),
    ] {
        let (other, _) = digest(&MANIFEST.replacen(from, to, 1), &source);
        assert_ne!(other, whole, "{from}");
    }
    let first = "      - arn:aws:s3:::example-settings/shared.env\n";
    let files = first.repeat(ENVIRONMENT_FILES_MAX - 1);
    let (_, larger) = digest(&MANIFEST.replacen(first, &files, 1), &source);
    let file = r#",{"type":"s3","value":"arn:aws:s3:::example-settings/shared.env"}"#;
    assert_eq!(larger - size, file.len() * (ENVIRONMENT_FILES_MAX - 2));
}
