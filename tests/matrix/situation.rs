//! A scenario, and what somebody changed meanwhile: something of the App behind the functions' back, or the Rack's settings.

use std::fmt;

use rig::World;
use serde_json::Value;

use super::app::App;
use super::edit::Edit;
use super::rack::{Rack, Settings};
use super::scenario::{Baseline, ENTRANCE, End, SCENARIOS, Scenario};

/// Where a case begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Situation {
    pub scenario: Scenario,
    pub change: Change,
}

/// What happened between the App's last work and the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Nothing,
    /// Somebody edited something.
    Edited(Edit),
    /// The Rack got other settings: those of this number in [`SETTINGS`].
    Settings(usize),
}

/// Settings of the Rack that differ from before.
pub const SETTINGS: [Settings; 11] = [
    &[("SECRETS_MANAGER_ENV", "No")],
    &[("CONVOX_WRAPPER", "Yes"), ("SECRETS_MANAGER_ENV", "No")],
    &[("LAUNCH_TYPE", "EC2"), ("ASSIGN_PUBLIC_IP", "")],
    &[("ASSIGN_PUBLIC_IP", "ENABLED")],
    &[("SUBNETS", "subnet-00000002")],
    &[("SECURITY_GROUPS", "sg-2,sg-3")],
    &[("LOG_RETENTION_DAYS", "7")],
    &[("ROUTER_HOST", "other.example")],
    &[(
        "SECRET_KEY_ARN",
        "arn:aws:kms:us-east-1:123456789012:key/of-secrets",
    )],
    &[("VPC", "vpc-00000002"), ("SECURITY_GROUPS", "sg-4")],
    ENTRANCE,
];

/// The situations of these functions in which nobody changed anything.
pub fn of_functions(functions: &[&str]) -> Vec<Situation> {
    let scenarios = SCENARIOS.into_iter();
    let scenarios = scenarios.filter(|scenario| functions.contains(&scenario.function()));
    scenarios.map(Situation::from).collect()
}

impl From<Scenario> for Situation {
    fn from(scenario: Scenario) -> Self {
        Self {
            scenario,
            change: Change::Nothing,
        }
    }
}

impl Situation {
    /// Makes the situation; the event. Nothing of it is recorded.
    pub async fn prepare(self, rack: &Rack, app: &App) -> Value {
        let event = self.scenario.prepare(rack, app).await;
        if let Change::Edited(edit) = self.change {
            edit.make(&rack.world, app).await;
        }
        event
    }

    /// The variables that the functions have from now on, beside the usual ones.
    pub fn settings(self) -> Settings {
        match self.change {
            Change::Settings(number) => SETTINGS[number],
            Change::Nothing | Change::Edited(_) => self.scenario.settings(),
        }
    }

    /// The situation without any fault: the calls, and what can be seen in the end.
    pub async fn baseline(self, rack: &Rack) -> Baseline {
        let (app, event) = rack.situation(self, 0).await;
        let Self { scenario, .. } = self;
        let answer = rack
            .usual(scenario.function())
            .invoke(&event)
            .await
            .answer();
        let calls = rack.world.proxy.calls();
        assert!(
            ["promoted", "deleted", "counted", "started"]
                .iter()
                .any(|status| answer["status"] == *status)
                || (scenario.is_put_back() && answer["errorType"] == "MissingVariables"),
            "{self}: {answer:#}"
        );
        Baseline {
            end: End::of(rack, &app).await,
            calls,
        }
    }
}

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.scenario)?;
        match self.change {
            Change::Nothing => Ok(()),
            Change::Edited(edit) => write!(f, " after {edit:?}"),
            Change::Settings(number) => write!(f, " with {:?}", SETTINGS[number]),
        }
    }
}

impl Situation {
    /// The name of the App in it.
    pub fn app(self, world: &World) -> App {
        debug_assert!(world.is_in_memory());
        App::named(&format!("{:?}", self.scenario).to_lowercase())
    }
}
