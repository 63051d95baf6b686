//! The demo App's pages in a real browser, where there is one.

use std::fs;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use rig::browser::{Browser, INSTALL};

use crate::console::{check, relative, say, step};
use crate::demo_app::Task;

/// A phone and a desk.
const WIDTHS: [(&str, &str); 2] = [("phone", "500,1000"), ("desk", "1280,900")];
const LONG: &str = "500,1600";
/// A picture of nothing is smaller.
const PICTURE: u64 = 10_000;

/// What a browser made of a task's pages.
struct Seen {
    secrets: String,
    environment: String,
    pictures: Vec<(PathBuf, &'static str)>,
}

/// Looks at the pages of all; false where no browser is installed. Pictures go to the folder.
pub async fn looks(tasks: &[Task], folder: &Path) -> bool {
    step("the same pages in a browser");
    let browsers: Option<Vec<Browser>> = tasks.iter().map(|_| Browser::installed()).collect();
    let Some(browsers) = browsers else {
        say(
            "    NOT DONE: there is no Chromium on this machine, and nothing is installed unasked.",
        );
        say(&format!("    `{INSTALL}` brings one."));
        return false;
    };
    let looks = browsers.iter().zip(tasks);
    let looks = looks.map(|(browser, task)| look(browser, task, folder));
    for (task, seen) in tasks.iter().zip(join_all(looks).await) {
        let stage = task.stage;
        check(
            seen.secrets.contains(&format!("dummy-{stage}-token"))
                && !seen.secrets.contains("password-new"),
            &format!("{stage}: the browser shows what was revealed, and nothing else"),
        );
        check(
            seen.environment.contains(&format!(">{stage}</code>")),
            &format!("{stage}: the browser shows the environment's name"),
        );
        for (picture, of) in seen.pictures {
            let size = fs::metadata(&picture).map_or(0, |file| file.len());
            check(
                size > PICTURE,
                &format!("{stage}: {} is {of}", relative(&picture)),
            );
        }
    }
    true
}

async fn look(browser: &Browser, task: &Task, folder: &Path) -> Seen {
    let page = |path: &str| format!("{}{path}", task.address);
    let mut seen = Seen {
        secrets: browser.document(&page("/secrets?reveal=API_TOKEN")).await,
        environment: browser.document(&page("/environment")).await,
        pictures: Vec::new(),
    };
    for (width, size) in WIDTHS {
        let file = folder.join(format!("{}-{width}.png", task.stage));
        browser.picture(&page("/secrets"), size, &file).await;
        seen.pictures.push((file, "a picture of it"));
    }
    let file = folder.join(format!("{}-resources.png", task.stage));
    browser.picture(&page("/resources"), LONG, &file).await;
    seen.pictures.push((file, "one of its resources"));
    seen
}
