//! Any environment × any declarations: what a task sees is the same on both deliveries, and is what the precedence table of
//! docs/convox-yml.md says. Here without AWS, so that thousands are tried; `delivery` has some of them end to end.

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use manifest::capacity::LaunchType;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};
use release::task_definition::TaskDefinition;
use rig::proof;
use serde_json::json;

use super::{Inputs, fixed_settings, s3, secrets_manager};

/// How many are tried; `PROPTEST_CASES` says otherwise.
const CASES: u32 = 12_000;
const OWN_SECRET: &str = "arn:aws:secretsmanager:us-east-1:210987654321:secret:db/main-AbCdEf";
const NAMES: [&str; 12] = [
    "A",
    "B",
    "C_D",
    "APP",
    "BUILD",
    "RELEASE",
    "SERVICE",
    "AWS_REGION",
    "API_URL",
    "DB_MAIN_URL",
    "PATH",
    "a.b-c",
];
const VERSION: &str = "0123456789abcdef0123456789abcdef";

type Variables = BTreeMap<String, String>;

/// What a secret of the user's own is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Whole,
    Key,
    Stage,
    Version,
}

#[derive(Debug, Clone)]
struct Case {
    environment: Variables,
    /// Entries of `environment:`, the manifest's and then the Service's; a list in a list is an alias of YAML.
    declared: [Vec<Vec<String>>; 2],
    own: BTreeMap<String, Form>,
    /// What the files of `environmentFiles` hold, the first the strongest.
    files: Vec<Variables>,
    links: BTreeSet<String>,
    /// The variables of the image itself.
    image: Variables,
    launch: LaunchType,
}

/// Few names, so that sources meet: automatic ones, links, and those of the App.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(&NAMES[..]).prop_map(str::to_owned), 1 => "[A-Za-z_][A-Za-z0-9_]{0,3}"]
}

fn value() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 =\"'#%&,:;/<>é🦀-]{0,8}"
}

fn declaration() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => name(),
        4 => (name(), value()).prop_map(|(name, value)| format!("{name}={value}")),
        1 => Just("*".to_owned()),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let entries = || vec(vec(declaration(), 1..3), 0..4);
    let forms = select(&[Form::Whole, Form::Key, Form::Stage, Form::Version][..]);
    let links = select(&["api", "db-main"][..]).prop_map(str::to_owned);
    let launch = select(&[LaunchType::Fargate, LaunchType::Ec2][..]);
    (
        btree_map(name(), value(), 0..6),
        [entries(), entries()],
        btree_map(name(), forms, 0..3),
        vec(btree_map(name(), value(), 0..3), 0..3),
        proptest::collection::btree_set(links, 0..3),
        btree_map(name(), value(), 0..3),
        launch,
    )
        .prop_map(
            |(environment, declared, own, files, links, image, launch)| Case {
                environment,
                declared,
                own,
                files,
                links,
                image,
                launch,
            },
        )
}

impl Case {
    /// The texts of both lists, flattened, without what nobody could set: a required variable must be there.
    fn texts(&self, list: &[Vec<String>]) -> Vec<String> {
        let there = |text: &&String| {
            text.contains('=')
                || *text == "*"
                || self.environment.contains_key(*text)
                || self.own.contains_key(*text)
        };
        list.iter().flatten().filter(there).cloned().collect()
    }

    fn list(&self, list: &[Vec<String>]) -> String {
        let nested = list
            .iter()
            .map(|entry| json!(self.texts(std::slice::from_ref(entry))));
        let nested: Vec<String> = nested.map(|entry| entry.to_string()).collect();
        format!("[{}]", nested.join(", "))
    }

    fn manifest(&self) -> String {
        let own: BTreeMap<&String, String> = self
            .own
            .iter()
            .map(|(name, form)| (name, form.reference()))
            .collect();
        let files = (0..self.files.len()).map(|number| format!("arn:aws:s3:::files/{number}.env"));
        format!(
            "environment: {}\nservices:\n  web:\n    image: i\n    environment: {}\n    secrets: {}\n    environmentFiles: \
             {}\n    links: {}\n  api: {{image: i}}\n  db-main: {{image: i}}\ntimers:\n  nightly: {{schedule: '0 3 * * *', \
             command: c, service: web}}\n",
            self.list(&self.declared[0]),
            self.list(&self.declared[1]),
            json!(own),
            json!(files.collect::<Vec<_>>()),
            json!(self.links),
        )
    }

    /// What a Service has that says nothing of its own.
    fn bystander(&self) -> Self {
        Self {
            declared: [self.declared[0].clone(), Vec::new()],
            own: BTreeMap::new(),
            files: Vec::new(),
            links: BTreeSet::new(),
            ..self.clone()
        }
    }

