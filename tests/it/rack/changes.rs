//! Commands that change something: each makes a Release, or asks for one.

use std::process::Stdio;
use std::time::Duration;

use double::Fault;
use rig::canary;
use serde_json::{Value, json};

use super::{Desk, Said, assert_has};
use crate::app::{self, APP, written};

impl Desk {
    /// Delivers S3's event about the environment of a Release that the tool has made.
    async fn deliver(&self, release: &str) -> Value {
        let key = format!("apps/{APP}/releases/{release}/env");
        let head = self
            .world
            .s3
            .head_object()
            .bucket(&self.world.bucket)
            .key(&key);
        let version = head.send().await.expect("the environment is there");
        let version = version
            .version_id()
            .expect("the bucket is versioned")
            .to_owned();
        self.promote
            .answer(&written(&self.world, release, &version))
            .await
    }

    /// Runs a command that makes a Release, delivers its event, and answers its name.
    async fn makes(&self, arguments: &[&str]) -> String {
        let made = self.json(arguments).await;
        let release = made["release"]
            .as_str()
            .expect("a Release is made")
            .to_owned();
        let report = self.deliver(&release).await;
        assert_eq!(report["status"], "promoted", "{report:#}");
        release
    }
}

async fn desk() -> (Desk, String) {
    let value = canary::value("DATABASE_URL");
    let desk = Desk::with_release(&[("DATABASE_URL", &value), ("KEPT", &value)]).await;
    (desk, value)
}

async fn object(desk: &Desk, release: &str, file: &str) -> Option<Vec<u8>> {
    desk.world
        .get(&format!("apps/{APP}/releases/{release}/{file}"))
        .await
}

#[tokio::test]
async fn one_variable_is_one_command() {
    let (desk, value) = desk().await;
    let build = json!({"id": "B1", "images": {"web": "example/web:7"}}).to_string();
    desk.world
        .put(&format!("apps/{APP}/releases/R1/build.json"), build.clone())
        .await;
    let set = canary::value("SET");
    let pair = format!("SET={set}");
    let said = desk.text(&["env", "set", &pair]).await;
    assert_has(&said, &[" of shop, from R1\n+ SET\n", "requested"]);
    let release = said.split(' ').next().unwrap();
    assert!(release > "R1", "{release}");
    let report = desk.deliver(release).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let env = object(&desk, release, "env").await.unwrap();
    let env = String::from_utf8(env).unwrap();
    assert_eq!(
        env,
        format!("DATABASE_URL={value}\nKEPT={value}\nSET={set}\n")
    );
    assert_eq!(
        object(&desk, release, "build.json").await.unwrap(),
        build.as_bytes()
    );
    assert_eq!(
        object(&desk, release, "convox.yml").await.unwrap(),
        app::MANIFEST.as_bytes()
    );

    let unset = desk.makes(&["env", "unset", "SET"]).await;
    assert!(unset.as_str() > release, "{unset} {release}");
    assert_eq!(
        desk.text(&["env", "diff", release, &unset]).await,
        "- SET\n"
    );
    desk.says(&["env", "unset", "SET"])
        .await
        .complains(2, "has no variable `SET`");
    let same = desk.text(&["env", "set", &format!("KEPT={value}")]).await;
    assert_eq!(same, "nothing changes in shop\n");
}

#[tokio::test]
async fn an_envelope_stays_one_and_an_image_can_change() {
    let value = canary::value("DATABASE_URL");
    let desk = Desk::new(app::YES).await;
    let sealed = desk
        .world
        .seal(format!("DATABASE_URL={value}\n").as_bytes())
        .await;
    let report = app::promote_app(&desk.world, &desk.promote, APP, "R1", sealed).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let image = [
        "env",
        "set",
        &format!("NEW={value}"),
        "--image",
        "web=example/web:2",
    ];
    let release = desk.makes(&image).await;
    let env = object(&desk, &release, "env").await.unwrap();
    let env: Value = serde_json::from_slice(&env).unwrap();
    assert_eq!(
        env.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["c", "k", "n"]
    );
    let all = desk.reveals(&["env", "get", "--reveal"]).await;
    assert_eq!(all.out, format!("DATABASE_URL={value}\nNEW={value}\n"));
    let build: Value =
        serde_json::from_slice(&object(&desk, &release, "build.json").await.unwrap()).unwrap();
    assert_eq!(build["images"]["web"], "example/web:2");
    let diff = desk.text(&["env", "diff", "R1", &release]).await;
    assert_eq!(diff, "+ NEW\nImages that differ\n  web\n");
}

#[tokio::test]
async fn an_image_is_of_a_service_and_its_change_is_said() {
    let (desk, _) = desk().await;
    let set = |image| ["env", "set", "--no-promote", "--image", image];
    let unknown = desk.says(&set("wbe=example/web:2")).await;
    unknown.complains(2, "convox.yml has no Service `wbe`; it has ");
    assert_eq!(desk.writes(), Vec::<String>::new());
    let made = desk.text(&set("web=example/web:2")).await;
    assert_has(&made, &["Images that differ\n  web\n"]);
    let made = desk.json(&set("web=example/web:2")).await;
    assert_eq!(made["images"], json!(["web"]), "{made:#}");
}

