//! From any `resources:` to templates: what is read renders whole ones, and what is refused says so without a value.

use std::cell::Cell;
use std::env;
use std::fmt::Write as _;

use environment::{EnvKey, Environment};
use manifest::Manifest;
use manifest::resources;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use rig::chance::Chance;
use rig::proof;
use serde_json::Value;

use super::Rack;

/// How many lives of a stack; `PROPTEST_CASES` says otherwise.
const CASES: u32 = 1_000;
/// How often a convox.yml changes in one.
const STEPS_MAX: usize = 4;
/// What only interpolated values hold.
const MARKS: [&str; 2] = ["q7x", "4242"];

const TYPES: [&str; 7] = [
    "postgres",
    "mysql",
    "mariadb",
    "redis",
    "valkey",
    "memcached",
    "efs",
];
const NAMES: [&str; 6] = ["main", "copy", "my-db", "my_db", "MyDb", "1"];
const FLAGS: [&str; 2] = ["true", "false"];
/// Options of databases, each with what it takes; a value with a mark is always interpolated.
const OF_DATABASES: [(&str, &[&str]); 14] = [
    ("version", &["17", "8.4", "11.4", "17.4242", "8.4.4242"]),
    ("class", &["db.m5.large", "db.q7x.large"]),
    ("storage", &["100", "200", "4242", "14242"]),
    ("encrypted", &FLAGS),
    ("durable", &FLAGS),
    ("iops", &["0", "3000", "4242"]),
    ("deletionProtection", &FLAGS),
    ("backupRetentionPeriod", &["0", "1", "7"]),
    (
        "preferredBackupWindow",
        &["03:00-04:00", "23:45-00:30", "03:00-03:01-q7x"],
    ),
    ("autoMinorVersionUpgrade", &FLAGS),
    ("parameterGroupName", &["group", "group-q7x"]),
    ("snapshot", &["snapshot", "snapshot-q7x"]),
    ("urlParameters", &["sslmode=require", "a=q7x", "?a=q7x"]),
    (
        "readSourceDB",
        &[
            "#convox.resources.main",
            "#convox.resources.main",
            "other-q7x",
            "#convox.resources.q7x",
        ],
    ),
];
const OF_CACHES: [(&str, &[&str]); 7] = [
    ("version", &["7.0", "8.1", "1.6.22", "7.4242", "1.6.4242"]),
    ("class", &["cache.m5.large", "cache.q7x.large"]),
    ("encrypted", &FLAGS),
    ("durable", &FLAGS),
    ("nodes", &["1", "2", "3", "42420"]),
    ("autoMinorVersionUpgrade", &FLAGS),
    ("engine", &["redis", "valkey", "q7x"]),
];
const OF_FILE_SYSTEMS: [(&str, &[&str]); 5] = [
    ("encrypted", &FLAGS),
    ("owner-gid", &["0", "1000", "4242"]),
    ("owner-uid", &["0", "1000", "4242"]),
    ("path", &["/", "/shared", "/q7x", "q7x"]),
    ("permissions", &["0777", "0700", "0o4242", "q7x"]),
];
/// What no type takes.
const WRONG: [&str; 8] = [
    "",
    "q7x",
    "-1",
    "4242424242",
    "{{q7x}}",
    "1.5",
    "[a]",
    "{a: b}",
];

/// A convox.yml on its way, and what it interpolates.
struct Draft {
    chance: Chance,
    text: String,
    values: Vec<String>,
}

impl Draft {
    /// A text or `${V…}`, as the draft has it; a mark is never written down.
    fn scalar(&mut self, value: &str) -> String {
        let marked = MARKS.iter().any(|mark| value.contains(mark));
        let is_text = !value.starts_with(['[', '{']) || marked;
        let written = if marked || is_text && self.chance.once_in(4) {
            self.values.push(value.to_owned());
            format!("${{V{}}}", self.values.len())
        } else {
            value.to_owned()
        };
        if is_text && (written.starts_with('#') || self.chance.once_in(3)) {
            format!("'{written}'")
        } else {
            written
        }
    }

    fn resource(&mut self, name: &str) {
        let resource_type = self.chance.one_of(&TYPES);
        let known: &[(&str, &[&str])] = match resource_type {
            "efs" => &OF_FILE_SYSTEMS,
            "redis" | "valkey" | "memcached" => &OF_CACHES,
            _ => &OF_DATABASES,
        };
        let name = self.scalar(name);
        let resource_type = self.scalar(resource_type);
        let _ = write!(
            self.text,
            "  {name}:\n    type: {resource_type}\n    options:\n"
        );
        for (option, values) in known {
            if self.chance.once_in(5) {
                let wrong = self.chance.once_in(40);
                let value = self.chance.one_of(if wrong { &WRONG } else { values });
                let value = self.scalar(value);
                let _ = writeln!(self.text, "      {option}: {value}");
            }
        }
        if self.chance.once_in(4) {
            let tag = self.chance.one_of(&["data", "q7x"]);
            let tag = self.scalar(tag);
            let _ = writeln!(self.text, "    tags: {{Team: {tag}}}");
        }
    }

