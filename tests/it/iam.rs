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
use std::panic::{AssertUnwindSafe, catch_unwind};

use aws_sdk_secretsmanager::Client as SecretsManager;
use integration_tests::World;
use integration_tests::iam::{self, Deployment, Permit, Policy, Rule};

use scenario::Seen;

/// Allowed and never called from a test: statement, action, and why it must be there.
type Unused = [(&'static str, &'static str, &'static str)];

const UNUSED_BY_PROMOTE: &Unused = &[
    (
        "Log",
        "logs:CreateLogStream",
        "Lambda writes the log itself",
    ),
    ("Log", "logs:PutLogEvents", "Lambda writes the log itself"),
    ("Trace", "xray:PutTelemetryRecords", "Lambda's own tracing"),
    ("Trace", "xray:PutTraceSegments", "Lambda's own tracing"),
    (
        "Intake",
        "sqs:DeleteMessage",
        "Lambda's event source mapping",
    ),
    (
        "Intake",
        "sqs:GetQueueAttributes",
        "Lambda's event source mapping",
    ),
    (
        "Intake",
        "sqs:ReceiveMessage",
        "Lambda's event source mapping",
    ),
];

fn policy(deployment: &Deployment, role: &str) -> Policy {
    let policy = deployment.policy(role);
    policy.unwrap_or_else(|err| panic!("{role}: {err}"))
}

fn is_listed(rule: &Rule, unused: &Unused) -> bool {
    let listed = |(sid, action, _): &(&str, &str, &str)| rule.sid == *sid && rule.action == *action;
    unused.iter().any(listed)
}

/// What of the calls' needs the policy does not allow.
fn missing(policy: &Policy, permits: &[Permit<'_>]) -> BTreeSet<String> {
    let missing = permits
        .iter()
        .flat_map(|permit| iam::missing(policy, permit));
    missing.collect()
}

/// What the policy allows, nobody needs, and no list excuses: without it nothing would be missing.
fn superfluous(policy: &Policy, permits: &[Permit<'_>], unused: &Unused) -> Vec<String> {
    let rules = policy
        .allowing()
        .filter(|(_, rule)| !is_listed(rule, unused));
    let idle = rules.filter(|(place, _)| missing(&policy.without(*place), permits).is_empty());
    idle.map(|(_, rule)| rule.to_string()).collect()
}

/// Nothing is missing, nothing is superfluous, and no allowed action can be taken away unnoticed.
fn prove(role: &str, policy: &Policy, permits: &[Permit<'_>], unused: &Unused) {
    assert_eq!(missing(policy, permits), BTreeSet::new(), "{role} lacks");
    assert_eq!(
        superfluous(policy, permits, unused),
        Vec::<String>::new(),
        "nobody needs of {role}"
    );
    let needs: Vec<_> = permits.iter().flat_map(|permit| &permit.needs).collect();
    for (sid, action, reason) in unused {
        let is_it = |rule: &&Rule| rule.sid == *sid && rule.action == *action;
        let found = policy.rules.iter().find(is_it);
        let idle = found.is_some_and(|rule| !needs.iter().any(|need| rule.fits(need)));
        assert!(
            idle,
            "{role}: {sid} {action} is gone or used, so it is not: {reason}"
        );
    }
}

#[tokio::test]
async fn promote_may_do_what_it_does_and_nothing_else() {
    let seen = Seen::of_promote().await;
    let permits = iam::permits(&seen.deployment, &seen.calls);
    prove(
        "PromoteRole",
        &policy(&seen.deployment, "PromoteRole"),
        &permits,
        UNUSED_BY_PROMOTE,
    );
}

/// Whether the stack creates the key of the bucket, and whether the cluster is named or given by its ARN.
#[tokio::test]
async fn promote_may_do_the_same_in_every_form_of_the_parameters() {
    let seen = Seen::of_promote().await;
    let cluster = seen
        .deployment
        .arn("ecs", &format!("cluster/{}", seen.deployment.cluster));
    for (creates_key, cluster) in [(true, &seen.deployment.cluster), (false, &cluster)] {
        let deployment = Deployment {
            creates_key,
            cluster: cluster.clone(),
            ..seen.deployment.clone()
        };
        let permits = iam::permits(&deployment, &seen.calls);
        prove(
            "PromoteRole",
            &policy(&deployment, "PromoteRole"),
            &permits,
            UNUSED_BY_PROMOTE,
        );
    }
}

/// The proof can fail: each statement as a whole, and an action too many.
#[tokio::test]
async fn a_missing_statement_and_a_superfluous_action_are_noticed_by_name() {
    let seen = Seen::of_promote().await;
    let permits = iam::permits(&seen.deployment, &seen.calls);
    let whole = policy(&seen.deployment, "PromoteRole");
    let sids: BTreeSet<&str> = whole
        .allowing()
        .map(|(_, rule)| rule.sid.as_str())
        .collect();
    let listed: BTreeSet<&str> = UNUSED_BY_PROMOTE.iter().map(|(sid, _, _)| *sid).collect();
    assert!(sids.len() > listed.len() + 15, "{sids:?}");
    for sid in sids.difference(&listed) {
        let mut less = whole.clone();
        less.rules.retain(|rule| rule.sid != *sid);
        let lost = whole.rules.iter().find(|rule| rule.sid == *sid).unwrap();
        let missing = missing(&less, &permits);
        let named = missing.iter().any(|line| line.contains(&lost.action));
        assert!(named, "without {sid}: {missing:?}");
    }
    let mut more = whole;
    more.rules.push(Rule::on("ecs:StopTask", "*"));
    let extra = superfluous(&more, &permits, UNUSED_BY_PROMOTE);
    assert_eq!(extra, [": ecs:StopTask on *"]);
}

#[tokio::test]
async fn a_call_that_promote_may_not_make_fails_its_test_by_name() {
    let world = World::new().await;
    let _function = world.start("promote", &[]);
    let client = SecretsManager::new(&world.front_door());
    let secret = client.describe_secret().secret_id("another/shop");
    let _ = secret.send().await; // there is none
    world.proxy.clear(); // which hides nothing
    let ended = catch_unwind(AssertUnwindSafe(|| drop(world)));
    let said = ended.unwrap_err().downcast::<String>().unwrap();
    let need =
        "no statement allows secretsmanager:DescribeSecret on arn:aws:secretsmanager:us-east-1:";
    for part in [
        "secretsmanager DescribeSecret: ",
        need,
        ":secret:another/shop with",
    ] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
}
