//! Task definitions that promote registered, started on this machine as ECS would: what the program sees on both deliveries,
//! how a launch fails, and what the task can ask.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Output, Stdio};

use rig::{World, assert_absent, binaries, canary};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::app;

const YES: (&str, &str) = ("SECRETS_MANAGER_ENV", "Yes");
const NO: (&str, &str) = ("SECRETS_MANAGER_ENV", "No");
const MANIFEST: &str = "services:\n  web:\n    image: example/web:1\n    environment: [TOKEN, GREETING=hello, MULTI]\n";
/// What a task has beside its variables: this machine's, and the addresses that it can ask.
const OF_ECS: [&str; 6] = [
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_ENDPOINT_URL",
    "AWS_EXECUTION_ENV",
    "ECS_CONTAINER_METADATA_URI_V4",
    "HOME",
    "PATH",
];

fn run_task(world: &World, task_definition: &str, command: &[&str]) -> Command {
    binaries::built("convox-env");
    let mut run = Command::new(binaries::built("run-task"));
    run.arg(task_definition)
        .arg("--")
        .args(command)
        .env_clear()
        .envs(world.task_access())
        .env("UNRELATED", "of this machine")
        .env("TMPDIR", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    run
}

/// What a command says and ends with that the task definition starts, as ECS would.
pub async fn output(world: &World, task_definition: &str, command: &[&str]) -> Output {
    run_task(world, task_definition, command)
        .output()
        .await
        .unwrap()
}

async fn promoted(world: &World, setting: (&str, &str), app: &str, environment: Vec<u8>) -> String {
    let function = world.start("promote", &[setting]);
    let report = app::promote_app(world, &function, app, "R1", environment).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    report["services"]["web"]["newTaskDefinition"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// What the program sees, without what every task has.
async fn sees(world: &World, task_definition: &str) -> BTreeMap<String, String> {
    let output = output(world, task_definition, &["/usr/bin/env", "-0"]).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let listed = String::from_utf8(output.stdout).unwrap();
    let pairs = listed
        .split_terminator('\0')
        .filter_map(|pair| pair.split_once('='));
    let of_app =
        |(name, _): &(&str, &str)| !OF_ECS.contains(name) && !name.starts_with("CONVOX_ENV_");
    pairs
        .filter(of_app)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_program_sees_the_same_whatever_delivers_it_and_in_whatever_form_it_was_written() {
    let world = World::new().await;
    let token = canary::value("TOKEN");
    let lines = format!("TOKEN={token}\nMULTI=one line\nUNDECLARED=1\n").into_bytes();
    let json = json!({"TOKEN": token, "MULTI": "one line", "UNDECLARED": "1"});
    let json = json.to_string().into_bytes();
    let sealed = world.seal_with_libsodium(&lines).await;
    let sealed_json = world.seal_with_libsodium(&json).await;
    for (form, environment) in [
        ("lines", lines),
        ("json", json),
        ("sealed", sealed),
        ("sealed-json", sealed_json),
    ] {
        for (delivery, setting) in [("s3", NO), ("secret", YES)] {
            let app = format!("{form}-{delivery}");
            world.put(&format!("apps/{app}/convox.yml"), MANIFEST).await;
            let task_definition = promoted(&world, setting, &app, environment.clone()).await;
            let mut want = app::pairs([
                ("APP", app.as_str()),
                ("AWS_REGION", "us-east-1"),
                ("GREETING", "hello"),
                ("MULTI", "one line"),
                ("RACK", &world.rack),
                ("RELEASE", "R1"),
                ("SERVICE", "web"),
            ]);
            want.insert("TOKEN".to_owned(), token.clone());
            let seen = sees(&world, &task_definition).await;
            let names = |of: &BTreeMap<String, String>| of.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&seen), names(&want), "{app}");
            assert!(seen == want, "{app}: the values differ");
        }
    }
}

#[tokio::test]
async fn a_launch_that_fails_says_why_in_ecs_words_and_no_value() {
    let world = World::new().await;
    let name = "db/main";
    let value = canary::value("password");
    let create = world.secrets_manager.create_secret().name(name);
    let create = create.secret_string(format!(r#"{{"password": "{value}"}}"#));
    let arn = create.send().await.unwrap().arn.unwrap();
    let file = format!("arn:aws:s3:::{}/files/gone.env", world.bucket);
    let gone = arn.replace(name, "db/gone");
    for (app, own, wording) in [
        (
            "key",
            format!("secrets: {{P: '{arn}:absent::'}}"),
            "did not contain json key absent",
        ),
        (
            "secret",
            format!("secrets: {{P: '{gone}:password::'}}"),
            "can't retrieve the secret with ARN",
        ),
        (
            "stage",
            format!("secrets: {{P: '{arn}:password:AWSPREVIOUS:'}}"),
            "ResourceNotFoundException",
        ),
        (
            "file",
            format!("environmentFiles: ['{file}']"),
            "unable to download env file",
        ),
    ] {
        let manifest = format!("services:\n  web:\n    image: i\n    {own}\n");
        world.put(&format!("apps/{app}/convox.yml"), manifest).await;
        let task_definition = promoted(&world, NO, app, b"A=1".to_vec()).await;
        let output = output(&world, &task_definition, &["true"]).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{app}: {said}");
        assert!(
            said.starts_with("TaskFailedToStart: ResourceInitializationError: "),
            "{app}: {said}"
        );
        assert!(said.contains(wording), "{app}: {said}");
        assert_absent(&[said]);
    }
}

/// A shell that asks the endpoint with what every Debian has: bash's own sockets.
const ASK: &str = r#"
ask() { local rest=${1#http://}; exec 3<>"/dev/tcp/${rest%%:*}/$(p=${rest#*:}; echo "${p%%/*}")"
  printf 'GET /%s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n' "${rest#*/}" >&3; sed '1,/^\r$/d' <&3; echo; }
for path in "" /task /stats /stats /task/stats; do ask "$ECS_CONTAINER_METADATA_URI_V4$path"; done"#;

#[tokio::test]
async fn a_task_can_ask_what_it_is_and_what_it_uses() {
    let world = World::new().await;
    world.put("apps/shop/convox.yml", MANIFEST).await;
    let task_definition = promoted(&world, YES, "shop", b"TOKEN=t\nMULTI=m\n".to_vec()).await;
    let output = output(&world, &task_definition, &["bash", "-c", ASK]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let [container, task, first, second, of_task] = answers.as_slice() else {
        panic!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
    };
    app::assert_says!(container, {"Name": "web", "LogDriver": "awslogs"});
    assert!(
        container["ContainerARN"]
            .as_str()
            .unwrap()
            .contains(":container/")
    );
    let (family, revision) = task_definition
        .rsplit('/')
        .next()
        .unwrap()
        .split_once(':')
        .unwrap();
    app::assert_says!(task, {"Family": family, "Revision": revision});
    assert_eq!(task["LaunchType"], "FARGATE");
    assert_eq!(&task["Containers"][0], container);
    assert!(
        first.get("network_rate_stats").is_none(),
        "a rate needs two looks"
    );
    let rates = &second["network_rate_stats"];
    assert!(
        rates["rx_bytes_per_sec"].is_f64() && rates["tx_bytes_per_sec"].is_f64(),
        "{second:#}"
    );
    assert!(second["memory_stats"]["usage"].as_u64().unwrap() > 0);
    let id = container["DockerId"].as_str().unwrap();
    assert_eq!(of_task[id]["id"], id);
}

const WITH_RESOURCES: &str = "
resources:
  main-db: {type: postgres}
  uploads: {type: efs}
services:
  web:
    image: example/web:1
    environment: [TOKEN]
    resources: [main-db, uploads]
    volumes: ['uploads:/uploads', '/data:/data']
";

#[tokio::test]
async fn resources_reach_a_program_on_both_deliveries_and_its_volume_has_a_folder() {
    let world = World::new().await;
    let token = canary::value("TOKEN");
    for (app, setting) in [("by-s3", NO), ("by-secret", YES)] {
        world
            .put(&format!("apps/{app}/convox.yml"), WITH_RESOURCES)
            .await;
        let environment = format!("TOKEN={token}\n").into_bytes();
        let task_definition = promoted(&world, setting, app, environment).await;
        let seen = sees(&world, &task_definition).await;
        assert_eq!(seen["TOKEN"], token, "{app}");
        let name = format!("{}_{app}/main-db/link", world.rack);
        let link = world.secrets_manager.get_secret_value().secret_id(name);
        let link = link.send().await.unwrap().secret_string.unwrap();
        let link: BTreeMap<String, String> = serde_json::from_str(&link).unwrap();
        let of_link = link
            .into_iter()
            .map(|(key, value)| (format!("MAIN_DB_{key}"), value));
        let of_link: BTreeMap<_, _> = of_link.collect();
        assert_eq!(of_link.len(), 6);
        let of_db = seen
            .into_iter()
            .filter(|(name, _)| name.starts_with("MAIN_DB_"));
        assert!(of_db.eq(of_link), "{app}: the variables differ");
        let mut volumes = Vec::new();
        for _ in 0..2 {
            let output = output(&world, &task_definition, &["bash", "-c", ASK]).await;
            let said = String::from_utf8(output.stdout).unwrap();
            let container = said
                .lines()
                .find_map(|line| serde_json::from_str(line).ok());
            let container: Value = container.unwrap();
            volumes.push(container["Volumes"].as_array().unwrap().clone());
        }
        for listed in &volumes {
            let [volume] = listed.as_slice() else {
                panic!("{app}: {listed:?}");
            };
            assert_eq!(volume["Destination"], "/uploads");
            let name = volume["DockerName"].as_str().unwrap();
            let want = format!("ecs-{}_{app}_web-1-uploads-", world.rack);
            assert!(name.starts_with(&want), "{name}");
            assert!(Path::new(volume["Source"].as_str().unwrap()).is_dir());
        }
        assert_eq!(volumes[0][0]["Source"], volumes[1][0]["Source"], "{app}");
    }
}

#[tokio::test]
async fn signals_reach_the_program_and_its_exit_code_comes_back() {
    let world = World::new().await;
    world.put("apps/shop/convox.yml", MANIFEST).await;
    let task_definition = promoted(&world, NO, "shop", b"TOKEN=t\nMULTI=m\n".to_vec()).await;
    let code = output(&world, &task_definition, &["sh", "-c", "exit 7"]).await;
    assert_eq!(code.status.code(), Some(7));
    let script = "sleep 600 & trap 'kill $!; echo stopped; exit 42' TERM; echo ready; wait";
    let mut run = run_task(&world, &task_definition, &["sh", "-c", script]);
    let mut child = run.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("ready"));
    let process = child.id().unwrap().to_string();
    let kill = Command::new("kill").args(["-s", "TERM", &process]).status();
    assert!(kill.await.unwrap().success());
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("stopped"));
    let status = child.wait().await.unwrap();
    assert_eq!((status.code(), status.signal()), (Some(42), None));
}