    /// A database and its replica, which chance alone would not make often.
    fn pair(&mut self) {
        let version = self.chance.one_of(&["17", "17.4242"]);
        let encrypted = self.chance.one_of(&FLAGS);
        for (name, source) in [("main", ""), ("copy", "'#convox.resources.main'")] {
            let version = self.scalar(version);
            let _ = write!(
                self.text,
                "  {name}:\n    type: postgres\n    options:\n      encrypted: {encrypted}\n      version: {version}\n"
            );
            let storage = self.chance.one_of(&["100", "4242"]);
            let storage = self.scalar(storage);
            let _ = writeln!(self.text, "      storage: {storage}");
            if !source.is_empty() && !self.chance.once_in(3) {
                let _ = writeln!(self.text, "      readSourceDB: {source}");
            }
        }
    }

    fn of(chance: Chance) -> Self {
        let mut draft = Self {
            chance,
            text: "resources:\n".to_owned(),
            values: Vec::new(),
        };
        let paired = draft.chance.once_in(3);
        if paired {
            draft.pair();
        }
        for name in NAMES.iter().skip(if paired { 2 } else { 0 }) {
            if draft.chance.once_in(4) {
                draft.resource(name);
            }
        }
        draft
    }

    fn load(&self) -> Result<Manifest, String> {
        let numbered = (1..).zip(&self.values);
        let environment: Environment = numbered
            .map(|(number, value)| {
                let key = EnvKey::new(&format!("V{number}")).unwrap();
                (key, value.clone().into())
            })
            .collect();
        manifest::load("convox.yml", self.text.as_bytes(), &environment)
            .map_err(|error| error.to_string())
    }
}

/// What is named and not there: by `Ref`, by `Fn::GetAtt`, or in a `Fn::Sub`.
fn dangling(part: &Value, ids: &Value, found: &mut Vec<String>) {
    let mut look = |id: &str| {
        if !id.starts_with("AWS::") && ids[id].is_null() {
            found.push(id.to_owned());
        }
    };
    if let Some(id) = part["Ref"].as_str() {
        look(id);
    }
    if let Some(id) = part["Fn::GetAtt"][0].as_str() {
        look(id);
    }
    for piece in part["Fn::Sub"]
        .as_str()
        .unwrap_or_default()
        .split("${")
        .skip(1)
    {
        look(piece.split(['.', '}']).next().unwrap());
    }
    match part {
        Value::Array(items) => items.iter().for_each(|item| dangling(item, ids, found)),
        Value::Object(members) => members.values().for_each(|item| dangling(item, ids, found)),
        Value::Null => found.push("null".to_owned()),
        _ => {}
    }
}

fn is_silent(draft: &Draft, said: &str) -> Result<(), TestCaseError> {
    let told = MARKS.iter().find(|mark| said.contains(*mark));
    prop_assert!(told.is_none(), "{}\n{said}", draft.text);
    Ok(())
}

/// One step of a life: the template that stands afterwards, if nothing is refused.
fn step(
    draft: &Draft,
    before: Option<&Value>,
    allow: bool,
) -> Result<Option<Value>, TestCaseError> {
    let manifest = match draft.load() {
        Ok(manifest) => manifest,
        Err(said) => return is_silent(draft, &said).map(|()| None),
    };
    is_silent(draft, &manifest.warnings.join("\n"))?;
    let read = match resources::read(&manifest) {
        Ok(read) => read,
        Err(problems) => {
            return is_silent(draft, &manifest.invalid(problems).to_string()).map(|()| None);
        }
    };
    is_silent(draft, &read.notices.join("\n"))?;
    let rack = Rack {
        allow_replacement: allow,
        ..Rack::new("myrack")
    };
    let mut rendered = match rack.try_render(&read.list, before) {
        Ok(rendered) => rendered,
        Err(problems) => {
            return is_silent(draft, &manifest.invalid(problems).to_string()).map(|()| None);
        }
    };
    is_silent(draft, &rendered.notices.join("\n"))?;
    for more in [rendered.more, false] {
        let mut found = Vec::new();
        dangling(
            &rendered.template,
            &rendered.template["Resources"],
            &mut found,
        );
        prop_assert_eq!(found, [""; 0], "{}", draft.text);
        let Ok(again) = rack.try_render(&read.list, Some(&rendered.template)) else {
            return Err(TestCaseError::fail(draft.text.clone()));
        };
        prop_assert_eq!(again.template != rendered.template, more, "{}", draft.text);
        rendered = again;
    }
    Ok(Some(rendered.template))
}

#[test]
fn what_is_read_is_rendered_whole_and_no_message_holds_a_value() {
    let (taken, refused) = (Cell::new(0), Cell::new(0));
    let cases = env::var("PROPTEST_CASES").ok();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: cases.map_or(CASES, |cases| {
            cases.parse().expect("PROPTEST_CASES is a number")
        }),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&any::<u64>(), |seed| {
        let mut before = None;
        for number in 0..STEPS_MAX {
            let mut chance = Chance::new(seed.wrapping_add(number as u64));
            let allow = chance.once_in(2);
            let draft = Draft::of(chance);
            let standing = step(&draft, before.as_ref(), allow)?;
            let counter = if standing.is_some() { &taken } else { &refused };
            counter.set(counter.get() + 1);
            before = standing.or(before);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let (taken, refused) = (taken.get(), refused.get());
    assert!(taken * 5 > refused, "{taken} taken, {refused} refused");
    proof::covered(&format!(
        "resources: {taken} generated convox.yml rendered whole, {refused} refused, without a value in any message"
    ));
}
