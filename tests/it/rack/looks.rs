//! Commands that only look.

use rig::canary;

use super::{Desk, assert_has};
use crate::app::{MANIFEST, asked, promoted, write_manifest};
use crate::verdict;

#[tokio::test]
async fn five_questions_take_one_command_each_and_write_nothing() {
    let (one, two) = (canary::value("DATABASE_URL"), canary::value("OTHER"));
    let desk = Desk::with_release(&[("DATABASE_URL", &one), ("OTHER", &two)]).await;
    let other = canary::value("DATABASE_URL");
    let changed = [("DATABASE_URL", other.as_str()), ("NEW", &two)];
    promoted(&desk.world, &desk.promote, "R2", &changed).await;
    let moving = desk.text(&["releases"]).await;
    assert_has(&moving, &["R2       moving"]);
    verdict::look(&desk.world, &desk.promote).await;
    write_manifest(&desk.world, "R3", MANIFEST.replace("worker:1", "worker:2")).await;
    desk.world.put_env("shop", "R3", &[("NEW", &two)]).await; // lacks what is required, and nobody is told

    let status = desk.text(&["status"]).await;
    assert_has(
        &status,
        &[
            "Release      R2",
            "SecretsManager, decided by Rack",
            "web",
            "cleanup",
            "cron(0 3",
        ],
    );
    let releases = desk.text(&["releases"]).await;
    assert_has(
        &releases,
        &["R3       new", "R2       live", "R1       promoted"],
    );
    assert_has(&releases, &["(S3 event)", "+NEW ~DATABASE_URL -OTHER"]);
    let diff = desk.text(&["env", "diff", "R1", "R2"]).await;
    assert_eq!(diff, "+ NEW\n~ DATABASE_URL\n- OTHER\n");
    let diff = desk.text(&["env", "diff", "R2", "R3"]).await;
    assert_eq!(
        diff,
        "- DATABASE_URL\nSettings that differ\n  services.worker.image\n"
    );
    let readers = desk.text(&["who-reads", "DATABASE_URL"]).await;
    assert_has(
        &readers,
        &["service web", "service worker", "timer report", "secret"],
    );
    assert!(!readers.contains("metrics"), "{readers}");
    let why = desk.text(&["why"]).await;
    assert_eq!(why, "nothing is known to be wrong with shop\n");
    let apps = desk.text(&["apps"]).await;
    assert_has(&apps, &["shop  R2    SecretsManager  promote of R2 done"]);
    let keys = desk.text(&["env", "get"]).await;
    assert_eq!(keys, "DATABASE_URL\nNEW\n");

    assert_eq!(desk.writes(), [""; 0]);
}

#[tokio::test]
async fn a_list_of_requests_that_cannot_be_read_is_told_beside_the_releases() {
    let value = canary::value("DATABASE_URL");
    let desk = Desk::with_release(&[("DATABASE_URL", &value)]).await;
    desk.world.put("apps/shop/history/index.json", "[").await;
    let releases = desk.text(&["releases"]).await;
    assert_has(&releases, &["R1", "apps/shop/history/index.json: line 1"]);
}

#[tokio::test]
async fn every_answer_has_its_json() {
    let value = canary::value("DATABASE_URL");
    let desk = Desk::with_release(&[("DATABASE_URL", &value)]).await;
    let status = desk.json(&["status"]).await;
    assert_eq!(status["live"]["release"], "R1", "{status:#}");
    assert_eq!(status["live"]["decidedBy"], "Rack", "{status:#}");
    assert!(status["live"]["since"].is_string(), "{status:#}");
    let web = status["services"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "web");
    assert_eq!(web.unwrap()["asApplied"], true, "{status:#}");
    verdict::look(&desk.world, &desk.promote).await;
    let releases = desk.json(&["releases"]).await;
    let release = &releases["releases"][0];
    assert_eq!(release["status"], "live", "{releases:#}");
    assert_eq!(release["askedBy"]["knownBy"], "S3 event", "{releases:#}");
    assert_eq!(desk.json(&["apps"]).await["apps"][0]["live"], "R1");
    assert_eq!(desk.json(&["why"]).await["findings"], serde_json::json!([]));
    let readers = desk.json(&["who-reads", "DATABASE_URL"]).await;
    assert_eq!(
        readers["readers"].as_array().unwrap().len(),
        4,
        "{readers:#}"
    );
    assert_eq!(
        desk.json(&["env", "get"]).await["keys"],
        serde_json::json!(["DATABASE_URL"])
    );
    let plan = desk.json(&["plan", "R1"]).await;
    assert_eq!(
        (&plan["status"], &plan["dryRun"]),
        (&"planned".into(), &true.into()),
        "{plan:#}"
    );
}

