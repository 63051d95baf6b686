//! The demo App in two environments: promoted, and started from the task definitions that promote registered.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use double::REGION;
use rig::emulator::free_address;
use rig::launcher::{Launched, Program};
use rig::{World, tools};
use serde_json::{Value, json};

use crate::console::{say, wait_for};
use crate::entrance::Entrance;
use crate::pages;
use crate::shop::short;
use rig::children;

/// The environments.
pub const STAGES: [&str; 2] = ["test", "production"];
/// The database in its convox.yml.
pub const DATABASE: &str = "main-db";
const BUCKET: &str = "demo-files";
const PROMOTE_LIMIT: Duration = Duration::from_secs(30);
const START_LIMIT: Duration = Duration::from_secs(20);

/// How its environment is delivered there.
pub fn delivery(stage: &str) -> &'static str {
    match stage {
        "test" => "S3",
        _ => "SecretsManager",
    }
}

/// A task on this machine. It ends with the value, or with this process.
#[derive(Debug)]
pub struct Task {
    /// Its environment.
    pub stage: &'static str,
    /// The ARN of its task definition.
    pub definition: String,
    /// Where it answers: its host name at the load balancer, if the Rack has one.
    pub address: String,
    /// Where it answers itself.
    own: SocketAddr,
    process: Launched,
}

impl Task {
    fn start(
        world: &World,
        stage: &'static str,
        definition: String,
        home: &Path,
        log: &Path,
    ) -> Self {
        let address = free_address(Ipv4Addr::LOCALHOST);
        // `env` stands for what the image itself sets.
        let line = format!(
            "target/debug/run-task {} -- env PORT={} BIND={} target/debug/demo-app",
            short(&definition),
            address.port(),
            address.ip(),
        );
        let program = Program::new("task", line.split(' '))
            .variables([
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_ENDPOINT_URL", world.proxy.back_door()),
                ("AWS_REGION", REGION),
            ])
            .variables([("PATH", children::path())])
            // Where the folders are that stand for file systems.
            .variables([("TMPDIR", home.display().to_string())])
            .works_in(tools::repository())
            .logs_to(log);
        say(&format!("    $ {line} &"));
        Self {
            stage,
            definition,
            address: format!("http://{address}"),
            own: SocketAddr::V4(address),
            process: program.start(),
        }
    }

    /// Waits until it answers.
    ///
    /// # Panics
    ///
    /// When it ends before.
    pub async fn wait(&mut self) {
        let (stage, health) = (self.stage, format!("http://{}/health", self.own));
        let process = &mut self.process;
        let answers = async || {
            let ended = process.ended();
            assert!(ended.is_none(), "the demo App in {stage} ended: {ended:?}");
            let page = pages::get(&health).await;
            page.filter(|page| page == "ok\n").map(drop)
        };
        wait_for(
            &format!("the demo App in {stage} to answer"),
            START_LIMIT,
            answers,
        )
        .await;
    }
}

/// Promotes both Apps and starts a task of each, which the entrance leads to, if the Rack has one.
pub async fn start(
    world: &World,
    entrance: Option<&Entrance>,
    home: &Path,
    log: &Path,
) -> Vec<Task> {
    let bucket = world.s3.create_bucket().bucket(BUCKET).send().await;
    bucket.expect("cannot create a bucket");
    for stage in STAGES {
        upload(world, stage).await;
    }
    let (mut tasks, mut told) = (Vec::new(), Vec::new());
    for stage in STAGES {
        let report = promoted(world, stage).await;
        let web = &report["services"]["web"];
        told.push(web["addresses"][0].as_str().map(str::to_owned));
        let definition = web["newTaskDefinition"].as_str();
        let definition = definition.expect("the report names it").to_owned();
        tasks.push(Task::start(world, stage, definition, home, log));
    }
    for (task, told) in tasks.iter_mut().zip(told) {
        task.wait().await;
        if let Some(entrance) = entrance {
            let app = format!("demo-{}", task.stage);
            let told = told.expect("the report has its address");
            task.address = entrance.leads_to(world, &app, &told, task.own).await;
        }
    }
    tasks
}

/// A file of the example.
pub fn file(name: &str) -> String {
    let path: PathBuf = tools::repository().join("examples/demo-app").join(name);
    fs::read_to_string(path).expect("cannot read a file of examples/demo-app")
}

async fn upload(world: &World, stage: &str) {
    let body = ByteStream::from(file(&format!("files/{stage}.env")).into_bytes());
    let put = world
        .s3
        .put_object()
        .bucket(BUCKET)
        .key(format!("{stage}.env"));
    put.body(body)
        .send()
        .await
        .expect("cannot write an environment file");
    let secrets = &world.secrets_manager;
    let create = secrets
        .create_secret()
        .name(format!("demo/database-{stage}"));
    let created = create.secret_string(password(stage, "old")).send().await;
    let arn = created
        .expect("cannot create a secret")
        .arn
        .unwrap_or_default();
    let put = secrets.put_secret_value().secret_id(&arn);
    let put = put.secret_string(password(stage, "new")).send().await;
    put.expect("cannot write a secret");
    let own = format!("FILES_BUCKET={BUCKET}\nDATABASE_SECRET_ARN={arn}\n");
    let environment = file(&format!("env.{stage}")) + &own;
    let release = release(stage);
    world
        .put(&format!("{release}/convox.yml"), file("convox.yml"))
        .await;
    world.put(&format!("{release}/env"), environment).await;
}

/// The report of its promote.
async fn promoted(world: &World, stage: &str) -> Value {
    let key = format!("{}/report.json", release(stage));
    let over = async || {
        let body = world.get(&key).await?;
        let report: Value = serde_json::from_slice(&body).expect("a report is JSON");
        (report["status"] != "waiting").then_some(report)
    };
    let report = wait_for(&format!("the report of demo-{stage}"), PROMOTE_LIMIT, over).await;
    let as_expected = report["status"] == "promoted" && report["delivery"] == delivery(stage);
    assert!(as_expected, "expected a promote of demo-{stage}: {report}");
    report
}

fn release(stage: &str) -> String {
    format!("apps/demo-{stage}/releases/R1")
}

/// The dummy that stands for a database's secret.
pub fn password(stage: &str, age: &str) -> String {
    let password = format!("dummy-{stage}-password-{age}");
    json!({"username": "dummy-user", "password": password}).to_string()
}

/// What CloudFormation generated for the database, and what tasks get of it.
pub async fn generated(world: &World, stage: &str) -> [Value; 2] {
    let mut both = [Value::Null, Value::Null];
    for (value, name) in both.iter_mut().zip(own_secrets(world, stage)) {
        let read = world.secrets_manager.get_secret_value().secret_id(name);
        let read = read.send().await.expect("the database has its secrets");
        let text = read.secret_string().unwrap_or_default();
        *value = serde_json::from_str(text).expect("the secret is JSON");
    }
    both
}

/// The names of these secrets.
pub fn own_secrets(world: &World, stage: &str) -> [String; 2] {
    let name = |kind| format!("{}_demo-{stage}/{DATABASE}/{kind}", world.rack);
    ["credentials", "link"].map(name)
}
