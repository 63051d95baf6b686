//! ECS services that an App has in a cluster which is not the Rack's any more: ECS moves no service to another cluster, and
//! whoever looks at the new one alone forgets them while they run on.

use aws::call_error::CallError;
use aws::ecs::Cluster;
use names::AppId;
use names::error_type::ErrorType;
use promotion::Applied;
use release::problem::UserError;

/// ECS services of an App in another cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranded {
    /// The cluster that they are in.
    pub cluster: String,
    /// The Rack's cluster.
    pub now: String,
    /// Their names.
    pub services: Vec<String>,
}

impl Stranded {
    /// Looks where the App was promoted last; `None` where that is `cluster`, or nobody wrote it down, or nothing is left
    /// there.
    ///
    /// # Errors
    ///
    /// [`CallError`] when a call fails.
    pub async fn find(
        cluster: &Cluster,
        id: &AppId,
        applied: Option<&Applied>,
    ) -> Result<Option<Self>, CallError> {
        let Some((former, names)) = applied.and_then(|applied| elsewhere(cluster, id, applied))
        else {
            return Ok(None);
        };
        let found = match cluster.services_in(former, &names).await {
            Ok(found) => found,
            Err(err) if err.code() == "ClusterNotFoundException" => return Ok(None),
            Err(err) => return Err(err),
        };
        let ours = found.into_values();
        let ours = ours.filter(|service| id.owns(&service.tags) && !service.is_draining());
        let services: Vec<String> = ours.map(|service| service.name).collect();
        Ok((!services.is_empty()).then(|| Self {
            cluster: former.to_owned(),
            now: cluster.name().to_owned(),
            services,
        }))
    }

    /// That nothing can be done before `then`.
    #[must_use]
    pub fn until(self, then: &'static str) -> ClusterChanged {
        let stranded = self;
        ClusterChanged { stranded, then }
    }

    fn removals(&self) -> String {
        let cluster = &self.cluster;
        let commands = self.services.iter().map(|service| {
            format!("aws ecs delete-service --cluster {cluster} --service {service} --force")
        });
        commands.collect::<Vec<_>>().join("; ")
    }
}

/// The Rack has another cluster than the one where ECS services of an App run on.
#[derive(Debug, thiserror::Error)]
#[error(
    "the Rack's Cluster is `{}` now, and the App's ECS services are in `{}`, from where ECS moves none: {}; \
     set Cluster back, or remove them there ({}), then {then}",
    .stranded.now, .stranded.cluster, .stranded.services.join(", "), .stranded.removals()
)]
pub struct ClusterChanged {
    stranded: Stranded,
    /// What the user wanted, to be asked for again.
    then: &'static str,
}

impl UserError for ClusterChanged {
    fn error_type(&self) -> ErrorType {
        ErrorType::ClusterChanged
    }
}

/// The cluster and the names of the App's own ECS services, where that is another one.
fn elsewhere<'a>(
    cluster: &Cluster,
    id: &AppId,
    applied: &'a Applied,
) -> Option<(&'a str, Vec<String>)> {
    let former = applied.cluster.as_deref()?;
    let names = applied.services.values().map(|known| &known.runs_as);
    let prefix = id.service_prefix();
    let names: Vec<String> = names
        .filter(|name| name.starts_with(&prefix))
        .cloned()
        .collect();
    (!cluster.is_called(former) && !names.is_empty()).then_some((former, names))
}
