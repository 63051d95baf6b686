//! A World's proxy that, at its end, looks every call of a function up in the policy of that function's role.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use chrono::{DateTime, Utc};

use super::bucket_keys::BucketKeys;
use super::deployment::Deployment;
use super::facts::Facts;
use super::needs::{Need, needs};
use super::policy::{Decision, Policy};
use crate::clock;
use crate::proxy::{Call, Proxy, Snapshot};

/// The proxy, and what it takes to judge its calls. Dropped, it stops a test whose function did what it may not.
///
/// A call is its caller's, by the name in the user agent. From the first [`Judged::expect`] on, none may be nobody's.
#[derive(Debug)]
pub struct Judged {
    proxy: Proxy,
    evidence: Mutex<Evidence>,
}

/// A World without an emulator as it is at one moment.
#[derive(Debug)]
pub struct Moment {
    account: Snapshot,
    calls: Arc<[Call]>,
    time: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Evidence {
    /// By function, the stacks that it runs in here; a test can start several.
    deployments: BTreeMap<String, Vec<Deployed>>,
    /// Calls from before the first of them.
    before: usize,
    /// Calls up to the moment that the World was put back to; judged then.
    settled: Arc<[Call]>,
    /// Calls since that the test has cleared.
    cleared: Vec<Call>,
    /// What objects of the settings bucket were written with.
    keys: BucketKeys,
}

#[derive(Debug)]
struct Deployed {
    deployment: Deployment,
    /// Of the function's role, once it was asked for.
    policy: OnceLock<Policy>,
}

/// What one call takes.
#[derive(Debug, Clone)]
pub struct Permit<'a> {
    /// The call.
    pub call: &'a Call,
    /// What it needs.
    pub needs: Vec<Need>,
}

impl Judged {
    /// Judges the calls of this proxy.
    #[must_use]
    pub fn new(proxy: Proxy) -> Self {
        let evidence = Mutex::default();
        Self { proxy, evidence }
    }

    /// From now on `deployment`'s `function` makes calls.
    pub fn expect(&self, function: &str, deployment: Deployment) {
        let calls = self.proxy.calls().len();
        let mut evidence = self.evidence.lock().unwrap();
        if evidence.deployments.is_empty() {
            evidence.before = evidence.settled.len() + evidence.cleared.len() + calls;
        }
        let known = evidence.deployments.entry(function.to_owned()).or_default();
        if known.iter().all(|known| known.deployment != deployment) {
            let policy = OnceLock::new();
            known.push(Deployed { deployment, policy });
        }
    }

    /// Forgets the calls so far, as far as the test is concerned.
    pub fn clear(&self) {
        let mut evidence = self.evidence.lock().unwrap();
        evidence.cleared.extend(self.proxy.calls());
        self.proxy.clear();
    }

    /// From now on the settings bucket has another key than `before`, and the functions that were started until now are gone: an
    /// update of the Rack's stack replaces both. The calls so far are judged and cleared.
    ///
    /// # Panics
    ///
    /// For a call that its caller may not make.
    pub fn change_environment_key(&self, before: &str) {
        self.clear();
        self.judge();
        let calls: Arc<[Call]> = self.all().into();
        let mut evidence = self.evidence.lock().unwrap();
        evidence.keys.change(calls.len(), before);
        evidence.settled = calls;
        evidence.cleared.clear();
        evidence.deployments.clear();
    }

    /// A test has written the object of that bucket and key past the front door.
    pub fn uploaded(&self, bucket: &str, key: &str) {
        let calls = self.proxy.calls().len();
        let mut evidence = self.evidence.lock().unwrap();
        let calls = calls + evidence.settled.len() + evidence.cleared.len();
        evidence.keys.uploaded(calls, format!("/{bucket}/{key}"));
    }

