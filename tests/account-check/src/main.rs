//! `account-check RACK [--endpoint URL] [--region REGION]`: looks whether an account is as a Rack needs it, and prints what only
//! a person can try there.
//!
//! It runs the caller's own AWS CLI, so that what it prints is what it ran, with the credentials that the CLI finds; it needs no
//! SDK for that. All that it runs only reads. What it prints without running stands in docs/first-hour.md.
//!
//! - [`aws`]: runs one command, within a limit.
//! - [`rack`]: what the Rack's stack says of itself.
//! - [`checks`]: what is looked at, and what is expected; [`roles`], [`managed`] and [`simulation`]: the Rack's roles, what is
//!   attached to them, and whether they may do what they were given.
//! - [`page`]: the commands of docs/first-hour.md.
//!
//! It ends with 1 where something differs, and with 2 where nothing could be looked at.

mod aws;
mod checks;
mod managed;
mod page;
mod rack;
mod report;
mod roles;
mod simulation;

use std::env;
use std::process::ExitCode;

use aws::Aws;

const USAGE: &str = "usage: account-check RACK [--endpoint URL] [--region REGION]";

struct Arguments {
    rack: String,
    endpoint: Option<String>,
    region: Option<String>,
}

fn main() -> ExitCode {
    let Some(arguments) = arguments(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let endpoint = arguments
        .endpoint
        .or_else(|| env::var("AWS_ENDPOINT_URL").ok());
    let aws = Aws::new(endpoint, arguments.region);
    let checks = checks::all(&aws, &arguments.rack);
    report::print(&checks)
}

fn arguments(mut given: impl Iterator<Item = String>) -> Option<Arguments> {
    let (mut rack, mut endpoint, mut region) = (None, None, None);
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--endpoint" => endpoint = Some(given.next()?),
            "--region" => region = Some(given.next()?),
            option if option.starts_with('-') => return None,
            _ if rack.is_some() => return None,
            _ => rack = Some(argument),
        }
    }
    let rack = rack.filter(|rack| !rack.is_empty())?;
    Some(Arguments {
        rack,
        endpoint,
        region,
    })
}
