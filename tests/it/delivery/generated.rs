//! The same for environments, declarations and forms that nobody thought of.

use std::collections::BTreeMap;
use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};
use rig::canary;
use tokio::runtime::Runtime;

use super::{Racks, Variables, expected};

/// How many are tried; `PROPTEST_CASES` says otherwise.
const CASES: u32 = 24;

/// Names that every container has anyway.
const AUTOMATIC: [&str; 8] = [
    "APP",
    "AWS_REGION",
    "BUILD",
    "BUILD_DESCRIPTION",
    "BUILD_GIT_SHA",
    "RACK",
    "RELEASE",
    "SERVICE",
];

const VALUE: [char; 26] = [
    'a', 'Z', '0', ' ', '=', '"', '\'', '#', '$', '{', '}', '\\', '%', '&', '<', '*', ',', ':',
    '`', '\t', '\n', '\r', 'é', '🦀', '\u{feff}', '\u{85}',
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Lines,
    Json,
    SealedLines,
    SealedJson,
}

const FORMS: [Form; 4] = [Form::Lines, Form::Json, Form::SealedLines, Form::SealedJson];

/// What an entry of an `environment:` list is.
#[derive(Debug, Clone)]
enum Declared {
    All,
    /// A key of the environment.
    Required(Index),
    /// A key of the environment, with a default that it never needs.
    Unneeded(Index, String),
    Default(String, String),
}

/// An entry, or a list of them, as an alias leaves one.
#[derive(Debug, Clone)]
enum Item {
    One(Declared),
    Nested(Vec<Declared>),
}

#[derive(Debug, Clone)]
struct Case {
    environment: Variables,
    top: Vec<Item>,
    web: Vec<Item>,
    worker: Vec<Item>,
    form: Form,
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[A-Za-z_][A-Za-z0-9_.-]{0,6}",
        1 => select(&AUTOMATIC[..]).prop_map(str::to_owned),
        1 => select(vec!["PATH", "HOME", "LD_X", "a.b-c", "_", "X--", "c"]).prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = String> {
    let letters = vec(select(&VALUE[..]), 0..10);
    prop_oneof![
        letters.prop_map(String::from_iter),
        "\\PC{0,12}",
        select(vec![
            "",
            " ",
            "null",
            "1e6",
            "{\"a\":1}",
            "-----BEGIN X-----\nabc=\n-----END X-----"
        ])
        .prop_map(str::to_owned),
    ]
}

/// convox.yml would interpolate `${`, which is another test's.
fn default_value() -> impl Strategy<Value = String> {
    value().prop_map(|value| value.replace(['{', '\r', '\n', '\u{85}', '\u{feff}'], "-"))
}

fn declared() -> impl Strategy<Value = Declared> {
    prop_oneof![
        1 => Just(Declared::All),
        4 => any::<Index>().prop_map(Declared::Required),
        2 => (any::<Index>(), default_value()).prop_map(|(key, value)| Declared::Unneeded(key, value)),
        3 => (key(), default_value()).prop_map(|(key, value)| Declared::Default(key, value)),
    ]
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let item = prop_oneof![
        4 => declared().prop_map(Item::One),
        1 => vec(declared(), 0..3).prop_map(Item::Nested),
    ];
    vec(item, 0..4)
}

fn case() -> impl Strategy<Value = Case> {
    (
        btree_map(key(), value(), 0..8),
        items(),
        items(),
        items(),
        select(&FORMS[..]),
    )
        .prop_map(|(environment, top, web, worker, form)| Case {
            environment,
            top,
            web,
            worker,
            form,
        })
}

impl Case {
    /// The texts of a list, flattened.
    fn texts(&self, items: &[Item]) -> Vec<String> {
        let nested = items.iter().flat_map(|item| match item {
            Item::One(declared) => std::slice::from_ref(declared),
            Item::Nested(declared) => declared,
        });
        nested.filter_map(|declared| self.text(declared)).collect()
    }

    /// Nothing where it names a key of an environment that has none.
    fn text(&self, declared: &Declared) -> Option<String> {
        let keys: Vec<&String> = self.environment.keys().collect();
        let key = |index: &Index| (!keys.is_empty()).then(|| (*index.get(&keys)).clone());
        Some(match declared {
            Declared::All => "*".to_owned(),
            Declared::Required(index) => key(index)?,
            Declared::Unneeded(index, value) => format!("{}={value}", key(index)?),
            Declared::Default(key, value) => format!("{key}={value}"),
        })
    }

