//! How many Services with a port of a folder of cases are reached through load balancers: `make corpus CORPUS=path`.
//!
//! A case is a folder with `convox.yml` and `env`. The cases belong to their authors, so the repository holds none; without
//! `CORPUS` this says so and passes. What is not reached is listed with the reason.

#![expect(
    clippy::disallowed_methods,
    reason = "the cases are files, in a folder that a variable names"
)]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test program: that is its way of failing"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use environment::{Environment, EnvironmentObject};
use manifest::{Manifest, OfRack, Service};
use names::{AppId, AppName, RackName};
use release::entrance::{
    Entrance, NetworkListeners, NetworkPlaces, Reservations, Routes, TargetKind,
};

fn main() -> ExitCode {
    let Some(folder) = env::var_os("CORPUS").map(PathBuf::from) else {
        println!("reach: CORPUS names no folder of cases, nothing was looked at");
        return ExitCode::SUCCESS;
    };
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|case| case.join("convox.yml").exists())
        .collect();
    cases.sort();
    let (mut files, mut reached_files, mut services, mut reached) = (0, 0, 0, 0);
    let (mut listeners, mut made) = (0, 0);
    for case in &cases {
        let Some(manifest) = load(case) else {
            continue;
        };
        let (mut said, with_port, of_case) = look(&manifest);
        let (said_of_listeners, wanted, of_case_made) = look_at_listeners(&manifest);
        listeners += wanted;
        made += of_case_made;
        said.extend(said_of_listeners);
        if with_port == 0 && wanted == 0 {
            continue;
        }
        files += usize::from(with_port > 0);
        services += with_port;
        reached += of_case;
        if with_port > 0 && of_case == with_port {
            reached_files += 1;
        }
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        for said in said {
            println!("reach: {name}: {said}");
        }
    }
    println!(
        "reach: of {files} files with a port {reached_files} are reached whole, of {services} Services with a port {reached}"
    );
    println!("reach: of {listeners} listeners of `nlb` {made} are made");
    if reached_files == 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// A case that loads; whether it does is the business of the comparison with Convox.
fn load(case: &Path) -> Option<Manifest> {
    let text = fs::read(case.join("convox.yml")).expect("it is there");
    let env = fs::read(case.join("env")).unwrap_or_default();
    let environment = match environment::read(&env) {
        Ok(EnvironmentObject::Plain(read)) => read.environment,
        _ => Environment::default(),
    };
    let rack = OfRack { has_entrance: true };
    manifest::load_in(rack, "convox.yml", &text, &environment).ok()
}

/// What is said of its listeners, how many there are, and how many are made.
fn look_at_listeners(manifest: &Manifest) -> (Vec<String>, usize, usize) {
    let subnets = ["subnet-a".to_owned()];
    let places = NetworkPlaces {
        region: "us-east-1",
        has_vpc: true,
        public: &subnets,
        internal: &subnets,
    };
    let services = manifest.services.iter();
    let services: Vec<(&Service, Option<TargetKind>)> = services
        .map(|service| (service, service.agent.is_none().then_some(TargetKind::Ip)))
        .collect();
    let all = NetworkListeners::of(&places, &services);
    let mut said: Vec<String> = all.problems.iter().map(ToString::to_string).collect();
    said.extend(all.notices.iter().cloned());
    let wanted = manifest.services.iter();
    let wanted = wanted.map(|service| service.nlb.len()).sum();
    let made = if all.problems.is_empty() {
        all.list.len()
    } else {
        0
    };
    (said, wanted, made)
}

/// What is said of it, how many of its Services have a port, and how many are reached.
fn look(manifest: &Manifest) -> (Vec<String>, usize, usize) {
    let listener = |name: &str| {
        Some(format!(
            "arn:aws:elasticloadbalancing:::listener/app/{name}/1/1"
        ))
    };
    let entrance = Entrance {
        domain: Some("apps.example.com".to_owned()),
        public: listener("public"),
        internal: listener("internal"),
        security_groups: Vec::new(),
        is_https: true,
        first_priority: 1,
    };
    let id = AppId {
        rack: RackName::new("rack").unwrap(),
        app: AppName::new("app").unwrap(),
    };
    let services = manifest.services.iter();
    let services: Vec<(&Service, Option<TargetKind>)> = services
        .map(|service| (service, service.agent.is_none().then_some(TargetKind::Ip)))
        .collect();
    let routes = Routes::of(&entrance, &id, &services);
    let mut said: Vec<String> = routes.problems.iter().map(ToString::to_string).collect();
    said.extend(routes.notices.iter().cloned());
    let with_port = manifest.services.iter();
    let with_port: Vec<&Service> = with_port.filter(|service| service.port.is_some()).collect();
    // One problem stops the whole promote.
    let is_reserved = Reservations::default()
        .reserve(&entrance, &id.app, &routes)
        .is_ok();
    let is_promoted = routes.problems.is_empty() && is_reserved;
    let is_reached = |service: &&&Service| {
        let mut routes = routes.list.iter();
        is_promoted && routes.any(|route| route.service == service.name)
    };
    (
        said,
        with_port.len(),
        with_port.iter().filter(is_reached).count(),
    )
}
