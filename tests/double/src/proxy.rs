//! An HTTP proxy in front of the emulator: as strict as AWS, remembers every call, fails on request.
//!
//! It has two doors. The program under test uses the front: recorded, with faults and, where a test asks for them,
//! ECS's rates. The test itself, and the agent, use the back: none of these. The rules hold at both. Secrets Manager is
//! answered here, from [`crate::secrets`], because the emulator is wrong on every rule of its version ids. What a stack
//! looks like is answered here too, from [`crate::stacks`]; what its operations do, the emulator does.

mod answer;
mod aws_events;
mod call;
mod caller;
mod direct;
mod fault;
mod form;
mod forward;
mod incoming;
mod memory;
mod rates;
mod rules;
mod server;
mod snapshot;
mod stacks;
pub(crate) mod xml;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::Value;
use tokio::task::JoinHandle;

pub(crate) use answer::Refusal;
pub use call::{Call, Event};
pub use direct::{Direct, Life};
pub use fault::{Fault, Injection};
pub use rates::EcsRates;
pub(crate) use snapshot::Snapshot;
pub use stacks::{Busy, StackEar};

pub use crate::secrets::DeletedIds;
pub use crate::stacks::End;

use crate::secrets::SecretStore;
use crate::stacks::StackTable;
use forward::Upstream;
use incoming::Incoming;
use rates::Buckets;
use rules::{Commands, Creations, Draining, Gateways, Rebalancing, Rollouts, Runs, Shifts};

/// The address of a proxy without sockets, in no client's reach.
pub(crate) const NOWHERE: &str = "http://memory.invalid";

/// A running proxy of one account. It ends with the value, or with the test's runtime.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    endpoint: String,
    back_door: String,
    doors: Vec<JoinHandle<()>>,
}

/// What the connections of both doors work on.
#[derive(Debug)]
struct Shared {
    account: String,
    upstream: Upstream,
    /// By order of arrival. A number is never used twice, so a late answer finds its own call or none.
    calls: Mutex<BTreeMap<usize, Call>>,
    arrivals: AtomicUsize,
    injections: Mutex<Vec<Injection>>,
    /// None while ECS takes any number of calls.
    ecs_buckets: Mutex<Option<Buckets>>,
    secrets: Mutex<SecretStore>,
    /// The ciphertexts that KMS made, and the ARN of each one's key; the emulator decrypts anything with any key.
    ciphertexts: Mutex<HashMap<String, String>>,
    creations: tokio::sync::Mutex<Creations>,
    draining: Mutex<Draining>,
    rebalancing: Mutex<Rebalancing>,
    rollouts: Mutex<Rollouts>,
    shifts: Mutex<Shifts>,
    gateways: Mutex<Gateways>,
    /// The tasks of each client token; the emulator knows no client token.
    runs: tokio::sync::Mutex<Runs>,
    /// Why ECS places no task, while it does not.
    refused_tasks: Mutex<Option<String>>,
    /// The tasks of release commands; the emulator's never end.
    commands: Mutex<Commands>,
    stacks: Mutex<StackTable>,
    /// The container instances of the cluster; the emulator has none.
    instances: Mutex<Vec<Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Front,
    Back,
}

impl Proxy {
    /// Starts one in front of the emulator at `upstream_url`.
    pub async fn start(upstream_url: &str, account: &str) -> Self {
        Self::listening(account, Upstream::emulator(upstream_url, account)).await
    }

    /// Starts one in front of an account in memory, for programs in other processes; it answers in a fraction of an emulator's time.
    pub async fn start_in_memory(account: &str) -> Self {
        Self::listening(account, Upstream::memory_of(account)).await
    }

    async fn listening(account: &str, upstream: Upstream) -> Self {
        let shared = Arc::new(Shared::new(account, upstream));
        let (endpoint, front) = server::listen(Door::Front, &shared).await;
        let (back_door, back) = server::listen(Door::Back, &shared).await;
        Self {
            shared,
            endpoint,
            back_door,
            doors: vec![front, back],
        }
    }

    /// One without sockets and without an emulator: programs in this process reach it through [`Proxy::direct`].
    #[must_use]
    pub fn in_memory(account: &str) -> Self {
        let shared = Arc::new(Shared::new(account, Upstream::memory_of(account)));
        Self {
            shared,
            endpoint: NOWHERE.to_owned(),
            back_door: NOWHERE.to_owned(),
            doors: Vec::new(),
        }
    }

