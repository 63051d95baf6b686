//! What the load balancer knows: the stacks' groups and rules, the targets and how they do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use double::unique;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::health::{self, Course, Health};
use super::rules::{Check, Refused, Rendered, Rule};

/// A target of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) stack: String,
    pub(super) group: String,
    pub(super) target: SocketAddr,
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// No rule takes it.
    Default,
    /// Its group has no target that can have it.
    Nobody,
    /// What this stand-in does not speak.
    NotSpokenHere,
    /// There, and what the client is to come back with.
    To {
        target: SocketAddr,
        cookie: Option<String>,
    },
}

#[derive(Debug)]
pub(super) struct Board {
    /// How long a second of health checks is.
    pub(super) second: Duration,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    stacks: BTreeMap<String, Stack>,
    /// Requests so far: whose turn it is.
    requests: usize,
}

#[derive(Debug, Default)]
struct Stack {
    rendered: Rendered,
    /// By group.
    targets: BTreeMap<String, Vec<Target>>,
}

#[derive(Debug)]
struct Target {
    address: SocketAddr,
    course: Course,
    /// What the cookie of a client that is to come back here has.
    token: String,
    checks: AbortHandle,
}

impl Drop for Target {
    fn drop(&mut self) {
        self.checks.abort();
    }
}

