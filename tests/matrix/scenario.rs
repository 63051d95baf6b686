//! What is done while something fails: the situations that between them make every kind of call.

use std::collections::{BTreeMap, BTreeSet};

use double::{Call, Fault};
use rig::Invocation;
use rig::world::SUBNETS;
use serde_json::{Value, json};

use super::app::{
    ATTACHING, App, CONNECTING, LACKING, MIGRATING, PAIRING, REHOSTING, RESTACKING, SCALING,
    SHIFTING, UNPAIRING, UNSHIFTING, ZONED,
};
use super::rack::{Rack, Settings};

/// A Rack with a load balancer of its own.
pub const ENTRANCE: Settings = &[
    ("DOMAIN", "apps.example.com"),
    ("LOAD_BALANCER_SECURITY_GROUPS", "sg-5"),
    (
        "PUBLIC_LISTENER_ARN",
        "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/public/0a1b2c3d4e5f6071/1",
    ),
];

/// What a scenario comes to without any fault.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// The function's calls.
    pub calls: Vec<Call>,
    pub end: End,
}

/// What must be the same with and without a kill.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    pub seen: Value,
    pub revisions: BTreeMap<String, usize>,
    pub told: BTreeSet<String>,
    pub results: Vec<Value>,
    /// Kind and status of each request in the history's index, newest first.
    pub history: Vec<Value>,
    /// How many tasks of release commands were started.
    pub commands: usize,
}

impl End {
    pub async fn of(rack: &Rack, app: &App) -> Self {
        let state = app.state(&rack.world, "promotion").await;
        let rows = state["outcomes"].as_array().into_iter().flatten();
        Self {
            seen: app.seen(&rack.world).await,
            revisions: app.revisions(&rack.world).await,
            told: app.told(&rack.world),
            results: rows.map(|row| row["result"].clone()).collect(),
            history: app.history(&rack.world).await,
            commands: app.commands(&rack.world),
        }
    }
}

/// A situation and the event that comes then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// A promote that changes everything: secret, definitions, a schedule, and removes a Service and a Timer.
    Changed,
    /// The App's first promote.
    First,
    /// A promote of an App that was deleted.
    Recreated,
    /// A promote of a Release that lacks a variable, while an unfinished one has changed things: they are put back.
    PutBack,
    /// A promote that needs more of the App's stack.
    Restacked,
    /// A promote that creates an ECS service, which something in the App's stack scales after that.
    Scaled,
    /// A promote that attaches an ECS service to a load balancer of the App's own.
    Connected,
    /// A promote that attaches an ECS service to gateways of the cluster.
    Attached,
    /// A promote that takes it away from them.
    Detached,
    /// A promote of a Release that lacks a variable, while an unfinished one has attached an ECS service: it is put back.
    Reattached,
    /// A promote of an App whose stack did not come up.
    Unstuck,
    /// A promote of a Release with a release command.
    Migrated,
    /// A promote that moves a Timer from its rule to a schedule.
    Scheduled,
    /// A promote that moves it back.
    Unscheduled,
    /// A promote of a Release that lacks a variable, while an unfinished one has moved a Timer to a schedule: it is put back.
    Rescheduled,
    /// A promote that attaches an ECS service to a second target group, so that requests can be moved.
    Paired,
    /// A promote after which ECS moves requests from one to the other.
    Shifted,
    /// A promote that changes a listener rule whose weights are ECS's.
    Rehosted,
    /// A promote of a Release that lacks a variable, while an unfinished one has moved requests: what ran before is put back.
    Unmoved,
    /// A promote that ends such a strategy.
    Unshifted,
    /// A promote that detaches one of the two target groups.
    Unpaired,
    /// A deletion.
    Deleted,
    /// A deletion of an App for which ECS moves requests.
    Withdrawn,
    /// A deletion of an App with a schedule.
    Descheduled,
    /// The third failure in a row is counted.
    Counted,
    /// A process of the applied Release.
    Run,
    /// A process of a Release that is not applied, and whose environment is an envelope.
    RunOther,
    /// A request for a process whose task runs already, and another Release was promoted since.
    RunAgain,
}

