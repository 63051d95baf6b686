//! The pictures of the pages, made from what really runs: a session with `rack` as text, pages of the demo App and the status page
//! as a browser shows them. Two are drawn by hand: `docs/images/promote.svg`, the way of a promote, and
//! `entrance.svg`, that of a request.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rig::browser::{Browser, INSTALL};
use rig::tools;

use crate::console::{check, fact, relative, say, step};
use crate::rack::Rack;
use crate::shop::Shop;
use crate::{demo_app, looks, story};

/// What stands in the terminal, one after another.
const SESSION: [&str; 3] = [
    "rack env set LOG_LEVEL=info --wait",
    "rack status",
    "rack rollback --wait",
];
/// A promote that fails, for the status page.
const FAILS: &str = "rack env unset DATABASE_URL --wait || test $? = 1";
/// No picture is larger, in bytes.
const LARGEST: u64 = 200_000;
/// How wide and how high the pages are looked at.
const DEMO_SIZE: &str = "1000,520";
const PAGE_SIZE: &str = "1000,900";
/// A cell of the terminal, in pixels, and its margins.
const CELL: (f64, usize) = (7.83, 19);
const MARGIN: usize = 20;
const BAR: usize = 36;

fn folder() -> PathBuf {
    tools::repository().join("docs/images")
}

/// Draws all of them anew.
///
/// # Panics
///
/// When something does not run, or a picture is too large for a page.
pub async fn draw() -> u8 {
    let Some(browser) = Browser::installed() else {
        say(&format!(
            "There is no Chromium on this machine; `{INSTALL}` brings one."
        ));
        return 1;
    };
    step("a Rack, whose Apps are to be seen");
    let home = story::folder().join("pictures");
    let log = story::folder().join("pictures.log");
    let rack = Rack::start(&home, &log, &[("SecretsManagerEnv", "Yes")]).await;
    tokio::select! {
        never = rack.outages.obey(&rack.deployed.world.proxy) => match never {},
        never = Box::pin(looks::ask(rack.world())) => match never {}, // large
        () = Box::pin(of(&rack, &browser, &home, &log)) => {} // large
    }
    drop(rack);
    let _ = fs::remove_dir_all(&home);
    0
}

async fn of(rack: &Rack, browser: &Browser, home: &Path, log: &Path) {
    let shop = Shop::new(rack);
    shop.upload("R1", &[]).await;
    shop.report("R1").await;
    looks::settled(rack.world()).await;
    shop.next_second().await;
    let terminal = folder().join("promote-terminal.svg");
    fs::write(&terminal, drawn(&session(rack).await)).expect("cannot write a picture");
    measured(&terminal);

    step("the status page");
    let page = home.join("rack.html").display().to_string();
    rack.shell.run(FAILS).await;
    let line = format!("rack page --output {page}");
    rack.shell.run(&line).await;
    let file = folder().join("rack-page.png");
    browser
        .picture(&format!("file://{page}"), PAGE_SIZE, &file)
        .await;
    measured(&file);

    step("the demo App in two environments");
    let tasks = demo_app::start(rack.world(), None, home, log).await;
    for task in &tasks {
        let file = folder().join(format!("demo-app-{}.png", task.stage));
        let page = format!("{}/secrets", task.address);
        browser.picture(&page, DEMO_SIZE, &file).await;
        measured(&file);
    }
}

fn measured(picture: &Path) {
    let bytes = fs::metadata(picture).map_or(u64::MAX, |file| file.len());
    fact(&relative(picture), format!("{bytes} bytes"));
    check(bytes < LARGEST, "it is small enough for a page");
}

/// The commands and what they print, in lines.
async fn session(rack: &Rack) -> Vec<String> {
    let mut lines = Vec::new();
    for command in SESSION {
        lines.push(format!("$ {command}"));
        // In the order in which a terminal shows them.
        let said = rack.shell.run(&format!("{command} 2>&1")).await;
        lines.extend(said.lines().map(steady));
        lines.push(String::new());
    }
    lines.pop();
    lines
}

/// A line whose ids and times are always the same ones of their form, so that the picture changes only where the program does.
fn steady(line: &str) -> String {
    let words = line.split_inclusive([' ', '/', ':', ',']);
    words.map(steady_word).collect()
}

