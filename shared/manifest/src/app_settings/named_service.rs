//! An ECS service as `app.json` names it.

/// ECS refuses longer names (API reference, `CreateService`, `serviceName`).
const NAME_MAX: usize = 255;

/// An ECS service that a Service is moved on: by its name, or by its ARN, which are one to ECS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedService {
    /// Its name.
    pub name: String,
    /// As it is written.
    pub written: String,
}

impl NamedService {
    /// Reads a name or the ARN of an ECS service; `None` for anything else.
    #[must_use]
    pub fn parse(written: &str) -> Option<Self> {
        let name = match Arn::parse(written) {
            Some(arn) => arn.name,
            None => written,
        };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let is_name = (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(fits);
        is_name.then(|| Self {
            name: name.to_owned(),
            written: written.to_owned(),
        })
    }

    /// Whether it can be a service of the cluster with that ARN: a name can be of any, an ARN says which.
    #[must_use]
    pub fn can_be_in(&self, cluster_arn: &str) -> bool {
        let Some(service) = Arn::parse(&self.written) else {
            return true;
        };
        let Some((place, cluster)) = cluster_arn.rsplit_once(":cluster/") else {
            return false;
        };
        // ARNs of before 2018 do not name the cluster (developer guide, "Amazon Resource Names and IDs").
        service.place == place && service.cluster.is_none_or(|of| of == cluster)
    }
}

/// The parts of `arn:aws:ecs:{region}:{account}:service/{cluster}/{name}`.
struct Arn<'a> {
    place: &'a str,
    cluster: Option<&'a str>,
    name: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (place, path) = text.split_once(":service/")?;
        let mut parts = place.split(':').skip(2);
        let is_of_ecs = place.starts_with("arn:") && parts.next() == Some("ecs");
        if !is_of_ecs || parts.count() != 2 {
            return None;
        }
        let (cluster, name) = match path.split_once('/') {
            Some((cluster, name)) => (Some(cluster), name),
            None => (None, path),
        };
        Some(Self {
            place,
            cluster,
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/main";

    #[test]
    fn a_name_and_an_arn_are_one_service_and_an_arn_says_where_it_is() {
        let long = "a".repeat(256);
        let of = "arn:aws:ecs:us-east-1:123456789012:service";
        for (written, want) in [
            ("old-web", Some(("old-web", true))),
            (&format!("{of}/main/old-web"), Some(("old-web", true))),
            (&format!("{of}/old_Web"), Some(("old_Web", true))),
            (&format!("{of}/other/old-web"), Some(("old-web", false))),
            (
                "arn:aws:ecs:eu-west-1:123456789012:service/main/old-web",
                Some(("old-web", false)),
            ),
            (
                "arn:aws-cn:ecs:us-east-1:123456789012:service/old-web",
                Some(("old-web", false)),
            ),
            (&format!("{of}/main/more/old-web"), None),
            (&format!("{of}/"), None),
            (
                "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1",
                None,
            ),
            ("arn:aws:ecs:us-east-1:service/web", None),
            ("main/old-web", None),
            ("old web", None),
            ("", None),
            (&long, None),
        ] {
            let read = NamedService::parse(written);
            let got = read
                .as_ref()
                .map(|read| (read.name.as_str(), read.can_be_in(CLUSTER)));
            assert_eq!(got, want, "{written}");
        }
    }
}