    /// The address for the program under test.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The address for the test itself.
    #[must_use]
    pub fn back_door(&self) -> &str {
        &self.back_door
    }

    /// Makes calls fail from now on; of several injections that fit, the oldest acts.
    pub fn inject(&self, injection: Injection) {
        self.shared.injections.lock().unwrap().push(injection);
    }

    /// Ends all injections. A call that already hangs goes on hanging.
    pub fn lift(&self) {
        self.shared.injections.lock().unwrap().clear();
    }

    /// Throttles ECS calls through the front door from now on; the buckets start full.
    pub fn limit_ecs(&self, rates: EcsRates) {
        *self.shared.ecs_buckets.lock().unwrap() = Some(Buckets::full(rates));
    }

    /// From now on an ECS service that is deleted stays `DRAINING`, as if its tasks took their time to stop.
    pub fn hold_draining(&self) {
        self.shared.draining.lock().unwrap().hold();
    }

    /// The tasks have stopped: services that are `DRAINING` become `INACTIVE`, later ones at once.
    pub fn end_draining(&self) {
        self.shared.draining.lock().unwrap().end();
    }

    /// From now on no deployment of an ECS service is complete, as if new tasks took their time to be healthy.
    pub fn hold_rollouts(&self) {
        self.shared.rollouts.lock().unwrap().hold();
    }

    /// All tasks are healthy: deployments are what the emulator says of them, and requests move as far as nobody has to say that
    /// they may.
    pub fn end_rollouts(&self) {
        self.shared.rollouts.lock().unwrap().end();
        self.shared.shifts.lock().unwrap().go_on();
    }

    /// Moves the next share of the requests of a service whose deployments are held; false where the deployment waits for somebody,
    /// or is over.
    #[must_use]
    pub fn shift(&self, service: &str) -> bool {
        self.shared.shifts.lock().unwrap().step(service)
    }

    /// The weights of a listener's rule as they are now, whoever wrote them last, by the ARN of the target group.
    #[must_use]
    pub fn weights(&self, rule: &str) -> Option<BTreeMap<String, u32>> {
        let shifts = self.shared.shifts.lock().unwrap();
        shifts.weights.of(rule).cloned()
    }

    /// The listeners' rules by which requests come where no task of an ECS service is.
    #[must_use]
    pub fn astray(&self) -> BTreeSet<String> {
        self.shared.shifts.lock().unwrap().astray()
    }

    /// ECS goes back with the newest deployment of a service for which it moves requests, since these alarms went off.
    pub fn take_back(&self, service: &str, alarms: &[&str]) {
        self.shared
            .shifts
            .lock()
            .unwrap()
            .take_back(service, alarms);
    }

    /// From now on a gateway is associated with the cluster that such people reach (`PUBLIC`, `PRIVATE`), in these subnets.
    pub fn associate_gateway(&self, access: &'static str, subnets: &[&str]) {
        let mut gateways = self.shared.gateways.lock().unwrap();
        gateways.associate(&self.shared.account, access, subnets);
    }

    /// No gateway is associated with the cluster any more.
    pub fn dissociate_gateways(&self) {
        self.shared.gateways.lock().unwrap().dissociate_all();
    }

    /// ECS goes back with the newest deployment of a service that gateways reach, as far as those are concerned.
    pub fn take_back_at_gateways(&self, service: &str) {
        self.shared.gateways.lock().unwrap().take_back(service);
    }

    /// From now on ECS shows a task of a service that stopped, as `DescribeTasks` does.
    pub fn add_stopped_task(&self, service: &str, task: Value) {
        self.shared.rollouts.lock().unwrap().stop(service, task);
    }

    /// From now on ECS places no one-off task and says why, `RESOURCE:MEMORY` for example; `None` ends that.
    pub fn refuse_tasks(&self, reason: Option<&str>) {
        *self.shared.refused_tasks.lock().unwrap() = reason.map(str::to_owned);
    }

    /// From now on the tasks of release commands run until [`Proxy::end_commands`].
    pub fn hold_commands(&self) {
        self.shared.commands.lock().unwrap().hold();
    }

    /// Ends the tasks of release commands that run; later ones are not held. Answers the events of the ends for the test to
    /// deliver: no function hears of them.
    #[must_use]
    pub fn end_commands(&self) -> Vec<Value> {
        let ends = self.shared.commands.lock().unwrap().end_all();
        ends.into_iter().map(|end| end.event).collect()
    }

