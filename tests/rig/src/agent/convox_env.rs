//! The container's entrypoint on the S3 path: the real `convox-env`, asked what it would hand to the App.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::{Agent, Entrypoint, LaunchFailure, Origin, Variable, entrypoint};

type Variables = BTreeMap<String, Variable>;

/// Runs it when `CONVOX_ENV_URL` is there; what it puts in or changes then comes from it.
pub(super) async fn run(agent: &Agent, variables: Variables) -> Result<Variables, LaunchFailure> {
    if !variables.contains_key("CONVOX_ENV_URL") {
        return Ok(variables);
    }
    match &agent.convox_env {
        Entrypoint::Built(program) => run_program(agent, program, variables).await,
        Entrypoint::Model(kms) => entrypoint::run(agent, kms, variables).await,
    }
}

async fn run_program(
    agent: &Agent,
    program: &Path,
    variables: Variables,
) -> Result<Variables, LaunchFailure> {
    let own = variables
        .iter()
        .map(|(name, variable)| (name, &variable.value));
    let output = Command::new(program)
        .args(["/usr/bin/env", "-0"])
        .env_clear()
        .envs(&agent.access)
        .envs(own) // what the task sets itself is not replaced by the rig's access
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| LaunchFailure(format!("cannot run {}: {error}", program.display())))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(LaunchFailure(format!(
            "convox-env ended with {}: {said}",
            output.status
        )));
    }
    let listed = String::from_utf8_lossy(&output.stdout);
    let pairs = listed
        .split_terminator('\0')
        .filter_map(|pair| pair.split_once('='));
    Ok(pairs
        .filter(|(name, value)| variables.contains_key(*name) || !is_access(agent, name, value))
        .map(|(name, value)| (name.to_owned(), attribute(name, value, &variables)))
        .collect())
}

fn is_access(agent: &Agent, name: &str, value: &str) -> bool {
    agent.access.get(name).is_some_and(|added| added == value)
}

fn attribute(name: &str, value: &str, before: &Variables) -> Variable {
    match before.get(name) {
        Some(variable) if variable.value == value => variable.clone(),
        _ => Variable {
            value: value.to_owned(),
            origin: Origin::ConvoxEnv,
        },
    }
}
