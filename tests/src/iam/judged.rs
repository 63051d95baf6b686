//! A World's proxy that, at its end, looks every call of promote up in the policy of promote's role.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::deployment::Deployment;
use super::facts::Facts;
use super::needs::{Need, needs};
use super::policy::{Decision, Policy};
use crate::proxy::{Call, Proxy};

/// The proxy, and what it takes to judge its calls. Dropped, it stops a test whose promote did what it may not.
///
/// Calls are promote's from the first [`World::start`](crate::World::start) of promote on: nothing else uses the front
/// door of such a World.
#[derive(Debug)]
pub struct Judged {
    proxy: Proxy,
    evidence: Mutex<Evidence>,
}

#[derive(Debug, Default)]
struct Evidence {
    /// The stacks whose promote runs here; a test can start several.
    deployments: Vec<Deployment>,
    /// Calls from before the first of them.
    others: usize,
    /// Calls that the test has cleared.
    cleared: Vec<Call>,
}

/// What one call takes.
#[derive(Debug)]
pub struct Permit<'a> {
    /// The call.
    pub call: &'a Call,
    /// What it needs.
    pub needs: Vec<Need>,
}

impl Judged {
    pub(crate) fn new(proxy: Proxy) -> Self {
        let evidence = Mutex::default();
        Self { proxy, evidence }
    }

    /// From now on the calls are those of `deployment`'s promote.
    pub(crate) fn expect(&self, deployment: Deployment) {
        let calls = self.proxy.calls().len();
        let mut evidence = self.evidence.lock().unwrap();
        if evidence.deployments.is_empty() {
            evidence.others = evidence.cleared.len() + calls;
        }
        if !evidence.deployments.contains(&deployment) {
            evidence.deployments.push(deployment);
        }
    }

    /// Forgets the calls so far, as far as the test is concerned.
    pub fn clear(&self) {
        let mut evidence = self.evidence.lock().unwrap();
        evidence.cleared.extend(self.proxy.calls());
        self.proxy.clear();
    }

    /// All calls of promote, those that were cleared included.
    #[must_use]
    pub fn of_promote(&self) -> Vec<Call> {
        let evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        if evidence.deployments.is_empty() {
            return Vec::new();
        }
        let all = evidence.cleared.iter().cloned().chain(self.proxy.calls());
        all.skip(evidence.others).collect()
    }

    /// What promote did and may not do under any of the stacks that were started; each line names call, action,
    /// resource and source.
    fn misdeeds(&self) -> BTreeSet<String> {
        let calls = self.of_promote();
        let evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let judge = |deployment: &Deployment| {
            let policy = deployment
                .policy("PromoteRole")
                .unwrap_or_else(|err| panic!("{err}"));
            let permits = permits(deployment, &calls);
            let lines = permits.iter().map(|permit| missing(&policy, permit));
            lines.collect::<Vec<_>>()
        };
        let verdicts: Vec<Vec<Vec<String>>> = evidence.deployments.iter().map(judge).collect();
        let mut misdeeds = BTreeSet::new();
        for call in 0..calls.len() {
            if verdicts.iter().all(|verdict| !verdict[call].is_empty()) {
                misdeeds.extend(verdicts.iter().flat_map(|verdict| verdict[call].clone()));
            }
        }
        misdeeds
    }
}

/// What each call needs, in order.
///
/// # Panics
///
/// For a call without a row in the table.
#[must_use]
pub fn permits<'c>(deployment: &Deployment, calls: &'c [Call]) -> Vec<Permit<'c>> {
    let mut facts = Facts::new(deployment);
    let mut permits = Vec::new();
    for call in calls {
        let needs = needs(&facts, call).unwrap_or_else(|err| panic!("{err}"));
        facts.learn(call);
        permits.push(Permit { call, needs });
    }
    permits
}

/// What of a call's needs the policy does not allow, in words.
#[must_use]
pub fn missing(policy: &Policy, permit: &Permit<'_>) -> Vec<String> {
    let (service, operation) = (&permit.call.service, &permit.call.operation);
    let say = |need: &Need| {
        let why = match policy.decide(need) {
            Decision::Allowed => return None,
            Decision::Denied(sid) => format!("the statement {sid} denies"),
            Decision::NotAllowed => "no statement allows".to_owned(),
        };
        let Need {
            action, resource, ..
        } = need;
        let (context, source) = (&need.context, need.source);
        Some(format!(
            "{service} {operation}: {why} {action} on {resource} with {context:?} (needed: {source})"
        ))
    };
    permit.needs.iter().filter_map(say).collect()
}

impl Deref for Judged {
    type Target = Proxy;

    fn deref(&self) -> &Proxy {
        &self.proxy
    }
}

impl Drop for Judged {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let misdeeds: Vec<String> = self.misdeeds().into_iter().collect();
        assert!(
            misdeeds.is_empty(),
            "promote made calls that PromoteRole in template.yaml does not allow:\n{}",
            misdeeds.join("\n")
        );
    }
}