    /// The list of docs/convox-yml.md, from the weakest to the strongest.
    fn expected(&self, service: &str) -> Variables {
        let texts = [self.texts(&self.declared[0]), self.texts(&self.declared[1])].concat();
        let mut seen = self.image.clone();
        for file in self.files.iter().rev() {
            seen.extend(file.clone());
        }
        let defaults = texts.iter().filter_map(|text| text.split_once('='));
        seen.extend(defaults.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for link in &self.links {
            let name = link.to_uppercase().replace('-', "_") + "_URL";
            seen.insert(name, format!("https://shop-{link}.router.example"));
        }
        seen.extend(crate::app::pairs([
            ("APP", "shop"),
            ("AWS_REGION", "eu-west-1"),
            ("BUILD", "B1"),
            ("BUILD_DESCRIPTION", "say \"hi\" & <go>"),
            ("BUILD_GIT_SHA", "0123abc"),
            ("RACK", "myrack"),
            ("RELEASE", "R1"),
            ("SERVICE", service),
        ]));
        seen.extend(
            self.own
                .iter()
                .map(|(name, form)| (name.clone(), form.value())),
        );
        let declares = |key: &String| {
            texts
                .iter()
                .any(|text| text == "*" || text.split('=').next() == Some(key))
        };
        let delivered = self.environment.iter().filter(|(key, _)| declares(key));
        seen.extend(delivered.map(|(key, value)| (key.clone(), value.clone())));
        seen
    }

    /// What the agent and, on the S3 path, `convox-env` make of a definition (facts of ECS: files below both lists, the first
    /// file the strongest; `convox/rack:cmd/convox-env/main.go`: the names that are listed, over everything).
    fn seen(&self, definition: &TaskDefinition) -> Result<Variables, TestCaseError> {
        let container = &definition.container_definitions[0];
        let mut seen = self.image.clone();
        for file in container.environment_files.iter().rev() {
            let number = file
                .trim_start_matches("arn:aws:s3:::files/")
                .trim_end_matches(".env");
            seen.extend(self.files[number.parse::<usize>().unwrap()].clone());
        }
        for (name, _) in container.secrets.iter() {
            prop_assert!(
                !container.environment.contains_key(name),
                "{name} stands in both lists"
            );
        }
        seen.extend(container.environment.clone());
        for (name, reference) in container.secrets.iter() {
            seen.insert(name.to_owned(), self.resolve(&reference)?);
        }
        let Some(names) = seen.remove("CONVOX_ENV_VARS") else {
            return Ok(seen);
        };
        prop_assert!(
            seen.remove("CONVOX_ENV_URL").is_some() && seen.remove("CONVOX_ENV_KEY").is_some()
        );
        let names: BTreeSet<&str> = names.split(',').collect();
        let passes = |key: &&String| names.contains("*") || names.contains(key.as_str());
        let fetched: Vec<&String> = self.environment.keys().filter(passes).collect();
        seen.extend(
            fetched
                .into_iter()
                .map(|key| (key.clone(), self.environment[key].clone())),
        );
        Ok(seen)
    }

    /// A reference as the agent splits it: an ARN has seven parts, or seven and three.
    fn resolve(&self, reference: &str) -> Result<String, TestCaseError> {
        let parts: Vec<&str> = reference.split(':').collect();
        prop_assert!(parts.len() == 7 || parts.len() == 10, "{reference}");
        let arn = parts[..7].join(":");
        let rest = [7, 8, 9].map(|at| parts.get(at).copied().unwrap_or_default());
        if arn == OWN_SECRET {
            let form = match rest {
                ["", "", ""] => Form::Whole,
                ["password", "", ""] => Form::Key,
                ["password", "AWSPREVIOUS", ""] => Form::Stage,
                ["", "", VERSION] => Form::Version,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            return Ok(form.value());
        }
        prop_assert_eq!(
            arn,
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:myrack/shop-AbCdEf"
        );
        prop_assert_eq!(&rest[1..], &["", "v1"]);
        let value = self.environment.get(rest[0]);
        value
            .cloned()
            .ok_or_else(|| TestCaseError::fail(format!("the secret has no key {}", rest[0])))
    }
}

impl Form {
    fn reference(self) -> String {
        match self {
            Self::Whole => OWN_SECRET.to_owned(),
            Self::Key => format!("{OWN_SECRET}:password::"),
            Self::Stage => format!("{OWN_SECRET}:password:AWSPREVIOUS:"),
            Self::Version => format!("{OWN_SECRET}:::{VERSION}"),
        }
    }

    /// What the secret says to that.
    fn value(self) -> String {
        format!("own {self:?}")
    }
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let environment = json!(case.environment).to_string();
    let inputs = Inputs::new("myrack", &case.manifest(), &environment);
    let want = case.expected("web");
    for (delivery, source) in [("Secrets Manager", secrets_manager("v1")), ("S3", s3("v1"))] {
        let rendered = inputs.render(&fixed_settings(), case.launch, &source);
        for name in ["services.web", "timers.nightly"] {
            let seen = case.seen(&rendered[name])?;
            prop_assert_eq!(
                &seen,
                &want,
                "{} of {} on {}",
                name,
                case.manifest(),
                delivery
            );
        }
        let seen = case.seen(&rendered["services.api"])?;
        prop_assert_eq!(
            &seen,
            &case.bystander().expected("api"),
            "api of {} on {}",
            case.manifest(),
            delivery
        );
    }
    Ok(())
}

#[test]
fn what_a_task_sees_is_the_same_on_both_deliveries_and_as_the_table_says() {
    let cases = env::var("PROPTEST_CASES").ok();
    let cases = cases.map_or(CASES, |cases| {
        cases.parse().expect("PROPTEST_CASES is a number")
    });
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        rng_seed: match ProptestConfig::default().rng_seed {
            RngSeed::Random => RngSeed::Fixed(5), // PROPTEST_RNG_SEED tries others
            fixed @ RngSeed::Fixed(_) => fixed,
        },
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    if let Err(err) = runner.run(&case(), |case| check(&case)) {
        panic!("{err}");
    }
    proof::covered(&format!(
        "variables: {cases} environments with their declarations, own secrets, files and links; a task sees the same on both \
         deliveries, as the precedence table says"
    ));
}