    /// From now on the tasks of release commands do not start, and ECS says why; `None` ends that.
    pub fn fail_commands(&self, reason: Option<&str>) {
        self.shared.commands.lock().unwrap().fail(reason);
    }

    /// ECS shows the tasks of release commands that have stopped no more.
    pub fn forget_commands(&self) {
        self.shared.commands.lock().unwrap().forget();
    }

    /// The tasks of release commands, oldest first, as `DescribeTasks` shows them.
    #[must_use]
    pub fn commands(&self) -> Vec<Value> {
        self.shared.commands.lock().unwrap().tasks()
    }

    /// Every version of a secret that has no label is gone, as Secrets Manager may do at any time.
    ///
    /// # Panics
    ///
    /// Where there is no secret of that name.
    pub fn delete_deprecated_versions(&self, secret: &str, ids: DeletedIds) {
        let mut secrets = self.shared.secrets.lock().unwrap();
        secrets.delete_deprecated_versions(secret, ids);
    }

    /// From now on the cluster has a container instance, with a version of the ECS agent.
    pub fn add_instance(&self, arn: &str, agent_version: &str) {
        let mut instances = self.shared.instances.lock().unwrap();
        instances.push(rules::instance(arn, agent_version));
    }

    /// Every call through the front door, in order of arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let calls = self.shared.calls.lock().unwrap();
        calls.values().cloned().collect()
    }

    /// How many calls of one operation came, answered or not.
    ///
    /// `service` is the name in the signature: `secretsmanager`, `ecs`, `events`, `s3`, `kms`, `cloudformation`.
    #[must_use]
    pub fn count(&self, service: &str, operation: &str) -> usize {
        let calls = self.shared.calls.lock().unwrap();
        let fits = |call: &&Call| call.service == service && call.operation == operation;
        calls.values().filter(fits).count()
    }

    /// The calls that change Secrets Manager, ECS, EventBridge rules or stacks, in order, also refused ones.
    #[must_use]
    pub fn writes(&self) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(Call::is_write);
        calls
    }

    /// The events that EventBridge accepted, in order.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let calls = self.calls();
        calls.iter().flat_map(Call::accepted_events).collect()
    }

    /// Forgets the calls so far.
    pub fn clear(&self) {
        self.shared.calls.lock().unwrap().clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.doors.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    fn new(account: &str, upstream: Upstream) -> Self {
        Self {
            account: account.to_owned(),
            upstream,
            calls: Mutex::default(),
            arrivals: AtomicUsize::new(0),
            injections: Mutex::default(),
            ecs_buckets: Mutex::default(),
            secrets: Mutex::new(SecretStore::new(account)),
            ciphertexts: Mutex::default(),
            creations: tokio::sync::Mutex::default(),
            runs: tokio::sync::Mutex::default(),
            refused_tasks: Mutex::default(),
            commands: Mutex::default(),
            stacks: Mutex::new(StackTable::new(account)),
            instances: Mutex::default(),
            draining: Mutex::default(),
            rebalancing: Mutex::default(),
            rollouts: Mutex::default(),
            shifts: Mutex::default(),
            gateways: Mutex::default(),
        }
    }

    /// Notes that a call has come; the number is for [`Shared::answered`].
    fn arrived(&self, call: Call) -> usize {
        let number = self.arrivals.fetch_add(1, Ordering::Relaxed);
        self.calls.lock().unwrap().insert(number, call);
        number
    }

    fn answered(&self, number: usize, status: u16, answer: Option<Value>) {
        // Cleared meanwhile: then there is nothing to complete.
        if let Some(call) = self.calls.lock().unwrap().get_mut(&number) {
            call.status = Some(status);
            call.ended = Some(Instant::now());
            if let Some(answer) = answer {
                call.answer = answer;
            }
        }
    }

    /// What is to go wrong with this call; ECS's rates count the calls that no injection befalls.
    fn take_fault(&self, incoming: &Incoming) -> Option<Fault> {
        let (service, operation) = (&incoming.service, &incoming.operation);
        let injected = fault::take(&mut self.injections.lock().unwrap(), incoming);
        injected.or_else(|| {
            let mut buckets = self.ecs_buckets.lock().unwrap();
            let buckets = buckets.as_mut().filter(|_| service == "ecs")?;
            (!buckets.take(operation, Instant::now())).then_some(Fault::Throttle)
        })
    }
}
