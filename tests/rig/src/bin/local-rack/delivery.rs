//! The acts of delivery: through Secrets Manager, through S3 while Secrets Manager is out, recovery, a rollback.

use std::collections::BTreeMap;
use std::time::Duration;

use rig::agent;
use serde_json::Value;

use crate::app_stack;
use crate::console::{check, fact, printed, say, step, wait_for};
use crate::outage::text;
use crate::shop::{SERVICES, Shop, environment, releases, secrets, short};

/// A variable of R3, which only reports and the Timer that runs as it read.
pub const ADDITION: (&str, &str) = ("ADDED_LATER", "dummy-value-of-the-third-release");
/// A variable that all of them read.
pub const READ_BY_ALL: &str = "LOG_LEVEL";
/// What it is in R2.
const INFO: &str = "info";
/// The names that differ between two Releases of the same environment, or say how it is delivered.
const OF_THE_RELEASE: [&str; 4] = [
    "RELEASE",
    "CONVOX_ENV_KEY",
    "CONVOX_ENV_URL",
    "CONVOX_ENV_VARS",
];

type Moved = BTreeMap<&'static str, String>;

/// R1.
pub async fn first_release(shop: &Shop<'_>, before: &Moved) -> Moved {
    step("Release R1: examples/shop is uploaded with three plain writes, the environment last");
    let shell = &shop.rack.shell;
    shell.run(&Shop::uploads("R1")).await;
    shop.report("R1").await;
    let report = shell.begin(&Shop::reading("R1"));
    let keys = shell.begin(&keys_of_secret(shop));
    let services = shell.begin(&definitions_of_services(shop));
    let seen = shell.begin(&task_sees(shop));
    let printed = report.shown().await;
    let report: Value = serde_json::from_str(&printed).expect("a report is JSON");
    decided(&report);
    check(
        report["delivery"] == "SecretsManager",
        "R1 is delivered through Secrets Manager",
    );
    check(report["decidedBy"] == "Rack", "the Rack's setting decided");
    app_stack::came_first(shop).await;
    let keys = keys.shown().await;
    let keys: Vec<&str> = keys
        .lines()
        .map(|key| key.trim_matches(['"', ':']))
        .collect();
    fact("its keys", keys.join(", "));
    check(
        shop.secret().await == environment(&[]) && environment(&[]).keys().eq(sorted(&keys)),
        "the secret holds exactly the uploaded environment",
    );
    let printed = services.shown().await;
    let services = shop.services().await;
    let runs = |arn: &String| printed.split_whitespace().any(|printed| printed == arn);
    assert!(services.values().all(runs), "{printed}");
    moved(shop, before, &services).await;
    all_have_moved(before, &services);
    let running = shop.running().await;
    check(
        running.iter().all(|one| !secrets(one).is_empty()),
        "all Services and Timers read the secret key by key",
    );
    app_stack::gives_roles(shop, &running).await;
    say("    what a task of web sees, and where ECS gets it:");
    let seen = seen.shown().await;
    seen.lines().for_each(|line| say(&format!("      {line}")));
    services
}

fn sorted<'k>(keys: &[&'k str]) -> Vec<&'k str> {
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    sorted
}

/// The line that shows which variables the App's secret holds, and no value.
fn keys_of_secret(shop: &Shop<'_>) -> String {
    format!(
        "aws secretsmanager get-secret-value --secret-id {} --query SecretString --output text \
         | grep -o '\"[A-Z_]*\":'",
        shop.secret_name()
    )
}

/// The line that shows what the ECS services run.
fn definitions_of_services(shop: &Shop<'_>) -> String {
    let names = SERVICES.map(|service| shop.ecs_name(service)).join(" ");
    format!(
        "aws ecs describe-services --cluster {} --services {names} \
         --query 'services[].taskDefinition' --output text",
        shop.rack.world().cluster
    )
}

/// The line that shows what a task of web would see.
fn task_sees(shop: &Shop<'_>) -> String {
    format!("target/debug/task-sees {}", shop.ecs_name("web"))
}

