//! The status page: what it says of a Rack whose Apps are not all well, and how it is for people in a browser.

use rig::browser::{Browser, INSTALL, Scheme};
use rig::{App, canary};
use serde_json::{Value, json};

use super::{Desk, assert_has};
use crate::app;
use crate::verdict::{failed, look, roll_back};

const SMALL: &str =
    "services:\n  web:\n    image: example/web:1\n    environment:\n      - NEEDED\n";
const HOSTILE: &str = "<script>document.title = 'changed'</script>";

/// A Rack with an App that is live, one that ECS rolled back, one whose promote failed, one whose history somebody else wrote,
/// and one that cannot be read.
async fn rack() -> Desk {
    let value = canary::value("DATABASE_URL");
    let desk = Desk::with_release(&[("DATABASE_URL", &value)]).await;
    let world = &desk.world;
    for (name, variable) in [("blog", "NEEDED"), ("cart", "OTHER")] {
        world.put(&format!("apps/{name}/convox.yml"), SMALL).await;
        let tags = [("convox:rack", world.rack.as_str()), ("convox:app", name)];
        let service = App::named(name).ecs_service(world, "web");
        world.create_ecs_service(&service, &tags).await;
        let environment = json!({variable: value}).to_string();
        app::promote_app(world, &desk.promote, name, "R1", environment).await;
    }
    look(world, &desk.promote).await;
    let before = app::running(world, "web").await;
    world.proxy.hold_rollouts();
    let other = canary::value("DATABASE_URL");
    app::promoted(world, &desk.promote, "R2", &[("DATABASE_URL", &other)]).await;
    roll_back(world, "web", &before).await;
    world.proxy.end_rollouts();
    desk.promote.answer(&failed(world, "web")).await;
    look(world, &desk.promote).await;

    let entry = json!({
        "record": "apps/odd/history/1", "requestedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:00Z",
        "kind": "promote", "release": HOSTILE, "requestId": "1", "askedBy": {"knownBy": "nothing"},
        "status": "failed", "message": HOSTILE,
    });
    let index = json!({"entries": [entry]}).to_string();
    world.put("apps/odd/history/index.json", index).await;
    world.put("apps/torn/state/promotion.json", "{").await;
    desk
}

#[tokio::test]
async fn a_page_tells_of_every_app_and_everybody_can_read_it() {
    let desk = rack().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    let file_name = file.display().to_string();
    let desk = desk.without(&["RACK_APP"]);
    let answer = desk.json(&["page", "--output", &file_name]).await;
    let apps = answer["apps"].as_array().unwrap();
    let names: Vec<&str> = apps
        .iter()
        .map(|row| row["app"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["blog", "cart", "odd", "shop", "torn"], "{answer:#}");
    let unread: Vec<bool> = apps.iter().map(|row| row["error"].is_string()).collect();
    assert_eq!(unread, [false, false, false, false, true], "{answer:#}");
    assert_eq!(answer["file"], file_name.as_str());
    assert_eq!(desk.writes(), [""; 0]);

    let page = std::fs::read_to_string(&file).unwrap();
    rig::assert_absent(&[&page]);
    assert_has(
        &page,
        &[
            "5 Apps, 3 need a look.",
            "ECS rolled R2 back",
            "R2, rolled back",
            "not known",
            "promote of R1: it failed (MissingVariables)",
            "What to do: ",
            "could not be read",
            "&lt;script&gt;",
        ],
    );
    audited(&page).await;
}

/// No rule of axe is broken, and nothing stands beside the window: on a phone and a desk, in both schemes.
async fn audited(page: &str) {
    let Some(browser) = Browser::installed() else {
        println!("skipped: there is no Chromium on this machine; `{INSTALL}` brings one");
        return;
    };
    let widths = [360, 1280];
    for scheme in [Scheme::Light, Scheme::Dark] {
        let audits = browser.audited(page, scheme, &widths).await;
        let mut seen: Vec<u64> = audits
            .iter()
            .filter_map(|it| it["width"].as_u64())
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, widths.map(u64::from), "{audits:#?}");
        for audit in audits {
            assert_eq!(audit["isDark"], scheme == Scheme::Dark, "{audit:#}");
            assert_eq!(audit["violations"], json!([]), "{audit:#}");
            assert_eq!(audit["undecided"], json!([]), "{audit:#}");
            assert_eq!(audit["overflow"], 0, "{audit:#}");
            assert!(
                audit["title"].as_str().unwrap().starts_with("Rack "),
                "{audit:#}"
            );
            let passes = audit["passes"].as_array().unwrap();
            for rule in ["color-contrast", "html-has-lang", "svg-img-alt", "region"] {
                assert!(passes.contains(&Value::from(rule)), "{rule}: {audit:#}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_of_one_app_can_be_printed_and_a_file_is_replaced_whole() {
    let value = canary::value("DATABASE_URL");
    let desk = Desk::with_release(&[("DATABASE_URL", &value)]).await;
    let page = desk.text(&["page", "--output", "-"]).await;
    assert_has(
        &page,
        &[
            "<!DOCTYPE html>",
            "1 App, nothing is known to be wrong.",
            "R1",
        ],
    );
    let both = desk.says(&["page", "--output", "-", "--json"]).await;
    both.complains(2, "--output FILE");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    std::fs::write(&file, "before").unwrap();
    let open = std::fs::File::open(&file).unwrap();
    let name = file.display().to_string();
    assert_has(&desk.text(&["page", "-o", &name]).await, &["1 App of"]);
    assert_eq!(std::io::read_to_string(open).unwrap(), "before");
    assert!(std::fs::read_to_string(&file).unwrap().contains("</html>"));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");

    let nowhere = folder.path().join("no/page.html").display().to_string();
    let refused = desk.says(&["page", "-o", &nowhere]).await;
    refused.complains(1, "cannot write");
    let unknown = desk.says(&["page", "--app", "shup", "-o", &name]).await;
    unknown.complains(2, "did you mean `shop`?");
}