#[tokio::test]
async fn files_of_other_tools_are_taken() {
    let (desk, value) = desk().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("env.json");
    let path = path.to_str().unwrap();
    std::fs::write(path, json!({"KEPT": "", "MORE": value}).to_string()).unwrap();
    let merged = desk.makes(&["env", "import", path]).await;
    assert_eq!(
        desk.text(&["env", "diff", "R1", &merged]).await,
        "+ MORE\n~ KEPT\n"
    );
    std::fs::write(path, format!("export DATABASE_URL='{value}' # {value}\n")).unwrap();
    let replaced = desk.makes(&["env", "import", path, "--replace"]).await;
    assert_eq!(
        desk.text(&["env", "get", "--release", &replaced]).await,
        "DATABASE_URL\n"
    );
    std::fs::write(path, format!("DATABASE_URL={value}\n{value}\n")).unwrap();
    desk.says(&["env", "import", path])
        .await
        .complains(2, "line 2 is no `KEY=value`");
    desk.says(&["env", "import", "/no/such/file"])
        .await
        .complains(2, "cannot read /no/such/file");
    desk.says(&["env", "set", &value])
        .await
        .complains(2, "argument 1 is no `KEY=VALUE`");
}

#[tokio::test]
async fn an_edit_makes_a_release_and_leaves_no_file() {
    let (desk, value) = desk().await;
    let editor = |line: &str| format!("sh -c '{line}'");
    let run = async |line: &str| {
        let mut command = desk.command(&["env", "edit", "--no-promote"]);
        let folder = tempfile::tempdir().unwrap();
        command
            .env("EDITOR", editor(line))
            .env("TMPDIR", folder.path());
        let said = super::Said::of(&command.output().await.unwrap());
        rig::assert_absent(&[&said.out, &said.err]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        said
    };
    let said = run("echo EDITED=1 >> \"$0\"").await;
    assert_has(&said.out, &["+ EDITED\n", "a draft: "]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(run("true").await.out, "nothing changes in shop\n");
    run("exit 3")
        .await
        .complains(1, "the editor ended with an error; nothing is changed");
    run(&format!("echo {value} >> \"$0\""))
        .await
        .complains(2, "what was edited cannot be imported");
}

#[tokio::test]
async fn nobody_is_overrun() {
    let (desk, value) = desk().await;
    let meanwhile = app::uploaded(&desk.world, "R2", &[("DATABASE_URL", &value)]).await;
    // The first promote of another image waits for nothing, so one that is at work has to be made.
    let mut state = app::state(&desk.world).await;
    state["desired"]["status"] = "pending".into();
    state["desired"]["release"] = "R2".into();
    rig::App::named(APP)
        .put_state(&desk.world, "promotion", &state)
        .await;
    let pair = format!("NEW={value}");
    let said = desk.says(&["env", "set", &pair]).await;
    said.complains(1, "R2 of shop is being promoted; nothing is promoted");
    let from = desk
        .json(&["env", "set", &pair, "--from", "R2", "--no-promote"])
        .await;
    assert_eq!(
        (&from["from"], &from["keys"]["added"]),
        (&"R2".into(), &json!(["NEW"]))
    );
    desk.promote.answer(&meanwhile).await;
    let unknown = desk.says(&["env", "set", &pair, "-a", "shpo"]).await;
    unknown.complains(2, "did you mean `shop`?");
}

#[tokio::test]
async fn a_rollback_goes_to_the_release_before() {
    let (desk, value) = desk().await;
    desk.says(&["rollback"])
        .await
        .complains(2, "no other Release of shop was ever live");
    let second = desk.makes(&["env", "set", &format!("NEW={value}")]).await;
    let back = desk.json(&["rollback"]).await;
    assert_eq!(
        (&back["release"], &back["verdict"]),
        (&"R1".into(), &"promoted".into()),
        "{back:#}"
    );
    assert_eq!(app::state(&desk.world).await["applied"]["release"], "R1");
    let again = desk.text(&["promote", &second]).await;
    assert_has(&again, &[&second, "promoted"]);
    desk.says(&["rollback", "R9"])
        .await
        .complains(2, "no Release `R9`");
    desk.says(&["promote"])
        .await
        .complains(2, "the newest Release of shop is no draft");
}

#[tokio::test]
async fn a_process_runs_where_its_service_does() {
    let (desk, value) = desk().await;
    let run = desk
        .json(&["run", "web", "--", "bin/migrate", "--all"])
        .await;
    assert_eq!(
        (&run["status"], &run["release"]),
        (&"started".into(), &"R1".into()),
        "{run:#}"
    );
    let refused = desk.says(&["run", "wbe", "--", "true", &value]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert_has(&refused.out, &["ServiceNotFound", "web"]);
}

#[tokio::test]
async fn a_deleted_app_comes_back() {
    let (desk, _) = desk().await;
    desk.says(&["delete"]).await.complains(2, "say --yes");
    desk.says(&["restore"])
        .await
        .complains(2, "shop is not deleted");
    let mut deleted = desk.text(&["delete", "--yes"]).await;
    for _ in 0..5 {
        if deleted.contains("deleted") {
            break;
        }
        app::pass_minute(&desk.world).await;
        deleted = desk.text(&["delete", "--yes"]).await;
    }
    assert_has(&deleted, &["deleted", "secret until"]);
    assert_has(
        &desk.text(&["status"]).await,
        &["Release  none", "delete done"],
    );
    desk.says(&["env", "set", "A=1"])
        .await
        .complains(2, "`rack restore` brings back what was deleted");
    let restored = desk.json(&["restore"]).await;
    assert_eq!(
        (&restored["release"], &restored["verdict"]),
        (&"R1".into(), &"promoted".into()),
        "{restored:#}"
    );
}

#[tokio::test]
async fn a_failed_promote_ends_with_its_cure() {
    let (desk, _) = desk().await;
    let draft = desk
        .json(&["env", "unset", "DATABASE_URL", "--no-promote"])
        .await;
    let release = draft["release"].as_str().unwrap();
    let draft = object(&desk, release, "draft").await.unwrap();
    desk.world
        .put(&format!("apps/{APP}/releases/{release}/env"), draft)
        .await;
    let said = desk.says(&["promote", release]).await;
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert_has(
        &said.out,
        &["failed: MissingVariables: ", "DATABASE_URL", "what to do: "],
    );
}

/// Somebody's Release R2, of a later second than what the state knows of; its event is still on its way.
async fn theirs(desk: &Desk, value: &str) {
    let modified = async |release: &str| {
        let key = format!("apps/{APP}/releases/{release}/env");
        let head = desk.world.s3.head_object().bucket(&desk.world.bucket);
        let head = head.key(&key).send().await.unwrap();
        head.last_modified().unwrap().secs()
    };
    let variables = [("DATABASE_URL", value), ("THEIRS", value)];
    desk.world.put_env(APP, "R2", &variables).await;
    while modified("R2").await <= modified("R1").await {
        desk.world.put_env(APP, "R2", &variables).await;
    }
}

#[tokio::test]
async fn what_somebody_else_has_written_and_nobody_has_taken_up_is_not_undone() {
    let (desk, value) = desk().await;
    theirs(&desk, &value).await;
    let ours = format!("OURS={value}");
    let said = desk.says(&["env", "set", &ours]).await;
    said.complains(1, "R2 of shop was asked for and is not taken up yet");
    let from = desk.json(&["env", "set", &ours, "--from", "R2"]).await;
    assert_eq!(from["keys"]["added"], json!(["OURS"]), "{from:#}");
}

#[tokio::test]
async fn what_somebody_else_writes_at_the_same_moment_is_told() {
    let (desk, value) = desk().await;
    let slow = Fault::Latency(Duration::from_secs(4)).on("s3", "PutObject");
    desk.world.inject(slow.about("/env"));
    let pair = format!("OURS={value}");
    let mut tool = desk.command(&["env", "set", &pair]);
    let tool = tool.stdout(Stdio::piped()).stderr(Stdio::piped());
    let tool = tool.spawn().unwrap();
    let writes = async || {
        let calls = desk.world.proxy.calls().into_iter();
        let mut paths = calls
            .filter(|call| call.operation == "PutObject")
            .map(|call| call.path);
        paths.find(|path| path.contains("/env"))
    };
    rig::eventually("the tool writes", writes).await;
    theirs(&desk, &value).await;
    let said = Said::of(&tool.wait_with_output().await.unwrap());
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert_has(&said.out, &["R2 was asked for at the same moment"]);
}

#[tokio::test]
async fn an_app_comes_back_while_it_is_being_deleted() {
    let (desk, _) = desk().await;
    desk.world.proxy.hold_stacks();
    let deleted = desk.text(&["delete", "--yes"]).await;
    assert_has(&deleted, &["goes on by itself"]);
    let restored = desk.json(&["restore"]).await;
    assert_eq!(
        (&restored["release"], &restored["verdict"]),
        (&"R1".into(), &"waiting".into()),
        "{restored:#}"
    );
    for end in desk.world.proxy.end_stacks() {
        desk.promote.answer(&end).await;
    }
    for end in desk.world.proxy.end_stacks() {
        desk.promote.answer(&end).await;
    }
    let status = desk.text(&["status"]).await;
    assert_has(&status, &["Release      R1", "_shop_web:2"]);
    assert!(!status.contains("delet"), "{status}");
}
