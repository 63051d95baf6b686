//! What failure-count must not be able to do. It counts, and touches nothing that runs.

use double::iam::{Deployment, Need};

use super::{definition, need, object, rule, secret, service, through};

pub(super) fn deeds(of: &Deployment) -> Vec<Need> {
    let parts = [in_the_bucket(of), with_secrets(of), elsewhere(of)];
    parts.concat()
}

fn in_the_bucket(of: &Deployment) -> Vec<Need> {
    let release = |name: &str| object(of, &format!("apps/shop/releases/R1/{name}"));
    let state = |name: &str| object(of, &format!("apps/shop/state/{name}"));
    vec![
        need("s3:GetObject", release("env")),
        need("s3:GetObjectVersion", release("env")),
        need("s3:GetObject", object(of, "apps/shop/app.json")),
        need("s3:PutObject", release("report.json")),
        need("s3:PutObject", state("promotion.json")),
        need("s3:DeleteObject", state("failures.json")),
        need("kms:Decrypt", &of.environment_key),
    ]
}

/// No access to secrets at all.
fn with_secrets(of: &Deployment) -> Vec<Need> {
    let ours = secret(of, &format!("{}/shop", of.rack));
    let actions = [
        "CreateSecret",
        "DeleteSecret",
        "DescribeSecret",
        "GetSecretValue",
        "PutSecretValue",
        "RestoreSecret",
        "UpdateSecretVersionStage",
    ];
    let on_ours = |action: &str| {
        let need = need(&format!("secretsmanager:{action}"), &ours);
        let need = need.with("aws:ResourceTag/convox:rack", &of.rack);
        need.with("secretsmanager:RecoveryWindowInDays", "30")
    };
    let mut needs: Vec<Need> = actions.into_iter().map(on_ours).collect();
    let key = of.secret_key.as_deref().unwrap();
    needs.push(need("secretsmanager:ListSecrets", "*"));
    needs.push(through("secretsmanager", "kms:Decrypt", key));
    needs.push(through("s3", "kms:Decrypt", key));
    needs
}

fn elsewhere(of: &Deployment) -> Vec<Need> {
    let ours = service(of, &of.cluster, &format!("{}_shop_web", of.rack));
    let family = definition(of, &format!("{}_shop_web", of.rack));
    let cluster = of.arn("ecs", &format!("cluster/{}", of.cluster));
    let passed =
        |role: &str, to: &str| need("iam:PassRole", of.role(role)).with("iam:PassedToService", to);
    vec![
        need("ecs:DescribeServices", &ours),
        need("ecs:ListServices", "*").with("ecs:cluster", cluster),
        need("ecs:UpdateService", &ours),
        need("ecs:DeleteService", &ours).with("aws:ResourceTag/convox:rack", &of.rack),
        need("ecs:RegisterTaskDefinition", family),
        need("ecs:DeregisterTaskDefinition", "*"),
        need("events:PutRule", rule(of, &of.rack)),
        need("events:RemoveTargets", rule(of, &of.rack)),
        need("events:DeleteRule", rule(of, &of.rack)),
        need("sqs:ReceiveMessage", of.arn("sqs", "IntakeQueue")),
        passed("TaskRole", "ecs-tasks.amazonaws.com"),
        passed("TimerRole", "events.amazonaws.com"),
    ]
}
