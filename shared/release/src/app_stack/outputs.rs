//! What a stack gives to tasks: ARNs and ids, never a value that opens anything.

use std::collections::BTreeMap;

use super::logical_id::logical_id;
use manifest::resources::{Resource, ResourceKind};
use names::{SecretArn, ServiceName, TimerName};

pub(super) const EXECUTION_ROLE: &str = "ExecutionRoleArn";
pub(super) const TASK_ROLE: &str = "TaskRoleArn";
pub(super) const LOG_GROUP: &str = "LogGroupName";
pub(super) const SECURITY_GROUP: &str = "SecurityGroupId";
/// Kinds of [`logical_id`].
pub(super) const ROLE_OF_SERVICE: &str = "ServiceRoleArn";
pub(super) const ROLE_OF_TIMER: &str = "TimerRoleArn";
pub(super) const LINK: &str = "LinkArn";
pub(super) const URL_PARAMETERS: &str = "UrlParameters";
pub(super) const FILE_SYSTEM: &str = "FileSystemId";
pub(super) const ACCESS_POINT: &str = "AccessPointId";

/// The outputs of an App's stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackOutputs(BTreeMap<String, String>);

impl StackOutputs {
    /// Keeps what CloudFormation answered, value by name.
    #[must_use]
    pub fn read(outputs: BTreeMap<String, String>) -> Self {
        Self(outputs)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn of(&self, name: &str, kind: &str) -> Option<&str> {
        self.get(&logical_id(name, kind))
    }

    /// The role that starts tasks.
    #[must_use]
    pub fn execution_role(&self) -> Option<&str> {
        self.get(EXECUTION_ROLE)
    }

    /// The role of the App's containers.
    #[must_use]
    pub fn task_role(&self) -> Option<&str> {
        self.get(TASK_ROLE)
    }

    /// The task role of a Service: its own, where it has one, else the App's.
    #[must_use]
    pub fn role_of_service(&self, service: &ServiceName) -> Option<&str> {
        self.of(service.as_str(), ROLE_OF_SERVICE)
            .or_else(|| self.task_role())
    }

    /// The task role of a Timer: its own, where it has one, else the App's.
    #[must_use]
    pub fn role_of_timer(&self, timer: &TimerName) -> Option<&str> {
        self.of(timer.as_str(), ROLE_OF_TIMER)
            .or_else(|| self.task_role())
    }

    /// The secret with the variables of a database or cache.
    #[must_use]
    pub fn link_secret(&self, resource: &str) -> Option<SecretArn> {
        self.of(resource, LINK).map(SecretArn::returned)
    }

    /// The digest of what convox.yml adds to the URL of a database; `None` = nothing.
    #[must_use]
    pub fn url_parameters(&self, resource: &str) -> Option<&str> {
        self.of(resource, URL_PARAMETERS)
    }

    /// The file system of an `efs` resource.
    #[must_use]
    pub fn file_system_id(&self, resource: &str) -> Option<&str> {
        self.of(resource, FILE_SYSTEM)
    }

    /// The access point of an `efs` resource.
    #[must_use]
    pub fn access_point_id(&self, resource: &str) -> Option<&str> {
        self.of(resource, ACCESS_POINT)
    }

    /// The security group of the App's tasks: what its resources let in.
    #[must_use]
    pub fn security_group(&self) -> Option<&str> {
        self.get(SECURITY_GROUP)
    }

    /// The log group of the App's containers.
    #[must_use]
    pub fn log_group(&self) -> Option<&str> {
        self.get(LOG_GROUP)
    }

    /// Whether tasks can be given all of `resource`.
    #[must_use]
    pub fn has(&self, resource: &Resource) -> bool {
        let name = &resource.name;
        match resource.kind {
            ResourceKind::Database(_) | ResourceKind::Cache(_) => self.link_secret(name).is_some(),
            ResourceKind::FileSystem(_) => {
                self.file_system_id(name).is_some() && self.access_point_id(name).is_some()
            }
        }
    }
}
