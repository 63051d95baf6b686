//! What is not there, what the caller may not do, and an AWS that has no time.

use std::fs::{self, File};
use std::process::Stdio;

use double::Fault;
use futures_util::future::join_all;
use rig::canary;

use super::{Desk, assert_has};
use crate::app::APP;

async fn desk() -> Desk {
    let value = canary::value("DATABASE_URL");
    Desk::with_release(&[("DATABASE_URL", &value)]).await
}

#[tokio::test]
async fn a_rack_is_found_by_its_stack() {
    let desk = desk()
        .await
        .without(&["RACK_BUCKET", "RACK_PROMOTE_FUNCTION"]);
    desk.stack(&desk.world.rack).await;
    let status = desk.text(&["status"]).await;
    assert_has(&status, &["Release      R1"]);
    let plan = desk.text(&["plan", "R1"]).await;
    assert_has(&plan, &["Release             R1"]);
}

#[tokio::test]
async fn what_is_not_there_is_wrong_use_and_named() {
    let desk = desk().await;
    for (arguments, part) in [
        (
            &["status", "-a", "shpo"][..],
            "no App `shpo` in this Rack; did you mean `shop`?",
        ),
        (
            &["status", "-a", "Shop"],
            "the App name `Shop` is not valid",
        ),
        (
            &["env", "get", "--release", "R9"],
            "no Release `R9` of shop",
        ),
        (
            &["env", "get", "NOTHING"],
            "R1 of shop has no variable `NOTHING`",
        ),
        (&["env", "diff", "R1", "R9"], "no Release `R9`"),
        (
            &["status", "--rack", "a_b"],
            "the Rack name `a_b` is not valid",
        ),
    ] {
        desk.says(arguments).await.complains(2, part);
    }
    let plan = desk.says(&["plan", "R9"]).await;
    assert_eq!(plan.code, Some(2), "{}", plan.err);
    assert_has(&plan.out, &["ReleaseNotFound"]);
    let desk = desk.without(&["RACK_APP"]);
    desk.says(&["status"]).await.complains(2, "which App?");
    let desk = desk.without(&["RACK_BUCKET"]);
    let wrong = desk.says(&["apps", "--rack", "other"]).await;
    wrong.complains(2, "there is no Rack `other` in us-east-1");
    let desk = desk.without(&["RACK"]);
    desk.says(&["apps"]).await.complains(2, "which Rack?");
    let json = desk.says(&["apps", "--json"]).await;
    assert_has(&json.out, &["\"error\": \"which Rack?"]);
    let desk = desk.without(&["AWS_REGION"]);
    desk.says(&["apps", "--rack", "other"])
        .await
        .complains(2, "no region is known");
    desk.says(&["apps", "--rack", "other", "--region", "no where"])
        .await
        .complains(2, "`no where` is no region");
    let unknown = desk.says(&["--json", "aps"]).await;
    unknown.complains(2, "unrecognized subcommand 'aps'");
    assert_has(&unknown.out, &["\"error\": \"error: unrecognized"]);
}

#[tokio::test]
async fn who_may_not_ask_is_told_what_was_refused() {
    let desk = desk().await;
    let without_ecs = {
        desk.world.inject(Fault::DENIED.on_service("ecs"));
        desk.text(&["status"]).await
    };
    assert_has(
        &without_ecs,
        &[
            "Release      R1",
            "not seen",
            "ECS was not seen: ",
            "AccessDenied",
        ],
    );
    assert_has(&desk.text(&["why"]).await, &["not seen: "]);
    desk.says(&["who-reads", "A"])
        .await
        .complains(1, "AccessDenied");
    desk.world.inject(
        Fault::Error {
            status: 403,
            code: "AccessDenied",
        }
        .on_service("s3"),
    );
    desk.says(&["status"]).await.complains(1, "AccessDenied");
    desk.says(&["env", "get"])
        .await
        .complains(1, "failed to read s3://");
}

#[tokio::test]
async fn an_aws_that_has_no_time_is_asked_again() {
    let desk = desk().await;
    desk.world
        .inject(Fault::Throttle.on("s3", "GetObject").times(2));
    assert_has(&desk.text(&["status"]).await, &["Release      R1"]);
    desk.world.inject(Fault::Throttle.on_service("s3"));
    desk.says(&["status"]).await.complains(1, "SlowDown");
}

#[tokio::test]
async fn a_function_that_is_not_there_or_fails_is_named() {
    let desk = desk().await;
    let mut command = desk.command(&["plan", "R1"]);
    let said = super::Said::of(
        &command
            .env("RACK_PROMOTE_FUNCTION", "other")
            .output()
            .await
            .unwrap(),
    );
    said.complains(1, "failed to invoke other: ResourceNotFoundException");
    let desk = desk.without(&["RACK_PROMOTE_FUNCTION"]);
    desk.says(&["plan", "R1"])
        .await
        .complains(2, "set RACK_PROMOTE_FUNCTION");
}

