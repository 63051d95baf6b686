//! Waiting for a promote: a verdict, and nothing changed by looking.

use std::process::Stdio;

use double::Fault;
use rig::canary;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::{Desk, Said, assert_has};
use crate::app::{self, APP, written};
use crate::verdict;

const WAIT: [&str; 3] = ["--wait", "--every", "20ms"];

async fn desk() -> (Desk, String) {
    let value = canary::value("DATABASE_URL");
    let desk = Desk::with_release(&[("DATABASE_URL", &value), ("KEPT", &value)]).await;
    (desk, value)
}

fn started(mut command: Command) -> Child {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

async fn ended(child: Child) -> Said {
    let said = Said::of(&child.wait_with_output().await.unwrap());
    rig::assert_absent(&[&said.out, &said.err]);
    said
}

impl Desk {
    /// Starts to set a variable and to wait; the Release, once its environment stands, and the tool.
    async fn sets(&self, value: &str, more: &[&str]) -> (String, Child) {
        let pair = format!("NEW={value}");
        let arguments = [&["env", "set", &pair, "--json"], &WAIT[..], more].concat();
        let child = started(self.command(&arguments));
        let written = async || {
            let calls = self.world.proxy.calls().into_iter();
            let mut paths = calls.filter(|call| {
                call.caller == "rack" && call.operation == "PutObject" && call.status == Some(200)
            });
            paths.find_map(|call| {
                let path = call.path.split('?').next()?.strip_suffix("/env")?;
                path.rsplit('/').next().map(str::to_owned)
            })
        };
        (
            rig::eventually("an environment is written", written).await,
            child,
        )
    }

    /// Waits until the tool has looked after its last write: at the state, and then at the report, each with an answer.
    async fn looked(&self) {
        let has_looked = async || {
            let calls = self.world.proxy.calls();
            let of_tool: Vec<_> = calls.iter().filter(|call| call.caller == "rack").collect();
            let written = of_tool
                .iter()
                .rposition(|call| call.operation == "PutObject");
            let mut after = of_tool[written.map_or(0, |place| place + 1)..].iter();
            after
                .find(|call| call.status.is_some() && call.path.contains("report.json"))
                .map(|_| ())
        };
        rig::eventually("the tool has looked at the report", has_looked).await;
    }

    async fn event(&self, release: &str) -> Value {
        let key = format!("apps/{APP}/releases/{release}/env");
        let head = self
            .world
            .s3
            .head_object()
            .bucket(&self.world.bucket)
            .key(&key);
        let head = head.send().await.unwrap();
        written(&self.world, release, head.version_id().unwrap())
    }
}

#[tokio::test]
async fn what_is_waited_for_is_live_once_every_service_is() {
    let (desk, value) = desk().await;
    let (release, tool) = desk.sets(&value, &[]).await;
    desk.looked().await;
    desk.promote.answer(&desk.event(&release).await).await;
    let said = ended(tool).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let made: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(made["promote"]["verdict"], "live", "{made:#}");
    assert_eq!(
        made["promote"]["services"]["worker"]["phase"], "live",
        "{made:#}"
    );
    assert_has(&said.err, &["not taken up yet", "worker: live"]);
}

#[tokio::test]
async fn what_fails_says_why() {
    let (desk, _) = desk().await;
    let arguments = [&["env", "unset", "DATABASE_URL"], &WAIT[..]].concat();
    let tool = started(desk.command(&arguments));
    let release = loop {
        let releases = desk.json(&["releases"]).await;
        let newest = releases["releases"][0]["release"]
            .as_str()
            .unwrap()
            .to_owned();
        if newest != "R1" {
            break newest;
        }
    };
    desk.promote.answer(&desk.event(&release).await).await;
    let said = ended(tool).await;
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert_has(&said.out, &["failed: MissingVariables: ", "DATABASE_URL"]);
}

#[tokio::test]
async fn a_rollback_of_ecs_is_a_verdict_of_its_own() {
    let (desk, value) = desk().await;
    let before = app::running(&desk.world, "worker").await;
    // The tool does not see the report before ECS has gone back.
    let hidden = Fault::Error {
        status: 503,
        code: "ServiceUnavailable",
    };
    let hidden = hidden.on("s3", "GetObject").about("report.json");
    let (release, tool) = desk.sets(&value, &[]).await;
    desk.world.inject(hidden);
    desk.promote.answer(&desk.event(&release).await).await;
    let name = app::ecs_service(&desk.world, "worker");
    let back = app::update(&desk.world, &name).task_definition(&before);
    back.send().await.unwrap();
    desk.world.proxy.lift();
    let said = ended(tool).await;
    assert_eq!(said.code, Some(3), "{}{}", said.out, said.err);
    let made: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        made["promote"]["services"]["worker"]["phase"], "rolledBack",
        "{made:#}"
    );
}