    /// All calls, those that were cleared included.
    #[must_use]
    pub fn all(&self) -> Vec<Call> {
        let evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let cleared = evidence.settled.iter().chain(&evidence.cleared).cloned();
        cleared.chain(self.proxy.calls()).collect()
    }

    /// The World as it is. Its calls so far are judged.
    ///
    /// # Panics
    ///
    /// For a World with an emulator, and for a call that its caller may not make.
    pub async fn moment(&self) -> Moment {
        self.clear();
        self.judge();
        Moment {
            account: self.proxy.snapshot().await,
            calls: self.all().into(),
            time: clock::now(),
        }
    }

    /// Puts the World back, its time included.
    pub async fn go_back(&self, moment: &Moment) {
        self.proxy.restore(&moment.account).await;
        let mut evidence = self.evidence.lock().unwrap();
        evidence.settled = Arc::clone(&moment.calls);
        evidence.cleared.clear();
        clock::set(moment.time);
    }

    /// Judges the calls since the World was put back, or all.
    ///
    /// # Panics
    ///
    /// For a call that its caller may not make.
    pub fn judge(&self) {
        let misdeeds: Vec<String> = self.misdeeds().into_iter().collect();
        assert!(
            misdeeds.is_empty(),
            "calls that template.yaml does not allow their callers:\n{}",
            misdeeds.join("\n")
        );
    }

    /// What a function did and may not do under any of the stacks that it was started in; each line names call, action,
    /// resource and source.
    fn misdeeds(&self) -> BTreeSet<String> {
        let calls = self.all();
        let evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let mut misdeeds = BTreeSet::new();
        let judged = evidence.settled.len();
        for (function, deployments) in &evidence.deployments {
            let seen = Seen {
                calls: &calls,
                judged,
                keys: &evidence.keys,
            };
            misdeeds.extend(misdeeds_of(function, deployments, seen));
        }
        if !evidence.deployments.is_empty() {
            let nobodys = calls.iter().skip(evidence.before.max(judged));
            let nobodys = nobodys.filter(|call| call.caller.is_empty());
            misdeeds.extend(nobodys.map(|call| format!("{call}: nobody says whose call this is")));
        }
        misdeeds
    }
}

/// The calls of a World.
#[derive(Clone, Copy)]
struct Seen<'c, 'k> {
    calls: &'c [Call],
    /// So many of them were judged before; they only show what there is.
    judged: usize,
    keys: &'k BucketKeys,
}

fn misdeeds_of(function: &str, deployments: &[Deployed], seen: Seen<'_, '_>) -> BTreeSet<String> {
    let role = Deployment::role_of(function);
    let judge = |deployed: &Deployed| {
        let of_role = || deployed.deployment.policy(&role);
        let policy = deployed
            .policy
            .get_or_init(|| of_role().unwrap_or_else(|err| panic!("{err}")));
        let permits = permits_of(&deployed.deployment, seen, function);
        let lines = permits.iter().map(|permit| missing(policy, permit));
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
    let seen = Seen {
        calls,
        judged: 0,
        keys: &BucketKeys::default(),
    };
    permits_of(deployment, seen, caller)
}

/// The same of the calls that were not judged before.
fn permits_of<'c>(deployment: &Deployment, seen: Seen<'c, '_>, caller: &str) -> Vec<Permit<'c>> {
    let mut facts = Facts::new(deployment);
    let mut permits = Vec::new();
    for (number, call) in seen.calls.iter().enumerate() {
        for (path, key) in seen.keys.uploads_before(number) {
            facts.learn_object(path, key);
        }
        if number >= seen.judged && call.caller == caller {
            let needs = needs(&facts, call).unwrap_or_else(|err| panic!("{err}"));
            permits.push(Permit { call, needs });
        }
        facts.learn(call);
        if call.operation == "PutObject" {
            let path = call.path.split('?').next().unwrap_or_default();
            facts.learn_object(path, seen.keys.of_call(number));
        }
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
        if !thread::panicking() {
            self.judge();
        }
    }
}
