//! failure-count in the schedules: its real way, over the model's store and bus.

use lambda::counting;
use names::{AppId, AppName, RackName};
use promotion::failures::Failures;

use super::store::{Access, Sim};

pub fn id() -> AppId {
    AppId {
        rack: RackName::new("rack").unwrap(),
        app: AppName::new("shop").unwrap(),
    }
}

/// One invocation; whether it succeeded.
pub async fn count(access: &Access, id: &AppId) -> bool {
    counting::count(access, access, id).await.is_ok()
}

pub fn failures(sim: &Sim) -> Failures {
    sim.state("apps/shop/state/failures.json")
}

pub fn is_behind(sim: &Sim) -> bool {
    failures(sim).is_behind(&sim.promotion().outcomes)
}