impl Board {
    pub(super) fn new(second: Duration) -> Self {
        Self {
            second,
            state: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Source: API reference, `CreateRule`, `PriorityInUse`.
    pub(super) fn follow(&self, name: &str, rendered: Rendered) -> Result<(), Refused> {
        let mut state = self.state();
        let others = state.stacks.iter().filter(|(other, _)| *other != name);
        let standing = others
            .flat_map(|(other, stack)| stack.rendered.rules.iter().map(move |rule| (other, rule)));
        for (other, standing) in standing {
            let key = |rule: &Rule| (rule.listener.clone(), rule.priority);
            if let Some(rule) = rendered
                .rules
                .iter()
                .find(|rule| key(rule) == key(standing))
            {
                let (id, priority) = (&rule.id, rule.priority);
                let why = format!("{id}: Priority '{priority}' is currently in use by {other}");
                return Err(Refused(why));
            }
        }
        let stack = state.stacks.entry(name.to_owned()).or_default();
        stack
            .targets
            .retain(|group, _| rendered.groups.contains_key(group));
        stack.rendered = rendered;
        drop(state);
        self.changed.send_replace(());
        Ok(())
    }

    pub(super) fn forget(&self, name: &str) {
        self.state().stacks.remove(name);
        self.changed.send_replace(());
    }

    pub(super) fn register(self: &Arc<Self>, stack: &str, group: &str, target: SocketAddr) {
        let place = Place {
            stack: stack.to_owned(),
            group: group.to_owned(),
            target,
        };
        let mut state = self.state();
        let known = state.stacks.get_mut(stack);
        let known = known.filter(|stack| stack.rendered.groups.contains_key(group));
        let known =
            known.unwrap_or_else(|| panic!("the stack {stack} has no target group {group}"));
        let targets = known.targets.entry(group.to_owned()).or_default();
        targets.retain(|other| other.address != target);
        // It asks for the lock first thing.
        let checks = tokio::spawn(health::watch(Arc::clone(self), place)).abort_handle();
        targets.push(Target {
            address: target,
            course: Course::NEW,
            token: unique::word(32),
            checks,
        });
    }

    pub(super) fn deregister(&self, stack: &str, group: &str, target: SocketAddr) {
        if let Some(targets) = self.state().targets(stack, group) {
            targets.retain(|other| other.address != target);
        }
        self.changed.send_replace(());
    }

    pub(super) fn health(&self, stack: &str, group: &str, target: SocketAddr) -> Option<Health> {
        let mut state = self.state();
        let mut targets = state.targets(stack, group)?.iter();
        let found = targets.find(|other| other.address == target)?;
        Some(found.course.health)
    }

    /// How the target is to be checked; none when it is registered no more.
    pub(super) fn check(&self, place: &Place) -> Option<Check> {
        let mut state = self.state();
        state.target(place)?;
        let stack = state.stacks.get(&place.stack)?;
        Some(stack.rendered.groups.get(&place.group)?.check.clone())
    }

    /// A check has come to its end.
    pub(super) fn told(&self, place: &Place, is_good: bool) {
        let Some(check) = self.check(place) else {
            return;
        };
        let mut state = self.state();
        if let Some(target) = state.target(place) {
            target.course = target.course.after(is_good, &check);
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Where a connection to a port of a stack's own load balancer goes; none where nobody can have it.
    pub(super) fn connection(
        &self,
        stack: &str,
        load_balancer: &str,
        port: u16,
    ) -> Option<SocketAddr> {
        let mut state = self.state();
        state.requests += 1;
        let turn = state.requests;
        let stack = state.stacks.get(stack)?;
        let mut streams = stack.rendered.streams.iter();
        let stream = streams.find(|it| it.load_balancer == load_balancer && it.port == port)?;
        let able = able(stack.targets.get(&stream.group)?);
        let place = turn.checked_rem(able.len())?;
        Some(able.get(place)?.address)
    }

    /// Where a request to `host` goes that has these cookies of ours.
    pub(super) fn route(&self, listener: &str, host: &str, cookies: &[String]) -> Route {
        let mut state = self.state();
        state.requests += 1;
        let turn = state.requests;
        let rules = state.stacks.values().flat_map(|stack| {
            let rules = stack.rendered.rules.iter();
            rules.map(move |rule| (stack, rule))
        });
        let taking = rules.filter(|(_, rule)| rule.listener == listener && rule.takes(host));
        let Some((stack, rule)) = taking.min_by_key(|(_, rule)| rule.priority) else {
            return Route::Default;
        };
        let Some(name) = weighed(&rule.groups, turn) else {
            return Route::Nobody;
        };
        let group = &stack.rendered.groups[name];
        if !group.is_plain {
            return Route::NotSpokenHere;
        }
        let targets = stack.targets.get(name).map_or(&[][..], Vec::as_slice);
        let able = able(targets);
        let came_back = able.iter().find(|target| cookies.contains(&target.token));
        let came_back = came_back.filter(|_| group.is_sticky);
        let chosen = match (came_back, able.len()) {
            (Some(target), _) => target,
            (None, 0) => return Route::Nobody,
            (None, count) => &able[turn % count],
        };
        Route::To {
            target: chosen.address,
            cookie: group.is_sticky.then(|| chosen.token.clone()),
        }
    }
}

impl State {
    fn targets(&mut self, stack: &str, group: &str) -> Option<&mut Vec<Target>> {
        self.stacks.get_mut(stack)?.targets.get_mut(group)
    }

    fn target(&mut self, place: &Place) -> Option<&mut Target> {
        let targets = self.targets(&place.stack, &place.group)?.iter_mut();
        let mut found = targets.filter(|target| target.address == place.target);
        found.next()
    }
}

/// Who can have a request: the healthy ones, and where all are unhealthy all of them, since something is better than nothing.
///
/// Source: user guide, "Health checks for your target groups": it fails open.
fn able(targets: &[Target]) -> Vec<&Target> {
    let with = |health: Health| -> Vec<&Target> {
        let targets = targets.iter();
        targets
            .filter(|target| target.course.health == health)
            .collect()
    };
    let healthy = with(Health::Healthy);
    let unhealthy = with(Health::Unhealthy);
    if healthy.is_empty() && unhealthy.len() == targets.len() {
        return unhealthy;
    }
    healthy
}

/// The group whose turn it is, by weight.
fn weighed(groups: &[(String, u32)], turn: usize) -> Option<&str> {
    let sum: usize = groups.iter().map(|(_, weight)| *weight as usize).sum();
    let mut place = turn.checked_rem(sum)?;
    for (group, weight) in groups {
        match place.checked_sub(*weight as usize) {
            Some(behind) => place = behind,
            None => return Some(group),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_get_requests_by_their_weight() {
        let groups = [("blue", 3), ("green", 1), ("grey", 0)];
        let groups = groups.map(|(group, weight)| (group.to_owned(), weight));
        let chosen = (0..8).filter_map(|turn| weighed(&groups, turn));
        let chosen: Vec<&str> = chosen.collect();
        assert_eq!(
            chosen,
            [
                "blue", "blue", "blue", "green", "blue", "blue", "blue", "green"
            ]
        );
        let none = [("blue".to_owned(), 0)];
        assert_eq!(weighed(&none, 1), None);
    }
}
