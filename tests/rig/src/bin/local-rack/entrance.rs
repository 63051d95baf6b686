//! The Rack's entrance on this machine: the load balancer that its stack makes exists in the emulator by name alone, so the rig's
//! stand-in takes its place, and follows what the stacks of Apps render and what their ECS services are attached to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use aws_sdk_cloudformation::types::Stack;
use hyper::StatusCode;
use rig::World;
use rig::load_balancer::rules;
use rig::load_balancer::{Health, LoadBalancer};
use serde_json::Value;

use crate::console::{check, fact, step};
use crate::demo_app::Task;
use crate::pages;
use crate::rack::Rack;

/// What a Rack with an entrance is created with: every browser takes names below `localhost` to this machine.
pub const PARAMETERS: [(&str, &str); 2] = [("LoadBalancer", "Yes"), ("Domain", "apps.localhost")];
/// Nobody's.
const UNKNOWN: &str = "nobody.apps.localhost";
/// Of health checks, which ask every five.
const SECOND: Duration = Duration::from_millis(20);

/// A load balancer in front of the Apps of a Rack.
#[derive(Debug)]
pub struct Entrance {
    balancer: LoadBalancer,
    listener: String,
}

impl Entrance {
    /// Starts it for a Rack that was created with [`PARAMETERS`].
    pub async fn start(rack: &Rack) -> Self {
        let listener = rack.deployed.outputs.get("PublicListener");
        let listener = listener.expect("the Rack's stack makes a listener").clone();
        Self {
            balancer: LoadBalancer::start(&[&listener], SECOND).await,
            listener,
        }
    }

    fn port(&self) -> u16 {
        self.balancer.address(&self.listener).port()
    }

    /// A host of the load balancer as something to open.
    fn page(&self, host: &str) -> String {
        format!("http://{host}:{}", self.port())
    }

    /// Leads an address of an App, as promote told it, to what runs here in place of its Service's task.
    pub async fn leads_to(&self, world: &World, app: &str, told: &str, task: SocketAddr) -> String {
        let stack = stack(world, app).await;
        let name = stack.stack_name().unwrap_or_default();
        let followed = self.balancer.follow(name, &template(world, name).await);
        followed.expect("a load balancer takes what an App's stack has");
        let groups = attached(world, app).await.into_iter();
        let groups: Vec<&str> = groups
            .filter_map(|arn| {
                let mut outputs = stack.outputs().iter();
                let output = outputs.find(|output| output.output_value() == Some(&arn))?;
                output.output_key()
            })
            .collect();
        assert!(!groups.is_empty(), "ECS attaches {app} to no target group");
        for group in groups {
            self.balancer.register(name, group, task);
            let healthy = self.balancer.until(name, group, task, Health::Healthy);
            healthy.await;
        }
        let host = told.strip_prefix("http://");
        self.page(host.expect("without a certificate Apps are reached by HTTP"))
    }
}

/// Checks that each environment is where its host name leads, and nothing anywhere else.
pub async fn leads(entrance: &Entrance, world: &World, tasks: &[Task]) {
    step("the demo App by its host names, through the listener rules of its stacks");
    for task in tasks {
        let stage = task.stage;
        fact(stage, &task.address);
        let environment = pages::get(&format!("{}/environment", task.address)).await;
        let environment = environment.unwrap_or_default();
        check(
            environment.contains(&format!(">{stage}</code>")),
            &format!("the host of {stage} is answered by {stage}"),
        );
    }
    let (status, said) = pages::answer(&entrance.page(UNKNOWN)).await;
    check(
        status == StatusCode::NOT_FOUND && said == "No App has this address.",
        &format!("{UNKNOWN} is answered by the load balancer itself: {said}"),
    );
    let mut templates = BTreeMap::new();
    for stack in stacks(world).await {
        let name = stack.stack_name().unwrap_or_default().to_owned();
        let template = template(world, &name).await;
        templates.insert(name, template);
    }
    let named = templates.iter();
    let named: Vec<(&str, &Value)> = named
        .map(|(name, template)| (name.as_str(), template))
        .collect();
    let conflict = rules::conflict(&named).expect("a load balancer takes these templates");
    check(
        named.len() > tasks.len() && conflict.is_none(),
        &format!(
            "of {} Apps no two have a rule that takes the same request",
            named.len()
        ),
    );
}

/// The stacks of Apps.
async fn stacks(world: &World) -> Vec<Stack> {
    let stacks = world.cloudformation.describe_stacks().send().await;
    let stacks = stacks
        .expect("cannot read the stacks")
        .stacks
        .unwrap_or_default();
    let of_an_app = |stack: &Stack| tagged(stack).is_some();
    stacks.into_iter().filter(of_an_app).collect()
}

async fn stack(world: &World, app: &str) -> Stack {
    let mut stacks = stacks(world).await.into_iter();
    let found = stacks.find(|stack| tagged(stack) == Some(app));
    found.expect("the App has a stack of its own")
}

/// The App whose stack it is.
fn tagged(stack: &Stack) -> Option<&str> {
    let mut tags = stack.tags().iter();
    tags.find(|tag| tag.key() == Some("convox:app"))?.value()
}

async fn template(world: &World, stack: &str) -> Value {
    let read = world.cloudformation.get_template().stack_name(stack);
    let read = read.send().await.expect("cannot read a template");
    serde_json::from_str(read.template_body().unwrap_or_default()).expect("a template is JSON")
}

/// The ARNs of the target groups that the App's `web` is attached to.
async fn attached(world: &World, app: &str) -> Vec<String> {
    let service = format!("{}_{app}_web", world.rack);
    let described = world.ecs.describe_services().cluster(&world.cluster);
    let described = described.services(service).send().await;
    let described = described.expect("cannot read an ECS service");
    let balancers = described.services().iter();
    let balancers = balancers.flat_map(|service| service.load_balancers().iter());
    balancers
        .filter_map(|balancer| balancer.target_group_arn().map(str::to_owned))
        .collect()
}
