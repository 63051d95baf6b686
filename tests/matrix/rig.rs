//! A World with every function twice: with the usual time limits, and with a tenth of them.

use integration_tests::emulator::Emulator;
use integration_tests::{Function, World};

/// What one worker of a matrix has to itself.
pub struct Rig {
    pub world: World,
    usual: Functions,
    quick: Functions,
}

struct Functions {
    promote: Function,
    app_deletion: Function,
    failure_count: Function,
    process_run: Function,
}

/// A tenth, so that a call that hangs costs three seconds; Secrets Manager gets 1 s in all.
const QUICK: &str = "0.1";

impl Rig {
    pub async fn new(emulator: &Emulator) -> Self {
        let world = World::on(emulator).await;
        let start = |scale: &str| {
            let settings = [("TIME_SCALE", scale)];
            let promote = [settings[0], ("SECRETS_MANAGER_ENV", "Yes")];
            Functions {
                promote: world.start("promote", &promote),
                app_deletion: world.start("app-deletion", &settings),
                failure_count: world.start("failure-count", &settings),
                process_run: world.start("process-run", &promote),
            }
        };
        let (usual, quick) = (start("1"), start(QUICK));
        Self {
            world,
            usual,
            quick,
        }
    }

    /// The function with the usual time limits.
    pub fn usual(&self, name: &str) -> &Function {
        self.usual.named(name)
    }

    /// The one that runs out of time quickly.
    pub fn quick(&self, name: &str) -> &Function {
        self.quick.named(name)
    }
}

impl Functions {
    fn named(&self, name: &str) -> &Function {
        match name {
            "promote" => &self.promote,
            "app-deletion" => &self.app_deletion,
            "failure-count" => &self.failure_count,
            "process-run" => &self.process_run,
            other => panic!("there is no function {other}"),
        }
    }
}
