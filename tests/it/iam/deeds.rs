//! What the functions must not be able to do, and that each condition of their policies keeps them from something.

mod app_deletion;
mod app_stacks;
mod failure_count;
mod process_run;
mod promote;

use integration_tests::iam::{Decision, Deployment, Need, Policy};
use integration_tests::world::World;

use super::policy;

const SOURCE: &str = "this test";

type Deeds = fn(&Deployment) -> Vec<Need>;

/// The functions' roles, and what each must not be able to do.
const ROLES: [(&str, Deeds); 4] = [
    ("PromoteRole", promote::deeds),
    ("AppDeletionRole", app_deletion::deeds),
    ("FailureCountRole", failure_count::deeds),
    ("ProcessRunRole", process_run::deeds),
];

/// A stack with a key of its own and customer keys of secrets, of now and of before.
async fn deployment() -> Deployment {
    let world = World::new().await;
    let key = format!("arn:aws:kms:us-east-1:{}:key/of-secrets", world.account);
    let former = format!("arn:aws:kms:us-east-1:{}:key/of-before", world.account);
    let settings = world.settings(&[
        ("ENVIRONMENT_KEY_ARN", ""),
        ("SECRET_KEY_ARN", &key),
        ("FORMER_SECRET_KEY_ARN", &former),
    ]);
    Deployment::of(&settings)
}

fn need(action: &str, resource: impl Into<String>) -> Need {
    Need::new(action, resource, SOURCE)
}

fn object(of: &Deployment, key: &str) -> String {
    format!("{}/{key}", Deployment::bucket_arn(&of.bucket))
}

fn secret(of: &Deployment, name: &str) -> String {
    of.arn("secretsmanager", &format!("secret:{name}-AbCdEf"))
}

fn service(of: &Deployment, cluster: &str, name: &str) -> String {
    of.arn("ecs", &format!("service/{cluster}/{name}"))
}

fn definition(of: &Deployment, family: &str) -> String {
    of.arn("ecs", &format!("task-definition/{family}:1"))
}

fn rule(of: &Deployment, rack: &str) -> String {
    of.arn("events", &format!("rule/{rack}_shop_timer_cleanup"))
}

fn stack(of: &Deployment, name: &str) -> String {
    of.arn("cloudformation", &format!("stack/{name}/any"))
}

/// A role that the stack of an App has.
fn app_role(of: &Deployment, rack: &str) -> String {
    format!("arn:aws:iam::{}:role/convox/{rack}/any", of.account)
}

fn through(service: &str, action: &str, key: &str) -> Need {
    need(action, key).with("kms:ViaService", Deployment::via(service))
}

/// An object of the bucket that every function reads, without TLS.
fn open(of: &Deployment) -> Need {
    let state = object(of, "apps/shop/state/promotion.json");
    need("s3:GetObject", state).with("aws:SecureTransport", "false")
}

/// The environment's key, as Secrets Manager would use it.
fn env_key_for_secrets(of: &Deployment) -> [Need; 2] {
    let actions = ["kms:Decrypt", "kms:GenerateDataKey"];
    actions.map(|action| through("secretsmanager", action, &of.environment_key))
}

/// What no function does.
fn of_nobody(of: &Deployment) -> Vec<Need> {
    let bus = of.arn("events", "event-bus/default");
    let mut needs = vec![
        need("s3:PutObject", object(of, "apps/shop/releases/R1/env")),
        need("s3:PutObject", object(of, "apps/shop/app.json")),
        need("s3:GetObject", object(of, "elsewhere/object")),
        need("s3:DeleteObject", object(of, "apps/shop/releases/R1/env")),
        open(of),
        need("kms:GenerateDataKey", &of.environment_key),
        need("secretsmanager:DescribeSecret", secret(of, "another/shop")),
        need(
            "ecs:RunTask",
            definition(of, &format!("{}_shop_web", of.rack)),
        ),
        need("ecs:StopTask", of.arn("ecs", "task/any/any")),
        need("events:DeleteRule", rule(of, "another")),
        need("events:PutEvents", bus).with("events:source", "shop.deployments"),
    ];
    needs.extend(env_key_for_secrets(of));
    for queue in [
        "IntakeQueue",
        "DeletionQueue",
        "CountQueue",
        "ProcessRunQueue",
    ] {
        needs.push(need("sqs:SendMessage", of.arn("sqs", queue)));
    }
    needs
}

/// What the policy lets through although it must not.
fn lets_through(policy: &Policy, deeds: &[Need]) -> Vec<Need> {
    let deeds = deeds.iter();
    let through = deeds.filter(|deed| policy.decide(deed) == Decision::Allowed);
    through.cloned().collect()
}

#[tokio::test]
async fn a_function_may_not_do_what_is_not_its_business() {
    let deployment = deployment().await;
    for (role, deeds) in ROLES {
        let deeds = [of_nobody(&deployment), deeds(&deployment)].concat();
        let through = lets_through(&policy(&deployment, role), &deeds);
        assert_eq!(through, Vec::<Need>::new(), "{role}");
    }
}

#[tokio::test]
async fn each_condition_keeps_a_function_from_something() {
    let deployment = deployment().await;
    for (role, deeds) in ROLES {
        let policy = policy(&deployment, role);
        let deeds = [of_nobody(&deployment), deeds(&deployment)].concat();
        for (place, rule) in policy.allowing() {
            for (number, condition) in rule.conditions.iter().enumerate() {
                let looser = policy.without_condition(place, number);
                let through = lets_through(&looser, &deeds);
                let key = &condition.key;
                assert!(!through.is_empty(), "{role} {rule} without {key}");
            }
        }
    }
}

#[tokio::test]
async fn the_key_of_the_bucket_and_the_bucket_deny_by_themselves() {
    let deployment = deployment().await;
    let denied = |sid: &str| Decision::Denied(sid.to_owned());
    for (role, _) in ROLES {
        let policy = policy(&deployment, role);
        assert_eq!(policy.decide(&open(&deployment)), denied("TlsOnly"));
        for deed in env_key_for_secrets(&deployment) {
            let decision = policy.decide(&deed);
            assert_eq!(decision, denied("NeverForSecrets"), "{role} {deed:?}");
        }
    }
}
