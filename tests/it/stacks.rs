//! The App's own stack: created before anything of a Release runs, waited for without a function that waits, and left alone
//! where nothing changes.

mod boundary;
mod copied;
mod deletion;
mod needs;
pub mod reach;
mod resources;
mod text;
mod waiting;

use std::collections::BTreeMap;

use rig::{Function, World};
use serde_json::Value;

use crate::app::{self, APP, YES};

const WEB: &str = "services: {web: {image: example/web:1, environment: [KEY]}}\n";

/// A World without ECS services of the App, and its promote.
async fn fresh(manifest: &str) -> (World, Function) {
    let (world, promote) = app::promoting_with(manifest, &[], YES).await;
    (world, promote)
}

/// Writes a Release with a manifest of its own and delivers S3's event; what came of that alone.
async fn upload(world: &World, promote: &Function, release: &str, manifest: &str) -> Value {
    app::write_manifest(world, release, manifest).await;
    let event = app::uploaded(world, release, &[("KEY", release)]).await;
    promote.invoke_alone(&event).await.answer()
}

/// The same, and whatever its stack does is heard of.
async fn promoted(world: &World, promote: &Function, release: &str, manifest: &str) -> Value {
    app::write_manifest(world, release, manifest).await;
    app::promote(world, promote, release, &[("KEY", release)]).await
}

/// The name of the App's stack.
pub fn stack_name(world: &World) -> String {
    rig::App::named(APP).stack(world)
}

/// The outputs of the App's stack.
pub async fn outputs(world: &World) -> BTreeMap<String, String> {
    let described = world.cloudformation.describe_stacks();
    let described = described.stack_name(stack_name(world)).send();
    let stack = described.await.unwrap().stacks.unwrap().remove(0);
    let outputs = stack.outputs.unwrap_or_default().into_iter();
    outputs
        .map(|output| (output.output_key.unwrap(), output.output_value.unwrap()))
        .collect()
}

/// The template of the App's stack.
pub async fn template(world: &World) -> Value {
    let read = world.cloudformation.get_template();
    let read = read.stack_name(stack_name(world)).send().await.unwrap();
    serde_json::from_str(read.template_body().unwrap()).unwrap()
}

/// The calls of promote that changed the App's stack: their operations, in order.
fn stack_writes(world: &World) -> Vec<String> {
    let mut calls = world.proxy.calls();
    calls.retain(|call| call.service == "cloudformation" && call.changes_something());
    calls.into_iter().map(|call| call.operation).collect()
}
