//! What promote must not be able to do.

use double::iam::{Deployment, Need};

use super::{app_role, definition, need, object, rule, schedule, secret, service, stack, through};

pub(super) fn deeds(of: &Deployment) -> Vec<Need> {
    let counter = object(of, "apps/shop/state/failures.json");
    let parts = [
        vec![need("s3:PutObject", counter)],
        with_secrets(of),
        on_the_cluster(of),
        elsewhere(of),
        with_stacks(of),
    ];
    parts.concat()
}

fn with_secrets(of: &Deployment) -> Vec<Need> {
    let key = of.secret_key.as_deref().unwrap();
    let former = of.former_secret_key.as_deref().unwrap();
    vec![
        need("secretsmanager:GetSecretValue", secret(of, "another/shop")),
        need(
            "secretsmanager:DeleteSecret",
            secret(of, &format!("{}/shop", of.rack)),
        )
        .with("secretsmanager:RecoveryWindowInDays", "30"),
        need("kms:Decrypt", key),
        need("kms:GenerateDataKey", key),
        need("kms:Encrypt", key),
        through("s3", "kms:Decrypt", key),
        need("kms:Decrypt", former),
        through("secretsmanager", "kms:Encrypt", former),
    ]
}

fn on_the_cluster(of: &Deployment) -> Vec<Need> {
    let ours = service(of, &of.cluster, &format!("{}_shop_web", of.rack));
    let theirs = service(of, &of.cluster, "theirs");
    let cluster = of.arn("ecs", "cluster/another");
    let own = of.arn("ecs", &format!("cluster/{}", of.cluster));
    let family = definition(of, &format!("{}_shop_web", of.rack));
    let task = of.arn("ecs", &format!("task/{}/any", of.cluster));
    vec![
        need("ecs:RunTask", &family),
        need("ecs:RunTask", &family).with("ecs:cluster", &cluster),
        need("ecs:RunTask", definition(of, "another_shop_web")).with("ecs:cluster", own),
        need("ecs:TagResource", &task),
        need("ecs:StopTask", task),
        need("ecs:UpdateService", service(of, "another", "web"))
            .with("aws:ResourceTag/convox:rack", &of.rack),
        need("ecs:UpdateService", &ours).with("aws:ResourceTag/convox:rack", "another"),
        need("ecs:UpdateService", &theirs),
        need("ecs:UpdateService", &theirs).with("aws:ResourceTag/convox:lent-to", "another/shop"),
        need("ecs:CreateService", &ours),
        need("ecs:CreateService", &theirs).with("aws:RequestTag/convox:rack", &of.rack),
        need("ecs:DeleteService", &ours),
        need("ecs:DeleteService", &ours).with("aws:ResourceTag/convox:rack", "another"),
        need("ecs:DeleteService", &theirs).with("aws:ResourceTag/convox:rack", &of.rack),
        need("ecs:TagResource", &ours),
        need(
            "ecs:TagResource",
            definition(of, &format!("{}_shop_web", of.rack)),
        ),
        need("ecs:RegisterTaskDefinition", definition(of, "theirs")),
        need("ecs:DeregisterTaskDefinition", "*"),
        need("ecs:ListServices", "*").with("ecs:cluster", &cluster),
        need("ecs:ListTasks", "*").with("ecs:cluster", cluster),
    ]
}

fn elsewhere(of: &Deployment) -> Vec<Need> {
    let passed =
        |role: &str, to: &str| need("iam:PassRole", of.role(role)).with("iam:PassedToService", to);
    vec![
        need("events:PutRule", rule(of, "another")),
        need("scheduler:UpdateSchedule", schedule(of, "another")),
        need("scheduler:DeleteSchedule", schedule(of, "another")),
        need(
            "scheduler:DeleteScheduleGroup",
            of.arn("scheduler", &format!("schedule-group/{}", of.rack)),
        ),
        need("sqs:ReceiveMessage", of.arn("sqs", "TimerDeadLetterQueue")),
        need("sqs:ReceiveMessage", of.arn("sqs", "DeletionQueue")),
        passed("TaskRole", "lambda.amazonaws.com"),
        passed("TaskExecutionRole", "lambda.amazonaws.com"),
        passed("TimerRole", "ecs-tasks.amazonaws.com"),
    ]
}

fn with_stacks(of: &Deployment) -> Vec<Need> {
    let create = |name: &str| need("cloudformation:CreateStack", stack(of, name));
    let of_app = app_role(of, &of.rack);
    let own = of.role("AppStackRole");
    let change = |action: &str, rack: &str, role: &str| {
        let need = need(action, stack(of, &format!("{}-shop-1a2b3c4d", of.rack)));
        need.with("aws:ResourceTag/convox:rack", rack)
            .with("cloudformation:RoleArn", role)
    };
    let tag = |of_request: &str| {
        let need = need(
            "cloudformation:TagResource",
            stack(of, &format!("{}-x", of.rack)),
        );
        need.with("aws:RequestTag/convox:rack", of_request)
    };
    vec![
        create("another-shop-1a2b3c4d").with("cloudformation:RoleArn", of.role("AppStackRole")),
        create(&format!("{}-shop-1a2b3c4d", of.rack)),
        create(&format!("{}-shop-1a2b3c4d", of.rack)).with("cloudformation:RoleArn", &of_app),
        need("cloudformation:UpdateStack", stack(of, &of.rack)), // the Rack's own
        need(
            "cloudformation:UpdateStack",
            stack(of, &format!("{}-by-hand", of.rack)),
        )
        .with("cloudformation:RoleArn", own),
        change("cloudformation:UpdateStack", "another", own),
        change("cloudformation:UpdateStack", &of.rack, &of_app),
        change("cloudformation:DeleteStack", "another", own),
        change("cloudformation:DeleteStack", &of.rack, &of_app),
        tag("another"),
        tag(&of.rack).with("aws:ResourceTag/convox:rack", "another"),
        need(
            "cloudformation:DeleteStack",
            stack(of, "another-shop-1a2b3c4d"),
        ),
        need("iam:PassRole", of.role("AppStackRole"))
            .with("iam:PassedToService", "lambda.amazonaws.com"),
        need("iam:PassRole", &of_app).with("iam:PassedToService", "lambda.amazonaws.com"),
        need("iam:PassRole", app_role(of, "another"))
            .with("iam:PassedToService", "ecs-tasks.amazonaws.com"),
        need("iam:CreateRole", &of_app),
    ]
}
