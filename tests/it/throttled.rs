//! A process that lives long and is throttled often.

use double::Fault;
use rig::Invocation;

use crate::app;

/// Calls that are throttled until they fail: more than the SDK's own budget of retries lasts for. It holds 500, a retry takes
/// five, and a call that fails in the end has taken 25.
const CALLS: usize = 26;
/// How often the last event is delivered, at most.
const DELIVERIES: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn what_ecs_throttles_is_tried_again_however_much_was_throttled_before() {
    let world = app::world().await;
    let function = world.start("promote", &[("TIME_SCALE", "0.03")]);
    let event = app::uploaded(&world, "R1", &[("DATABASE_URL", "first")]).await;
    let throttled = || Fault::Throttle.on("ecs", "DescribeClusters");
    for call in 1..=CALLS {
        world.inject(throttled());
        let ended = app::deliver(&function, &event).await;
        world.proxy.lift();
        assert!(
            matches!(ended, Invocation::Error { .. }),
            "call {call}: {ended:?}"
        );
    }
    // Whether the rest of the promote is in time does not matter: this scale leaves a busy machine 150 ms for an answer.
    for _ in 0..DELIVERIES {
        world.proxy.clear();
        world.inject(throttled().times(1));
        app::deliver(&function, &event).await;
        world.proxy.lift();
        let tries = world.proxy.count("ecs", "DescribeClusters");
        if tries > 0 {
            assert!(tries > 1, "ECS was not asked again");
            return;
        }
    }
    panic!("{DELIVERIES} deliveries, and none came to ask ECS");
}
