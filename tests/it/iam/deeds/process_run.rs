//! What process-run must not be able to do. It starts one-off processes; it writes nothing else, and sees no secret.

use double::iam::{Deployment, Need};

use super::{app_role, definition, need, object, rule, secret, service, stack, through};

pub(super) fn deeds(of: &Deployment) -> Vec<Need> {
    [in_the_bucket(of), with_secrets(of), on_the_cluster(of)].concat()
}

fn in_the_bucket(of: &Deployment) -> Vec<Need> {
    vec![
        need("s3:PutObject", object(of, "apps/shop/state/promotion.json")),
        need(
            "s3:PutObject",
            object(of, "apps/shop/releases/R1/convox.yml"),
        ),
        need("s3:GetObject", object(of, "apps/shop/state/failures.json")),
        need("s3:GetObjectVersion", object(of, "apps/shop/app.json")),
    ]
}

fn with_secrets(of: &Deployment) -> Vec<Need> {
    let ours = secret(of, &format!("{}/shop", of.rack));
    let key = of.secret_key.as_deref().unwrap();
    let actions = [
        "CreateSecret",
        "DeleteSecret",
        "GetSecretValue",
        "PutSecretValue",
        "RestoreSecret",
        "TagResource",
        "UpdateSecretVersionStage",
    ];
    let on_ours = |action: &str| need(&format!("secretsmanager:{action}"), &ours);
    let mut needs: Vec<Need> = actions.into_iter().map(on_ours).collect();
    needs.push(through("secretsmanager", "kms:Decrypt", key));
    needs
}

fn on_the_cluster(of: &Deployment) -> Vec<Need> {
    let cluster = of.arn("ecs", &format!("cluster/{}", of.cluster));
    let another = of.arn("ecs", "cluster/another");
    let family = |name: &str| definition(of, &format!("{}_shop_{name}", of.rack));
    let task = |cluster: &str| of.arn("ecs", &format!("task/{cluster}/any"));
    let passed =
        |role: &str, to: &str| need("iam:PassRole", of.role(role)).with("iam:PassedToService", to);
    let tag = |resource: String, action: &str| {
        need("ecs:TagResource", resource).with("ecs:CreateAction", action)
    };
    vec![
        need("ecs:RunTask", family("run_web")).with("ecs:cluster", another),
        need("ecs:RunTask", family("run_web")),
        need("ecs:RunTask", family("web")).with("ecs:cluster", &cluster),
        need("ecs:RunTask", family("timer_cleanup")).with("ecs:cluster", &cluster),
        need("ecs:RunTask", definition(of, "another_shop_run_web")).with("ecs:cluster", &cluster),
        need("ecs:RegisterTaskDefinition", family("web")),
        need("ecs:RegisterTaskDefinition", family("timer_cleanup")),
        need("ecs:DeregisterTaskDefinition", "*"),
        tag(family("run_web"), "RunTask"),
        tag(family("web"), "RegisterTaskDefinition"),
        tag(task(&of.cluster), "CreateService"),
        tag(task("another"), "RunTask"),
        need("ecs:DescribeTasks", task("another")),
        need("ecs:StopTask", task(&of.cluster)),
        need("ecs:UpdateService", service(of, &of.cluster, "any")),
        need("events:PutRule", rule(of, &of.rack)),
        need("sqs:ReceiveMessage", of.arn("sqs", "IntakeQueue")),
        need(
            "cloudformation:DeleteStack",
            stack(of, &format!("{}-shop-1a2b3c4d", of.rack)),
        ),
        need(
            "cloudformation:DescribeStacks",
            stack(of, "another-shop-1a2b3c4d"),
        ),
        need("iam:PassRole", app_role(of, "another"))
            .with("iam:PassedToService", "ecs-tasks.amazonaws.com"),
        need("iam:PassRole", app_role(of, &of.rack))
            .with("iam:PassedToService", "lambda.amazonaws.com"),
        passed("TaskRole", "lambda.amazonaws.com"),
        passed("TaskExecutionRole", "lambda.amazonaws.com"),
        passed("TimerRole", "events.amazonaws.com"),
    ]
}
