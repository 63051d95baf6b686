//! Everything that reads what users write is given any bytes, changed samples, and files that are made to take long: it reads or
//! refuses them, and twice the size takes about twice the time. `tests/fuzz` has the same targets for cargo-fuzz.

use std::time::{Duration, Instant};

use integration_tests::proof;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{RngSeed, TestRunner};
use shared::app_settings::{AppSettings, Build};
use shared::environment::{self, EnvKey, Environment, EnvironmentObject};
use shared::environment_file::EnvironmentFile;
use shared::manifest;
use shared::schedule::aws_cron;
use shared::secret_reference::SecretReference;

type Reader = fn(&[u8]);

/// A reader, how many cases it gets, and what well-formed input looks like.
const READERS: [(&str, Reader, u32, &[&str]); 6] = [
    (
        "environments",
        environment,
        12_000,
        &[
            "A=1\nB=two words\r\n# c\n",
            r#"{"A": "1", "B": "\u0041\n"}"#,
        ],
    ),
    (
        "envelopes",
        environment,
        12_000,
        &[
            r#"{"c":"AAAAAAAAAAAAAAAAAAAAAAAA","k":"AQIDBA==","n":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        ],
    ),
    (
        "manifests",
        manifest,
        4_000,
        &[
            "environment: [A, B=${V}]\nservices:\n  web: {port: 80, scale: 1-3, links: [web]}\n",
            "x: &a {image: i}\nservices:\n  web:\n    <<: *a\n    command: |\n      a\n      b\ntimers: {t: {schedule: rate(1 day), command: c, service: web}}\n",
        ],
    ),
    (
        "references and ARNs",
        arns,
        12_000,
        &[
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:db/main-AbCdEf:password:AWSPREVIOUS:",
            "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:x-AbCdEf:::0123456789abcdef0123456789abcdef",
            "arn:aws:s3:::bucket/folder/file.env",
        ],
    ),
    (
        "schedules",
        schedule,
        12_000,
        &[
            "0 3 * * ?",
            "cron(0/15 8-18 ? * MON-FRI *)",
            "rate(5 minutes)",
            "0 9 L * ? 2030",
        ],
    ),
    (
        "app.json and build.json",
        settings,
        6_000,
        &[
            r#"{"generation": "2", "params": {"SecretsManagerEnv": "Yes"}, "services": {"web": "x"}, "id": "B1"}"#,
        ],
    ),
];

fn environment(bytes: &[u8]) {
    if let Ok(EnvironmentObject::Sealed(envelope)) = environment::read(bytes) {
        let _ = envelope.open(&[0; 32]);
    }
}

fn manifest(bytes: &[u8]) {
    let value = "a: b # c\n- d".to_owned();
    let environment: Environment = [(EnvKey::new("V").unwrap(), value.into())]
        .into_iter()
        .collect();
    match manifest::load("convox.yml", bytes, &environment) {
        Ok(manifest) => manifest.timers.iter().for_each(|timer| drop(timer.cron())),
        Err(error) => drop(error.to_string()),
    }
}

fn arns(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(reference) = SecretReference::parse(&text) {
        assert_eq!(
            SecretReference::parse(&reference.to_string()).unwrap(),
            reference
        );
    }
    let _ = EnvironmentFile::parse(&text);
}

fn schedule(bytes: &[u8]) {
    let _ = aws_cron(&String::from_utf8_lossy(bytes));
}

fn settings(bytes: &[u8]) {
    let _ = AppSettings::read("app.json", bytes);
    let _ = Build::read("build.json", bytes);
}

/// One change of a sample.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let odd = select(&b"\0\n\r\t :#\"'{}[],&*!|>%@`-?=$\\\x7f\xff\xc3"[..]);
    prop_oneof![
        3 => (any::<Index>(), prop_oneof![odd, any::<u8>()]).prop_map(|(at, byte)| Edit::Set(at, byte)),
        2 => (any::<Index>(), vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        2 => (any::<Index>(), 1..40_usize).prop_map(|(at, size)| Edit::Remove(at, size)),
        1 => (any::<Index>(), 1..40_usize).prop_map(|(at, size)| Edit::Repeat(at, size)),
    ]
}

fn edited(sample: &str, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = sample.as_bytes().to_vec();
    for edit in edits {
        let at = |index: &Index| index.index(bytes.len() + 1);
        match edit {
            Edit::Set(index, byte) => {
                let at = at(index);
                if let Some(place) = bytes.get_mut(at) {
                    *place = *byte;
                }
            }
            Edit::Insert(index, added) => {
                let at = at(index);
                bytes.splice(at..at, added.iter().copied());
            }
            Edit::Remove(index, size) => {
                let at = at(index);
                let end = (at + size).min(bytes.len());
                bytes.drain(at..end);
            }
            Edit::Repeat(index, size) => {
                let at = at(index);
                let end = (at + size).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}

#[test]
fn no_bytes_make_a_reader_panic() {
    let mut told = Vec::new();
    for (name, read, cases, samples) in READERS {
        let changed = (select(samples), vec(edit(), 0..6));
        let changed = changed.prop_map(|(sample, edits)| edited(sample, &edits));
        let input = prop_oneof![4 => changed, 1 => vec(any::<u8>(), 0..200)];
        let mut runner = TestRunner::new(ProptestConfig {
            cases,
            rng_seed: match ProptestConfig::default().rng_seed {
                RngSeed::Random => RngSeed::Fixed(7), // PROPTEST_RNG_SEED tries others
                fixed @ RngSeed::Fixed(_) => fixed,
            },
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let outcome = runner.run(&input, |bytes| {
            read(&bytes);
            Ok(())
        });
        if let Err(err) = outcome {
            panic!("{name}: {err}");
        }
        told.push(format!("{cases} {name}"));
    }
    proof::tell(&format!("bytes: {} read or refused", told.join(", ")));
}

/// What is repeated until it fills a file.
const SHAPES: [&str; 12] = [
    "[",
    "{\"a\":",
    "{a: ",
    "A=1\n",
    "\"",
    "- &a [*a, *a]\n",
    "${V}",
    "a:\n",
    "<<: ",
    "\\u0041",
    ":",
    "0,",
];

fn time(read: Reader, bytes: &[u8]) -> Duration {
    let started = Instant::now();
    read(bytes);
    started.elapsed()
}

#[test]
fn twice_the_size_takes_about_twice_the_time() {
    const LARGE: usize = 1 << 20;
    /// Four times the size takes sixteen times as long where the effort is quadratic.
    const FACTOR: u32 = 10;
    /// Too short to compare.
    const NOTHING: Duration = Duration::from_millis(100);
    let mut count = 0;
    for (name, read, _, samples) in READERS {
        for shape in SHAPES.iter().chain(samples) {
            let file = |size: usize| shape.repeat(size / shape.len());
            let large = time(read, file(LARGE).as_bytes());
            count += 1;
            if large <= NOTHING {
                continue;
            }
            let small = time(read, file(LARGE / 4).as_bytes());
            assert!(
                large < small * FACTOR,
                "{name}, `{shape}`: {small:?} became {large:?}"
            );
        }
    }
    proof::tell(&format!(
        "files of 1 MiB: {count} made of one shape each, no effort grows with the square of the size"
    ));
}
