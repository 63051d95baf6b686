//! The commands of docs/first-hour.md run in a shell, one after another, and what they upload and send is valid.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use environment::Environment;
use manifest::resources;
use serde_json::Value;

use crate::app;

/// In the place of AWS: keeps what it is given, and answers where the next command needs it.
const AWS: &str = r#"#!/bin/sh
case "$1 $2 $3" in
  "s3 cp -") cat > /dev/null ;;
  "s3 cp convox.yml" | "s3 cp other.yml") cp "$3" "$MADE/$(basename "$(dirname "$4")").$3" ;;
  "events put-events --entries") printf '%s\0' "$4" >> "$MADE/entries" ;;
  "iam create-policy "*) echo arn:aws:iam::123456789012:policy/myrack-tell ;;
  "rds describe-db-snapshots "*) echo myrack-hello-1a2b3c4d-snapshot-main ;;
  "secretsmanager describe-secret "*) echo arn:aws:secretsmanager:us-east-1:123456789012:secret:myrack_hello/main/link-AbCdEf ;;
  "secretsmanager get-secret-value "*) echo '{"MAIN_URL": "postgres://"}' ;;
  "cloudformation describe-stacks "*) echo myrack-hello-1a2b3c4d ;;
esac
"#;
const VALUES: [(&str, &str); 8] = [
    ("RACK", "myrack"),
    ("STACK", "rack"),
    ("ACCOUNT", "123456789012"),
    ("REGION", "us-east-1"),
    ("BUCKET", "settings"),
    ("KEY", "arn:aws:kms:us-east-1:123456789012:key/1"),
    ("CLUSTER", "blue"),
    ("BUS", "default"),
];

/// The blocks of commands, in order.
fn commands() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/first-hour.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks = page.split("```sh account\n").skip(1);
    let blocks: Vec<&str> = blocks
        .map(|block| block.split("```").next().unwrap())
        .collect();
    blocks.concat()
}

/// What the points about Secrets Manager, Timers and the App's own events have made of convox.yml.
fn assert_are_delivered_and_timed(text: &[u8]) {
    let shown = String::from_utf8_lossy(text);
    let loaded = manifest::load("convox.yml", text, &Environment::default()).unwrap();
    assert_eq!(loaded.params["SecretsManagerEnv"].value, "Yes");
    let timers = loaded
        .timers
        .iter()
        .map(|timer| (timer.name.as_str(), timer.policies.len()));
    assert_eq!(timers.collect::<Vec<_>>(), [("tick", 0), ("tell", 1)]);
    for timer in &loaded.timers {
        assert_eq!(timer.service.as_str(), "web");
        timer.cron().unwrap_or_else(|err| panic!("{err}: {shown}"));
    }
    let tells = |source: &str| {
        format!("--region us-east-1 --entries \"Source={source},DetailType=Told,Detail='{{}}'\"")
    };
    for source in ["hello", "rack"] {
        assert!(shown.contains(&tells(source)), "{shown}");
    }
}

#[test]
fn the_commands_of_the_first_hour_make_what_a_rack_takes() {
    let folder = tempfile::tempdir().unwrap();
    let aws = folder.path().join("aws");
    fs::write(&aws, AWS).unwrap();
    fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-u", "-c", &commands()])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .env("MADE", folder.path())
        .envs(VALUES)
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!(complaints, "");

    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    for (file, count) in [
        ("R1.convox.yml", 0),
        ("R2.convox.yml", 3),
        ("R3.convox.yml", 3),
        ("R4.convox.yml", 3),
        ("R5.convox.yml", 3),
        ("R6.convox.yml", 3),
        ("R7.convox.yml", 3),
        ("R8.convox.yml", 3),
        ("R9.convox.yml", 3),
        ("R10.convox.yml", 3),
        ("R1.other.yml", 0),
    ] {
        let text = read(file);
        let shown = String::from_utf8_lossy(&text).into_owned();
        let manifest = manifest::load("convox.yml", &text, &Environment::default());
        let manifest = manifest.unwrap_or_else(|err| panic!("{file}: {err}\n{shown}"));
        assert_eq!(manifest.resources.len(), count, "{file}: {shown}");
        let found = resources::read(&manifest);
        assert!(found.is_ok(), "{file}: {:?}\n{shown}", found.err());
    }
    let text = |name: &str| String::from_utf8(read(name)).unwrap();
    for (file, part, times) in [
        ("R3.convox.yml", "tags: {team: shop}", 3),
        ("R4.convox.yml", "tags: {team: Zürich}", 3),
        ("R5.convox.yml", "singleton: true", 1),
        (
            "R10.convox.yml",
            "options: {snapshot: myrack-hello-1a2b3c4d-snapshot-main}",
            1,
        ),
    ] {
        assert_eq!(
            text(file).matches(part).count(),
            times,
            "{file}: {}",
            text(file)
        );
    }

    assert_are_delivered_and_timed(&read("R9.convox.yml"));

    let entries = text("entries");
    let sent = entries.split_terminator('\0').map(|entries| {
        let entries: Value = serde_json::from_str(entries).unwrap();
        let entry = entries[0].clone();
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        app::assert_says!(detail, {"rack": "myrack", "app": "hello"}, "{entry}");
        format!("{} of {}", entry["DetailType"], entry["Source"]).replace('"', "")
    });
    assert_eq!(
        sent.collect::<Vec<_>>(),
        [
            "Process Run Requested of rack",
            "Release Promote Requested of rack",
            "App Deleted of stranger",
            "App Deleted of rack",
            "App Deleted of rack",
        ]
    );
}
