//! What one worker of a matrix has to itself: a World, and every function in it.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use double::clock;
use double::iam::Moment;
use rig::emulator::Emulator;
use rig::{Function, Invocation, World};
use serde_json::Value;

use super::app::App;
use super::local::Local;
use super::situation::Situation;

/// A World with its functions.
pub struct Rack {
    pub world: World,
    functions: Functions,
    /// What of the functions' settings is not as usual.
    settings: Cell<Settings>,
}

#[expect(clippy::large_enum_variant, reason = "a worker has one")]
enum Functions {
    /// The built programs under the runtime emulator, those that were started.
    Processes(RefCell<BTreeMap<Running, Rc<Function>>>),
    /// The handlers in this process, on an account in memory.
    Here {
        locals: RefCell<BTreeMap<Running, Rc<Local>>>,
        /// The account before anything.
        begin: OnceCell<Moment>,
        made: RefCell<BTreeMap<Situation, Rc<Made>>>,
    },
}

/// Variables that are set differently.
pub type Settings = &'static [(&'static str, &'static str)];

/// Which function runs here: its name, its limits, and what of its settings is not as usual.
type Running = (&'static str, bool, Settings);

/// A situation that was made once.
struct Made {
    app: App,
    event: Value,
    moment: Moment,
}

const NAMES: [&str; 4] = ["promote", "app-deletion", "failure-count", "process-run"];

/// A tenth, so that a call that hangs costs three seconds; Secrets Manager gets 1 s in all.
const QUICK: &str = "0.1";

/// A function of a Rack.
pub enum Program {
    Process(Rc<Function>),
    Here(Rc<Local>),
}

impl Program {
    pub async fn invoke(&self, event: &Value) -> Invocation {
        match self {
            Self::Process(function) => function.invoke(event).await,
            Self::Here(local) => local.invoke(event).await,
        }
    }
}

/// The settings that a function of this name gets everywhere.
fn settings(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "promote" | "process-run" => &[("SECRETS_MANAGER_ENV", "Yes")],
        _ => &[],
    }
}

impl Rack {
    /// The built programs, on an emulator.
    pub async fn of_processes(emulator: &Emulator) -> Self {
        let rack = Self {
            world: World::on(emulator).await,
            functions: Functions::Processes(RefCell::default()),
            settings: Cell::new(&[]),
        };
        // Each hears of stacks before anything begins.
        for name in NAMES {
            rack.usual(name);
            rack.quick(name);
        }
        rack
    }

    /// Everything in this process and in memory. Its thread's time is its own from now on.
    pub async fn in_memory() -> Self {
        clock::set(chrono::Utc::now());
        let world = World::in_memory().await;
        let rack = Self {
            functions: Functions::Here {
                locals: RefCell::default(),
                made: RefCell::default(),
                begin: OnceCell::new(),
            },
            settings: Cell::new(&[]),
            world,
        };
        if let Functions::Here { begin, .. } = &rack.functions {
            // Each is known to the judge, and hears of stacks, before anything begins.
            for name in NAMES {
                rack.usual(name);
            }
            let _ = begin.set(rack.world.proxy.moment().await);
        }
        rack
    }

    /// The function with the usual time limits.
    pub fn usual(&self, name: &str) -> Program {
        self.program(name, false)
    }

    /// The one that runs out of time quickly.
    pub fn quick(&self, name: &str) -> Program {
        self.program(name, true)
    }

    fn program(&self, name: &str, is_quick: bool) -> Program {
        let (name, different) = (NAMES[number(name)], self.settings.get());
        let running = (name, is_quick, different);
        let scale = if is_quick { QUICK } else { "1" };
        let settings = [settings(name), &[("TIME_SCALE", scale)], different].concat();
        match &self.functions {
            Functions::Processes(started) => {
                let mut started = started.borrow_mut();
                let start = || Rc::new(self.world.start(name, &settings));
                let process = started.entry(running).or_insert_with(start);
                Program::Process(Rc::clone(process))
            }
            Functions::Here { locals, .. } => {
                let mut locals = locals.borrow_mut();
                let make = || Rc::new(Local::new(&self.world, name, &settings));
                let local = locals.entry(running).or_insert_with(make);
                Program::Here(Rc::clone(local))
            }
        }
    }

    /// The situation, for the case of this number, and the event that comes then. In memory it is made once, and gone back to.
    pub async fn situation(&self, situation: Situation, number: usize) -> (App, Value) {
        let Functions::Here { made, .. } = &self.functions else {
            let app = App::named(&format!("a{number}"));
            self.settings.set(situation.scenario.settings());
            let event = situation.prepare(self, &app).await;
            self.settings.set(situation.settings());
            return (app, event);
        };
        let known = made.borrow().get(&situation).cloned();
        let known = if let Some(known) = known {
            known
        } else {
            let new = Rc::new(self.make(situation).await);
            made.borrow_mut().insert(situation, Rc::clone(&new));
            new
        };
        self.go_back(&known.moment).await;
        self.settings.set(situation.settings());
        (known.app.clone(), known.event.clone())
    }

    async fn make(&self, situation: Situation) -> Made {
        if let Functions::Here { begin, .. } = &self.functions {
            self.settings.set(situation.scenario.settings());
            self.go_back(begin.get().expect("it was set at once")).await;
        }
        let app = situation.app(&self.world);
        let event = situation.prepare(self, &app).await;
        let moment = self.world.proxy.moment().await;
        Made { app, event, moment }
    }

    async fn go_back(&self, moment: &Moment) {
        if let Functions::Here { locals, .. } = &self.functions {
            // What a call that nobody waits for any more still does belongs to the case before.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            locals.borrow().values().for_each(|local| local.forget());
            self.world.proxy.go_back(moment).await;
        }
    }

    /// Ends a case: what its functions did is judged; on processes, that comes with the end of the World.
    pub fn judge(&self) {
        if let Functions::Here { .. } = &self.functions {
            self.world.proxy.judge();
        }
    }
}

fn number(name: &str) -> usize {
    let number = NAMES.iter().position(|known| *known == name);
    number.unwrap_or_else(|| panic!("there is no function {name}"))
}
