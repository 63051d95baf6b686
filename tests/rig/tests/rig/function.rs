//! A function under the runtime emulator, played by a small Python program that speaks the Runtime API.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rig::{Function, Invocation, World};
use serde_json::json;

const BOOTSTRAP: &str = include_str!("bootstrap.py");
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../.venv/emulator/bin/python3"
);

pub fn bootstrap(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("bootstrap");
    fs::write(&path, format!("#!{PYTHON}\n{BOOTSTRAP}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn error(error_type: &str, invocation: &Invocation) -> bool {
    matches!(invocation, Invocation::Error { error_type: got, .. } if got == error_type)
}

#[tokio::test]
async fn answers_errors_exits_and_time_outs_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let function = Function::start_program(&bootstrap(&folder), &[], 2);
    let report = json!({"status": "failed", "errorType": "BadManifest"});
    for _ in 0..2 {
        let answered = function.invoke(&json!({"answer": report})).await;
        assert_eq!(answered, Invocation::Answer(report.clone()));
    }
    let failed = function.invoke(&json!({"error": "ReadRelease"})).await;
    let (error_type, message) = ("ReadRelease".to_owned(), "as asked".to_owned());
    assert_eq!(
        failed,
        Invocation::Error {
            error_type,
            message
        }
    );
    let ended = function.invoke(&json!({"exit": 1})).await;
    assert!(error("Runtime.ExitError", &ended), "{ended:?}");
    let late = function.invoke(&json!({"hang": true})).await;
    assert!(error("Sandbox.Timedout", &late), "{late:?}");
    let answered = function.invoke(&json!({"answer": 1})).await;
    assert_eq!(
        answered,
        Invocation::Answer(json!(1)),
        "it is started anew after a time-out"
    );
    assert!(function.output().contains("printed by the function"));
}

#[tokio::test]
async fn a_function_gets_the_settings_of_its_world_and_nothing_of_ours() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let settings = world.settings(&[
        ("SECRETS_MANAGER_ENV", "Yes"),
        ("SUBNETS", ""),
        ("ADDED", "1"),
    ]);
    let function = Function::start_program(&bootstrap(&folder), &settings, 5);
    let env = function
        .invoke(&json!({"environment": true}))
        .await
        .answer();
    assert_eq!(env["RACK"], world.rack.as_str());
    assert_eq!(env["AWS_ENDPOINT_URL"], world.proxy.endpoint());
    assert_eq!(
        (&env["SECRETS_MANAGER_ENV"], &env["ADDED"]),
        (&json!("Yes"), &json!("1"))
    );
    assert!(
        env["SUBNETS"].is_null() && env["CARGO"].is_null() && env["HOME"].is_null(),
        "{env}"
    );
}
