//! Settings of a Rack that change under Apps which run: they reach what stands with the next promote, whole.

mod cluster;
mod keys;
mod network;

use rig::World;
use serde_json::Value;

use crate::app::{self, APP};

/// What the execution role of the App may decrypt secrets with.
async fn secret_keys(world: &World) -> Value {
    let template = crate::stacks::template(world).await;
    let role = &template["Resources"]["ExecutionRole"]["Properties"];
    let statements = role["Policies"][0]["PolicyDocument"]["Statement"].as_array();
    let mut statements = statements.unwrap().iter();
    let decrypt = statements.find(|one| one["Sid"] == "DecryptSecrets");
    decrypt.map_or(Value::Null, |decrypt| decrypt["Resource"].clone())
}

/// Changes the App's state by hand.
pub async fn edit_state(world: &World, edit: impl FnOnce(&mut Value)) {
    let mut state = app::state(world).await;
    edit(&mut state);
    let key = format!("apps/{APP}/state/promotion.json");
    world.put(&key, state.to_string()).await;
}
