//! Pages in a real browser, where there is one: Debian's `chromium`, without a window. Each look is a process of its own, with a
//! profile that goes with the [`Browser`].

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use crate::children::{self, which};
use crate::launcher::Program;
use crate::tools;

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
/// The browser's own clock runs as fast as it can, and stands still while it works.
const PATIENCE: &str = "--virtual-time-budget=60000";

/// Which colours somebody has asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// A browser.
#[derive(Debug)]
pub struct Browser {
    program: PathBuf,
    profile: TempDir,
}

impl Browser {
    /// The one of this machine, if there is one.
    #[must_use]
    pub fn installed() -> Option<Self> {
        let program = NAMES.into_iter().find_map(which)?;
        let profile = TempDir::new().expect("cannot create a folder for a browser");
        Some(Self { program, profile })
    }

    /// The document as the browser has it, once it is loaded.
    pub async fn document(&self, address: &str) -> String {
        self.run(&["--dump-dom", address]).await
    }

    /// A picture of a page in a window of that size, such as `1280,900`.
    pub async fn picture(&self, address: &str, size: &str, file: &Path) {
        let _ = fs::remove_file(file); // of a run before
        let (size, file) = (
            format!("--window-size={size}"),
            format!("--screenshot={}", file.display()),
        );
        self.run(&[&size, &file, address]).await;
    }

    /// What axe finds in a page at each width in pixels: an object with `width`, `isDark`, `title`, `overflow` (pixels beside the
    /// window), `violations`, `undecided` (rules with what each is about) and `passes` (rules). All that can be opened is open.
    pub async fn audited(&self, page: &str, scheme: Scheme, widths: &[u32]) -> Vec<Value> {
        let file = self.profile.path().join("audit.html");
        fs::write(&file, audit(page, widths)).expect("cannot write a page to look at");
        let scheme = match scheme {
            Scheme::Dark => "--blink-settings=preferredColorScheme=0",
            Scheme::Light => "--blink-settings=preferredColorScheme=1",
        };
        let address = format!("file://{}", file.display());
        let arguments = [scheme, PATIENCE, "--dump-dom", &address];
        let document = self.run(&arguments).await;
        let between = document.split("<pre>").nth(1);
        let between = between.and_then(|rest| rest.split("</pre>").next());
        let lines = between.unwrap_or_default().split_whitespace();
        let answers: Vec<Value> = lines.map(decoded).collect();
        assert_eq!(answers.len(), widths.len(), "axe answers: {answers:#?}");
        answers
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let profile = self.profile.path().display().to_string();
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
            eprintln!("    ... the browser failed, attempt {attempt} of {ATTEMPTS}");
        }
        panic!("the browser does not load {arguments:?}: {said}")
    }
}

fn decoded(line: &str) -> Value {
    let bytes = STANDARD.decode(line).expect("an answer is base64");
    serde_json::from_slice(&bytes).expect("an answer is JSON")
}

/// A page that has the other one in a frame of each width: a window itself is never narrower than 500 pixels. The page's own
/// policy goes, since it forbids the script that looks at it.
fn audit(page: &str, widths: &[u32]) -> String {
    let mut inner = page.to_owned();
    let policy = inner.find("<meta http-equiv=\"Content-Security-Policy\"");
    if let Some(start) = policy {
        let end = inner[start..].find('>').expect("a tag ends");
        inner.replace_range(start..=start + end, "");
    }
    let axe = tools::axe();
    let _ = write!(inner, "<script src=\"file://{}\"></script>", axe.display());
    inner.push_str("<script>");
    inner.push_str(LOOK);
    inner.push_str("</script>");
    let inner = inner.replace('&', "&amp;").replace('"', "&quot;");
    let frames = widths.iter().map(|width| {
        format!("<iframe style=\"width: {width}px; height: 800px; border: 0\" srcdoc=\"{inner}\"></iframe>")
    });
    let frames: String = frames.collect();
    format!(
        "<!DOCTYPE html><html style=\"color-scheme: light dark\"><meta charset=\"utf-8\"><pre></pre>\
         <script>onmessage = told => {{ document.querySelector('pre').append(told.data + '\\n'); }}</script>{frames}"
    )
}

const LOOK: &str = "
const tell = what => {
  const bytes = new TextEncoder().encode(JSON.stringify(what));
  parent.postMessage(btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join('')), '*');
};
const title = document.title;
for (const it of document.querySelectorAll('details')) it.open = true;
const rules = found => found.map(({id, nodes}) => `${id}: ${nodes.map(node => node.html + ' ' + node.failureSummary).join('; ')}`);
axe.run().then(({violations, incomplete, passes}) => tell({
  width: innerWidth, isDark: matchMedia('(prefers-color-scheme: dark)').matches, title,
  overflow: Math.max(0, document.documentElement.scrollWidth - innerWidth),
  violations: rules(violations), undecided: rules(incomplete), passes: passes.map(({id}) => id),
}), error => tell({error: String(error)}));
";
