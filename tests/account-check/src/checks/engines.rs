//! Whether a region has the engines that Apps get where their convox.yml names no version.

use serde_json::Value;

use super::{Check, Question, judged};
use crate::aws::Aws;
use crate::rack::text;

/// Service, operation, member of the answer, engine, and the version that is asked for without one (docs/resources.md).
const DEFAULTS: [(&str, &str, &str, &str, &str); 6] = [
    (
        "rds",
        "describe-db-engine-versions",
        "DBEngineVersions",
        "postgres",
        "17",
    ),
    (
        "rds",
        "describe-db-engine-versions",
        "DBEngineVersions",
        "mysql",
        "8.4",
    ),
    (
        "rds",
        "describe-db-engine-versions",
        "DBEngineVersions",
        "mariadb",
        "11.4",
    ),
    (
        "elasticache",
        "describe-cache-engine-versions",
        "CacheEngineVersions",
        "redis",
        "7.0",
    ),
    (
        "elasticache",
        "describe-cache-engine-versions",
        "CacheEngineVersions",
        "valkey",
        "8.1",
    ),
    (
        "elasticache",
        "describe-cache-engine-versions",
        "CacheEngineVersions",
        "memcached",
        "1.4.34",
    ),
];

/// One check for each.
pub(super) fn all(aws: &Aws) -> impl Iterator<Item = Check> {
    DEFAULTS.into_iter().map(|default| version_of(aws, default))
}

fn version_of(
    aws: &Aws,
    (service, operation, member, engine, version): (&str, &str, &str, &str, &str),
) -> Check {
    let title = format!("{engine} without a version");
    let question = Question {
        title: &title,
        arguments: vec![
            service,
            operation,
            "--engine",
            engine,
            "--engine-version",
            version,
        ],
        expected: format!("{version}, or what begins with it"),
        otherwise: format!(
            "name another one of this region in convox.yml, by `version`: aws {service} {operation} --engine {engine}"
        ),
    };
    question.ask(aws, |said| {
        let found = said[member].as_array().into_iter().flatten();
        let found: Vec<String> = found
            .map(|one: &Value| text(&one["EngineVersion"]))
            .collect();
        let fits = |one: &String| one == version || one.starts_with(&format!("{version}."));
        let seen = if found.is_empty() {
            "none".to_owned()
        } else {
            found.join(", ")
        };
        judged(found.iter().any(fits), seen)
    })
}