fn steady_word(word: &str) -> String {
    let bare = word.trim_end_matches([' ', '/', ':', ',']);
    let is_hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    let is_release = bare.len() == 11 && bare.starts_with('R') && bare.chars().all(is_upper);
    let is_version = bare.len() == 36 && is_hex(&bare.replace('-', ""));
    let is_date = bare.len() == 10 && bare.starts_with("20") && bare.split('-').count() == 3;
    let is_seconds = bare.len() == 3 && bare.ends_with('Z');
    let steady = match bare {
        _ if is_release => "RHP4M2K8Q1T",
        _ if is_version => "ddad26f5-00c1-4f81-b03d-2ccf070433c3",
        _ if is_date => "2026-12-01",
        _ if is_seconds => "00Z",
        _ if bare.len() == 32 && is_hex(bare) => "b16a833725c97283913f0719d703003c",
        _ if bare.len() == 2 && bare.parse::<u8>().is_ok() && word.ends_with(':') => "09",
        bare => bare,
    };
    steady.to_owned() + &word[bare.len()..]
}

/// The lines in a window, readable in light and dark.
fn drawn(lines: &[String]) -> String {
    let columns = lines.iter().map(|line| line.chars().count()).max();
    let columns = u16::try_from(columns.unwrap_or_default()).expect("lines are short");
    let width = f64::from(columns) * CELL.0;
    let width = format!("{width:.0}")
        .parse::<usize>()
        .expect("it is a number")
        + 2 * MARGIN;
    let height = BAR + lines.len() * CELL.1 + MARGIN;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" xml:space="preserve" role="img" aria-labelledby="title">
  <title id="title">A promote in a terminal: {}</title>
  <style>
    .window {{ fill: #f6f8fa; stroke: #d1d9e0; }}
    text {{ font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; fill: #1f2328; white-space: pre; }}
    .command {{ font-weight: 600; }}
    .prompt {{ fill: #1a7f37; }}
    circle {{ fill: #d1d9e0; }}
    @media (prefers-color-scheme: dark) {{
      .window {{ fill: #161b22; stroke: #3d444d; }}
      text {{ fill: #e6edf3; }}
      .prompt {{ fill: #3fb950; }}
      circle {{ fill: #3d444d; }}
    }}
  </style>
  <rect class="window" x="0.5" y="0.5" width="{}" height="{}" rx="8"/>
  <circle cx="22" cy="18" r="5"/><circle cx="40" cy="18" r="5"/><circle cx="58" cy="18" r="5"/>
"#,
        escaped(SESSION[0]),
        width - 1,
        height - 1,
    );
    for (number, line) in lines.iter().enumerate() {
        let y = BAR + number * CELL.1 + 14;
        let _ = match line.strip_prefix("$ ") {
            Some(command) => writeln!(
                svg,
                r#"  <text x="{MARGIN}" y="{y}"><tspan class="prompt">$ </tspan><tspan class="command">{}</tspan></text>"#,
                escaped(command)
            ),
            None if line.is_empty() => Ok(()),
            None => writeln!(
                svg,
                r#"  <text x="{MARGIN}" y="{y}">{}</text>"#,
                escaped(line)
            ),
        };
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_times_are_steady_and_all_else_stays() {
        for (line, want) in [
            (
                "RHON1ICQENV of shop, from R1",
                "RHP4M2K8Q1T of shop, from R1",
            ),
            ("RHON1ICQENV: asked for", "RHP4M2K8Q1T: asked for"),
            (
                "since        2026-11-30 09:39:23Z",
                "since        2026-12-01 09:09:00Z",
            ),
            (
                "version 4d63722b-f157-4a90-92d7-deaac334de07",
                "version ddad26f5-00c1-4f81-b03d-2ccf070433c3",
            ),
            (
                "web      myrack_shop_web:2  2/2",
                "web      myrack_shop_web:2  2/2",
            ),
            (
                "  apps/shop/releases/RHON1KKUABR/convox.yml: read",
                "  apps/shop/releases/RHP4M2K8Q1T/convox.yml: read",
            ),
            ("REVISION OF", "REVISION OF"),
        ] {
            assert_eq!(steady(line), want);
        }
    }

    #[test]
    fn a_picture_holds_every_line_as_text() {
        let lines = ["$ rack run web -- 'a && b'", "", "<done>"].map(str::to_owned);
        let svg = drawn(&lines);
        assert!(
            svg.contains("rack run web -- 'a &amp;&amp; b'</tspan>"),
            "{svg}"
        );
        assert!(svg.contains(">&lt;done&gt;</text>"), "{svg}");
        assert_eq!(svg.matches("<text ").count(), 2);
    }
}
