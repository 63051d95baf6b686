//! Who reaches the App's resources: tasks in the Rack's security groups, and an ECS service that app.json names keeps its own.

use super::{Process, Runs};
use crate::config::Config;
use crate::gather::Wanted;

/// ECS services of others that link resources which do not let them in.
pub(super) fn warnings(
    config: &Config,
    wanted: &Wanted<'_>,
    processes: &[Process<'_>],
) -> Vec<String> {
    let admitted = &config.network.security_groups;
    let shut_out = processes.iter().filter_map(|process| {
        let Runs::Service { found, .. } = &process.runs else {
            return None;
        };
        let found = found.filter(|found| !wanted.id.owns(&found.tags))?;
        let own = &found.network.as_ref()?.security_groups;
        let links = !process.service.resources.is_empty();
        let is_out = !own.is_empty() && !own.iter().any(|group| admitted.contains(group));
        (links && is_out).then(|| {
            format!(
                "`services.{}.resources`: the ECS service `{}` is in the security groups {}, which the resources do not let in; \
                 give it one of the Rack's SecurityGroups: {}",
                process.service.name,
                found.name,
                own.join(", "),
                admitted.join(", ")
            )
        })
    });
    shut_out.collect()
}
