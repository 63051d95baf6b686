//! A process that lives long and is throttled often.

use integration_tests::{Fault, Invocation};

use crate::app::{self, APP};

/// More throttled calls than the SDK's own budget of retries lasts for: 500, of which a retry takes five and a call that
/// fails in the end has taken 25.
const CALLS: usize = 26;
/// How often promote tries a call of ECS.
const ATTEMPTS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn what_ecs_throttles_is_tried_as_often_after_many_throttled_calls_as_at_first() {
    let world = app::world().await;
    let function = world.start("promote", &[("TIME_SCALE", "0.03")]);
    let version = world.put_env(APP, "R1", &[("DATABASE_URL", "first")]).await;
    let event = app::written(&world, "R1", &version);
    for call in 1..=CALLS {
        world.proxy.clear();
        let throttled = Fault::Throttle.on("ecs", "DescribeClusters");
        world.proxy.inject(throttled.times(ATTEMPTS));
        let ended = app::deliver(&function, &event).await;
        assert!(
            matches!(ended, Invocation::Error { .. }),
            "call {call}: {ended:?}"
        );
        let tries = world.proxy.count("ecs", "DescribeClusters");
        assert_eq!(tries, ATTEMPTS, "call {call}");
    }
    let report = function.invoke(&event).await.answer();
    assert_eq!(report["status"], "promoted", "{report:#}");
}
