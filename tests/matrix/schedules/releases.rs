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
use rig::chance::Chance;

use super::counting;

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
/// Releases with as many Services, each of which reads a variable of its own. Of all versions, one after the other, each has
/// another value for one of them.
pub const WIDE: [&str; 12] = [
    "W00", "W01", "W02", "W03", "W04", "W05", "W06", "W07", "W08", "W09", "W10", "W11",
];
/// Of these one that ECS refuses, and one while Secrets Manager is out.
pub const WIDE_REFUSED: &str = "wide-refused";
pub const WIDE_OUTAGE: &str = "wide-outage";
/// Releases of two Services with release commands, and one whose second command fails.
pub const MIGRATING: [&str; 3] = ["M", "M2", "M-failing"];
/// Releases whose Timers a schedule of EventBridge Scheduler runs.
pub const ZONED: [&str; 3] = ["A2", "D", REFUSED];
/// Releases whose Service gateways reach.
pub const AT_GATEWAYS: [&str; 3] = ["A2", "D", REFUSED];
/// All other Releases.
const NARROW: [&str; 9] = ["A", "A2", "B", "C", "D", BAD, REFUSED, OUTAGE, STUCK];
/// How many versions, of whatever Releases, have the same value of the variable that rarely changes.
const RARELY: usize = 32;

/// The variables that tasks are given.
pub type Given = BTreeMap<String, String>;

/// The customer keys of secrets; none is the account's own.
const KEYS: [Option<&str>; 3] = [
    None,
    Some("arn:aws:kms:us-east-1:123456789012:key/1"),
    Some("arn:aws:kms:us-east-1:123456789012:key/2"),
];

/// What of the Rack's settings is changed between promotes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rack {
    /// Which customer key secrets are encrypted with.
    key: usize,
    /// Whether references name no version of the secret.
    is_current: bool,
}

impl Rack {
    /// Somebody sets one of them to any value.
    pub fn change(&mut self, chance: &mut Chance) {
        if chance.once_in(2) {
            self.key = chance.below(KEYS.len());
        } else {
            self.is_current = chance.once_in(2);
        }
    }

    /// Somebody sets another customer key.
    pub fn give_another_key(&mut self) {
        self.key = (self.key + 1) % KEYS.len();
    }

    /// All settings.
    pub fn config(self) -> &'static Config {
        &CONFIGS[self.key][usize::from(self.is_current)]
    }
}

/// The Rack's settings, by key and by what references name.
static CONFIGS: LazyLock<[[Config; 2]; 3]> = LazyLock::new(|| {
    KEYS.map(|key| {
        ["Release", "Current"].map(|version| {
            let config = Config::from_lookup(|name| {
                let setting = match name {
                    "SECRET_KEY_ARN" => key,
                    "SECRETS_MANAGER_ENV_VERSION" => Some(version),
                    _ => setting(name),
                };
                setting.map(str::to_owned)
            });
            config.expect("the settings are whole")
        })
    })
});

/// What the files of a Release say, but for its environment.
static READ: LazyLock<BTreeMap<&str, (Manifest, Resources)>> = LazyLock::new(|| {
    let wide = WIDE.into_iter().chain([WIDE_REFUSED, WIDE_OUTAGE]);
    let all = NARROW.into_iter().chain(MIGRATING).chain(wide);
    all.map(|name| (name, read_manifest(name))).collect()
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
        "TIMER_DEAD_LETTER_ARN" => "arn:aws:sqs:us-east-1:123456789012:timers",
        "APP_STACK_ROLE_ARN" => "arn:aws:iam::123456789012:role/stacks",
        "APP_BOUNDARY_ARN" => "arn:aws:iam::123456789012:policy/boundary",
        _ => return None,
    })
}