pub const SCENARIOS: [Scenario; 28] = [
    Scenario::Changed,
    Scenario::First,
    Scenario::Recreated,
    Scenario::PutBack,
    Scenario::Restacked,
    Scenario::Scaled,
    Scenario::Connected,
    Scenario::Attached,
    Scenario::Detached,
    Scenario::Reattached,
    Scenario::Unstuck,
    Scenario::Migrated,
    Scenario::Scheduled,
    Scenario::Unscheduled,
    Scenario::Rescheduled,
    Scenario::Paired,
    Scenario::Shifted,
    Scenario::Rehosted,
    Scenario::Unmoved,
    Scenario::Unshifted,
    Scenario::Unpaired,
    Scenario::Deleted,
    Scenario::Descheduled,
    Scenario::Withdrawn,
    Scenario::Counted,
    Scenario::Run,
    Scenario::RunOther,
    Scenario::RunAgain,
];

impl Scenario {
    /// The function under test.
    pub fn function(self) -> &'static str {
        match self {
            Self::Changed
            | Self::First
            | Self::Recreated
            | Self::PutBack
            | Self::Restacked
            | Self::Scaled
            | Self::Connected
            | Self::Attached
            | Self::Detached
            | Self::Reattached
            | Self::Unstuck
            | Self::Migrated
            | Self::Scheduled
            | Self::Unscheduled
            | Self::Rescheduled
            | Self::Paired
            | Self::Shifted
            | Self::Rehosted
            | Self::Unmoved
            | Self::Unshifted
            | Self::Unpaired => "promote",
            Self::Deleted | Self::Descheduled | Self::Withdrawn => "app-deletion",
            Self::Counted => "failure-count",
            Self::Run | Self::RunOther | Self::RunAgain => "process-run",
        }
    }

    /// Whether what is asked for fails rightly, and what ran before is put back.
    pub fn is_put_back(self) -> bool {
        matches!(
            self,
            Self::PutBack | Self::Reattached | Self::Rescheduled | Self::Unmoved
        )
    }

    /// What is seen without what another request for the same Release brings further: an ECS service comes to a strategy, and back, with
    /// several promotes, whichever Release they are of.
    pub fn apart_from_steps(self, mut seen: Value) -> Value {
        let takes_steps = matches!(
            self,
            Self::Paired | Self::Unmoved | Self::Unshifted | Self::Unpaired
        );
        if takes_steps {
            let services = seen["services"].as_object_mut().into_iter().flatten();
            for (_, service) in services {
                let [groups, strategy] = [2, 4];
                service[groups] = Value::Null;
                service[strategy] = Value::Null;
            }
            seen["stack"] = Value::Null;
        }
        seen
    }

    /// The variables that the functions have beside the usual ones.
    pub fn settings(self) -> Settings {
        match self {
            Self::Paired
            | Self::Shifted
            | Self::Rehosted
            | Self::Unmoved
            | Self::Unshifted
            | Self::Unpaired
            | Self::Withdrawn => ENTRANCE,
            _ => &[],
        }
    }

    /// Where the Rack's load balancer sends requests to the App, they come to its tasks, also while something is half done.
    pub fn assert_served(self, rack: &Rack, said: &str) {
        if self.settings() == ENTRANCE {
            let astray = rack.world.proxy.astray();
            assert!(astray.is_empty(), "{said}: nobody answers {astray:?}");
        }
    }

    /// Whether CloudFormation, or a task, has to be waited for: then two invocations make a promote, and the second does with the bucket
    /// what the one of [`Scenario::Changed`] does.
    pub fn waits(self) -> bool {
        matches!(
            self,
            Self::First
                | Self::Recreated
                | Self::Restacked
                | Self::Scaled
                | Self::Connected
                | Self::Unstuck
                | Self::Migrated
                | Self::Paired
                | Self::Rehosted
        )
    }

    /// Makes the situation; the event. Nothing of it is recorded.
    pub async fn prepare(self, rack: &Rack, app: &App) -> Value {
        let world = &rack.world;
        let event = match self {
            Self::First => app.write(world, "R1").await,
            Self::Changed => {
                self.promote_first(rack, app).await;
                app.write(world, "R2").await
            }
            Self::PutBack => {
                self.promote_first(rack, app).await;
                self.leave_half_way(rack, app, ("R2", "PutTargets")).await;
                app.write(world, LACKING).await
            }
            Self::Recreated => {
                self.promote_first(rack, app).await;
                let deletion = app.deleted(world, "deletion", 2);
                let deleted = rack.usual("app-deletion").invoke(&deletion).await.answer();
                assert_eq!(deleted["status"], "deleted", "{deleted:#}");
                app.requested(world, "R1", "again", 5)
            }
            Self::Restacked | Self::Migrated | Self::Scheduled | Self::Scaled | Self::Connected => {
                self.promote_first(rack, app).await;
                app.write(world, self.release()).await
            }
            Self::Unscheduled => {
                self.promote_more(rack, app, &[ZONED]).await;
                app.write(world, "R4").await
            }
            Self::Rescheduled => {
                let last = "RemoveTargets";
                self.promote_first(rack, app).await;
                self.leave_half_way(rack, app, (ZONED, last)).await;
                app.write(world, LACKING).await
            }
            Self::Descheduled => {
                self.promote_more(rack, app, &[ZONED]).await;
                app.deleted(world, "deletion", 5)
            }
            Self::Paired
            | Self::Shifted
            | Self::Rehosted
            | Self::Unmoved
            | Self::Unshifted
            | Self::Unpaired
            | Self::Withdrawn => self.prepare_entrance(rack, app).await,
            Self::Attached | Self::Detached | Self::Reattached => {
                self.prepare_gateway(rack, app).await
            }
            Self::Unstuck => stuck(rack, app).await,
            Self::Deleted => {
                self.promote_first(rack, app).await;
                app.deleted(world, "deletion", 5)
            }
            Self::Counted => {
                let rows: Vec<Value> = (1..=3)
                    .map(|seq| json!({"seq": seq, "requestId": format!("r{seq}"), "result": "failed"}))
                    .collect();
                let state =
                    json!({"desired": null, "applied": null, "lease": null, "outcomes": rows});
                app.put_state(world, "promotion", &state).await;
                app.hint(world)
            }
            Self::Run => {
                self.promote_first(rack, app).await;
                app.run(world, None, &app.name)
            }
            Self::RunOther => {
                self.promote_first(rack, app).await;
                app.write(world, "R2").await;
                app.run(world, Some("R2"), &app.name)
            }
            Self::RunAgain => {
                self.promote_first(rack, app).await;
                let event = app.run(world, None, &app.name);
                let started = rack.usual("process-run").invoke(&event).await.answer();
                assert_eq!(started["status"], "started", "{started:#}");
                let newer = app.write(world, "R2").await;
                let promoted = rack.usual("promote").invoke(&newer).await.answer();
                assert_eq!(promoted["status"], "promoted", "{promoted:#}");
                event
            }
        };
        // What the function would hear next is of the situation, not of the event.
        if ["promote", "app-deletion"].contains(&self.function()) {
            rack.usual(self.function()).invoke(&json!({})).await;
        }
        world.proxy.clear();
        event
    }

    /// The same of those behind a load balancer of the Rack.
    async fn prepare_entrance(self, rack: &Rack, app: &App) -> Value {
        let world = &rack.world;
        let before: &[&str] = match self {
            Self::Paired => &[],
            Self::Shifted | Self::Unmoved => &[PAIRING],
            Self::Unpaired => &[PAIRING, SHIFTING, UNSHIFTING],
            _ => &[PAIRING, SHIFTING],
        };
        self.promote_more(rack, app, before).await;
        match self {
            Self::Unmoved => {
                let last = "PutTargets";
                self.leave_half_way(rack, app, (SHIFTING, last)).await;
                app.write(world, LACKING).await
            }
            Self::Withdrawn => app.deleted(world, "deletion", 5),
            _ => app.write(world, self.release()).await,
        }
    }

    /// What it promotes; what ran before, where that is put back.
    fn release(self) -> &'static str {
        match self {
            Self::Changed => "R2",
            Self::Restacked => RESTACKING,
            Self::Migrated => MIGRATING,
            Self::Scaled => SCALING,
            Self::Connected => CONNECTING,
            Self::Attached => ATTACHING,
            Self::Scheduled => ZONED,
            Self::Detached | Self::Unscheduled => "R4",
            Self::Paired | Self::Unmoved => PAIRING,
            Self::Shifted => SHIFTING,
            Self::Rehosted => REHOSTING,
            Self::Unshifted => UNSHIFTING,
            Self::Unpaired => UNPAIRING,
            _ => "R1",
        }
    }

    /// A newer request for the same.
    pub fn again(self, rack: &Rack, app: &App) -> Value {
        let world = &rack.world;
        match self.function() {
            "promote" => app.requested(world, self.release(), "once-more", 20),
            "app-deletion" => app.deleted(world, "once-more", 20),
            "failure-count" => app.hint(world),
            _ => unreachable!("a redelivery mends whatever befell a process"),
        }
    }

    /// The same of those whose cluster has a gateway.
    async fn prepare_gateway(self, rack: &Rack, app: &App) -> Value {
        rack.world.proxy.associate_gateway("PUBLIC", &SUBNETS);
        if self == Self::Detached {
            self.promote_more(rack, app, &[ATTACHING]).await;
        } else {
            self.promote_first(rack, app).await;
        }
        if self == Self::Reattached {
            let last = (ATTACHING, "PutTargets");
            self.leave_half_way(rack, app, last).await;
            return app.write(&rack.world, LACKING).await;
        }
        app.write(&rack.world, self.release()).await
    }

    async fn promote_first(self, rack: &Rack, app: &App) {
        let event = app.write(&rack.world, "R1").await;
        let report = rack.usual("promote").invoke(&event).await.answer();
        assert_eq!(report["status"], "promoted", "{report:#}");
        assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    }

    /// Promotes another Release, which goes no further than to this call of `EventBridge`.
    async fn leave_half_way(self, rack: &Rack, app: &App, (release, call): (&str, &str)) {
        let unfinished = app.write(&rack.world, release).await;
        rack.world.inject(Fault::TRANSIENT.on("events", call));
        let ended = rack.usual("promote").invoke(&unfinished).await;
        rack.world.proxy.lift();
        assert!(matches!(ended, Invocation::Error { .. }), "{ended:?}");
    }

    /// Promotes the first Release, and others after it.
    async fn promote_more(self, rack: &Rack, app: &App, releases: &[&str]) {
        self.promote_first(rack, app).await;
        for release in releases {
            let event = app.write(&rack.world, release).await;
            let report = rack.usual("promote").invoke(&event).await.answer();
            assert_eq!(report["status"], "promoted", "{report:#}");
        }
    }
}

