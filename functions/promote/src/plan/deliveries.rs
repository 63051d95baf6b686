//! What convox.yml has ECS itself deliver: own secrets and environment files. What must not be named, and what the
//! execution role may not read yet.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::manifest::{OwnFile, OwnSecret, Service};
use shared::release_checks;

use super::checks::Checks;
use crate::config::Config;
use crate::gather::{Gathered, Wanted};

impl Checks {
    /// The Rack's own secrets are written by promotes, and each is one App's.
    pub(super) fn own_secrets(&mut self, wanted: &Wanted<'_>, gathered: &Gathered) {
        let account = gathered.cluster.arn.split(':').nth(4).unwrap_or_default();
        let services = gathered.manifest.services.iter();
        let problems =
            services.flat_map(|service| release_checks::rack_secrets(wanted.id, account, service));
        self.problems.extend(problems);
    }
}

/// What the user should know about what ECS delivers itself.
pub(super) fn warnings(config: &Config, gathered: &Gathered) -> Vec<String> {
    let services = &gathered.manifest.services;
    let mut warnings = Vec::new();
    warnings.extend(unreadable_secrets(config, services));
    warnings.extend(unreadable_files(config, services));
    for (_, own) in services.iter().flat_map(own_secrets) {
        if own.path.rsplit('.').next().is_some_and(is_of_sdk) {
            warnings.push(format!(
                "convox.yml line {}, `{}`: with S3 delivery convox-env itself reaches AWS with this variable",
                own.line, own.path
            ));
        }
    }
    warnings
}

/// Whether the AWS SDK of convox-env reads a variable of that name (SDKs and tools reference guide, "Environment
/// variables").
fn is_of_sdk(name: &str) -> bool {
    name.starts_with("AWS_")
}

fn own_secrets(service: &Service) -> impl Iterator<Item = (&Service, &OwnSecret)> {
    let secrets = service.deliveries.secrets.values();
    secrets.map(move |own| (service, own))
}

fn unreadable_secrets(config: &Config, services: &[Service]) -> Option<String> {
    let own = services.iter().flat_map(own_secrets).map(|(_, own)| own);
    let unreadable = own.filter(|own| !is_covered(own.reference.arn(), &config.extra_secret_arns));
    let arns: BTreeSet<&str> = unreadable.map(|own| own.arn_shown.as_str()).collect();
    let statement = statement("secretsmanager:GetSecretValue", &arns);
    let arns = Vec::from_iter(arns).join(",");
    (!arns.is_empty()).then(|| {
        format!(
            "the execution role {} may not read secrets that convox.yml names, and tasks do not start without: set the \
             Rack's parameter ExtraSecretArns to {arns}, or allow the role {statement}; a secret under a customer key also \
             takes kms:Decrypt on that key",
            config.task_execution_role_arn
        )
    })
}

fn unreadable_files(config: &Config, services: &[Service]) -> Option<String> {
    let files = services
        .iter()
        .flat_map(|service| &service.deliveries.environment_files);
    let unreadable =
        files.filter(|own| !is_covered(own.file.as_str(), &config.extra_environment_file_arns));
    let unreadable: Vec<&OwnFile> = unreadable.collect();
    let arns: BTreeSet<&str> = unreadable
        .iter()
        .map(|own| own.arn_shown.as_str())
        .collect();
    let buckets = arns
        .iter()
        .map(|arn| arn.split_once('/').map_or(*arn, |(bucket, _)| bucket));
    let read = statement("s3:GetObject", &arns);
    let locate = statement("s3:GetBucketLocation", &buckets.collect());
    let arns = Vec::from_iter(arns).join(",");
    (!arns.is_empty()).then(|| {
        format!(
            "the execution role {} may not read environment files that convox.yml names, and tasks do not start without: set \
             the Rack's parameter ExtraEnvironmentFileArns to {arns}, or allow the role {read} and {locate}; an object under \
             a customer key also takes kms:Decrypt on that key",
            config.task_execution_role_arn
        )
    })
}

/// Whether the Rack's parameter has the ARN, or a beginning of it and `*`: so much of IAM's patterns is told apart.
fn is_covered(arn: &str, allowed: &[String]) -> bool {
    allowed
        .iter()
        .any(|allowed| match allowed.strip_suffix('*') {
            Some(prefix) => arn.starts_with(prefix),
            None => arn == allowed,
        })
}

fn statement(action: &str, resources: &BTreeSet<&str>) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resources})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_covered_by_itself_and_by_a_beginning_with_a_star() {
        for (allowed, want) in [
            (&[][..], false),
            (&["arn:a:b"], true),
            (&["arn:a:"], false),
            (&["arn:a:*"], true),
            (&["arn:b:*", "arn:a:b*"], true),
            (&["*"], true),
            (&["arn:a:?"], false),
        ] {
            let allowed: Vec<String> = allowed.iter().map(|arn| (*arn).to_owned()).collect();
            assert_eq!(is_covered("arn:a:b", &allowed), want, "{allowed:?}");
        }
    }
}
