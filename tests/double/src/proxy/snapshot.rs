//! An account as it is at one moment, to go back to.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::memory::State;
use super::rules::{Commands, Creations, Draining, Gateways, Rebalancing, Rollouts, Runs, Shifts};
use super::{Call, Proxy};
use crate::secrets::SecretStore;
use crate::stacks::StackTable;

/// All that a proxy without an emulator knows.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    memory: State,
    calls: BTreeMap<usize, Call>,
    secrets: SecretStore,
    ciphertexts: HashMap<String, String>,
    creations: Creations,
    draining: Draining,
    rebalancing: Rebalancing,
    rollouts: Rollouts,
    shifts: Shifts,
    gateways: Gateways,
    runs: Runs,
    refused_tasks: Option<String>,
    commands: Commands,
    stacks: StackTable,
    instances: Vec<Value>,
}

impl Proxy {
    /// The account as it is.
    ///
    /// # Panics
    ///
    /// Where an emulator stands behind the proxy: that cannot be copied.
    pub(crate) async fn snapshot(&self) -> Snapshot {
        let shared = &self.shared;
        let creations = shared.creations.lock().await.clone();
        let runs = shared.runs.lock().await.clone();
        Snapshot {
            memory: self.memory().snapshot(),
            calls: shared.calls.lock().unwrap().clone(),
            secrets: shared.secrets.lock().unwrap().clone(),
            ciphertexts: shared.ciphertexts.lock().unwrap().clone(),
            creations,
            draining: shared.draining.lock().unwrap().clone(),
            rebalancing: shared.rebalancing.lock().unwrap().clone(),
            rollouts: shared.rollouts.lock().unwrap().clone(),
            shifts: shared.shifts.lock().unwrap().clone(),
            gateways: shared.gateways.lock().unwrap().clone(),
            runs,
            refused_tasks: shared.refused_tasks.lock().unwrap().clone(),
            commands: shared.commands.lock().unwrap().clone(),
            stacks: shared.stacks.lock().unwrap().clone(),
            instances: shared.instances.lock().unwrap().clone(),
        }
    }

    /// Goes back to the account as it was; ends all injections.
    pub(crate) async fn restore(&self, snapshot: &Snapshot) {
        let (shared, then) = (&self.shared, snapshot.clone());
        self.lift();
        self.memory().restore(&then.memory);
        *shared.calls.lock().unwrap() = then.calls;
        *shared.secrets.lock().unwrap() = then.secrets;
        *shared.ciphertexts.lock().unwrap() = then.ciphertexts;
        *shared.creations.lock().await = then.creations;
        *shared.draining.lock().unwrap() = then.draining;
        *shared.rebalancing.lock().unwrap() = then.rebalancing;
        *shared.rollouts.lock().unwrap() = then.rollouts;
        *shared.shifts.lock().unwrap() = then.shifts;
        *shared.gateways.lock().unwrap() = then.gateways;
        *shared.runs.lock().await = then.runs;
        *shared.refused_tasks.lock().unwrap() = then.refused_tasks;
        *shared.commands.lock().unwrap() = then.commands;
        *shared.stacks.lock().unwrap() = then.stacks;
        *shared.instances.lock().unwrap() = then.instances;
    }

    fn memory(&self) -> &super::memory::Memory {
        let memory = self.shared.upstream.memory();
        memory.expect("only an account in memory can be copied")
    }
}
