//! An App of a Rack, and what its things are called.

use std::collections::BTreeMap;

use crate::{AppName, ECS_NAME_MAX, NameError, RackName, ServiceName, TimerName, hash8};

/// EventBridge refuses longer rule names (API reference, `PutRule`).
const RULE_NAME_MAX: usize = 64;
/// The tag of an ECS service that its owner lends to an App: `{rack}/{app}`.
pub const LENT_TO: &str = "convox:lent-to";

/// An App of a Rack: what every other name is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppId {
    /// The Rack.
    pub rack: RackName,
    /// The App.
    pub app: AppName,
}

impl AppId {
    /// The App's secret: `{rack}/{app}`.
    #[must_use]
    pub fn secret(&self) -> String {
        format!("{}/{}", self.rack, self.app)
    }

    /// The App's CloudFormation stack: `{rack}-{app}-{hash8}`. Without the hash, `a-b` of Rack `r` and `b` of Rack `r-a`
    /// would be one name.
    #[must_use]
    pub fn stack(&self) -> String {
        let (rack, app) = (&self.rack, &self.app);
        format!("{rack}-{app}-{}", hash8(&format!("{rack}/{app}")))
    }

    /// The App of this Rack whose stack is called `stack`; `None` for any other name.
    #[must_use]
    pub fn parse_stack(rack: &RackName, stack: &str) -> Option<Self> {
        let rest = stack.strip_prefix(rack.as_str())?.strip_prefix('-')?;
        let (app, _) = rest.rsplit_once('-')?;
        let id = Self {
            rack: rack.clone(),
            app: AppName::new(app).ok()?,
        };
        (id.stack() == stack).then_some(id)
    }

    /// The CloudWatch Logs group of the App's containers; its stack creates it.
    #[must_use]
    pub fn log_group(&self) -> String {
        format!("{}/{}", self.rack.log_group(), self.app)
    }

    /// The secret with the generated password of a resource: `{rack}_{app}/{resource}/credentials`. No App's own secret
    /// has an underscore in its name.
    #[must_use]
    pub fn credentials_secret(&self, resource: &str) -> String {
        self.resource_secret(resource, "credentials")
    }

    /// The secret that tasks get a resource's variables from: `{rack}_{app}/{resource}/link`.
    #[must_use]
    pub fn link_secret(&self, resource: &str) -> String {
        self.resource_secret(resource, "link")
    }

    fn resource_secret(&self, resource: &str, what: &str) -> String {
        format!("{}_{}/{resource}/{what}", self.rack, self.app)
    }

    /// The ECS service and the family of a Service: `{rack}_{app}_{service}`.
    ///
    /// # Errors
    ///
    /// [`NameError`] when ECS would refuse it as too long.
    pub fn service(&self, service: &ServiceName) -> Result<String, NameError> {
        ecs_name(format!("{}_{}_{service}", self.rack, self.app))
    }

    /// The family of one-off processes of a Service: `{rack}_{app}_run_{service}`. A Service's own family has no third
    /// underscore, and a Timer's has `timer` where this has `run`.
    ///
    /// # Errors
    ///
    /// [`NameError`] when ECS would refuse it as too long.
    pub fn run(&self, service: &ServiceName) -> Result<String, NameError> {
        ecs_name(format!("{}_{}_run_{service}", self.rack, self.app))
    }

    /// The family of a Timer: `{rack}_{app}_timer_{timer}`.
    ///
    /// # Errors
    ///
    /// [`NameError`] when ECS would refuse it as too long.
    pub fn timer(&self, timer: &TimerName) -> Result<String, NameError> {
        ecs_name(format!("{}{timer}", self.timer_prefix()))
    }

    /// The EventBridge rule of a Timer: the family's name, cut to 64 characters with a hash where it is longer.
    #[must_use]
    pub fn rule(&self, timer: &TimerName) -> String {
        let name = format!("{}{timer}", self.timer_prefix());
        if name.len() <= RULE_NAME_MAX {
            return name;
        }
        let kept: String = name.chars().take(RULE_NAME_MAX - 9).collect();
        format!("{kept}-{}", hash8(&name))
    }

    /// What the names of all ECS services of this App start with, and of no other App's.
    #[must_use]
    pub fn service_prefix(&self) -> String {
        format!("{}_{}_", self.rack, self.app)
    }

    /// Whether a task definition, by its ARN, is of one of this App's families.
    #[must_use]
    pub fn names_definition(&self, arn: &str) -> bool {
        let name = arn.rsplit('/').next();
        name.is_some_and(|name| name.starts_with(&self.service_prefix()))
    }

    /// The App and the Service that an ECS service of this Rack runs; `None` for any other name.
    #[must_use]
    pub fn parse_service(rack: &RackName, ecs_service: &str) -> Option<(Self, ServiceName)> {
        // None of the three names can hold an underscore.
        let mut parts = ecs_service.split('_');
        let (first, app, service) = (parts.next()?, parts.next()?, parts.next()?);
        if first != rack.as_str() || parts.next().is_some() {
            return None;
        }
        let app = AppName::new(app).ok()?;
        Some((
            Self {
                rack: rack.clone(),
                app,
            },
            ServiceName::new(service).ok()?,
        ))
    }

    /// What the names of all rules of this App start with, and of no other App's.
    #[must_use]
    pub fn rule_prefix(&self) -> String {
        self.timer_prefix()
            .chars()
            .take(RULE_NAME_MAX - 9)
            .collect()
    }

