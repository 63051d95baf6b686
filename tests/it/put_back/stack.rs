//! The App's stack is never put back, and a promote that failed says so.

use double::Fault;

use super::{YES, assert_failed, says};
use crate::app;
use crate::stacks::template;

const WEB: &str = "services:\n  web:\n    image: a\n    environment: [DATABASE_URL]\n";

#[tokio::test]
async fn a_stack_that_stays_as_the_failed_release_made_it_is_named_and_the_next_promote_changes_it()
{
    let (world, function) = app::promoting_with(WEB, &[], YES).await;
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "applied")]).await;
    let (before, web) = (template(&world).await, app::running(&world, "web").await);
    let manifest = format!(
        "{WEB}    policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess']\n\
         timers:\n  one:\n    schedule: '0 3 * * ?'\n    command: c\n    service: web\n"
    );
    app::write_manifest(&world, "R2", manifest).await;
    world.inject(Fault::DENIED.on("events", "PutRule").times(1));
    let answer = app::promote(&world, &function, "R2", &[("DATABASE_URL", "failed")]).await;
    world.proxy.lift();
    assert_failed(&world, &answer, "AccessDeniedException", "stack").await;
    assert_eq!(app::running(&world, "web").await, web);
    assert_ne!(template(&world).await, before);
    for part in [
        "what was changed is back at Release R1",
        "with its resources, is not put back",
        "UPDATE_COMPLETE",
    ] {
        assert!(says(&answer, part), "{part}: {answer:#}");
    }
    let state = app::state(&world).await;
    assert!(state["desired"]["unrestored"].is_null(), "{state:#}");

    let answer = app::asked(&world, &function, "R1", "request-1", 1).await;
    assert_eq!(answer["status"], "promoted", "{answer:#}");
    assert_eq!(template(&world).await, before);
}
