//! A one-off process: asked for by an event, it starts as a task of ECS with the Service's variables and a command of its own.

use aws_sdk_ecs::types::{ContainerOverride, TaskOverride};
use serde_json::json;

use crate::console::{check, step};
use crate::outage::show;
use crate::shell::quoted;
use crate::shop::{Shop, short};
use crate::watch::Watch;

const SERVICE: &str = "worker";
/// Asks for a variable of the environment without showing it.
const COMMAND: &str = r#"test -n "$DATABASE_URL" && test -z "$SESSION_SECRET" && echo "a one-off process of $RELEASE has its variables""#;

/// Asks for one, and starts its task on this machine.
pub async fn runs(shop: &Shop<'_>, watch: &Watch<'_>) {
    step("a one-off process: somebody sends the event `Process Run Requested`");
    let (world, shell) = (shop.rack.world(), &shop.rack.shell);
    watch.all("Process Started", &[]).await; // what was said before has been heard
    let detail = json!({"service": SERVICE, "command": COMMAND});
    shell
        .run(&shop.event("Process Run Requested", detail))
        .await;
    watch.saw(&shell.run(&watch.command()).await).await;
    let started = watch.wait_for("Process Started", &[]).await;
    show("Process Started", &started);
    check(
        started["delivery"] == "SecretsManager",
        "its environment comes through the App's secret",
    );
    let text = |name: &str| started[name].as_str().unwrap_or_default();
    let (task, definition) = (text("taskArn"), text("taskDefinition"));
    let described = world
        .ecs
        .describe_tasks()
        .cluster(&world.cluster)
        .tasks(task);
    let described = described.send().await.expect("cannot read a task");
    let task = described.tasks().first().expect("the task is there");
    check(
        task.task_definition_arn() == Some(definition),
        "the task is there, with the definition that the event names",
    );
    let overrides = task.overrides().map(TaskOverride::container_overrides);
    let command = overrides
        .and_then(|all| all.first())
        .map(ContainerOverride::command);
    check(
        command.is_some_and(|command| command == ["sh", "-c", COMMAND]),
        "it runs the command that was asked for",
    );
    let line = format!(
        "target/debug/run-task {} -- sh -c {}",
        short(definition),
        quoted(COMMAND)
    );
    let said = shell.run(&line).await;
    let expected = format!("a one-off process of {} has its variables", text("release"));
    check(
        said.trim() == expected,
        "started on this machine, it has what worker declares and no more",
    );
}
