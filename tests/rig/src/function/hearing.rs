//! A function that hears when operations on stacks have ended, as the template's rule and its queue would tell it.
//!
//! After each invocation the operations that are not held end, and the same function gets their events.

use double::proxy::StackEar;
use serde_json::Value;

use super::{Function, Invocation};

/// More ends than that after one invocation are a function that goes round in circles. A kind of function that is invoked
/// seldom hears of all Apps first.
const ENDS_MAX: usize = 1000;

impl Function {
    /// The same function, hearing.
    #[must_use]
    pub fn hearing(self, ear: StackEar) -> Self {
        let ear = Some(ear);
        Self { ear, ..self }
    }

    /// Invokes the function, then delivers to it the ends of stack operations that are not held.
    ///
    /// Where its answer is `waiting`, the answer to the last delivery about the same App that had work to do counts instead.
    /// A delivery that fails is made again at the next call. Calls at the same time take turns.
    pub async fn invoke(&self, event: &Value) -> Invocation {
        match &self.ear {
            None => self.invoke_alone(event).await,
            Some(ear) => hearing(ear, event, async |event| self.invoke_alone(event).await).await,
        }
    }
}

/// Invokes any function that hears, with `invoke`, as [`Function::invoke`] does.
///
/// # Panics
///
/// When the function begins new operations without end.
pub async fn hearing(
    ear: &StackEar,
    event: &Value,
    invoke: impl AsyncFn(&Value) -> Invocation,
) -> Invocation {
    let busy = ear.enter();
    let answered = invoke(event).await;
    drop(busy);
    let waits = answered.is_waiting();
    let app = answered.app().filter(|_| waits);
    let mut last = answered;
    for _ in 0..ENDS_MAX {
        let Some(end) = ear.hear(app.as_deref()) else {
            return last;
        };
        let heard = invoke(&end.event).await;
        let concerns = waits && (app.is_none() || end.app == app) && !heard.is_idle();
        let failed = matches!(heard, Invocation::Error { .. });
        if failed {
            ear.put_back(end);
        }
        if concerns {
            last = heard;
        }
        if failed {
            return last;
        }
    }
    panic!("the function begins a new operation at each of {ENDS_MAX} ends")
}

impl Invocation {
    /// Whether nothing was left to do, as at the end of an older operation.
    fn is_idle(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer["status"] == "idle")
    }

    fn is_waiting(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer["status"] == "waiting")
    }

    fn app(&self) -> Option<String> {
        match self {
            Self::Answer(answer) => answer["app"].as_str().map(str::to_owned),
            Self::Error { .. } => None,
        }
    }
}
