//! The Rack that `make demo-up` and `make demo-web` leave running, and its end.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rig::tools;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::HOLD;
use crate::console::{relative, say, step, wait_for};
use crate::delivery;
use crate::holder::WEB;
use crate::processes::Process;
use crate::rack::Rack;
use crate::record::Record;
use crate::shell;
use crate::shop::Shop;
use crate::story;
use crate::tool;
use crate::watch::Watch;

const START_LIMIT: Duration = Duration::from_mins(2);
/// What a Rack gets to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// The log of all that it runs.
pub fn log() -> PathBuf {
    story::folder().join("demo-up.log")
}

/// What it keeps its files in.
pub fn home() -> PathBuf {
    story::folder().join("home")
}

/// What is known of it.
pub fn record() -> PathBuf {
    story::folder().join("running.json")
}

/// Leaves a Rack running and prints what to do with it.
///
/// # Panics
///
/// When it does not come to be.
pub async fn up(secrets_manager_env: &str) -> u8 {
    if !["Yes", "No"].contains(&secrets_manager_env) {
        say(&format!(
            "RACK_SECRETS_MANAGER_ENV is \"{secrets_manager_env}\"; it must be \"Yes\" or \"No\""
        ));
        return 2;
    }
    step(&format!(
        "starting a Rack with SecretsManagerEnv={secrets_manager_env}"
    ));
    left_running(&[secrets_manager_env]).await
}

/// The same with the demo App in both environments.
///
/// # Panics
///
/// When it does not come to be.
pub async fn web() -> u8 {
    step("starting a Rack, and the demo App in two environments");
    left_running(&["Yes", WEB]).await
}

async fn left_running(what: &[&str]) -> u8 {
    if Record::read(&record()).is_some_and(|record| record.holder.is_alive()) {
        say("A Rack is already running; `make demo-down` ends it.");
        return 1;
    }
    remove_leftovers();
    let mut holder = Holder::start(what);
    let ready = async || {
        let ended = holder.ended();
        assert!(!ended, "the Rack did not start; the log says why");
        Record::read(&record())?.text
    };
    let text = wait_for("the Rack to be there", START_LIMIT, ready).await;
    holder.leave();
    say(&text);
    0
}

/// The process in the background. Dropped before it was left, it ends.
struct Holder {
    process: Child,
    is_left: bool,
}

impl Holder {
    fn start(what: &[&str]) -> Self {
        fs::create_dir_all(story::folder()).expect("cannot create a folder in target");
        let log = File::create(log()).expect("cannot create the log");
        let mut holder = Command::new(env::current_exe().expect("this program has a place"));
        holder.arg(HOLD).args(what).current_dir(tools::repository());
        let errors = log.try_clone().expect("cannot duplicate a file handle");
        holder.stdin(Stdio::null()).stdout(log).stderr(errors);
        Self {
            process: holder.spawn().expect("cannot start this program once more"),
            is_left: false,
        }
    }

    fn ended(&mut self) -> bool {
        let ended = self.process.try_wait();
        ended
            .expect("cannot ask for the state of a child")
            .is_some()
    }

    fn leave(mut self) {
        self.is_left = true;
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if !self.is_left {
            let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
            let _ = self.process.wait();
            remove_leftovers();
        }
    }
}

/// Ends what was left running, if it is.
pub fn down() -> u8 {
    let was_running = Record::read(&record()).is_some_and(|record| record.holder.is_alive());
    remove_leftovers();
    say(if was_running {
        "The Rack has ended."
    } else {
        "No Rack was running."
    });
    0
}

fn remove_leftovers() {
    if let Some(Record { holder, .. }) = Record::read(&record()) {
        end(&holder);
    }
    let _ = fs::remove_file(record());
    let _ = fs::remove_dir_all(home());
}

/// Ends the holder, and nobody who has got its number since. What it started ends with it.
fn end(holder: &Process) {
    let started = holder.descendants();
    for signal in [Signal::TERM, Signal::KILL] {
        let pid = Pid::from_raw(holder.pid).filter(|_| holder.is_alive());
        let Some(pid) = pid else { break };
        let _ = kill_process(pid, signal); // it may just have ended
        wait_until(|| !holder.is_alive());
    }
    wait_until(|| !started.iter().any(Process::is_alive));
}

fn wait_until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() && Instant::now() < end {
        thread::sleep(PAUSE);
    }
}

/// What to do with it.
pub fn explanation(rack: &Rack, watch: &Watch<'_>) -> String {
    let functions = rack
        .functions()
        .map(|(function, name)| format!("    {function:<18} {name}\n"));
    let functions: String = functions.collect();
    let (world, shop) = (rack.world(), Shop::new(rack));
    let opting = json!({"params": {"SecretsManagerEnv": "Yes"}}).to_string();
    let opting = shell::quoted(&opting);
    let log = relative(&log());
    let prelude = indented(rack.shell.prelude());
    let uploads = indented(&Shop::uploads("R1"));
    let (reading, dry_run) = (Shop::reading("R1"), delivery::dry_run("R1"));
    let (hang, lift, said) = (rack.hang(), rack.lift(), watch.command());
    let deletion = shop.deletion();
    let questions = indented(&tool::QUESTIONS.join("\n"));
    let (name, bucket, endpoint) = (&world.rack, &world.bucket, world.proxy.back_door());
    format!(
        "    endpoint           {endpoint}
    Rack               {name}
    settings bucket    {bucket}
{functions}    functions' log     {log}

To promote an App, upload its files, env last (any AWS CLI will do; this one came with the tools):

{prelude}
{uploads}

To see what happened, a second later:

    {reading}

What a promote would do, before it is done; nothing is written:

    {dry_run}

The same as `rack` tells it, the command-line tool (docs/rack.md):

{questions}

The Rack's setting is that of `make demo-up RACK_SECRETS_MANAGER_ENV=Yes|No`. An App opts in with

    echo {opting} | aws s3 cp - s3://$bucket/apps/shop/app.json

and a Release decides with `params: {{SecretsManagerEnv: \"Yes\"}}` or \"No\" in its convox.yml.
Secrets Manager is out for promote, and not for you, between these two:

    {hang}
    {lift}

The third promote in a row that Secrets Manager fails warns the Rack. What the Rack says, ten events at a time, each once:

    {said}

To delete the App; a new Release brings it back, its secret too:

    {deletion}

ECS services and rules that an App lacks are created by its first promote.

`make demo-down` ends it.
"
    )
}

fn indented(lines: &str) -> String {
    let lines: Vec<String> = lines.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}
