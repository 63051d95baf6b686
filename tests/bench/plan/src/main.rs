//! How long promote's plan takes, beside `serde_json` serialising the requests that come of it, for Apps of many sizes.
//!
//! A program of its own, since what is measured is a release build, as it is deployed. Prints JSON for `bench`: per App, the
//! nanoseconds of one plan and of one serialisation, round by round and in turn.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use aws::ecs::SeenCluster;
use aws::secrets::StandingSecret;
use environment::{EnvironmentObject, ReadEnvironment};
use lambda::release::ReadRelease;
use lambda::unwanted::Unwanted;
use lambda::work::RecordRead;
use manifest::app_settings::{AppSettings, Build};
use manifest::precedence::{Decision, EnvDelivery, EnvVersion, Level};
use manifest::resources;
use names::{AppId, AppName, RackName, ReleaseId};
use promote::Config;
use promote::facts::{Agents, Facts, Named, Surroundings, Wanted};
use promote::plan::{self, Plan, SecretStep};
use release::stack_state::SeenStack;
use release::task_definition::TaskDefinition;
use serde_json::{Value, json};

const KEYS: [usize; 3] = [10, 100, 390];
const SERVICES: [usize; 3] = [1, 10, 50];
const ROUNDS: usize = 15;
/// A round takes long enough for the clock.
const VARIABLES_A_ROUND: usize = 40_000;
const REQUEST: &str = "17793124-05d4-b198-2fde-7ededc63b103";

fn main() {
    let sizes = KEYS
        .into_iter()
        .flat_map(|keys| SERVICES.map(|services| (keys, services)));
    let measured: Vec<Value> = sizes
        .map(|(keys, services)| measured(keys, services))
        .collect();
    println!("{}", Value::from(measured));
}

fn measured(keys: usize, services: usize) -> Value {
    let (id, release) = names();
    let config = Config::from_lookup(setting).expect("the settings are whole");
    let wanted = Wanted {
        id: &id,
        release: &release,
        env_version_id: "3HL4kqtJlcpXroDTDmJrmSpXd3dIbrHY",
        applied: None,
        record: &RecordRead::NotYet,
        interrupted: false,
        is_draft: false,
        allowed: promotion::Allowed::default(),
        may_stand: promotion::MayStand::default(),
    };
    let mut facts = facts(keys, services);
    let template = planned(&config, &wanted, &facts).stack.template;
    facts.stack = Some(standing(&id, template));
    let plan = || planned(&config, &wanted, &facts);
    let requests = Requests::of(plan());
    let repeats = VARIABLES_A_ROUND.div_ceil(keys * services);
    let (mut plans, mut serialisations) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plans.push(nanoseconds(repeats, || drop(black_box(plan()))));
        serialisations.push(nanoseconds(repeats, || {
            black_box(requests.serialised());
        }));
    }
    json!({
        "keys": keys, "services": services, "bytes": requests.serialised(), "plan": plans, "serialisation": serialisations,
    })
}

/// Of one call, on average.
fn nanoseconds(repeats: usize, call: impl Fn()) -> f64 {
    let began = Instant::now();
    for _ in 0..repeats {
        call();
    }
    let repeats = u32::try_from(repeats).expect("there are few repeats");
    began.elapsed().as_secs_f64() * 1e9 / f64::from(repeats)
}

fn planned<'a>(config: &'a Config, wanted: &Wanted<'a>, facts: &'a Facts) -> Plan<'a> {
    let plan = plan::plan(config, wanted, facts, REQUEST);
    plan.unwrap_or_else(|error| panic!("the App can be promoted: {error}"))
}

/// What a changed App's promote writes, and what it would write where S3 delivers: a plan renders both.
struct Requests {
    secret: String,
    definitions: Vec<TaskDefinition>,
}

impl Requests {
    fn of(plan: Plan<'_>) -> Self {
        let SecretStep::Write(secret) = plan.secret else {
            panic!("the secret holds the environment");
        };
        let steps = secret.route.steps.into_iter().chain(plan.s3.steps);
        Self {
            secret: secret.value.to_string(),
            definitions: steps.map(|step| step.definition).collect(),
        }
    }

