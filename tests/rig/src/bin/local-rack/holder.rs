//! The process in the background that holds the Rack of `up` and `web`: all that it started ends with it, however it ends.

use crate::Interrupts;
use crate::console::{say, step};
use crate::demo_app::{self, Task};
use crate::entrance::{self, Entrance};
use crate::looks;
use crate::processes::Process;
use crate::rack::Rack;
use crate::record::Record;
use crate::standing::{self, home, log, record};
use crate::watch::Watch;

/// Also the demo App.
pub const WEB: &str = "web";

/// Holds one until somebody ends this process. What it prints goes to the log.
///
/// # Panics
///
/// When the Rack cannot be made.
pub async fn hold(secrets_manager_env: &str, what: &[&str]) -> u8 {
    // Away from the terminal: its signals are for those who sit at it.
    rustix::process::setsid().expect("this process has just been started");
    let mut interrupts = Interrupts::listen();
    note(None);
    let rack = tokio::select! {
        rack = start(secrets_manager_env, what) => rack,
        number = interrupts.next() => return 128 + number,
    };
    let work = async {
        let text = explained(&rack).await;
        let tasks = match what {
            [WEB] => {
                let entrance = Entrance::start(&rack).await;
                let tasks = demo_app::start(rack.world(), Some(&entrance), &home(), &log()).await;
                Some((entrance, tasks))
            }
            _ => None,
        };
        let all = tasks.as_ref().map_or(&[][..], |(_, tasks)| tasks);
        note(Some(text + &addresses(all)));
        let _tasks = tasks; // they run as long as this
        std::future::pending::<()>().await;
    };
    tokio::select! {
        never = rack.outages.obey(&rack.deployed.world.proxy) => match never {},
        never = Box::pin(looks::ask(rack.world())) => match never {}, // large
        () = work => 0,
        _ = interrupts.next() => 0,
    }
}

async fn start(secrets_manager_env: &str, what: &[&str]) -> Rack {
    step("starting a Rack");
    let mut parameters = vec![("SecretsManagerEnv", secrets_manager_env)];
    if what == [WEB] {
        parameters.extend(entrance::PARAMETERS);
    }
    Rack::start(&home(), &log(), &parameters).await
}

fn note(text: Option<String>) {
    let holder = Process::own();
    Record { holder, text }.write(&record());
    say("recorded");
}

async fn explained(rack: &Rack) -> String {
    let watch = Watch::start(rack.world()).await;
    standing::explanation(rack, &watch)
}

fn addresses(tasks: &[Task]) -> String {
    if tasks.is_empty() {
        return String::new();
    }
    let lines = tasks
        .iter()
        .map(|task| format!("    {:<18} {}\n", task.stage, task.address));
    format!(
        "\nThe demo App, in two environments:\n\n{}",
        lines.collect::<String>()
    )
}
