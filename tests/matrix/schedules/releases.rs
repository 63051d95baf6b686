//! The Rack and the Releases of the schedules: what their files say, read once by the real readers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use environment::{Environment, EnvironmentObject, ReadEnvironment};
use lambda::release::{ReadRelease, ReleaseError};
use manifest::Manifest;
use manifest::app_settings::{AppSettings, Build};
use manifest::resources::{self, Resources};
use names::error_type::ErrorType;
use promote::Config;
use release::problem::ReleaseProblem;

/// A Release whose convox.yml wants a variable that its environment lacks: the user's error, found before anything is
/// written.
pub const BAD: &str = "bad";
/// A Release that ECS or EventBridge refuses after the secret was written: a permanent error.
pub const REFUSED: &str = "refused";
/// A Release while Secrets Manager is out: it falls back.
pub const OUTAGE: &str = "outage";
/// A Release whose stack CloudFormation cannot bring up.
pub const STUCK: &str = "stuck";
/// Two Releases with equal bytes, but for those of every third version.
pub const EQUAL: [&str; 2] = ["A", "A2"];
/// Two Releases whose Service is the same and reads a variable that rarely changes; their Timers differ.
pub const SPARING: [&str; 2] = ["C", "D"];
/// All Releases.
const ALL: [&str; 9] = ["A", "A2", "B", "C", "D", BAD, REFUSED, OUTAGE, STUCK];
/// How many versions, of whatever Releases, have the same value of the variable that rarely changes.
const RARELY: usize = 32;

/// The variables that tasks are given.
pub type Given = BTreeMap<String, String>;

/// The Rack's settings.
pub static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let config = Config::from_lookup(|name| Some(setting(name)?.to_owned()));
    config.expect("the settings are whole")
});

/// What the files of a Release say, but for its environment.
static READ: LazyLock<BTreeMap<&str, (Manifest, Resources)>> = LazyLock::new(|| {
    ALL.into_iter()
        .map(|name| (name, read_manifest(name)))
        .collect()
});

fn setting(name: &str) -> Option<&'static str> {
    Some(match name {
        "RACK" => "rack",
        "SECRETS_MANAGER_ENV" => "Yes",
        "SETTINGS_BUCKET" => "settings",
        "CLUSTER" => "apps",
        "AWS_REGION" => "us-east-1",
        "SUBNETS" => "subnet-1,subnet-2",
        "SECURITY_GROUPS" => "sg-1",
        "VPC" => "vpc-1",
        "TASK_EXECUTION_ROLE_ARN" => "arn:aws:iam::123456789012:role/execution",
        "TASK_ROLE_ARN" => "arn:aws:iam::123456789012:role/task",
        "TIMER_ROLE_ARN" => "arn:aws:iam::123456789012:role/timer",
        "APP_STACK_ROLE_ARN" => "arn:aws:iam::123456789012:role/stacks",
        "APP_BOUNDARY_ARN" => "arn:aws:iam::123456789012:policy/boundary",
        _ => return None,
    })
}

fn read_manifest(release: &str) -> (Manifest, Resources) {
    let needed = if release == BAD {
        "\n      - NEEDED"
    } else {
        ""
    };
    let own = resources_of(release).into_iter().next();
    let resources = own.map(|name| format!("resources:\n  {name}:\n    type: redis\n"));
    let resources = resources.unwrap_or_default();
    let (declared, argument) = if SPARING.contains(&release) {
        ("RARE", release)
    } else {
        ("\"*\"", "all")
    };
    let text = format!(
        "{resources}services:\n  web:\n    image: example/web:1\n    environment:\n      - {declared}{needed}\ntimers:\n  \
         nightly:\n    schedule: 0 3 * * ?\n    command: bin/nightly {argument}\n    service: web\n"
    );
    let environment = environment(release, "").environment;
    let manifest = manifest::load("convox.yml", text.as_bytes(), &environment);
    let manifest = manifest.unwrap_or_else(|err| panic!("{release}: {err}"));
    let Ok(resources) = resources::read(&manifest) else {
        panic!("{release}: its resources are right");
    };
    (manifest, resources)
}

/// The resources of a Release: one of its own, or none.
pub fn resources_of(release: &str) -> BTreeSet<String> {
    let own = ["B", REFUSED, STUCK].into_iter();
    let own = own.filter(|own| *own == release);
    own.map(str::to_lowercase).collect()
}

/// What tasks of a Release are given of an environment: what its Service declares.
pub fn given(release: &str, environment: &Environment) -> Given {
    let (manifest, _) = &READ[release];
    let services = manifest.services.iter();
    let declared = services.flat_map(|service| service.declared_of(environment));
    let given = declared.map(|key| {
        let value = environment.get(key.as_str()).unwrap();
        (key.to_string(), value.expose().to_owned())
    });
    given.collect()
}

/// The environment of a version.
pub fn environment(release: &str, version: &str) -> ReadEnvironment {
    let number = version.trim_start_matches("version-");
    let number: usize = number.parse().unwrap_or_default();
    let mark = if EQUAL.contains(&release) {
        format!("A@{}", number / 3)
    } else {
        format!("{release}@{version}")
    };
    let object = format!("MARK={mark}\nRARE={}\n", number / RARELY);
    match environment::read(object.as_bytes()) {
        Ok(EnvironmentObject::Plain(environment)) => environment,
        _ => panic!("the environment is plain"),
    }
}

/// A Release as it is read; `settings_are_broken`: nobody can read its `app.json`.
pub fn read(
    release: &str,
    version: &str,
    settings_are_broken: bool,
) -> Result<ReadRelease, ReleaseError> {
    let app_json = if settings_are_broken { "{" } else { "{}" };
    let settings = AppSettings::read("apps/shop/app.json", app_json.as_bytes());
    let settings = settings.map_err(|err| ReleaseError::Input {
        problem: ReleaseProblem {
            error_type: ErrorType::InvalidSettings,
            message: err.to_string(),
        },
        warnings: Vec::new(),
    })?;
    let (manifest, resources) = READ[release].clone();
    Ok(ReadRelease {
        settings,
        build: Build::default(),
        environment: environment(release, version),
        manifest,
        resources,
        problems: Vec::new(),
        readonly_root: false,
        manifest_to_copy: None,
    })
}