    /// Their bytes.
    fn serialised(&self) -> usize {
        let secret = serde_json::to_vec(&self.secret).expect("text is JSON");
        let definitions = self.definitions.iter();
        let definitions = definitions
            .map(|definition| serde_json::to_vec(definition).expect("a definition is JSON"));
        secret.len()
            + definitions
                .map(|bytes| black_box(bytes).len())
                .sum::<usize>()
    }
}

fn names() -> (AppId, ReleaseId) {
    let rack = RackName::new("myrack").expect("a valid name");
    let app = AppName::new("shop").expect("a valid name");
    let release = ReleaseId::new("RABCDEFGHI").expect("a valid name");
    (AppId { rack, app }, release)
}

fn setting(name: &str) -> Option<String> {
    let value = match name {
        "RACK" => "myrack",
        "SECRETS_MANAGER_ENV" => "Yes",
        "SETTINGS_BUCKET" => "settings",
        "CLUSTER" => "apps",
        "AWS_REGION" => "us-east-1",
        "LAUNCH_TYPE" => "EC2",
        "TASK_EXECUTION_ROLE_ARN"
        | "TASK_ROLE_ARN"
        | "TIMER_ROLE_ARN"
        | "TIMER_DEAD_LETTER_ARN"
        | "APP_STACK_ROLE_ARN" => "arn:aws:iam::123456789012:role/any",
        "APP_BOUNDARY_ARN" => "arn:aws:iam::123456789012:policy/any",
        _ => return None,
    };
    Some(value.to_owned())
}

/// What was read of an App whose Services take all keys, and whose stack is not there yet.
fn facts(keys: usize, services: usize) -> Facts {
    let environment = read_environment(keys);
    let text = (0..services).fold("services:\n".to_owned(), |mut text, service| {
        let _ = writeln!(
            text,
            "  web-{service}:\n    image: example/web:1\n    environment:\n      - \"*\""
        ); // a String takes all
        text
    });
    let manifest = manifest::load("convox.yml", text.as_bytes(), &environment.environment);
    let manifest = manifest.unwrap_or_else(|error| panic!("the manifest can be loaded: {error}"));
    let Ok(resources) = resources::read(&manifest) else {
        panic!("there are no resources");
    };
    Facts {
        release: ReadRelease {
            settings: AppSettings::default(),
            build: Build::default(),
            environment,
            manifest,
            resources,
            problems: Vec::new(),
            readonly_root: false,
            manifest_to_copy: None,
        },
        environment_bytes: 0,
        record: None,
        was_live: false,
        applied_environment: None,
        env_version_id: "3HL4kqtJlcpXroDTDmJrmSpXd3dIbrHY".to_owned(),
        decision: Decision {
            delivery: EnvDelivery::SecretsManager,
            decided_by: Level::Rack,
        },
        env_version: EnvVersion::Release,
        refused: Vec::new(),
        cluster: SeenCluster {
            arn: "arn:aws:ecs:us-east-1:123456789012:cluster/apps".to_owned(),
            capacity_providers: Vec::new(),
        },
        stranded: None,
        stack: None,
        secret: Some(StandingSecret::default()),
        reservations: lambda::state_store::Snapshot::default(),
        secret_key_arn: None,
        version_ids: vec!["0".repeat(32)],
        surroundings: Surroundings {
            services: BTreeMap::new(),
            named: Named::default(),
            rules: BTreeMap::new(),
            schedules: BTreeMap::new(),
            newest: BTreeMap::new(),
            dead: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
            live_groups: BTreeSet::new(),
            gateways: Vec::new(),
            agents: Agents::NotAsked,
            unwanted: Unwanted::default(),
        },
        now: chrono::DateTime::UNIX_EPOCH,
    }
}

fn read_environment(keys: usize) -> ReadEnvironment {
    let lines = (0..keys).fold(String::new(), |mut lines, key| {
        let _ = writeln!(
            lines,
            "SETTING_NUMBER_{key}=the value of {key}, of usual length"
        ); // a String takes all
        lines
    });
    match environment::read(lines.as_bytes()) {
        Ok(EnvironmentObject::Plain(environment)) => environment,
        _ => panic!("the environment is plain"),
    }
}

fn standing(id: &AppId, template: Value) -> SeenStack {
    SeenStack {
        arn: "arn:aws:cloudformation:us-east-1:123456789012:stack/myrack-shop/1".to_owned(),
        status: "CREATE_COMPLETE".to_owned(),
        tags: id.tags(),
        outputs: BTreeMap::new(),
        template,
        failure: None,
    }
}
