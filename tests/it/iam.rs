//! The policies of `template.yaml` allow what promote, the containers, the agent and the Timers do, and nothing that
//! nobody uses.
//!
//! Beside these, every test with a promote looks up at its end whether the policy allows all calls that it made: see
//! `integration_tests::iam::Judged`.

mod deeds;
mod reference;
mod roles;
mod scenario;

use std::collections::BTreeSet;

use integration_tests::iam::{self, Deployment, Permit, Policy, Rule};

use scenario::Seen;

/// Allowed and never called from a test: statement, action, and why it must be there.
type Unused = [(&'static str, &'static str, &'static str)];

const UNUSED_BY_PROMOTE: &Unused = &[
    ("Log", "logs:CreateLogStream", "Lambda writes the log itself"),
    ("Log", "logs:PutLogEvents", "Lambda writes the log itself"),
    ("Trace", "xray:PutTelemetryRecords", "Lambda's own tracing"),
    ("Trace", "xray:PutTraceSegments", "Lambda's own tracing"),
    ("Intake", "sqs:DeleteMessage", "Lambda's event source mapping"),
    ("Intake", "sqs:GetQueueAttributes", "Lambda's event source mapping"),
    ("Intake", "sqs:ReceiveMessage", "Lambda's event source mapping"),
];

fn policy(deployment: &Deployment, role: &str) -> Policy {
    let policy = deployment.policy(role);
    policy.unwrap_or_else(|err| panic!("{role}: {err}"))
}

fn is_listed(rule: &Rule, unused: &Unused) -> bool {
    let listed = |(sid, action, _): &(&str, &str, &str)| rule.sid == *sid && rule.action == *action;
    unused.iter().any(listed)
}

/// Nothing is missing, nothing is superfluous, and no allowed action can be taken away unnoticed.
fn prove(role: &str, policy: &Policy, permits: &[Permit<'_>], unused: &Unused) {
    let missing = |policy: &Policy| -> BTreeSet<String> {
        let missing = permits.iter().flat_map(|permit| iam::missing(policy, permit));
        missing.collect()
    };
    assert_eq!(missing(policy), BTreeSet::new(), "{role} lacks");

    let needs: Vec<_> = permits.iter().flat_map(|permit| &permit.needs).collect();
    let mut superfluous = Vec::new();
    for (place, rule) in policy.allowing() {
        let used = needs.iter().any(|need| rule.fits(need));
        assert!(!(used && is_listed(rule, unused)), "{role}: {rule} is used; take it off the list");
        if is_listed(rule, unused) {
            continue;
        }
        if !used || missing(&policy.without(place)).is_empty() {
            superfluous.push(rule.to_string());
        }
    }
    assert_eq!(superfluous, Vec::<String>::new(), "{role} allows what nobody needs");
    for (sid, action, reason) in unused {
        let there = policy.rules.iter().any(|rule| rule.sid == *sid && rule.action == *action);
        assert!(there, "{role} has no {action} in {sid} any more ({reason}); take it off the list");
    }
}

#[tokio::test]
async fn promote_may_do_what_it_does_and_nothing_else() {
    let seen = Seen::of_promote().await;
    let permits = iam::permits(&seen.deployment, &seen.calls);
    prove("PromoteRole", &policy(&seen.deployment, "PromoteRole"), &permits, UNUSED_BY_PROMOTE);
}

/// Whether the stack creates the key of the bucket, and whether the cluster is named or given by its ARN.
#[tokio::test]
async fn promote_may_do_the_same_in_every_form_of_the_parameters() {
    let seen = Seen::of_promote().await;
    let cluster = seen.deployment.arn("ecs", &format!("cluster/{}", seen.deployment.cluster));
    for (creates_key, cluster) in [(true, &seen.deployment.cluster), (false, &cluster)] {
        let deployment = Deployment {
            creates_key,
            cluster: cluster.clone(),
            ..seen.deployment.clone()
        };
        let permits = iam::permits(&deployment, &seen.calls);
        prove("PromoteRole", &policy(&deployment, "PromoteRole"), &permits, UNUSED_BY_PROMOTE);
    }
}

/// Each statement as a whole: the test above can fail.
#[tokio::test]
async fn a_policy_that_lacks_any_statement_is_noticed() {
    let seen = Seen::of_promote().await;
    let permits = iam::permits(&seen.deployment, &seen.calls);
    let whole = policy(&seen.deployment, "PromoteRole");
    let sids: BTreeSet<&str> = whole.allowing().map(|(_, rule)| rule.sid.as_str()).collect();
    assert!(sids.len() > 15, "{sids:?}");
    let listed: BTreeSet<&str> = UNUSED_BY_PROMOTE.iter().map(|(sid, _, _)| *sid).collect();
    for sid in sids.difference(&listed) {
        let mut policy = whole.clone();
        policy.rules.retain(|rule| rule.sid != *sid);
        let missing = permits.iter().flat_map(|permit| iam::missing(&policy, permit));
        assert!(missing.count() > 0, "without {sid} nothing is missing");
    }
}