#[tokio::test]
async fn a_value_is_shown_on_reveal_alone() {
    let (value, line) = (canary::value("DATABASE_URL"), canary::value("LINES"));
    let lines = format!("{line}\nsecond");
    let desk = Desk::new(crate::app::YES).await;
    let json = serde_json::json!({"DATABASE_URL": value, "LINES": lines}).to_string();
    let sealed = desk.world.seal(json.as_bytes()).await;
    let report = crate::app::promote_app(&desk.world, &desk.promote, "shop", "R1", sealed).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(desk.text(&["env", "get", "LINES"]).await, "LINES\n");
    let one = desk.reveals(&["env", "get", "LINES", "--reveal"]).await;
    assert_eq!((one.out, one.code), (format!("{lines}\n"), Some(0)));
    let all = desk.reveals(&["env", "get", "--reveal"]).await;
    assert_eq!(
        all.out,
        format!("DATABASE_URL={value}\nLINES=\"{line}\\nsecond\"\n")
    );
    let json = desk.reveals(&["env", "get", "--reveal", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["values"]["LINES"], lines);
}

#[tokio::test]
async fn a_plan_says_what_a_promote_would_do_and_why_it_cannot() {
    let value = canary::value("DATABASE_URL");
    let desk = Desk::with_release(&[("DATABASE_URL", &value)]).await;
    let more = [("DATABASE_URL", value.as_str()), ("MORE", &value)];
    desk.world.put_env("shop", "R2", &more).await;
    let plan = desk.text(&["plan"]).await;
    assert_has(
        &plan,
        &[
            "Release             R2",
            "+ MORE",
            "service worker   yes    registered",
            "service web      no     kept",
        ],
    );
    desk.world.put_env("shop", "R3", &[("MORE", &value)]).await;
    let refused = desk.says(&["plan", "R3"]).await;
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert_has(
        &refused.out,
        &["MissingVariables", "DATABASE_URL", "what to do: "],
    );
}

#[tokio::test]
async fn the_last_failure_has_its_reason_and_its_cure() {
    let value = canary::value("DATABASE_URL");
    let desk = Desk::with_release(&[("DATABASE_URL", &value)]).await;
    let failed = crate::app::promote(&desk.world, &desk.promote, "R2", &[("OTHER", &value)]).await;
    assert_eq!(failed["status"], "failed", "{failed:#}");
    let why = desk.text(&["why"]).await;
    assert_has(
        &why,
        &[
            "promote of R2: it failed (MissingVariables)",
            "DATABASE_URL",
            "what to do: ",
        ],
    );
    let status = desk.text(&["status"]).await;
    assert_has(
        &status,
        &["Release      R1", "promote of R2 failed: MissingVariables"],
    );
    let releases = desk.text(&["releases"]).await;
    assert_has(&releases, &["R2       failed", "MissingVariables: "]);
}

#[tokio::test]
async fn what_ecs_went_back_from_is_told() {
    let value = canary::value("DATABASE_URL");
    let desk = Desk::with_release(&[("DATABASE_URL", &value)]).await;
    let before = crate::app::running(&desk.world, "web").await;
    let other = canary::value("DATABASE_URL");
    promoted(
        &desk.world,
        &desk.promote,
        "R2",
        &[("DATABASE_URL", &other)],
    )
    .await;
    let name = crate::app::ecs_service(&desk.world, "web");
    let back = crate::app::update(&desk.world, &name).task_definition(&before);
    back.send().await.unwrap();
    let why = desk.text(&["why"]).await;
    assert_has(
        &why,
        &[
            "Service web: ECS runs ",
            "it went back, or somebody moved it",
            "rack rollback",
        ],
    );
    let status = desk.text(&["status"]).await;
    assert_has(&status, &["instead"]);
    asked(&desk.world, &desk.promote, "R2", "again", 5).await;
    assert_eq!(
        desk.text(&["why"]).await,
        "nothing is known to be wrong with shop\n"
    );
}
