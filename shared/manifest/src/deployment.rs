//! `deployment` of a Service. Source: `convox/rack:pkg/manifest/service.go`, `manifest.go` (defaults).

use serde::{Deserialize, Serialize};

use yaml::{Place, Reader};

/// How many of a Service's tasks run while ECS replaces them, in percent of the wanted count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// ECS's `minimumHealthyPercent`.
    pub minimum: u32,
    /// ECS's `maximumPercent`.
    pub maximum: u32,
}

impl Deployment {
    /// What Convox takes where nothing is said: `alone` is an agent or a singleton, which never runs twice.
    #[must_use]
    pub fn default_for(alone: bool) -> Self {
        let (minimum, maximum) = if alone { (0, 100) } else { (50, 200) };
        Self { minimum, maximum }
    }

    /// As far as ECS takes it of a service that runs once on every instance: it never runs two there, and a `maximum` over
    /// 100 is refused.
    #[must_use]
    pub fn of_daemon(self) -> Self {
        Self {
            maximum: self.maximum.min(100),
            ..self
        }
    }

    /// Whether ECS refuses it: no deployment could ever stop a task first, or start one.
    #[must_use]
    pub fn is_blocked(self) -> bool {
        self.minimum >= 100 && self.maximum <= 100
    }
}

/// An explicit 0 counts.
pub(super) fn read(reader: &mut Reader<'_>, place: Option<Place<'_>>, alone: bool) -> Deployment {
    let mut deployment = Deployment::default_for(alone);
    let Some(place) = place else {
        return deployment;
    };
    let fields = reader.fields(&place, &["maximum", "minimum"]);
    let what = "a percentage such as `50`";
    if let Some(minimum) = reader.number(fields.get("minimum"), what) {
        deployment.minimum = minimum;
    }
    if let Some(maximum) = reader.number(fields.get("maximum"), what) {
        deployment.maximum = maximum;
    }
    deployment
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refused, web};
    use super::Deployment;

    #[test]
    fn percentages_have_defaults_and_zero_counts() {
        for (body, want) in [
            ("{}", (50, 200)),
            ("{deployment: }", (50, 200)),
            ("{agent: true}", (0, 100)),
            ("{singleton: true}", (0, 100)),
            ("{deployment: {minimum: 0}}", (0, 200)),
            ("{deployment: {maximum: '150'}}", (50, 150)),
            (
                "{singleton: yes, deployment: {minimum: 25, maximum: 65}}",
                (25, 65),
            ),
        ] {
            let got = web(body, "").0.deployment;
            assert_eq!((got.minimum, got.maximum), want, "{body}");
        }
        let error = refused("services: {web: {deployment: {minimum: half}}}", "");
        assert!(
            error.contains("`services.web.deployment.minimum` is `half`"),
            "{error}"
        );
    }

    #[test]
    fn what_never_lets_a_task_go_nor_come_is_blocked() {
        for (minimum, maximum, blocked, of_daemon) in [
            (100, 100, true, true),
            (100, 50, true, true),
            (100, 150, false, true),
            (50, 200, false, false),
            (0, 100, false, false),
            (99, 100, false, false),
        ] {
            let deployment = Deployment { minimum, maximum };
            assert_eq!(deployment.is_blocked(), blocked, "{minimum}/{maximum}");
            let of_daemon_got = deployment.of_daemon().is_blocked();
            assert_eq!(of_daemon_got, of_daemon, "{minimum}/{maximum}");
        }
    }
}
