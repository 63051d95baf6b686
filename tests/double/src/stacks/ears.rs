//! The functions that hear of ended operations: each kind has its own queue, as the rules of the template give it.

use std::collections::VecDeque;

use serde_json::Value;

use super::StackTable;

/// The queue of one function, however many copies of it run.
#[derive(Debug, Clone, Default)]
pub(super) struct Ear {
    pub(super) unheard: VecDeque<End>,
    /// How many invocations of the function are under way.
    busy: usize,
}

/// An operation that has ended.
#[derive(Debug, Clone)]
pub struct End {
    /// The App of the stack, by its tag.
    pub app: Option<String>,
    /// As `EventBridge` has it.
    pub event: Value,
}

impl StackTable {
    /// From now on the function hears.
    pub(crate) fn listen(&mut self, function: &str) {
        self.ears.entry(function.to_owned()).or_default();
    }

    /// An invocation of the function begins.
    pub(crate) fn enter(&mut self, function: &str) {
        self.ear(function).busy += 1;
    }

    /// It has ended.
    pub(crate) fn leave(&mut self, function: &str) {
        self.ear(function).busy -= 1;
    }

    /// The next end that is for an invocation of the function, which waits for `app` or for nothing.
    ///
    /// While others are under way, what does not concern this one is left to them: an operation is most likely theirs.
    pub(crate) fn hear(&mut self, function: &str, app: Option<&str>) -> Option<End> {
        let ear = self.ear(function);
        let concerns = |end: &End| app.is_some() && end.app.as_deref() == app;
        let place = match ear.busy {
            0 => (!ear.unheard.is_empty()).then_some(0),
            _ => ear.unheard.iter().position(concerns),
        };
        ear.unheard.remove(place?)
    }

    /// Something else has ended that the function hears of, if it does.
    pub(crate) fn tell(&mut self, function: &str, end: End) {
        if let Some(ear) = self.ears.get_mut(function) {
            ear.unheard.push_back(end);
        }
    }

    /// It was not heard: the next invocation gets it first.
    pub(crate) fn put_back(&mut self, function: &str, end: End) {
        self.ear(function).unheard.push_front(end);
    }

    fn ear(&mut self, function: &str) -> &mut Ear {
        self.ears.entry(function.to_owned()).or_default()
    }
}
