//! The demo App's pages in a real browser, where there is one: Debian's `chromium`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use rig::launcher::Program;
use tempfile::TempDir;

use crate::children::{self, which};
use crate::console::{check, relative, say, step};
use crate::demo_app::Task;

const NAMES: [&str; 2] = ["chromium", "chromium-browser"];
/// How one is installed where there is none.
pub const INSTALL: &str = "apt-get install chromium";
/// In a container it has neither a sandbox of its own nor much shared memory.
const ALWAYS: [&str; 5] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--hide-scrollbars",
];
const LIMIT: Duration = Duration::from_mins(1);
const ATTEMPTS: usize = 2;
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
    let Some(program) = NAMES.into_iter().find_map(which) else {
        say(
            "    NOT DONE: there is no Chromium on this machine, and nothing is installed unasked.",
        );
        say(&format!("    `{INSTALL}` brings one."));
        return false;
    };
    let looks = tasks.iter().map(|task| look(&program, task, folder));
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

async fn look(program: &Path, task: &Task, folder: &Path) -> Seen {
    let profile = TempDir::new().expect("cannot create a folder for a browser");
    let browser = Browser {
        program,
        profile: profile.path(),
    };
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

struct Browser<'b> {
    program: &'b Path,
    profile: &'b Path,
}

impl Browser<'_> {
    /// The document as the browser has it, once it is loaded.
    async fn document(&self, address: &str) -> String {
        self.run(&["--dump-dom", address]).await
    }

    async fn picture(&self, address: &str, size: &str, file: &Path) {
        let _ = fs::remove_file(file); // of a run before
        let (size, file) = (
            format!("--window-size={size}"),
            format!("--screenshot={}", file.display()),
        );
        self.run(&[&size, &file, address]).await;
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let profile = self.profile.display().to_string();
        let data = format!("--user-data-dir={profile}");
        let mut command = vec![self.program.display().to_string(), data];
        command.extend(ALWAYS.map(str::to_owned));
        command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let mut said = String::new();
        for attempt in 1..=ATTEMPTS {
            let program = Program::new("browser", &command)
                .variables([("PATH", children::path())])
                .variables([
                    ("HOME", &*profile),
                    ("TMPDIR", &profile),
                    ("LANG", "C.UTF-8"),
                ]);
            let ended = children::run(program, LIMIT).await;
            if ended.well() {
                return ended.answer;
            }
            said = ended.log;
            say(&format!(
                "    ... the browser failed, attempt {attempt} of {ATTEMPTS}"
            ));
        }
        panic!("the browser does not load {arguments:?}: {said}")
    }
}
