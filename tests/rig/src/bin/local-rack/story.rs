//! The story: what is delivered and how, an outage that lasts and its warning, a deletion and the way back.

use std::fs;
use std::path::{Path, PathBuf};

use rig::tools;

use crate::console::{check, checks, fact, relative, say, seconds, step};
use crate::entrance::Entrance;
use crate::processes::Process;
use crate::rack::Rack;
use crate::shop::Shop;
use crate::watch::Watch;
use crate::{
    browser, deletion, delivery, demo_app, entrance, leaks, looks, one_off, outage, pages, tool,
};

/// Seconds that promote gives Secrets Manager; the template's default is 10, less makes outages a shorter story.
const SECRETS_MANAGER_TIMEOUT_S: &str = "1";

/// Where the demo keeps what is worth a look afterwards.
pub fn folder() -> PathBuf {
    tools::repository().join("target/demo")
}

/// The log of all that it starts.
pub fn log() -> PathBuf {
    folder().join("demo.log")
}

/// Removed with the value.
struct Home<'h>(&'h Path);

impl Drop for Home<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0);
    }
}

/// What the summary needs to know.
struct Played {
    has_browser: bool,
    processes: Vec<Process>,
}

/// Tells it.
///
/// # Panics
///
/// When something is not as it says.
pub async fn tell() -> u8 {
    let home = folder().join("story");
    let played = {
        let _home = Home(&home);
        play(&home).await
    };
    let alive = played.processes.iter().any(Process::is_alive);
    let own = Process::own().descendants();
    check(
        !played.processes.is_empty() && !alive && own.is_empty() && !home.exists(),
        "nothing of this is left running or lying around",
    );
    summary(played.has_browser);
    0
}

async fn play(home: &Path) -> Played {
    step("a Rack on this machine: an AWS emulator, and template.yaml deployed in it");
    let _ = fs::remove_file(log());
    let [balancer, domain] = entrance::PARAMETERS;
    let parameters = [
        ("SecretsManagerEnv", "Yes"),
        ("SecretsManagerTimeoutSeconds", SECRETS_MANAGER_TIMEOUT_S),
        balancer,
        domain,
    ];
    let rack = Rack::start(home, &log(), &parameters).await;
    // The commands for outages are obeyed beside the story.
    tokio::select! {
        never = rack.outages.obey(&rack.deployed.world.proxy) => match never {},
        never = Box::pin(looks::ask(rack.world())) => match never {}, // large
        played = acts(&rack, home) => played,
    }
}

async fn acts(rack: &Rack, home: &Path) -> Played {
    let shop = Shop::new(rack);
    introduction(rack);
    let before = shop.create_services().await;
    let watch = Watch::start(rack.world()).await;

    let first = delivery::first_release(&shop, &before).await;
    delivery::release_in_an_outage(&shop, &first).await;
    delivery::release_after_the_outage(&shop).await;
    delivery::rollback(&shop, &first).await;
    tool::answers(&shop).await;
    outage::lasts(&shop, &watch).await;
    outage::is_over(&shop, &watch).await;
    one_off::runs(&shop, &watch).await;
    let gone = deletion::deleted(&shop, &watch).await;
    deletion::undone(&shop, &watch, &gone).await;
    tool::changes(&shop).await;

    step("the demo App in two environments, from the task definitions that promote registered");
    let entrance = Entrance::start(rack).await;
    let tasks = demo_app::start(rack.world(), Some(&entrance), home, &log()).await;
    entrance::leads(&entrance, rack.world(), &tasks).await;
    pages::all(rack.world(), &tasks).await;
    let has_browser = browser::looks(&tasks, &folder()).await;
    leaks::none(&shop, &watch, &log()).await;
    Played {
        has_browser,
        processes: Process::own().descendants(),
    }
}

fn introduction(rack: &Rack) {
    fact(
        "Rack",
        format!(
            "{}, SecretsManagerEnv=Yes, LoadBalancer=Yes",
            rack.world().rack
        ),
    );
    fact("settings bucket", &rack.world().bucket);
    for (function, name) in rack.functions() {
        fact(function, name);
    }
    say("    What follows a $ is run as it stands, in a bash that began with these lines;");
    say("    `make demo-up RACK_SECRETS_MANAGER_ENV=Yes` prints them for a Rack of your own.");
    for line in rack.shell.prelude().lines() {
        say(&format!("    $ {line}"));
    }
    say("    The App has three ECS services already. ECS makes none without a task definition, so");
    say("    they run one that does nothing, `dummy`, until the first Release takes its place.");
}

fn summary(has_browser: bool) {
    let (number, seconds) = (checks(), seconds());
    say(&format!(
        "\n{number} checks in {seconds:.0} s, and everything was as expected:"
    ));
    for line in [
        "Releases went live by three plain writes, through Secrets Manager, and through S3 while",
        "that was out; tasks saw the same variables both ways. Going back restarted what differed",
        "and wrote nothing anew, and revisions of before kept their values. The third failure in",
        "a row warned the Rack, and a success cleared that. A deleted App left nothing but its",
        "secret, which a new Release took back. Host names led to the Apps that have them, and",
        "nowhere else. No value was anywhere but in its place.",
    ] {
        say(&format!("  {line}"));
    }
    if !has_browser {
        say("  NOT looked at: the pages in a browser, as there is no Chromium on this machine.");
        say(&format!(
            "  `{}` brings one (Debian, Ubuntu); then run the demo again.",
            rig::browser::INSTALL
        ));
    }
    say("\nTo try next:");
    for (command, what) in [
        ("make demo-up", "a Rack of your own, with commands to paste"),
        (
            "make demo-web",
            "the demo App in two environments, to look at",
        ),
        ("make demo-down", "ends what these left"),
    ] {
        say(&format!("  {command:<16} {what}"));
    }
    say("  With the lines of demo-up pasted, a dry run of a Release that is there:");
    say(&format!("    {}", delivery::dry_run("R1")));
    say("  The functions are promote, app-deletion, failure-count and process-run: functions/.");
    say(&format!("  What they logged here: {}", relative(&log())));
}