    /// A list in YAML's flow form, every text in double quotes.
    fn list(&self, items: &[Item]) -> String {
        let quoted = |texts: &[String]| {
            let texts = texts
                .iter()
                .map(|text| serde_json::to_string(text).unwrap());
            texts.collect::<Vec<_>>().join(", ")
        };
        let items = items.iter().map(|item| match item {
            Item::One(declared) => quoted(self.texts(&[Item::One(declared.clone())]).as_slice()),
            Item::Nested(_) => format!("[{}]", quoted(&self.texts(std::slice::from_ref(item)))),
        });
        let items: Vec<String> = items.filter(|item| !item.is_empty()).collect();
        format!("[{}]", items.join(", "))
    }

    fn manifest(&self) -> String {
        format!(
            r#"
environment: {}
services:
  web: {{image: i, environment: {}}}
  worker: {{image: i, environment: {}}}
timers:
  nightly: {{schedule: "0 3 * * *", command: c, service: worker}}
"#,
            self.list(&self.top),
            self.list(&self.web),
            self.list(&self.worker)
        )
    }

    /// The object's text: lines only where they can hold every value.
    fn text_of_environment(&self) -> String {
        let fits = |value: &String| !value.contains('\n') && !value.ends_with('\r');
        let lines = matches!(self.form, Form::Lines | Form::SealedLines);
        if lines && self.environment.values().all(fits) {
            let lines = self.environment.iter();
            let lines: Vec<String> = lines
                .map(|(key, value)| format!("{key}={value}\n"))
                .collect();
            return lines.concat();
        }
        serde_json::to_string(&self.environment).unwrap()
    }

    async fn object(&self, racks: &Racks) -> Vec<u8> {
        let text = self.text_of_environment().into_bytes();
        match self.form {
            Form::Lines | Form::Json => text,
            Form::SealedLines | Form::SealedJson => racks.world.seal(&text).await,
        }
    }
}

async fn check(racks: &Racks, app: &str, mut case: Case) -> Result<(), TestCaseError> {
    let marker = case.environment.entry("CANARY".to_owned());
    *marker.or_default() = canary::value("CANARY");
    let object = case.object(racks).await;
    let seen = racks.promote(app, &case.manifest(), &object).await;
    for (container, service, own) in [
        ("services.web", "web", &case.web),
        ("services.worker", "worker", &case.worker),
        ("timers.nightly", "worker", &case.worker),
    ] {
        let texts = [case.texts(&case.top), case.texts(own)].concat();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let automatic = racks.automatic(app, service);
        let want = expected(&texts, automatic, &case.environment);
        let wrong = seen.wrong(container, &want);
        prop_assert!(
            wrong.is_empty(),
            "{container}: {wrong:?}\n{}",
            case.manifest()
        );
    }
    racks.assert_no_value_got_out(&seen);
    Ok(())
}

#[test]
fn what_a_container_sees_is_the_source_whatever_delivers_it() {
    let runtime = Runtime::new().unwrap();
    let racks = runtime.block_on(Racks::start());
    let cases = env::var("PROPTEST_CASES").ok();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: cases.map_or(CASES, |cases| {
            cases.parse().expect("PROPTEST_CASES is a number")
        }),
        rng_seed: match ProptestConfig::default().rng_seed {
            RngSeed::Random => RngSeed::Fixed(2), // PROPTEST_RNG_SEED tries others
            fixed @ RngSeed::Fixed(_) => fixed,
        },
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let apps = AtomicUsize::new(0); // each case, shrunk ones too, is an App of its own
    let outcome = runner.run(&case(), |case| {
        let app = format!("app-{}", apps.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(check(&racks, &app, case))
    });
    if let Err(err) = outcome {
        panic!("{err}");
    }
}

/// The oracle itself, so that a mistake in it cannot hide one of the product.
#[test]
fn the_environment_beats_automatic_variables_and_those_beat_defaults() {
    let automatic = BTreeMap::from([("APP".to_owned(), "shop".to_owned())]);
    let environment = crate::app::pairs([("A", "set"), ("APP", "mine"), ("HIDDEN", "h")]);
    for (declared, want) in [
        (&[][..], &[("APP", "shop")][..]),
        (&["A"], &[("A", "set"), ("APP", "shop")]),
        (
            &["A=default", "B=1", "B=2"],
            &[("A", "set"), ("APP", "shop"), ("B", "2")],
        ),
        (&["APP=default"], &[("APP", "mine")]),
        (&["*"], &[("A", "set"), ("APP", "mine"), ("HIDDEN", "h")]),
    ] {
        let want = want
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let got = expected(declared, automatic.clone(), &environment);
        assert_eq!(got, want.collect(), "{declared:?}");
    }
}
