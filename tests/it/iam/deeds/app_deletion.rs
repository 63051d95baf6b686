//! What app-deletion must not be able to do. It takes away, and never for good.

use double::iam::{Deployment, Need};

use super::{definition, need, object, rule, schedule, secret, service, stack, through};

const WINDOW: &str = "secretsmanager:RecoveryWindowInDays";
const FORCED: &str = "secretsmanager:ForceDeleteWithoutRecovery";
const TAG: &str = "aws:ResourceTag/convox:rack";

pub(super) fn deeds(of: &Deployment) -> Vec<Need> {
    let parts = [
        in_the_bucket(of),
        with_secrets(of),
        deletions_of_secrets(of),
        on_the_cluster(of),
        elsewhere(of),
    ];
    parts.concat()
}

fn in_the_bucket(of: &Deployment) -> Vec<Need> {
    let key = of.secret_key.as_deref().unwrap();
    let release = |name: &str| object(of, &format!("apps/shop/releases/R1/{name}"));
    vec![
        need("s3:GetObject", object(of, "apps/shop/app.json")),
        need("s3:GetObject", release("env")),
        need("s3:GetObjectVersion", release("env")),
        need("s3:PutObject", release("report.json")),
        need("s3:PutObject", release("convox.yml")),
        need("s3:PutObject", object(of, "apps/shop/state/failures.json")),
        need(
            "s3:DeleteObject",
            object(of, "apps/shop/state/promotion.json"),
        ),
        need("kms:Decrypt", &of.environment_key),
        through("secretsmanager", "kms:Decrypt", key),
        through("secretsmanager", "kms:GenerateDataKey", key),
    ]
}

/// It neither makes nor brings back a secret, and sees none of its values.
fn with_secrets(of: &Deployment) -> Vec<Need> {
    let ours = secret(of, &format!("{}/shop", of.rack));
    let actions = [
        "CreateSecret",
        "GetSecretValue",
        "PutSecretValue",
        "RestoreSecret",
        "TagResource",
        "UntagResource",
        "UpdateSecret",
        "UpdateSecretVersionStage",
    ];
    let on_ours = |action: &str| {
        let need = need(&format!("secretsmanager:{action}"), &ours);
        need.with(TAG, &of.rack)
    };
    actions.into_iter().map(on_ours).collect()
}

fn deletions_of_secrets(of: &Deployment) -> Vec<Need> {
    let ours = secret(of, &format!("{}/shop", of.rack));
    let delete = |secret: &str, tag: &str| {
        let need = need("secretsmanager:DeleteSecret", secret);
        need.with(TAG, tag)
    };
    let untagged = need("secretsmanager:DeleteSecret", &ours);
    vec![
        delete(&ours, &of.rack), // no window in the request
        delete(&ours, &of.rack).with(WINDOW, "7"),
        delete(&ours, &of.rack).with(WINDOW, "29"),
        delete(&ours, &of.rack).with(FORCED, "true"),
        delete(&ours, &of.rack)
            .with(WINDOW, "30")
            .with(FORCED, "true"),
        delete(&ours, "another").with(WINDOW, "30"),
        untagged.with(WINDOW, "30"),
        delete(&secret(of, "another/shop"), &of.rack).with(WINDOW, "30"),
    ]
}

fn on_the_cluster(of: &Deployment) -> Vec<Need> {
    let ours = service(of, &of.cluster, &format!("{}_shop_web", of.rack));
    let theirs = service(of, &of.cluster, "theirs");
    let family = definition(of, &format!("{}_shop_web", of.rack));
    let cluster = of.arn("ecs", "cluster/another");
    vec![
        need("ecs:DescribeServices", service(of, "another", "web")),
        need("ecs:UpdateService", &ours).with(TAG, &of.rack),
        need("ecs:CreateService", &ours).with("aws:RequestTag/convox:rack", &of.rack),
        need("ecs:DeleteService", &ours),
        need("ecs:DeleteService", &ours).with(TAG, "another"),
        need("ecs:DeleteService", &theirs).with(TAG, &of.rack),
        need("ecs:TagResource", &ours).with("ecs:CreateAction", "CreateService"),
        need("ecs:RegisterTaskDefinition", &family),
        need("ecs:DeleteTaskDefinitions", &family),
        need("ecs:ListServices", "*").with("ecs:cluster", cluster),
    ]
}

fn elsewhere(of: &Deployment) -> Vec<Need> {
    let passed =
        |role: &str, to: &str| need("iam:PassRole", of.role(role)).with("iam:PassedToService", to);
    let delete = |rack: &str, role: &str| {
        let name = format!("{}-shop-1a2b3c4d", of.rack);
        let need = need("cloudformation:DeleteStack", stack(of, &name)).with(TAG, rack);
        need.with("cloudformation:RoleArn", of.role(role))
    };
    vec![
        delete("another", "AppStackRole"),
        delete(&of.rack, "TaskRole"),
        passed("AppStackRole", "lambda.amazonaws.com"),
        need("events:PutRule", rule(of, &of.rack)),
        need("scheduler:CreateSchedule", schedule(of, &of.rack)),
        need("scheduler:UpdateSchedule", schedule(of, &of.rack)),
        need("scheduler:DeleteSchedule", schedule(of, "another")),
        passed("TimerRole", "scheduler.amazonaws.com"),
        need("events:PutTargets", rule(of, &of.rack)),
        need("events:TagResource", rule(of, &of.rack)),
        need("events:RemoveTargets", rule(of, "another")),
        need("sqs:ReceiveMessage", of.arn("sqs", "IntakeQueue")),
        need(
            "cloudformation:UpdateStack",
            stack(of, &format!("{}-shop-1a2b3c4d", of.rack)),
        ),
        need(
            "cloudformation:DeleteStack",
            stack(of, "another-shop-1a2b3c4d"),
        ),
        passed("TaskRole", "ecs-tasks.amazonaws.com"),
        passed("TimerRole", "events.amazonaws.com"),
    ]
}
