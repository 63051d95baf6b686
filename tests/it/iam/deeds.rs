//! What promote must not be able to do, and that each condition of its policy keeps it from something.

use integration_tests::iam::{Decision, Deployment, Need, Policy};
use integration_tests::world::World;

use super::policy;

const SOURCE: &str = "this test";

/// A stack with a key of its own and a customer key of secrets.
async fn deployment() -> Deployment {
    let world = World::new().await;
    let key = format!("arn:aws:kms:us-east-1:{}:key/of-secrets", world.account);
    let settings = world.settings(&[("ENVIRONMENT_KEY_ARN", ""), ("SECRET_KEY_ARN", &key)]);
    Deployment::of(&settings)
}

fn need(action: &str, resource: impl Into<String>) -> Need {
    Need::new(action, resource, SOURCE)
}

fn in_the_bucket(of: &Deployment) -> Vec<Need> {
    let object = |key: &str| format!("{}/{key}", Deployment::bucket_arn(&of.bucket));
    let mut open = need("s3:GetObject", object("apps/shop/app.json"));
    open = open.with("aws:SecureTransport", "false");
    vec![
        need("s3:PutObject", object("apps/shop/releases/R1/env")),
        need("s3:PutObject", object("apps/shop/app.json")),
        need("s3:GetObject", object("elsewhere/object")),
        need("s3:DeleteObject", object("apps/shop/releases/R1/env")),
        open,
    ]
}

fn with_secrets(of: &Deployment) -> Vec<Need> {
    let secret = |name: &str| of.arn("secretsmanager", &format!("secret:{name}-AbCdEf"));
    let key = of.secret_key.as_deref().unwrap();
    let through = |service: &str, action: &str, key: &str| {
        need(action, key).with("kms:ViaService", Deployment::via(service))
    };
    vec![
        need("secretsmanager:GetSecretValue", secret("another/shop")),
        need(
            "secretsmanager:DeleteSecret",
            secret(&format!("{}/shop", of.rack)),
        ),
        need("kms:Decrypt", key),
        need("kms:GenerateDataKey", key),
        through("s3", "kms:Decrypt", key),
        need("kms:GenerateDataKey", &of.environment_key),
        through("secretsmanager", "kms:Decrypt", &of.environment_key),
        through("secretsmanager", "kms:GenerateDataKey", &of.environment_key),
    ]
}

fn on_the_cluster(of: &Deployment) -> Vec<Need> {
    let service = |cluster: &str, name: &str| of.arn("ecs", &format!("service/{cluster}/{name}"));
    let ours = service(&of.cluster, &format!("{}_shop_web", of.rack));
    let definition = |family: &str| of.arn("ecs", &format!("task-definition/{family}:1"));
    let cluster = of.arn("ecs", "cluster/another");
    vec![
        need("ecs:UpdateService", service("another", "web")),
        need("ecs:CreateService", &ours),
        need("ecs:CreateService", service(&of.cluster, "theirs"))
            .with("aws:RequestTag/convox:rack", &of.rack),
        need("ecs:DeleteService", &ours),
        need("ecs:DeleteService", &ours).with("aws:ResourceTag/convox:rack", "another"),
        need("ecs:DeleteService", service(&of.cluster, "theirs"))
            .with("aws:ResourceTag/convox:rack", &of.rack),
        need("ecs:TagResource", &ours),
        need(
            "ecs:TagResource",
            definition(&format!("{}_shop_web", of.rack)),
        ),
        need("ecs:RegisterTaskDefinition", definition("theirs")),
        need("ecs:ListServices", "*").with("ecs:cluster", cluster),
        need("ecs:RunTask", definition(&format!("{}_shop_web", of.rack))),
    ]
}

fn elsewhere(of: &Deployment) -> Vec<Need> {
    let bus = of.arn("events", "event-bus/default");
    let passed =
        |role: &str, to: &str| need("iam:PassRole", of.role(role)).with("iam:PassedToService", to);
    vec![
        need(
            "events:PutRule",
            of.arn("events", "rule/another_shop_timer_cleanup"),
        ),
        need("events:PutEvents", bus).with("events:source", "shop.deployments"),
        need("sqs:SendMessage", of.arn("sqs", "intake")),
        passed("TaskRole", "lambda.amazonaws.com"),
        passed("TaskExecutionRole", "lambda.amazonaws.com"),
        passed("TimerRole", "ecs-tasks.amazonaws.com"),
    ]
}

fn deeds(of: &Deployment) -> Vec<Need> {
    let parts = [
        in_the_bucket(of),
        with_secrets(of),
        on_the_cluster(of),
        elsewhere(of),
    ];
    parts.concat()
}

/// What the policy lets through although it must not.
fn lets_through(policy: &Policy, deeds: &[Need]) -> Vec<Need> {
    let deeds = deeds.iter();
    let through = deeds.filter(|deed| policy.decide(deed) == Decision::Allowed);
    through.cloned().collect()
}

#[tokio::test]
async fn promote_may_not_do_what_is_not_its_business() {
    let deployment = deployment().await;
    let policy = policy(&deployment, "PromoteRole");
    let through = lets_through(&policy, &deeds(&deployment));
    assert_eq!(through, Vec::<Need>::new());
}

#[tokio::test]
async fn each_condition_keeps_promote_from_something() {
    let deployment = deployment().await;
    let policy = policy(&deployment, "PromoteRole");
    let deeds = deeds(&deployment);
    for (place, rule) in policy.allowing() {
        for (number, condition) in rule.conditions.iter().enumerate() {
            let looser = policy.without_condition(place, number);
            let through = lets_through(&looser, &deeds);
            assert!(!through.is_empty(), "{rule} without {}", condition.key);
        }
    }
}

#[tokio::test]
async fn the_key_of_the_bucket_and_the_bucket_deny_by_themselves() {
    let deployment = deployment().await;
    let policy = policy(&deployment, "PromoteRole");
    let denied = |sid: &str| Decision::Denied(sid.to_owned());
    let open = in_the_bucket(&deployment).pop().unwrap();
    assert_eq!(policy.decide(&open), denied("TlsOnly"));
    let through = with_secrets(&deployment);
    for deed in &through[through.len() - 2..] {
        assert_eq!(policy.decide(deed), denied("NeverForSecrets"), "{deed:?}");
    }
}
