//! failure-count is killed before and after every call that it makes, and the event delivered again.

use std::collections::BTreeSet;

use double::Fault;
use rig::{Function, Invocation, World};
use serde_json::Value;

use super::launches::{NO_KEY, completed, register, stopped};
use super::{deliver, failures, hint, put_rows, start, told};

/// What is delivered; each decides an event.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Hint,
    LaunchFailed,
    Deployed,
}

/// An App that waits for the event of this kind.
async fn prepare(world: &World, function: &Function, app: &str, kind: Kind) -> Value {
    put_rows(world, app, "f").await;
    deliver(function, &hint(world, app, 1)).await;
    let definition = register(world, app, "R1", &world.rack).await;
    let stop = stopped(world, &definition, "task-1", 10, NO_KEY);
    match kind {
        Kind::Hint => {
            put_rows(world, app, "fff").await;
            hint(world, app, 3)
        }
        Kind::LaunchFailed => stop,
        Kind::Deployed => {
            deliver(function, &stop).await;
            completed(world, app, "web", "deployment", 20)
        }
    }
}

/// How the App stands, with its name taken out.
async fn stands(world: &World, app: &str) -> String {
    let failures = failures(world, app).await.unwrap();
    failures.to_string().replace(app, "APP")
}

/// The number of calls that the event takes.
async fn every_call_is_survived(kind: Kind) -> usize {
    let world = World::new().await;
    let function = start(&world);
    let event = prepare(&world, &function, "spared", kind).await;
    deliver(&function, &event).await;
    let (want, all) = (stands(&world, "spared").await, told(&world, "spared"));
    for calls in 0.. {
        for (moment, kill) in [("before", Fault::KillBefore), ("after", Fault::KillAfter)] {
            let app = format!("{moment}-{calls}");
            let event = prepare(&world, &function, &app, kind).await;
            world.inject(kill.on_any_call().after(calls).times(1));
            let ended = function.invoke(&event).await;
            world.proxy.lift();
            if let Invocation::Answer(_) = ended {
                return calls;
            }
            assert!(
                matches!(&ended, Invocation::Error { error_type, .. } if error_type == "Runtime.ExitError"),
                "{app}: {ended:?}"
            );
            for case in ["delivered again", "and again"] {
                deliver(&function, &event).await;
                assert_eq!(stands(&world, &app).await, want, "{app}, {case}");
                // An event may come twice, not never, and none that was not decided.
                let told: BTreeSet<String> = told(&world, &app).into_iter().collect();
                assert_eq!(told, all.iter().cloned().collect(), "{app}, {case}");
            }
        }
    }
    unreachable!("it makes no end of calls")
}

#[tokio::test]
async fn a_hint_survives_a_kill_at_every_call() {
    let calls = every_call_is_survived(Kind::Hint).await;
    assert_eq!(calls, 5, "read, read, write, send, write");
}

#[tokio::test]
async fn a_launch_failure_survives_a_kill_at_every_call() {
    let calls = every_call_is_survived(Kind::LaunchFailed).await;
    assert_eq!(calls, 6, "describe, read, read, write, send, write");
}

#[tokio::test]
async fn a_complete_deployment_survives_a_kill_at_every_call() {
    let calls = every_call_is_survived(Kind::Deployed).await;
    assert_eq!(calls, 5, "read, read, write, send, write");
}
