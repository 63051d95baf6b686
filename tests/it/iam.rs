//! The policies of `template.yaml` allow what the functions, the containers, the agent and the Timers do, and nothing that
//! nobody uses.
//!
//! Beside these, every test with a function looks up at its end whether its policy allows all calls that it made: see
//! `double::iam::Judged`.

mod deeds;
mod handlers;
mod pages;
mod reference;
mod roles;
mod scenario;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client as SecretsManager;
use double::Call;
use double::iam::{self, Deployment, Permit, Policy, Rule};
use rig::World;
use serde_json::Value;

use scenario::Seen;

use crate::app;

/// Allowed and never called from a test: statement, action, and why it must be there.
type Unused = [(&'static str, &'static str, &'static str)];

const UNUSED_BY_EVERY_FUNCTION: &Unused = &[
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

/// What Apps run that were promoted before they had stacks of their own.
const RACKS_ROLES: &Unused = &[(
    "GiveRacksRolesToTasks",
    "iam:PassRole",
    "tasks of Apps that have no stack yet",
)];

/// The same for a function that gives roles to tasks.
fn unused_with_tasks() -> Vec<(&'static str, &'static str, &'static str)> {
    [UNUSED_BY_EVERY_FUNCTION, RACKS_ROLES].concat()
}

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

/// The same for a function, in every form of the parameters: whether the stack creates the key of the bucket, and whether
/// the cluster is named or given by its ARN.
fn prove_function(seen: &Seen, unused: &Unused) {
    let stack = &seen.deployment;
    let cluster = stack.arn("ecs", &format!("cluster/{}", stack.cluster));
    for (creates_key, cluster) in [
        (stack.creates_key, &stack.cluster),
        (!stack.creates_key, &stack.cluster),
        (stack.creates_key, &cluster),
    ] {
        let form = Deployment {
            creates_key,
            cluster: cluster.clone(),
            ..stack.clone()
        };
        let role = seen.role();
        let permits = seen.permits_in(&form);
        prove(&role, &policy(&form, &role), &permits, unused);
    }
}

/// The proof can fail: each statement as a whole, and an action too many. Answers how many statements that are.
fn prove_that_gaps_are_noticed(seen: &Seen, unused: &Unused) -> usize {
    let permits = seen.permits();
    let whole = policy(&seen.deployment, &seen.role());
    let sids = whole.allowing().map(|(_, rule)| rule.sid.as_str());
    let mut sids: BTreeSet<&str> = sids.collect();
    for (sid, _, _) in unused {
        sids.remove(sid);
    }
    for sid in &sids {
        let mut less = whole.clone();
        less.rules.retain(|rule| rule.sid != *sid);
        let lost = whole.rules.iter().find(|rule| rule.sid == *sid).unwrap();
        let missing = missing(&less, &permits);
        let named = missing.iter().any(|line| line.contains(&lost.action));
        assert!(named, "without {sid}: {missing:?}");
    }
    let count = sids.len();
    let mut more = whole;
    more.rules.push(Rule::on("ecs:StopTask", "*"));
    let extra = superfluous(&more, &permits, unused);
    assert_eq!(extra, [": ecs:StopTask on *"]);
    count
}

#[tokio::test]
async fn promote_may_do_what_it_does_and_nothing_else() {
    prove_function(Seen::of_promote().await, &unused_with_tasks());
}

/// What a function is refused where every key is one's own and has this policy.
fn missing_under(seen: &Seen, document: &Value) -> BTreeSet<String> {
    let form = pages::under_keys_of_ones_own(&seen.deployment, document);
    missing(&policy(&form, &seen.role()), &seen.permits_in(&form))
}

/// Which actions on keys the function's calls need.
fn needed_of_keys(seen: &Seen) -> BTreeSet<String> {
    let form = pages::under_keys_of_ones_own(&seen.deployment, &pages::key_policy());
    let permits = seen.permits_in(&form);
    let needs = permits.iter().flat_map(|permit| &permit.needs);
    let needs = needs.filter(|need| form.key_policies.contains_key(&need.resource));
    needs.map(|need| need.action.clone()).collect()
}

/// Keys of one's own, with the policy that docs/permissions.md has for them: no action of it can be left out that the function
/// needs.
fn prove_under_keys_of_ones_own(seen: &Seen) {
    let function = seen.function;
    let lacks = missing_under(seen, &pages::key_policy());
    assert_eq!(lacks, BTreeSet::new(), "{function}");
    let needed = needed_of_keys(seen);
    for (action, less) in pages::key_policies_with_less() {
        let lacks = missing_under(seen, &less);
        let named = lacks.iter().any(|line| line.contains(&action));
        let is_needed = needed.contains(&action);
        assert_eq!(named, is_needed, "{function} without {action}: {lacks:?}");
    }
}

#[tokio::test]
async fn keys_of_ones_own_leave_to_iam_what_the_page_says_and_no_less() {
    let seen = Seen::of_promote().await;
    prove_under_keys_of_ones_own(seen);
    let needed = needed_of_keys(seen);
    let left = pages::key_policies_with_less().into_iter();
    let left: BTreeSet<String> = left.map(|(action, _)| action).collect();
    assert!(
        left.len() > 2 && left.is_subset(&needed),
        "{left:?} {needed:?}"
    );
}

#[tokio::test]
async fn keys_of_ones_own_leave_enough_to_the_other_functions() {
    let (write, read) = ("kms:GenerateDataKey", "kms:Decrypt");
    for (seen, of_keys) in [
        (Seen::of_app_deletion().await, &[read, write][..]),
        (Seen::of_failure_count().await, &[read, write]),
        (Seen::of_process_run().await, &[read]),
    ] {
        prove_under_keys_of_ones_own(&seen);
        let needed = needed_of_keys(&seen);
        let want = of_keys.iter().map(|action| (*action).to_owned());
        assert_eq!(needed, want.collect(), "{}", seen.function);
    }
}

#[tokio::test]
async fn promote_may_ask_for_instances_on_a_rack_of_instances_only() {
    let world = app::world_with(
        "services:\n  web:\n    image: i\n    environment: [A]\n",
        &[],
    )
    .await;
    world.add_instance("i-1", "1.105.1");
    let settings = [("LAUNCH_TYPE", "EC2"), ("SECRETS_MANAGER_ENV", "Yes")];
    let function = world.start("promote", &settings);
    app::promoted(&world, &function, "R1", &[("A", "1")]).await;
    let stack = Deployment::of(&world.settings(&settings));
    let calls = world.proxy.calls();
    let permits = iam::permits(&stack, &calls, "promote");
    let whole = policy(&stack, "PromoteRole");
    assert_eq!(missing(&whole, &permits), BTreeSet::new());
    let on_fargate = Deployment {
        launch_type: "FARGATE".to_owned(),
        ..stack
    };
    let lacks = missing(&policy(&on_fargate, "PromoteRole"), &permits);
    for action in [
        "ecs:ListContainerInstances",
        "ecs:DescribeContainerInstances",
    ] {
        let named = lacks.iter().filter(|line| line.contains(action));
        assert_eq!(named.count(), 1, "{action}: {lacks:?}");
    }
    assert_eq!(lacks.len(), 2, "{lacks:?}");
}

#[tokio::test]
async fn app_deletion_may_do_what_it_does_and_nothing_else() {
    prove_function(&Seen::of_app_deletion().await, UNUSED_BY_EVERY_FUNCTION);
}

#[tokio::test]
async fn failure_count_may_do_what_it_does_and_nothing_else() {
    prove_function(&Seen::of_failure_count().await, UNUSED_BY_EVERY_FUNCTION);
}

#[tokio::test]
async fn process_run_may_do_what_it_does_and_nothing_else() {
    prove_function(&Seen::of_process_run().await, &unused_with_tasks());
}

#[tokio::test]
async fn a_missing_statement_and_a_superfluous_action_are_noticed_by_name() {
    let others = (
        Seen::of_app_deletion().await,
        Seen::of_failure_count().await,
        Seen::of_process_run().await,
    );
    for (seen, at_least) in [
        (Seen::of_promote().await, 16),
        (&others.0, 10),
        (&others.1, 5),
        (&others.2, 12),
    ] {
        let statements = prove_that_gaps_are_noticed(seen, &unused_with_tasks());
        assert!(statements >= at_least, "{}: {statements}", seen.function);
    }
}

#[tokio::test]
async fn every_call_of_a_function_names_it() {
    let seen = Seen::of_promote().await;
    let named = |call: &&Call| call.caller == "promote";
    let services = seen.calls.iter().filter(named);
    let services: BTreeSet<&str> = services.map(|call| call.service.as_str()).collect();
    let all = [
        "cloudformation",
        "ecs",
        "events",
        "kms",
        "s3",
        "scheduler",
        "secretsmanager",
    ];
    assert_eq!(services, BTreeSet::from(all));
    let others: Vec<_> = seen.calls.iter().filter(|call| !named(call)).collect();
    assert!(others.is_empty(), "{others:#?}");
}

/// What a World says at its end of a call to a secret that no function of its Rack may describe.
async fn said_of_a_call(name: impl FnOnce(&World) -> SdkConfig) -> String {
    let world = World::new().await;
    let _function = world.start("promote", &[]);
    let client = SecretsManager::new(&name(&world));
    let secret = client.describe_secret().secret_id("another/shop");
    let _ = secret.send().await; // there is none
    world.proxy.clear(); // which hides nothing
    let ended = catch_unwind(AssertUnwindSafe(|| drop(world)));
    *ended.unwrap_err().downcast::<String>().unwrap()
}

#[tokio::test]
async fn a_call_that_a_function_may_not_make_fails_its_test_by_name() {
    let said = said_of_a_call(|world| world.front_door_as("promote")).await;
    let need =
        "no statement allows secretsmanager:DescribeSecret on arn:aws:secretsmanager:us-east-1:";
    for part in [
        "PromoteRole secretsmanager DescribeSecret: ",
        need,
        ":secret:another/shop with",
    ] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
}

/// Whoever changes the key of the bucket still has to open what was written with the one before.
#[tokio::test]
async fn an_object_is_opened_with_the_key_that_it_was_written_with() {
    let web = "services: {web: {image: i, environment: [A]}}\n";
    let world = app::world_with(web, &[]).await;
    let former = world.key_arn.clone();
    let created = world.kms.create_key().send().await.unwrap();
    let key = created.key_metadata.unwrap().arn.unwrap();
    let promote = world.start("promote", &[]);
    app::promoted(&world, &promote, "R1", &[("A", "1")]).await;
    world.proxy.change_environment_key(&former);
    let promote = world.start("promote", &[("ENVIRONMENT_KEY_ARN", &key)]);
    let _ = app::promote(&world, &promote, "R2", &[("A", "2")]).await; // the double's KMS knows no policies
    let ended = catch_unwind(AssertUnwindSafe(|| drop(world)));
    let said = *ended.unwrap_err().downcast::<String>().unwrap();
    let lines: Vec<&str> = said.lines().skip(1).collect();
    let refused = format!("s3 GetObject: no statement allows kms:Decrypt on {former} with");
    assert!(!lines.is_empty(), "{said}");
    for line in lines {
        assert!(line.contains(&refused), "{line}");
        assert!(line.contains(":settings-"), "{line}");
    }
    assert!(
        !said.contains(&key),
        "what is written now is opened: {said}"
    );
}

#[tokio::test]
async fn a_call_beside_a_function_that_names_nobody_fails_its_test() {
    let said = said_of_a_call(World::front_door).await;
    let part = "secretsmanager DescribeSecret: nobody says whose call this is";
    assert!(said.contains(part), "{said}");
}