/// R2, without Secrets Manager.
pub async fn release_in_an_outage(shop: &Shop<'_>, first: &Moved) {
    step(
        "Release R2, with another LOG_LEVEL, which all read, while Secrets Manager accepts \
         connections and never answers",
    );
    let (world, shell) = (shop.rack.world(), &shop.rack.shell);
    let through_secrets_manager = seen(shop, first).await;
    hang(shop).await;
    say("    R2 is uploaded as R1 was");
    shop.upload("R2", &[(READ_BY_ALL, INFO)]).await;
    let report = shop.report("R2").await;
    decided(&report);
    check(report["delivery"] == "S3", "R2 is delivered through S3");
    check(
        report["decidedBy"] == "Rack",
        "the report still says that the Rack's setting decided",
    );
    check(
        report["fallback"]["errorType"].is_string(),
        "the report says why Secrets Manager was not used",
    );
    let calls = world.proxy.calls();
    let mut calls = calls.iter();
    check(
        calls.any(|call| call.service == "secretsmanager" && call.status.is_none()),
        "promote called Secrets Manager and got no answer",
    );
    let services = shop.services().await;
    moved(shop, first, &services).await;
    all_have_moved(first, &services);
    check(
        through_s3(shop).await,
        "no Service or Timer needs Secrets Manager",
    );
    let count = shell
        .run(&(task_sees(shop) + " | grep -c convox-env"))
        .await;
    fact(
        "of web's",
        format!("{} variables come through convox-env", count.trim()),
    );
    for (service, variables) in seen(shop, &services).await {
        let mut expected = through_secrets_manager[service].clone();
        expected.insert(READ_BY_ALL.to_owned(), INFO.to_owned());
        let number = variables.len();
        check(
            number > 0 && expected == variables,
            &format!(
                "{service} sees the same {number} variables through convox-env, by name and value"
            ),
        );
    }
}

/// What tasks of the Services would see of the App.
async fn seen(
    shop: &Shop<'_>,
    services: &Moved,
) -> BTreeMap<&'static str, BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for (service, arn) in services {
        let seen = agent::task_sees(shop.rack.world(), arn).await;
        let containers = seen.unwrap_or_else(|failure| panic!("{service}: {failure}"));
        let mut variables: BTreeMap<String, String> = containers.into_values().flatten().collect();
        variables.retain(|name, _| !OF_THE_RELEASE.contains(&name.as_str()));
        all.insert(*service, variables);
    }
    all
}

/// Whether nothing that runs needs Secrets Manager.
pub async fn through_s3(shop: &Shop<'_>) -> bool {
    let running = shop.running().await;
    running.iter().all(|one| secrets(one).is_empty())
}

/// Secrets Manager hangs.
pub async fn hang(shop: &Shop<'_>) {
    shop.rack.shell.run(&shop.rack.hang()).await;
    until(shop, true).await;
}

/// It refuses, as it does where a permission is gone.
pub async fn refuse(shop: &Shop<'_>) {
    shop.rack.shell.run(&shop.rack.refuse()).await;
    until(shop, true).await;
}

/// It answers again.
pub async fn lift(shop: &Shop<'_>) {
    shop.rack.shell.run(&shop.rack.lift()).await;
    until(shop, false).await;
}

async fn until(shop: &Shop<'_>, is_out: bool) {
    let outages = &shop.rack.outages;
    let (what, limit) = ("the command to be obeyed", Duration::from_secs(5));
    let obeyed = async || (outages.is_out() == is_out).then_some(());
    wait_for(what, limit, obeyed).await;
}

/// R3, with Secrets Manager again.
pub async fn release_after_the_outage(shop: &Shop<'_>) {
    step("Release R3, Secrets Manager answers again; R1's environment and one more variable");
    let before = shop.services().await;
    lift(shop).await;
    shop.upload("R3", &[ADDITION]).await;
    let report = shop.report("R3").await;
    decided(&report);
    check(
        report["delivery"] == "SecretsManager",
        "R3 is delivered through Secrets Manager",
    );
    check(
        shop.secret().await.contains_key("ADDED_LATER"),
        "the secret has the new variable",
    );
    let services = shop.services().await;
    moved(shop, &before, &services).await;
    all_have_moved(&before, &services);
    check(
        reads(shop, "reports", "ADDED_LATER").await,
        "reports, which asks for everything, reads it",
    );
    check(
        !reads(shop, "web", "ADDED_LATER").await,
        "web, which does not ask for it, does not",
    );
}

/// Whether tasks of a Service read a variable from the secret.
pub async fn reads(shop: &Shop<'_>, service: &str, variable: &str) -> bool {
    let services = shop.services().await;
    let definition = shop.definition(&services[service]).await;
    secrets(&definition).iter().any(|name| name == variable)
}

