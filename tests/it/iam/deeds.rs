//! What the functions must not be able to do, and that each condition of their policies keeps them from something.

mod app_deletion;
mod app_stacks;
mod failure_count;
mod process_run;
mod promote;

use double::iam::{Decision, Deployment, Need, Policy};
use rig::world::World;

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

/// A stack with an entrance, a key of its own and customer keys of secrets, of now and of before.
pub(super) async fn deployment() -> Deployment {
    let world = World::new().await;
    let key = format!("arn:aws:kms:us-east-1:{}:key/of-secrets", world.account);
    let former = format!("arn:aws:kms:us-east-1:{}:key/of-before", world.account);
    let listener = |side: &str| {
        let account = &world.account;
        format!("arn:aws:elasticloadbalancing:us-east-1:{account}:listener/app/{side}/1a/2b")
    };
    let settings = world.settings(&[
        ("ENVIRONMENT_KEY_ARN", ""),
        ("SECRET_KEY_ARN", &key),
        ("FORMER_SECRET_KEY_ARN", &former),
        ("PUBLIC_LISTENER_ARN", &listener("public")),
        ("INTERNAL_LISTENER_ARN", &listener("internal")),
    ]);
    Deployment::of(&settings)
}

pub(super) fn need(action: &str, resource: impl Into<String>) -> Need {
    Need::new(action, resource, SOURCE)
}

fn object(of: &Deployment, key: &str) -> String {
    format!("{}/{key}", Deployment::bucket_arn(&of.bucket))
}

pub(super) fn secret(of: &Deployment, name: &str) -> String {
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

/// The schedule of a Timer, in the group of a Rack.
fn schedule(of: &Deployment, rack: &str) -> String {
    of.arn(
        "scheduler",
        &format!("schedule/{rack}/{rack}_shop_timer_cleanup"),
    )
}

fn stack(of: &Deployment, name: &str) -> String {
    of.arn("cloudformation", &format!("stack/{name}/any"))
}

/// A role that the stack of an App has.
pub(super) fn app_role(of: &Deployment, rack: &str) -> String {
    format!("arn:aws:iam::{}:role/convox/{rack}/any", of.account)
}

pub(super) fn through(service: &str, action: &str, key: &str) -> Need {
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
async fn each_condition_keeps_a_role_from_something() {
    let deployment = deployment().await;
    let of_stacks: (&str, Deeds) = ("AppStackRole", app_stacks::misdeeds);
    for (role, deeds) in ROLES.into_iter().chain([of_stacks]) {
        let policy = policy(&deployment, role);
        let deeds = [of_nobody(&deployment), deeds(&deployment)].concat();
        let mut idle = Vec::new();
        for (place, rule) in policy.allowing() {
            for (number, condition) in rule.conditions.iter().enumerate() {
                let looser = policy.without_condition(place, number);
                if lets_through(&looser, &deeds).is_empty() {
                    idle.push(format!("{rule} without {}", condition.key));
                }
            }
        }
        assert_eq!(idle, Vec::<String>::new(), "{role}");
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

#[tokio::test]
async fn the_state_is_written_by_the_functions_and_the_operator_alone() {
    let world = World::new().await;
    let operator = format!(
        "arn:aws:iam::{}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Operator_*",
        world.account
    );
    let of = Deployment::of(&world.settings(&[("STATE_OPERATOR_ARN", &operator)]));
    let state = [
        "apps/shop/state/promotion.json",
        "apps/shop/state/failures.json",
        "apps/shop/releases/R1/report.json",
        "apps/shop/history/index.json",
        "entrance.json",
        "reconcile.json",
    ];
    let users = [
        "apps/shop/app.json",
        "apps/shop/convox.yml",
        "apps/shop/releases/R1/convox.yml",
        "apps/shop/releases/R1/env",
    ];
    let user = |name: &str| format!("arn:aws:iam::{}:{name}", of.account);
    let role = |id: &str| of.role(id).to_owned();
    let sso = "role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Operator_1a2b3c4d5e6f";
    for (principal, writes) in [
        (role("PromoteRole"), true),
        (role("AppDeletionRole"), true),
        (role("FailureCountRole"), true),
        (role("ProcessRunRole"), false),
        (user(sso), true),
        (user("role/deployer"), false),
        (user("user/admin"), false),
        (user("root"), false),
    ] {
        let policy = of.bucket_policy(&principal).unwrap();
        for action in ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"] {
            for key in state {
                let decision = policy.decide(&need(action, object(&of, key)));
                let want = if writes {
                    Decision::Allowed
                } else {
                    Decision::Denied("StateIsTheFunctions".to_owned())
                };
                assert_eq!(decision, want, "{principal} {action} {key}");
            }
            for key in users {
                let decision = policy.decide(&need(action, object(&of, key)));
                assert_eq!(decision, Decision::Allowed, "{principal} {action} {key}");
            }
        }
        for key in state {
            let read = policy.decide(&need("s3:GetObject", object(&of, key)));
            assert_eq!(read, Decision::Allowed, "{principal} {key}");
        }
    }
    let nobody = Deployment {
        state_operator: String::new(),
        ..of.clone()
    };
    let policy = nobody.bucket_policy(&user(sso)).unwrap();
    let write = need("s3:PutObject", object(&of, state[0]));
    assert_ne!(policy.decide(&write), Decision::Allowed);
}
