//! What the roles of an App must allow beyond what every App's do: what its convox.yml names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use manifest::{Manifest, OwnSecret, Service, is_policy_arn};
use names::{ServiceName, TimerName};
use yaml::Problem;

/// CloudFormation would put another value in its place (user guide, "Get values stored in other services").
pub(super) const DYNAMIC: &str = "{{";

/// Secrets, files and policies that convox.yml names. It can hold interpolated values, so `Debug` shows counts only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Needs {
    /// ARNs of the user's own secrets.
    pub(super) secrets: BTreeSet<String>,
    /// ARNs of environment files.
    pub(super) files: BTreeSet<String>,
    /// ARNs of their buckets.
    pub(super) buckets: BTreeSet<String>,
    /// Policies of the Services that name some.
    pub(super) services: BTreeMap<ServiceName, BTreeSet<String>>,
    /// Policies of the Timers that name some.
    pub(super) timers: BTreeMap<TimerName, BTreeSet<String>>,
    /// The Services whose containers people get into.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) exec: BTreeSet<ServiceName>,
}

impl fmt::Debug for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Needs")
            .field("secrets", &self.secrets.len())
            .field("files", &self.files.len())
            .field("services", &self.services.len())
            .field("timers", &self.timers.len())
            .finish_non_exhaustive()
    }
}

impl Needs {
    /// What `manifest` names.
    ///
    /// # Errors
    ///
    /// What no role can be made of.
    pub fn of(manifest: &Manifest) -> Result<Self, Vec<Problem>> {
        let (mut needs, mut problems) = (Self::default(), Vec::new());
        for service in &manifest.services {
            needs.add_deliveries(service, &mut problems);
            let path = format!("services.{}.policies", service.name);
            let policies = policies(&service.policies, service.line, &path, &mut problems);
            if !policies.is_empty() {
                needs.services.insert(service.name.clone(), policies);
            }
            if service.exec {
                needs.exec.insert(service.name.clone());
            }
        }
        for timer in &manifest.timers {
            let path = format!("timers.{}.policies", timer.name);
            let policies = policies(&timer.policies, timer.schedule_line, &path, &mut problems);
            if !policies.is_empty() {
                needs.timers.insert(timer.name.clone(), policies);
            }
        }
        if problems.is_empty() {
            Ok(needs)
        } else {
            Err(problems)
        }
    }

    /// What either needs: while tasks of the Release before may still start, roles allow what both name.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.secrets.extend(other.secrets);
        self.files.extend(other.files);
        self.buckets.extend(other.buckets);
        self.exec.extend(other.exec);
        for (service, policies) in other.services {
            self.services.entry(service).or_default().extend(policies);
        }
        for (timer, policies) in other.timers {
            self.timers.entry(timer).or_default().extend(policies);
        }
        self
    }

    /// Whether the App's own task role lets people into containers: those of a Service without a role of its own.
    pub(super) fn enters_by_task_role(&self) -> bool {
        let mut exec = self.exec.iter();
        exec.any(|service| !self.services.contains_key(service))
    }

    /// The policies that each Service or Timer names, by where convox.yml has them.
    pub fn policies(&self) -> impl Iterator<Item = (String, &BTreeSet<String>)> {
        let services = self.services.iter();
        let services = services.map(|(name, arns)| (format!("services.{name}.policies"), arns));
        let timers = self.timers.iter();
        services.chain(timers.map(|(name, arns)| (format!("timers.{name}.policies"), arns)))
    }

    fn add_deliveries(&mut self, service: &Service, problems: &mut Vec<Problem>) {
        let secrets = service.deliveries.secrets.values();
        let arn = |own: &OwnSecret| own.reference.arn().to_owned();
        self.secrets.extend(secrets.map(arn));
        for (index, own) in service.deliveries.environment_files.iter().enumerate() {
            if own.file.as_str().contains(DYNAMIC) {
                let path = format!("services.{}.environmentFiles[{index}]", service.name);
                problems.push(dynamic(service.line, path));
            }
            self.files.insert(own.file.as_str().to_owned());
            self.buckets.insert(own.file.bucket_arn().to_owned());
        }
    }
}

fn policies(
    arns: &[String],
    line: usize,
    path: &str,
    problems: &mut Vec<Problem>,
) -> BTreeSet<String> {
    for (index, arn) in arns.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if arn.contains(DYNAMIC) {
            problems.push(dynamic(line, path));
        } else if !is_policy_arn(arn) {
            let message = "is not the ARN of an IAM policy, and CloudFormation makes no role of it";
            problems.push(Problem::at(line, path, message.to_owned()));
        }
    }
    arns.iter().cloned().collect()
}

/// A text that CloudFormation would read as a reference to another system.
pub(super) fn dynamic(line: usize, path: String) -> Problem {
    let message = "holds `{{`, which CloudFormation would replace by a value from elsewhere";
    Problem::at(line, path, message.to_owned())
}
