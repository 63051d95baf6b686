//! What requests meet while ECS moves them from the tasks of one revision to those of the next.

use std::collections::{BTreeMap, BTreeSet};

use rig::load_balancer::{Health, LoadBalancer};
use rig::world::World;
use serde_json::{Value, json};

use super::{SECOND, Task, open};
use crate::ingress::{ENTRANCE, PUBLIC};
use crate::rack::Desk;
use crate::{app, stacks};

/// `web`, moved so.
fn shop(deployment: &str) -> String {
    format!(
        "services:\n  web:\n    image: example/web:1\n    port: 3000\n    health: /up\n    environment: [LOG]\n    deployment: \
         {deployment}\n"
    )
}

/// In how many requests every share here comes out even.
const ROUND: usize = 20;
const HOST: &str = "web-shop.apps.example.com";

/// The Rack's load balancer as it stands, and a task of each Release.
struct Front {
    desk: Desk,
    balancer: LoadBalancer,
    tasks: BTreeMap<&'static str, Task>,
}

impl Front {
    async fn new(deployment: &str) -> Self {
        let manifest = shop(deployment);
        let (world, promote) = app::promoting_with(&manifest, &[], ENTRANCE).await;
        let mut tasks = BTreeMap::new();
        for release in ["R1", "R2", "R3"] {
            tasks.insert(release, Task::start(release).await);
        }
        Self {
            desk: Desk::around(world, promote),
            balancer: LoadBalancer::start(&[PUBLIC], SECOND).await,
            tasks,
        }
    }

    fn world(&self) -> &World {
        &self.desk.world
    }

    async fn promote(&self, release: &str) {
        let promote = &self.desk.promote;
        app::promoted(self.world(), promote, release, &[("LOG", release)]).await;
    }

    async fn go_on(&self) {
        self.desk.json(&["promote", "--continue"]).await;
    }

    /// What ECS makes of the load balancer: tasks of each revision that has any are in the target group of that revision, and the
    /// rules have the weights of now.
    async fn follow(&self) {
        let world = self.world();
        let outputs = stacks::outputs(world).await;
        let template = weighed(world, stacks::template(world).await, &outputs);
        self.balancer.follow("shop", &template).unwrap();
        let placed = self.placed(&outputs).await;
        for group in outputs.keys().filter(|id| id.ends_with("TargetGroup")) {
            for task in self.tasks.values() {
                self.balancer.deregister("shop", group, task.address);
            }
        }
        for (group, release) in placed {
            let task = &self.tasks[release.as_str()];
            self.balancer.register("shop", &group, task.address);
            let healthy = self
                .balancer
                .until("shop", &group, task.address, Health::Healthy);
            healthy.await;
        }
    }

    /// The Release of which a target group has tasks, by the group's logical id.
    async fn placed(&self, outputs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let world = self.world();
        let service = app::service(world, "web").await.unwrap();
        let current = service.current_service_revisions().iter();
        let current = current.map(|revision| revision.arn().unwrap().to_owned());
        let asked = world.ecs.describe_service_revisions();
        let asked = asked.set_service_revision_arns(Some(current.collect()));
        let described = asked.send().await.unwrap();
        let mut placed = BTreeMap::new();
        for revision in described.service_revisions() {
            let sees = app::sees(world, revision.task_definition().unwrap()).await;
            let resolved = revision.resolved_configuration().unwrap();
            let arn = resolved.load_balancers()[0].target_group_arn().unwrap();
            let mut outputs = outputs.iter();
            let (group, _) = outputs.find(|(_, value)| *value == arn).unwrap();
            placed.insert(group.clone(), sees["LOG"].clone());
        }
        placed
    }

    /// How many of a round of requests come to the tasks of each Release.
    async fn round(&self) -> BTreeMap<String, usize> {
        self.follow().await;
        let mut came = BTreeMap::new();
        for _ in 0..ROUND {
            let (status, release, _) = open(self.balancer.address(PUBLIC), HOST).await;
            assert_eq!(status, 200, "{release}");
            *came.entry(release).or_default() += 1;
        }
        came
    }

    /// The Releases whose tasks some request of a round comes to.
    async fn reached(&self) -> BTreeSet<String> {
        self.round().await.into_keys().collect()
    }

    async fn pause(&self) -> String {
        let status = self.desk.json(&["status"]).await;
        status["services"].to_string()
    }
}

/// The template with the weights of now.
fn weighed(world: &World, mut template: Value, outputs: &BTreeMap<String, String>) -> Value {
    let resources = template["Resources"].as_object_mut().unwrap();
    for (id, resource) in resources {
        let rule = outputs.get(&format!("{id}Arn"));
        let Some(weights) = rule.and_then(|rule| world.proxy.weights(rule)) else {
            continue;
        };
        let groups = resource.pointer_mut("/Properties/Actions/0/ForwardConfig/TargetGroups");
        for group in groups.unwrap().as_array_mut().unwrap() {
            let arn = &outputs[group["TargetGroupArn"]["Ref"].as_str().unwrap()];
            group["Weight"] = json!(weights[arn]);
        }
    }
    template
}

fn shares<const N: usize>(shares: [(&str, usize); N]) -> BTreeMap<String, usize> {
    let shares = shares.into_iter();
    shares
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

fn only(release: &str) -> BTreeSet<String> {
    BTreeSet::from([release.to_owned()])
}

#[tokio::test]
async fn requests_come_to_old_and_new_tasks_by_their_shares_and_go_on_when_somebody_says_so() {
    let linear = "{strategy: linear, linear: {percent: 25, bake: 1}, pause: true}";
    let front = Front::new(linear).await;
    front.promote("R1").await;
    front.go_on().await;
    assert_eq!(front.reached().await, only("R1"));
    front.promote("R2").await;
    for share in [0, 5, 10, 15] {
        let came = front.round().await;
        let mut want = shares([("R1", ROUND - share), ("R2", share)]);
        want.retain(|_, count| *count > 0);
        assert_eq!(came, want);
        let pause = front.pause().await;
        assert!(pause.contains("PRE_PRODUCTION_TRAFFIC_SHIFT"), "{pause}");
        front.go_on().await;
    }
    assert_eq!(front.reached().await, only("R2"));
    let over = front.desk.says(&["promote", "--continue"]).await;
    over.complains(2, "no deployment of shop pauses");
}

#[tokio::test]
async fn requests_come_back_to_the_tasks_of_before_where_ecs_or_somebody_goes_back() {
    let canary = "{strategy: canary, canary: {percent: 5, bake: 1}, alarms: [errors]}";
    let front = Front::new(canary).await;
    let (proxy, web) = (&front.world().proxy, app::ecs_service(front.world(), "web"));
    front.promote("R1").await;
    assert_eq!(front.reached().await, only("R1"));
    proxy.hold_rollouts();
    front.promote("R2").await;
    assert_eq!(front.reached().await, only("R1"), "nothing has moved yet");
    assert!(proxy.shift(&web));
    assert_eq!(front.round().await, shares([("R1", 19), ("R2", 1)]));
    // The alarm goes off while the canary bakes.
    proxy.take_back(&web, &["errors"]);
    proxy.end_rollouts();
    assert_eq!(front.reached().await, only("R1"));
    // The next one moves all, and an older one moves them back.
    front.promote("R3").await;
    assert_eq!(front.reached().await, only("R3"));
    proxy.hold_rollouts();
    front.desk.json(&["rollback", "R1"]).await;
    assert!(proxy.shift(&web));
    assert_eq!(front.round().await, shares([("R1", 1), ("R3", 19)]));
    proxy.end_rollouts();
    assert_eq!(front.reached().await, only("R1"));
}
