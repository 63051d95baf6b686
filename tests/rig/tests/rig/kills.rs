//! The function is killed before or after a call, by nothing but the call.

use double::Fault;
use rig::{Function, Invocation, World};
use serde_json::{Value, json};

use super::function::bootstrap;

fn start(world: &World, folder: &tempfile::TempDir) -> Function {
    Function::start_program(&bootstrap(folder), &world.settings(&[]), 20)
}

/// The event that makes the function create a secret.
fn create(name: &str) -> Value {
    let token = "1".repeat(32);
    let body = json!({"Name": name, "SecretString": "1", "ClientRequestToken": token});
    json!({"call": ["secretsmanager", "secretsmanager.CreateSecret", body]})
}

async fn exists(world: &World, name: &str) -> bool {
    let describe = world.secrets_manager.describe_secret().secret_id(name);
    describe.send().await.is_ok()
}

fn was_killed(invocation: &Invocation) -> bool {
    matches!(invocation, Invocation::Error { error_type, .. } if error_type == "Runtime.ExitError")
}

#[tokio::test]
async fn a_kill_comes_before_or_after_the_effect_and_the_next_invocation_works() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let function = start(&world, &folder);
    for round in 0..3 {
        for (kill, effect) in [(Fault::KillBefore, false), (Fault::KillAfter, true)] {
            let name = format!("{kill:?}-{round}");
            world.proxy.clear();
            let kill = kill.on("secretsmanager", "CreateSecret").times(1);
            world.inject(kill);
            let killed = function.invoke(&create(&name)).await;
            assert!(was_killed(&killed), "{name}: {killed:?}");
            assert_eq!(exists(&world, &name).await, effect, "{name}");
            assert_eq!(world.proxy.calls()[0].status, None, "{name}");
            let again = function.invoke(&create(&name)).await.answer();
            assert_eq!(again["Name"], name.as_str());
            assert_eq!(world.proxy.count("secretsmanager", "CreateSecret"), 2);
        }
    }
}

#[tokio::test]
async fn of_two_functions_behind_one_door_only_the_caller_is_killed() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (start(&world, &folder), start(&world, &folder));
    let ping = json!({"answer": "alive"});
    assert_eq!(other.invoke(&ping).await.answer(), "alive");
    world.inject(Fault::KillBefore.on_any_call().times(1));
    let killed = one.invoke(&create("r/a")).await;
    assert!(was_killed(&killed), "{killed:?}");
    let started = |function: &Function| {
        let output = function.output();
        output.matches("printed by the function").count()
    };
    assert_eq!(other.invoke(&ping).await.answer(), "alive");
    assert_eq!((started(&one), started(&other)), (1, 2));
}

#[tokio::test]
async fn a_kill_at_one_of_many_calls_spares_those_before() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let function = start(&world, &folder);
    let kill = Fault::KillBefore.on_any_call().after(2).times(1);
    world.inject(kill);
    for (name, killed) in [("a", false), ("b", false), ("c", true), ("d", false)] {
        let ended = function.invoke(&create(name)).await;
        assert_eq!(was_killed(&ended), killed, "{name}: {ended:?}");
    }
}
