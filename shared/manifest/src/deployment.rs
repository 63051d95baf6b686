//! `deployment` of a Service. Source: `convox/rack:pkg/manifest/service.go`, `manifest.go` (defaults).

mod changes;
mod course;
mod pause;
mod strategy;

use serde::{Deserialize, Serialize};

use yaml::{Place, Reader};

pub use changes::DeploymentChange;
pub use course::{Breaker, Course, Threshold};
pub use pause::{Pause, Stage};
pub use strategy::Strategy;

/// How many of a Service's tasks run while ECS replaces them, in percent of the wanted count, and what ends that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// ECS's `minimumHealthyPercent`.
    pub minimum: u32,
    /// ECS's `maximumPercent`.
    pub maximum: u32,
    /// What ends it; `None` where convox.yml says nothing of that, and where an ECS service has what it has by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Course>,
}

impl Deployment {
    /// What Convox takes where nothing is said: `alone` is an agent or a singleton, which never runs twice.
    #[must_use]
    pub fn default_for(alone: bool) -> Self {
        let (minimum, maximum) = if alone { (0, 100) } else { (50, 200) };
        Self::rolling(minimum, maximum)
    }

    /// With these percentages, and nothing said beside them.
    #[must_use]
    pub fn rolling(minimum: u32, maximum: u32) -> Self {
        Self {
            minimum,
            maximum,
            course: None,
        }
    }

    /// Whether an ECS service that has `found` is to be told: what is not said stays as it stands.
    #[must_use]
    pub fn differs_from(&self, found: &Self) -> bool {
        let percentages = |it: &Self| (it.minimum, it.maximum);
        percentages(self) != percentages(found) || self.has_another_course(found)
    }

    /// The same of what ends it alone.
    #[must_use]
    pub fn has_another_course(&self, found: &Self) -> bool {
        let stands = found.course.clone().unwrap_or_default();
        let said = self.course.as_ref();
        said.is_some_and(|course| *course != stands)
    }

    /// The names of the alarms that end it.
    #[must_use]
    pub fn alarms(&self) -> &[String] {
        let course = self.course.as_ref();
        course.map_or(&[], |course| &course.alarms)
    }

    /// In which way it moves.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        let course = self.course.as_ref();
        course.map_or(Strategy::Rolling, |course| course.strategy)
    }

    /// The minutes for which it may wait before it is complete.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        self.course.as_ref().map_or(0, Course::minutes)
    }

    /// The same with all of it said, so that nothing of it stays as it stands.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self {
            course: Some(self.course.clone().unwrap_or_default()),
            ..*self
        }
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
    pub fn is_blocked(&self) -> bool {
        self.minimum >= 100 && self.maximum <= 100
    }
}

/// The keys of `deployment` that Convox has.
const PERCENTAGES: [&str; 2] = ["maximum", "minimum"];

/// An explicit 0 counts.
/// `alone` is what never runs twice, in words.
pub(super) fn read(
    reader: &mut Reader<'_>,
    place: Option<Place<'_>>,
    alone: Option<&str>,
) -> Deployment {
    let mut deployment = Deployment::default_for(alone.is_some());
    let Some(place) = place else {
        return deployment;
    };
    let keys = PERCENTAGES.into_iter().chain(course::KEYS);
    let keys: Vec<&str> = keys.chain(strategy::KEYS).collect();
    let fields = reader.fields(&place, &keys);
    let what = "a percentage such as `50`";
    if let Some(minimum) = reader.number(fields.get("minimum"), what) {
        deployment.minimum = minimum;
    }
    if let Some(maximum) = reader.number(fields.get("maximum"), what) {
        deployment.maximum = maximum;
    }
    deployment.course = course::read(reader, &fields, alone);
    deployment
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refused, web};
    use super::{Course, Deployment};

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
    fn what_is_not_said_of_the_course_stays_as_it_stands() {
        let said = |course: Option<Course>| Deployment {
            course,
            ..Deployment::rolling(50, 200)
        };
        let (usual, other) = (Course::default(), alarmed());
        for (wanted, found, differs) in [
            (None, None, false),
            (None, Some(other.clone()), false),
            (Some(usual.clone()), None, false),
            (Some(usual.clone()), Some(other.clone()), true),
            (Some(other.clone()), None, true),
            (Some(other.clone()), Some(other.clone()), false),
        ] {
            let (wanted, found) = (said(wanted), said(found));
            assert_eq!(wanted.differs_from(&found), differs, "{wanted:?} {found:?}");
            assert!(!found.whole().differs_from(&found), "{found:?}");
        }
        assert!(said(None).differs_from(&Deployment::rolling(50, 150)));
        let json = serde_json::to_string(&said(None)).unwrap();
        assert_eq!(json, r#"{"minimum":50,"maximum":200}"#);
        let of_course = serde_json::to_string(&said(Some(alarmed()))).unwrap();
        let read: Deployment = serde_json::from_str(&of_course).unwrap();
        assert_eq!(read, said(Some(alarmed())));
    }

    fn alarmed() -> Course {
        Course {
            alarms: vec!["errors".to_owned()],
            ..Course::default()
        }
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
            let deployment = Deployment::rolling(minimum, maximum);
            assert_eq!(deployment.is_blocked(), blocked, "{minimum}/{maximum}");
            let of_daemon_got = deployment.of_daemon().is_blocked();
            assert_eq!(of_daemon_got, of_daemon, "{minimum}/{maximum}");
        }
    }
}