/// The first promote fails at its stack; the request that comes after that.
async fn stuck(rack: &Rack, app: &App) -> Value {
    rack.world.proxy.fail_stacks("no room");
    let stuck = app.write(&rack.world, "R1").await;
    let failed = rack.usual("promote").invoke(&stuck).await.answer();
    assert_eq!(failed["errorType"], "StackFailed", "{failed:#}");
    app.requested(&rack.world, "R1", "unstuck", 5)
}

/// Delivers again until nothing is left to do: the event, then what the schedule would send.
pub async fn settle(rack: &Rack, app: &App, scenario: Scenario, event: &Value) -> Vec<Invocation> {
    let mut ended = Vec::new();
    app.pass_time(&rack.world).await;
    ended.push(rack.usual(scenario.function()).invoke(event).await);
    for _ in 0..3 {
        let state = app.state(&rack.world, "promotion").await;
        let open = ["pending", "waiting"]
            .iter()
            .any(|status| state["desired"]["status"] == *status);
        let unsent = state["unsent"]
            .as_array()
            .is_some_and(|unsent| !unsent.is_empty());
        let unrecorded = !state["unrecorded"].is_null();
        if !open && !unsent && !unrecorded {
            break;
        }
        app.pass_time(&rack.world).await;
        let kind = state["desired"]["kind"]
            .as_str()
            .unwrap_or("promote")
            .to_owned();
        let function = if kind == "delete" {
            "app-deletion"
        } else {
            "promote"
        };
        let next = app.continued(&rack.world, &kind);
        ended.push(rack.usual(function).invoke(&next).await);
    }
    ended
}