/// R1 once more: looked at, then promoted.
pub async fn rollback(shop: &Shop<'_>, first: &Moved) {
    step("back to R1: what would that change? A dry run writes nothing");
    let before = shop.services().await;
    let printed = shop.rack.shell.run(&dry_run("R1")).await;
    let plan = serde_json::Deserializer::from_str(&printed)
        .into_iter::<Value>()
        .next();
    let plan = plan.and_then(Result::ok).unwrap_or_default();
    let removed = plan["keys"]["removed"].to_string();
    fact("keys that go", &removed);
    check(
        plan["status"] == "planned" && removed.contains("ADDED_LATER"),
        "the plan says that ADDED_LATER would go",
    );
    check(shop.services().await == before, "no ECS service has moved");
    step("back to R1: somebody sends the event `Release Promote Requested`");
    shop.next_second().await;
    let older = shop.report_version("R1").await;
    let written = written(shop);
    shop.rack.shell.run(&shop.promote_request("R1")).await;
    let report = shop.report_after("R1", older.as_deref()).await;
    decided(&report);
    check(
        report["delivery"] == "SecretsManager",
        "R1 is delivered through Secrets Manager again",
    );
    check(
        shop.secret().await == environment(&[]),
        "the secret holds the environment of R1 again",
    );
    let services = shop.services().await;
    moved(shop, &before, &services).await;
    let became = |kind: &str, name: &str| report[kind][name]["revision"].as_str();
    check(
        became("services", "reports") == Some("reused")
            && became("timers", "digest") == Some("reused")
            && services.get("reports") == first.get("reports"),
        "reports and digest, which read ADDED_LATER, run their revisions of R1 again",
    );
    let others = [
        ("services", "web"),
        ("services", "worker"),
        ("timers", "cleanup"),
    ];
    check(
        others
            .iter()
            .all(|(kind, name)| became(kind, name) == Some("kept")),
        "nothing that the others read differs: they are kept, and no task of theirs restarts",
    );
    check(
        self::written(shop) == written,
        "no task definition was registered and no secret value put: all that R1 needs is there",
    );
    old_revision(shop, &before["reports"]).await;
}

/// What ECS goes back to by itself still starts, and with its own values.
async fn old_revision(shop: &Shop<'_>, arn: &str) {
    let (name, value) = ADDITION;
    say(&format!(
        "    R1 has no {name}; where ECS itself goes back to a revision of R3, its tasks have it:"
    ));
    let line = format!("target/debug/task-sees {} | grep {name}", short(arn));
    let printed = shop.rack.shell.run(&line).await;
    fact("still read", printed.trim());
    let seen = agent::task_sees(shop.rack.world(), arn).await;
    let containers = seen.unwrap_or_else(|failure| panic!("{arn}: {failure}"));
    let mut values = containers
        .values()
        .filter_map(|variables| variables.get(name));
    check(
        values.any(|seen| seen == value),
        "a task of R3's revision still starts, with R3's own value",
    );
}

/// How many task definitions and secret values the functions have written.
fn written(shop: &Shop<'_>) -> [usize; 3] {
    let count = |service, operation| shop.rack.world().proxy.count(service, operation);
    [
        count("ecs", "RegisterTaskDefinition"),
        count("secretsmanager", "PutSecretValue"),
        count("secretsmanager", "CreateSecret"),
    ]
}

/// The line that asks what a promote would do.
pub fn dry_run(release: &str) -> String {
    let payload = format!(r#"{{"app": "shop", "release": "{release}", "dryRun": true}}"#);
    format!("aws lambda invoke --function-name $promote --payload '{payload}' /dev/stdout")
}

/// Whether Services and Timers have tasks of that Release only.
pub async fn run_only(shop: &Shop<'_>, release: &str) -> bool {
    releases(&shop.running().await).into_iter().eq([release])
}

/// Shows what a report says of the decision.
pub fn decided(report: &Value) {
    let (delivery, by) = (text(&report["delivery"]), text(&report["decidedBy"]));
    fact("delivery", format!("{delivery}, decided by {by}"));
    if let Some(error) = report["fallback"]["errorType"].as_str() {
        fact("fallback", error);
    }
    for warning in report["warnings"].as_array().into_iter().flatten() {
        let warning = text(warning);
        if !printed().contains(&warning) {
            fact("warning", warning); // each once
        }
    }
}

async fn moved(shop: &Shop<'_>, before: &Moved, after: &Moved) {
    for (service, arn) in after {
        let from = before.get(service).map_or("nothing", |arn| short(arn));
        let way = match short(arn) {
            to if to == from => format!("keeps {to}"),
            to => format!("moved from {from} to {to}"),
        };
        fact(&format!("Service {service}"), way);
    }
    for (timer, rule) in shop.timers().await {
        let (schedule, definition) = (&rule.schedule, short(&rule.definition));
        fact(
            &format!("Timer {timer}"),
            format!("{schedule} starts {definition}"),
        );
    }
}

fn all_have_moved(before: &Moved, after: &Moved) {
    let is_new = |arn: &String| before.values().all(|old| old != arn);
    check(
        after.len() == SERVICES.len() && after.values().all(is_new),
        "every ECS service runs another task definition than before",
    );
}
