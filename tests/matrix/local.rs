//! A function in this process: its own handler, with clients that lead into the double, and a context made by hand.
//!
//! No function starts tasks of its own, so a dropped future is the whole of a process that is killed. The next invocation gets
//! new clients, as a new process would.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use double::clock;
use double::iam::Deployment;
use double::proxy::{Life, StackEar};
use lambda::owners::Owners;
use lambda::rack_settings::RackSettings;
use lambda::release_settings::ReleaseSettings;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use rig::function::hearing;
use rig::world::Access;
use rig::{Invocation, World};
use serde_json::Value;

/// The template's, of all functions here.
const TIMEOUT: Duration = Duration::from_mins(2);

/// One function with its settings.
pub struct Local {
    name: &'static str,
    settings: BTreeMap<String, String>,
    access: Access,
    process: RefCell<Option<Rc<Process>>>,
    ear: Option<StackEar>,
}

/// What lives from one invocation to the next.
struct Process {
    program: Program,
    life: Arc<Life>,
}

enum Program {
    Promote(Box<promote::Shell>),
    AppDeletion(Box<app_deletion::Shell>),
    FailureCount(Box<failure_count::Shell>),
    ProcessRun(Box<process_run::Shell>),
}

impl Local {
    /// A function of a World in memory, with some of its settings set differently.
    pub fn new(world: &World, name: &'static str, different: &[(&str, &str)]) -> Self {
        let settings = world.settings(different);
        world.proxy.expect(name, Deployment::of(&settings));
        let hears = ["promote", "app-deletion"].contains(&name);
        Self {
            name,
            settings: settings.into_iter().collect(),
            access: world.direct(name),
            process: RefCell::default(),
            ear: hears.then(|| world.proxy.stack_ear(name)),
        }
    }

    /// Ends the process, if it knows anything of the account that is gone back from. The others hold nothing but clients.
    pub fn forget(&self) {
        if self.name == "app-deletion" {
            self.end();
        }
    }

    /// The next invocation starts another process.
    fn end(&self) {
        self.process.take();
    }

    /// Invokes the function and delivers to it the ends of stack operations, as they would come to a real one.
    pub async fn invoke(&self, event: &Value) -> Invocation {
        match &self.ear {
            None => self.invoke_alone(event).await,
            Some(ear) => hearing(ear, event, async |event| self.invoke_alone(event).await).await,
        }
    }

    async fn invoke_alone(&self, event: &Value) -> Invocation {
        let process = self.process();
        let handled = process.program.handle(lambda_event(event.clone()));
        let ended = tokio::select! {
            biased;
            ended = tokio::time::timeout(TIMEOUT, Box::pin(handled)) => Some(ended),
            () = process.life.ended() => None,
        };
        let error = |error_type: &str, message: String| Invocation::Error {
            error_type: error_type.to_owned(),
            message,
        };
        match ended {
            Some(Ok(Ok(answer))) => Invocation::Answer(answer),
            Some(Ok(Err(said))) => error(&said.error_type, said.error_message),
            Some(Err(_)) => {
                self.end();
                error("Sandbox.Timedout", format!("no end within {TIMEOUT:?}"))
            }
            None => {
                self.end();
                error("Runtime.ExitError", "it was killed".to_owned())
            }
        }
    }

    fn process(&self) -> Rc<Process> {
        let mut process = self.process.borrow_mut();
        Rc::clone(process.get_or_insert_with(|| Rc::new(self.start())))
    }

    /// What `main` does.
    fn start(&self) -> Process {
        let life = Arc::default();
        let sdk = (self.access)(&life);
        let lookup = |name: &str| self.settings.get(name).cloned();
        let owners = || Owners::draw().unwrap();
        let program = match self.name {
            "promote" => {
                let config = promote::Config::from_lookup(lookup).unwrap();
                Program::Promote(Box::new(promote::Shell::new(
                    config,
                    &sdk,
                    owners(),
                    clock::now,
                )))
            }
            "app-deletion" => {
                let config = app_deletion::Config::from_lookup(lookup).unwrap();
                Program::AppDeletion(Box::new(app_deletion::Shell::new(
                    config,
                    &sdk,
                    owners(),
                    clock::now,
                )))
            }
            "failure-count" => {
                let config = RackSettings::from_lookup(lookup).unwrap();
                Program::FailureCount(Box::new(failure_count::Shell::new(
                    config,
                    &sdk,
                    clock::now,
                )))
            }
            "process-run" => {
                let config = ReleaseSettings::from_lookup(lookup).unwrap();
                Program::ProcessRun(Box::new(process_run::Shell::new(config, &sdk, clock::now)))
            }
            other => panic!("there is no function {other}"),
        };
        Process { program, life }
    }
}

impl Program {
    async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
        match self {
            Self::Promote(shell) => {
                let handled = Box::pin(promote::handle(shell, event)).await;
                handled.map_err(Diagnostic::from)
            }
            Self::AppDeletion(shell) => {
                let handled = Box::pin(app_deletion::handle(shell, event)).await;
                handled.map_err(Diagnostic::from)
            }
            Self::FailureCount(shell) => {
                let handled = Box::pin(failure_count::handle(shell, event)).await;
                handled.map_err(Diagnostic::from)
            }
            Self::ProcessRun(shell) => {
                let handled = Box::pin(process_run::handle(shell, event)).await;
                handled.map_err(Diagnostic::from)
            }
        }
    }
}

/// An event as the runtime would give it, with a request id of its own.
fn lambda_event(payload: Value) -> LambdaEvent<Value> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let ends = clock::now() + TimeDelta::from_std(TIMEOUT).unwrap_or_default();
    let mut context = Context::default();
    context.request_id = format!("00000000-0000-4000-9000-{number:012x}");
    context.deadline = u64::try_from(ends.timestamp_millis()).unwrap_or_default();
    LambdaEvent::new(payload, context)
}
