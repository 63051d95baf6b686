//! `strict-proxy --upstream URL [--account ID]`: the tests' proxy in front of an emulator, for the demo and by hand.
//!
//! Prints the addresses of its doors as one line of JSON. Then takes commands on standard input, one a line, and
//! answers each with a line of JSON: `hang SERVICE` (its calls get no answer), `lift` (ends that), `calls` (those
//! through the front door, without their content). Ends when the input does.
//!
//! An operation on a stack ends by itself after a short while, and the rules of the emulator get its event.

use std::error::Error;
use std::io::{self, Write as _};
use std::time::Duration;

use double::{Fault, Proxy};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const USAGE: &str = "usage: strict-proxy --upstream URL [--account ID]";
/// The account that the emulator gives to access keys that are none.
const DEFAULT_ACCOUNT: &str = "000000000000";
/// How long an operation on a stack takes: long enough to be seen.
const STACK_OPERATION: Duration = Duration::from_millis(500);

fn main() -> Result<(), Box<dyn Error>> {
    let (upstream, account) = parse(std::env::args().skip(1))?;
    let runtime = Runtime::new()?; // its threads serve the doors
    let proxy = runtime.block_on(Proxy::start(&upstream, &account));
    let _entered = runtime.enter();
    let _ending = proxy.end_stacks_after(STACK_OPERATION);
    let mut output = io::stdout();
    writeln!(
        output,
        "{}",
        json!({"front": proxy.endpoint(), "back": proxy.back_door()})
    )?;
    for line in io::stdin().lines() {
        writeln!(output, "{}", obey(&proxy, &line?))?;
    }
    Ok(())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<(String, String), &'static str> {
    let (mut upstream, mut account) = (None, DEFAULT_ACCOUNT.to_owned());
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match name.as_str() {
            "--upstream" => upstream = Some(value),
            "--account" => account = value,
            _ => return Err(USAGE),
        }
    }
    Ok((upstream.ok_or(USAGE)?, account))
}

fn obey(proxy: &Proxy, command: &str) -> Value {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["hang", service] => {
            proxy.inject(Fault::Hang.on_service(*service));
            json!({"hangs": service})
        }
        ["lift"] => {
            proxy.lift();
            json!({"hangs": null})
        }
        ["calls"] => {
            let calls = proxy.calls().into_iter().map(|call| {
                json!({"service": call.service, "operation": call.operation, "status": call.status})
            });
            json!({"calls": calls.collect::<Vec<_>>()})
        }
        _ => json!({"error": "the commands are: hang SERVICE, lift, calls"}),
    }
}