#[tokio::test]
async fn an_answer_that_cannot_be_written_is_no_success() {
    let desk = desk().await;
    for arguments in [
        &["env", "get", "--reveal"][..],
        &["releases", "--json"],
        &["page", "--output", "-"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = desk.command(arguments);
        let command = command.stdout(full).stderr(Stdio::piped());
        let said = command.spawn().unwrap().wait_with_output().await.unwrap();
        super::Said::of(&said).complains(1, "its answer cannot be written");
    }
}

#[tokio::test]
async fn a_pair_in_the_place_of_a_key_is_not_shown() {
    let desk = desk().await;
    let pair = format!("DATABASE_URL={}", canary::value("DATABASE_URL"));
    for arguments in [&["env", "unset", &pair][..], &["env", "get", &pair]] {
        let said = desk.says(arguments).await;
        said.complains(2, "argument 1 is no variable's name: ");
    }
}

#[tokio::test]
async fn a_draft_is_nothing_to_go_back_to() {
    let desk = desk().await;
    let draft = desk.json(&["env", "set", "A=1", "--no-promote"]).await;
    let draft = draft["release"].as_str().unwrap();
    let said = desk.says(&["rollback", draft]).await;
    said.complains(2, &format!("{draft} is a draft and was never live"));
}

#[tokio::test]
async fn a_change_of_nothing_is_wrong_use() {
    let desk = Desk::new(crate::app::YES).await;
    desk.world.put_env(APP, "R1", &[]).await; // it is not promoted
    desk.says(&["env", "set", "A=1"])
        .await
        .complains(2, "no Release of shop is live: name the one to start from");
    assert_eq!(desk.writes(), Vec::<String>::new());
    for start in [&["--from", "R1"][..], &["--create"]] {
        let arguments = [&["env", "set", "A=1", "--no-promote"], start].concat();
        let made = desk.json(&arguments).await;
        assert_eq!(made["keys"]["added"][0], "A", "{made:#}");
    }
}

const PROFILES: &str = "[profile signed-out]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Dev
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.example/start
[profile process]
credential_process = /bin/echo '{\"Version\": 1, \"AccessKeyId\": \"ACCOUNT\", \"SecretAccessKey\": \"not-a-secret\"}'
";

#[tokio::test]
async fn a_profile_that_was_chosen_goes_before_the_credentials_of_variables() {
    let desk = desk().await;
    let config = desk.home.path().join("config");
    fs::write(&config, PROFILES.replace("ACCOUNT", &desk.world.account)).unwrap();
    let said = async |arguments: &[&str]| {
        let mut command = desk.command(arguments);
        command.env("AWS_CONFIG_FILE", &config);
        super::Said::of(&command.output().await.unwrap())
    };
    let by_variables = said(&["status"]).await;
    assert_has(&by_variables.out, &["Release      R1"]);
    let by_process = said(&["status", "--profile", "process"]).await;
    assert_has(&by_process.out, &["Release      R1"]);
    let signed_out = said(&["status", "--profile", "signed-out"]).await;
    signed_out.complains(1, "`aws sso login --profile signed-out`");
    let unknown = said(&["status", "--profile", "unknown"]).await;
    unknown.complains(1, "there are no credentials: ");
}

/// Every command that asks AWS for something, each with what it needs.
const COMMANDS: [&[&str]; 16] = [
    &["apps"],
    &["status"],
    &["why"],
    &["releases"],
    &["page", "--output", "-"],
    &["who-reads", "DATABASE_URL"],
    &["plan", "R1"],
    &["env", "get"],
    &["env", "diff", "R1", "R1"],
    &["env", "set", "A=1"],
    &["env", "unset", "DATABASE_URL"],
    &["promote", "R1"],
    &["rollback", "R1"],
    &["restore", "R1"],
    &["run", "web"],
    &["delete", "--yes"],
];

#[tokio::test]
async fn every_command_says_which_rack_there_is_not() {
    let desk = desk().await.without(&["RACK_BUCKET"]);
    for command in COMMANDS {
        let said = desk.says(&[command, &["--rack", "other"]].concat()).await;
        said.complains(2, "there is no Rack `other` in us-east-1");
    }
    assert_eq!(desk.writes(), [""; 0]);
}

#[tokio::test]
async fn no_command_changes_anything_where_s3_refuses_or_has_no_time() {
    let desk = desk().await;
    let refused = Fault::Error {
        status: 403,
        code: "AccessDenied",
    };
    for (fault, part) in [(refused, "AccessDenied"), (Fault::Throttle, "SlowDown")] {
        desk.world.inject(fault.on_service("s3"));
        let said = join_all(COMMANDS.map(|command| desk.says(command))).await;
        for (command, said) in COMMANDS.iter().zip(said) {
            assert_eq!(said.code, Some(1), "{command:?}: {}{}", said.out, said.err);
            assert!(said.err.contains(part), "{command:?}: {}", said.err);
        }
        desk.world.proxy.lift();
    }
    desk.world.proxy.clear();
    assert_eq!(desk.text(&["env", "get"]).await, "DATABASE_URL\n");
    let status = desk.text(&["status"]).await;
    assert_has(&status, &["Release      R1"]);
}
