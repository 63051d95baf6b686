//! A World's proxy that, at its end, looks every call of a function up in the policy of that function's role.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::deployment::Deployment;
use super::facts::Facts;
use super::needs::{Need, needs};
use super::policy::{Decision, Policy};
use crate::proxy::{Call, Proxy};

/// The proxy, and what it takes to judge its calls. Dropped, it stops a test whose function did what it may not.
///
/// A call is its caller's, by the name in the user agent. From the first [`World::start`](crate::World::start) on, none
/// may be nobody's.
#[derive(Debug)]
pub struct Judged {
    proxy: Proxy,
    evidence: Mutex<Evidence>,
}

#[derive(Debug, Default)]
struct Evidence {
    /// By function, the stacks that it runs in here; a test can start several.
    deployments: BTreeMap<String, Vec<Deployment>>,
    /// Calls from before the first of them.
    before: usize,
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

    /// From now on `deployment`'s `function` makes calls.
    pub(crate) fn expect(&self, function: &str, deployment: Deployment) {
        let calls = self.proxy.calls().len();
        let mut evidence = self.evidence.lock().unwrap();
        if evidence.deployments.is_empty() {
            evidence.before = evidence.cleared.len() + calls;
        }
        let known = evidence.deployments.entry(function.to_owned()).or_default();
        if !known.contains(&deployment) {
            known.push(deployment);
        }
    }

    /// Forgets the calls so far, as far as the test is concerned.
    pub fn clear(&self) {
        let mut evidence = self.evidence.lock().unwrap();
        evidence.cleared.extend(self.proxy.calls());
        self.proxy.clear();
    }

    /// All calls, those that were cleared included.
    #[must_use]
    pub fn all(&self) -> Vec<Call> {
        let evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let cleared = evidence.cleared.iter().cloned();
        cleared.chain(self.proxy.calls()).collect()
    }

    /// What a function did and may not do under any of the stacks that it was started in; each line names call, action,
    /// resource and source.
    fn misdeeds(&self) -> BTreeSet<String> {
        let calls = self.all();
        let evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let mut misdeeds = BTreeSet::new();
        for (function, deployments) in &evidence.deployments {
            misdeeds.extend(misdeeds_of(function, deployments, &calls));
        }
        if !evidence.deployments.is_empty() {
            let nobodys = calls.iter().skip(evidence.before);
            let nobodys = nobodys.filter(|call| call.caller.is_empty());
            misdeeds.extend(nobodys.map(|call| format!("{call}: nobody says whose call this is")));
        }
        misdeeds
    }
}

fn misdeeds_of(function: &str, deployments: &[Deployment], calls: &[Call]) -> BTreeSet<String> {
    let role = Deployment::role_of(function);
    let judge = |deployment: &Deployment| {
        let policy = deployment
            .policy(&role)
            .unwrap_or_else(|err| panic!("{err}"));
        let permits = permits(deployment, calls, function);
        let lines = permits.iter().map(|permit| missing(&policy, permit));
        lines.collect::<Vec<_>>()
    };
    let verdicts: Vec<Vec<Vec<String>>> = deployments.iter().map(judge).collect();
    let mut misdeeds = BTreeSet::new();
    for call in 0..verdicts.first().map_or(0, Vec::len) {
        if verdicts.iter().all(|verdict| !verdict[call].is_empty()) {
            misdeeds.extend(verdicts.iter().flat_map(|verdict| verdict[call].clone()));
        }
    }
    let of_role = |line| format!("{role} {line}");
    misdeeds.into_iter().map(of_role).collect()
}

/// What each call of `caller` needs, in order; the calls of others only show what there is.
///
/// # Panics
///
/// For a call without a row in the table.
#[must_use]
pub fn permits<'c>(deployment: &Deployment, calls: &'c [Call], caller: &str) -> Vec<Permit<'c>> {
    let mut facts = Facts::new(deployment);
    let mut permits = Vec::new();
    for call in calls {
        if call.caller == caller {
            let needs = needs(&facts, call).unwrap_or_else(|err| panic!("{err}"));
            permits.push(Permit { call, needs });
        }
        facts.learn(call);
    }
    permits
}

/// What of a call's needs the policy does not allow, in words.
#[must_use]
pub fn missing(policy: &Policy, permit: &Permit<'_>) -> Vec<String> {
    let call = permit.call;
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
            "{call}: {why} {action} on {resource} with {context:?} (needed: {source})"
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
            "calls that template.yaml does not allow their callers:\n{}",
            misdeeds.join("\n")
        );
    }
}