fn read_manifest(release: &str) -> (Manifest, Resources) {
    let text = if is_wide(release) {
        wide_manifest()
    } else {
        narrow_manifest(release)
    };
    let environment = environment(release, "").environment;
    let manifest = manifest::load("convox.yml", text.as_bytes(), &environment);
    let manifest = manifest.unwrap_or_else(|err| panic!("{release}: {err}"));
    let Ok(resources) = resources::read(&manifest) else {
        panic!("{release}: its resources are right");
    };
    (manifest, resources)
}

fn is_wide(release: &str) -> bool {
    release.starts_with(['W', 'w'])
}

fn wide_manifest() -> String {
    let services = (0..WIDE.len()).map(|place| {
        format!("  s{place}:\n    image: example/web:1\n    environment:\n      - V{place}\n")
    });
    let services: String = services.collect();
    format!(
        "services:\n{services}timers:\n  nightly:\n    schedule: 0 3 * * ?\n    command: bin/nightly\n    service: s0\n"
    )
}

/// The Services of a Release that have a release command.
pub fn with_commands(release: &str) -> Vec<String> {
    let services = READ[release].0.services.iter();
    let services = services.filter(|service| !service.release.is_empty());
    services.map(|service| service.name.to_string()).collect()
}

fn narrow_manifest(release: &str) -> String {
    if MIGRATING.contains(&release) {
        let fails = release == MIGRATING[2];
        let code = if fails { "3" } else { "0" };
        return format!(
            "services:\n  web:\n    image: example/web:1\n    release: bin/migrate; exit {code}\n    environment:\n      - \"*\"\n  \
             api:\n    image: example/api:1\n    release: bin/migrate\n    environment:\n      - \"*\"\n"
        );
    }
    let needed = if release == BAD {
        "\n      - NEEDED"
    } else {
        ""
    };
    // Whether a rule or a schedule runs its Timer.
    let timezone = if ZONED.contains(&release) {
        "\n    timezone: Europe/Berlin"
    } else {
        ""
    };
    let reached = if AT_GATEWAYS.contains(&release) {
        "\n    port: 3000\n    gateway: true"
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
    format!(
        "{resources}services:\n  web:\n    image: example/web:1{reached}\n    environment:\n      - {declared}{needed}\ntimers:\n  \
         nightly:\n    schedule: 0 3 * * ?{timezone}\n    command: bin/nightly {argument}\n    service: web\n"
    )
}

/// The resources of a Release: one of its own, or none.
pub fn resources_of(release: &str) -> BTreeSet<String> {
    let own = ["B", REFUSED, STUCK].into_iter();
    let own = own.filter(|own| *own == release);
    own.map(str::to_lowercase).collect()
}

/// What tasks of a family of a Release are given of an environment: what its Service declares.
pub fn given(release: &str, family: &str, environment: &Environment) -> Given {
    let (manifest, id) = (&READ[release].0, counting::id());
    let timers = manifest.timers.iter();
    let mut timers = timers.filter(|timer| id.timer(&timer.name).unwrap() == family);
    let of_timer = timers.next().map(|timer| &timer.service);
    let mut services = manifest.services.iter();
    let service = services.find(|service| match of_timer {
        Some(name) => service.name == *name,
        None => id.service(&service.name).unwrap() == family,
    });
    let service = service.expect("each family is of a Service or of a Timer");
    let given = service.declared_of(environment).map(|key| {
        let value = environment.get(key.as_str()).unwrap();
        (key.to_string(), value.expose().to_owned())
    });
    given.collect()
}

/// The ECS services and rules of a Release.
pub fn runs_as(release: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (manifest, id) = (&READ[release].0, counting::id());
    let services = manifest.services.iter();
    let timers = manifest.timers.iter();
    (
        services
            .map(|service| id.service(&service.name).unwrap())
            .collect(),
        timers.map(|timer| id.rule(&timer.name)).collect(),
    )
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
    let places = if is_wide(release) { WIDE.len() } else { 0 };
    let wide = (0..places).map(|place| {
        let times = (number + places - place) / places;
        format!("V{place}={times}\n")
    });
    let object = object + &wide.collect::<String>();
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