#[tokio::test]
async fn what_the_rack_itself_finds_out_ends_the_wait() {
    let (desk, value) = desk().await;
    verdict::look(&desk.world, &desk.promote).await;
    desk.world.proxy.hold_rollouts();
    let (release, tool) = desk.sets(&value, &[]).await;
    desk.promote.answer(&desk.event(&release).await).await;
    verdict::minutes_ago(&desk.world, 31).await;
    verdict::look(&desk.world, &desk.promote).await;
    let said = ended(tool).await;
    assert_eq!(said.code, Some(4), "{}{}", said.out, said.err);
    let made: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(made["promote"]["verdict"], "stuck", "{made:#}");
    let reason = made["promote"]["reason"].as_str().unwrap();
    assert_has(reason, &["Service `w", "it is not live"]);
    let releases = desk.text(&["releases"]).await;
    assert_has(&releases, &["stuck", "it is not live"]);
}

#[tokio::test]
async fn time_is_up_and_the_promote_goes_on() {
    let (desk, value) = desk().await;
    let (release, tool) = desk.sets(&value, &["--timeout", "100ms"]).await;
    let said = ended(tool).await;
    assert_eq!(said.code, Some(4), "{}{}", said.out, said.err);
    assert_has(&said.out, &["timedOut", "not taken up yet"]);
    let report = desk.promote.answer(&desk.event(&release).await).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
}

#[tokio::test]
async fn ending_a_wait_changes_nothing() {
    let (desk, value) = desk().await;
    let (release, mut tool) = desk.sets(&value, &[]).await;
    let before = desk.writes();
    let pid = Pid::from_raw(i32::try_from(tool.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap(); // INT is ignored by all that a shell starts in the background
    assert_eq!(
        tool.wait().await.unwrap().code(),
        None,
        "the signal ends it"
    );
    assert_eq!(desk.writes(), before);
    let report = desk.promote.answer(&desk.event(&release).await).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
}

#[tokio::test]
async fn a_wait_outlasts_an_aws_that_has_no_time() {
    let (desk, value) = desk().await;
    let (release, tool) = desk.sets(&value, &[]).await;
    desk.promote.answer(&desk.event(&release).await).await;
    desk.world.inject(
        Fault::Error {
            status: 503,
            code: "ServiceUnavailable",
        }
        .on("ecs", "DescribeServices")
        .times(4),
    );
    let said = ended(tool).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
}

#[tokio::test]
async fn what_waits_for_its_stack_is_followed_by_the_id_of_its_request() {
    let (desk, _) = desk().await;
    let mut deleted = desk.text(&["delete", "--yes"]).await;
    while !deleted.contains("secret until") {
        app::pass_minute(&desk.world).await;
        deleted = desk.text(&["delete", "--yes"]).await;
    }
    desk.world.proxy.hold_stacks();
    let tool =
        started(desk.command(&[&["restore", "--json", "--timeout", "2m"], &WAIT[..]].concat()));
    let waits =
        async || (app::state(&desk.world).await["desired"]["status"] == "waiting").then_some(());
    rig::eventually("the promote waits for the stack", waits).await;
    let end = &desk.world.proxy.end_stacks()[0];
    desk.promote.answer(end).await; // the invocation that the tool asked for may have heard of it before
    let said = ended(tool).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let restored: Value = serde_json::from_str(&said.out).unwrap();
    let state = app::state(&desk.world).await;
    assert_eq!(
        (&restored["verdict"], &restored["requestId"]),
        (&"live".into(), &state["applied"]["requestId"]),
        "{restored:#}"
    );
}