    /// What a schedule of EventBridge Scheduler says of whose it is: schedules have no tags (Scheduler user guide, "Tagging").
    #[must_use]
    pub fn schedule_note(&self) -> String {
        format!("Timer of the App {} of the Rack {}", self.app, self.rack)
    }

    /// The CloudWatch Logs stream prefix of the App's containers of one kind.
    #[must_use]
    pub fn log_stream_prefix(&self, process_type: &str) -> String {
        format!("{}/{process_type}", self.app)
    }

    /// The tags of everything that is created for this App; what lacks them is somebody else's.
    #[must_use]
    pub fn tags(&self) -> BTreeMap<String, String> {
        [
            ("convox:rack", self.rack.as_str()),
            ("convox:app", self.app.as_str()),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    /// What the tag [`LENT_TO`] of an ECS service says when it is lent to this App.
    #[must_use]
    pub fn borrower(&self) -> String {
        format!("{}/{}", self.rack, self.app)
    }

    /// Whether `tags` say that this App may move an ECS service: that it is the App's own, or lent to it.
    #[must_use]
    pub fn may_move(&self, tags: &BTreeMap<String, String>) -> bool {
        self.owns(tags) || tags.get(LENT_TO) == Some(&self.borrower())
    }

    /// Whether `tags` say that something is this App's.
    #[must_use]
    pub fn owns(&self, tags: &BTreeMap<String, String>) -> bool {
        self.tags()
            .iter()
            .all(|(key, value)| tags.get(key) == Some(value))
    }

    /// What the families of all Timers of this App start with, and of no other App's.
    #[must_use]
    pub fn timer_prefix(&self) -> String {
        format!("{}_{}_timer_", self.rack, self.app)
    }
}

fn ecs_name(name: String) -> Result<String, NameError> {
    if name.len() <= ECS_NAME_MAX {
        Ok(name)
    } else {
        Err(NameError::new(
            "ECS",
            &name,
            "ECS allows 255 characters, use shorter names",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(rack: &str, app: &str) -> AppId {
        AppId {
            rack: RackName::new(rack).unwrap(),
            app: AppName::new(app).unwrap(),
        }
    }

    #[test]
    fn a_long_rule_name_is_cut_with_a_hash_and_keeps_the_prefix() {
        let id = id("myrack", &"a".repeat(50));
        let (one, two) = ("cleanup-of-everything-one", "cleanup-of-everything-two");
        let rules = [one, two].map(|timer| id.rule(&TimerName::new(timer).unwrap()));
        for rule in &rules {
            assert_eq!(rule.len(), 64);
            assert!(rule.starts_with(&id.rule_prefix()), "{rule}");
        }
        assert_ne!(rules[0], rules[1]);
        let short = super::tests::id("r", "a").rule(&TimerName::new("clean").unwrap());
        assert_eq!(short, "r_a_timer_clean");
    }

    #[test]
    fn a_family_that_ecs_would_refuse_is_an_error() {
        let service = ServiceName::new(&"s".repeat(255)).unwrap();
        assert!(
            id("r", "a")
                .service(&service)
                .unwrap_err()
                .to_string()
                .contains("255")
        );
    }

    #[test]
    fn the_family_of_a_process_is_no_services_and_no_timers() {
        let (id, name) = (id("r", "shop"), |name| ServiceName::new(name).unwrap());
        assert_eq!(id.run(&name("web")).unwrap(), "r_shop_run_web");
        assert_eq!(id.service(&name("run")).unwrap(), "r_shop_run");
        let long = "s".repeat(255 - "r_shop_run_".len());
        assert!(id.run(&name(&long)).is_ok());
        let refused = id.run(&name(&format!("{long}s"))).unwrap_err();
        assert!(refused.to_string().contains("255"), "{refused}");
    }

    #[test]
    fn an_ecs_service_of_the_rack_is_told_from_others() {
        let rack = RackName::new("r").unwrap();
        for (name, want) in [
            ("r_shop_web", Some("shop web")),
            ("r_shop_timer_web", None),
            ("r_shop_run_web", None),
            ("other_shop_web", None),
            ("r_shop", None),
            ("web", None),
        ] {
            let got = AppId::parse_service(&rack, name)
                .map(|(id, service)| format!("{} {service}", id.app));
            assert_eq!(got.as_deref(), want, "{name}");
        }
    }

    #[test]
    fn a_stack_is_of_one_app_of_one_rack() {
        let (one, two) = (id("r", "a-b"), id("r-a", "b"));
        assert_ne!(one.stack(), two.stack());
        for (rack, stack, want) in [
            ("r", one.stack(), Some("a-b")),
            ("r-a", two.stack(), Some("b")),
            ("r-a", one.stack(), None),
            ("r", two.stack(), None),
            ("r", format!("{}0", one.stack()), None),
            ("r", "r-a-b".to_owned(), None),
            ("r", "r-a-b-00000000".to_owned(), None),
            ("r", "r".to_owned(), None),
            ("r", String::new(), None),
        ] {
            let got = AppId::parse_stack(&RackName::new(rack).unwrap(), &stack);
            assert_eq!(
                got.as_ref().map(|id| id.app.as_str()),
                want,
                "{rack} {stack}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn a_stack_name_says_its_app_and_fits(rack in "[a-z](-?[a-z0-9]){0,11}", app in "[a-z][a-z0-9-]{0,62}") {
            let id = id(&rack, &app);
            let stack = id.stack();
            proptest::prop_assert!(stack.len() <= 128 && stack.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            proptest::prop_assert_eq!(AppId::parse_stack(&id.rack, &stack), Some(id));
        }
    }
}
