//! `local-rack demo | up Yes|No | web | down | pages [FILE...] | pictures | sam-local`: a Rack on this machine, see
//! `make help`.
//!
//! - `demo` tells a story on one and checks all that it says: [`story`];
//! - `up` and `web` leave one running, `down` ends it: [`standing`];
//! - `pages` runs the commands of the pages: [`manual`];
//! - `pictures` draws what the pages show: [`pictures`];
//! - `sam-local` invokes the samples of `events/` with SAM CLI in a container: [`sam_local`].
//!
//! Something else than expected ends it with a panic, as is the rig's way; however it ends, nothing of it goes on running.

mod app_stack;
mod browser;
mod console;
mod deletion;
mod delivery;
mod demo_app;
mod entrance;
mod holder;
mod leaks;
mod looks;
mod manual;
mod one_off;
mod outage;
mod pages;
mod pictures;
mod processes;
mod rack;
mod record;
mod sam_local;
mod shell;
mod shop;
mod standing;
mod story;
mod tool;
mod unsigned;
mod watch;

use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;

use futures_util::future::select_all;
use rig::{binaries, tools};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use console::say;

const USAGE: &str =
    "usage: local-rack demo | up Yes|No | web | down | pages [FILE...] | pictures | sam-local";
/// What `up` and `web` start in the background, and nobody types.
const HOLD: &str = "hold";

fn main() -> ExitCode {
    binaries::trust_those_beside();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let log = log(&arguments);
    panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or("a panic without words");
        let at = info.location().map(ToString::to_string);
        say(&format!("\nNot as expected: {text}"));
        say(&format!("  ({})", at.unwrap_or_default()));
        say(&format!("The log of what was started: {}", log.display()));
    }));
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.expect("cannot start threads");
    let run = || runtime.block_on(run(&arguments));
    let code = panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or(1);
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// What is worth reading when something goes wrong, as seen from the project's folder.
fn log(arguments: &[&str]) -> PathBuf {
    let log = match arguments {
        ["demo"] => story::log(),
        ["pages", ..] => story::folder().join("pages"),
        ["pictures"] => story::folder().join("pictures.log"),
        ["sam-local"] => sam_local::logs(),
        _ => standing::log(),
    };
    let relative = log.strip_prefix(tools::repository());
    relative.map_or_else(|_| log.clone(), PathBuf::from)
}

async fn run(arguments: &[&str]) -> u8 {
    match arguments {
        ["demo"] => until_interrupted(Box::pin(story::tell())).await,
        ["up", secrets_manager_env] => until_interrupted(standing::up(secrets_manager_env)).await,
        ["web"] => until_interrupted(standing::web()).await,
        ["down"] => standing::down(),
        ["pages", files @ ..] => until_interrupted(manual::read(files)).await,
        ["pictures"] => until_interrupted(Box::pin(pictures::draw())).await,
        ["sam-local"] => sam_local::round().await,
        [HOLD, secrets_manager_env, what @ ..] => holder::hold(secrets_manager_env, what).await,
        _ => {
            say(USAGE);
            2
        }
    }
}

/// Leaves through every clean-up on the way, which a second signal does not disturb.
async fn until_interrupted(work: impl Future<Output = u8>) -> u8 {
    let mut interrupts = Interrupts::listen();
    tokio::select! {
        code = work => code,
        number = interrupts.next() => {
            say("\ninterrupted, cleaning up");
            128 + number
        }
    }
}

/// The signals that ask to end.
struct Interrupts([(u8, Signal); 3]);

impl Interrupts {
    /// From now on these signals do not end this process.
    fn listen() -> Self {
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        Self(kinds.map(|kind| {
            let number = u8::try_from(kind.as_raw_value()).expect("signals have small numbers");
            (number, signal(kind).expect("signals can be listened to"))
        }))
    }

    /// The number of the next of them.
    async fn next(&mut self) -> u8 {
        let waits = self.0.iter_mut().map(|(number, signal)| {
            Box::pin(async move {
                signal.recv().await;
                *number
            })
        });
        select_all(waits).await.0
    }
}
