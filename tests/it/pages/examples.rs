//! Examples of files: JSON and YAML can be read, and the loader takes each convox.yml.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use environment::{Environment, EnvironmentObject};
use manifest::resources;
use regex_lite::Regex;
use rig::tools;

use super::blocks;

/// What a block may be of beside shells and plain text.
const LANGUAGES: [&str; 6] = [
    "text",
    "json",
    "yaml",
    "yaml convox",
    "dockerfile",
    "dotenv",
];
/// In the place of Services that a part of a convox.yml speaks of.
const SERVICE: &str = "services: {web: {image: example/web:1}}\n";

#[test]
fn every_block_says_what_it_is() {
    for (place, block) in blocks(|block| !block.words.starts_with("sh")) {
        let words = &block.words;
        assert!(LANGUAGES.contains(&words.as_str()), "{place}: `{words}`");
    }
}

#[test]
fn json_and_yaml_of_pages_can_be_read() {
    let json = blocks(|block| block.words == "json");
    assert!(!json.is_empty());
    for (place, block) in json {
        let read: Result<serde_json::Value, _> = serde_json::from_str(&block.text);
        assert!(read.is_ok(), "{place}: {:?}", read.err());
    }
    let yaml = blocks(|block| block.words.starts_with("yaml"));
    assert!(!yaml.is_empty());
    let folder = tempfile::tempdir().unwrap();
    for (number, (_, block)) in yaml.iter().enumerate() {
        fs::write(folder.path().join(format!("{number}.yaml")), &block.text).unwrap();
    }
    let unread = unread(folder.path()).into_iter();
    let unread = unread.map(|(number, wrong)| format!("{}: {wrong}", yaml[number].0));
    assert_eq!(unread.collect::<Vec<_>>(), Vec::<String>::new());
}

/// The files of a folder that are no YAML with the tags of CloudFormation, by number.
fn unread(folder: &Path) -> Vec<(usize, String)> {
    const READ: &str = "import pathlib, sys; from samcli.yamlhelper import yaml_parse
for path in pathlib.Path(sys.argv[1]).iterdir():
    try:
        yaml_parse(path.read_text())
    except Exception as wrong:
        print(path.stem, repr(wrong))";
    let python = tools::repository().join(".venv/sam/bin/python3");
    let mut read = Command::new(python);
    read.args(["-c", READ]).arg(folder).stderr(Stdio::inherit());
    let output = read.output().expect("`make tools` brings SAM CLI");
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let lines = said.lines().filter_map(|line| line.split_once(' '));
    lines
        .map(|(number, wrong)| (number.parse().unwrap(), wrong.to_owned()))
        .collect()
}

#[test]
fn every_convox_yml_of_a_page_is_taken() {
    let manifests = blocks(|block| block.words == "yaml convox");
    for (place, block) in manifests {
        let text = whole(&block.text);
        let loaded = manifest::load("convox.yml", text.as_bytes(), &variables(&text));
        let loaded = loaded.unwrap_or_else(|err| panic!("{place}: {err}"));
        let read = resources::read(&loaded);
        assert!(read.is_ok(), "{place}: {:?}", read.err());
        let has_anchors = block.text.contains(": &"); // which stand under a key of their own
        for warning in &loaded.warnings {
            let is_known = has_anchors || !warning.contains("is not a key");
            assert!(is_known, "{place}: {warning}");
        }
    }
}

/// A part of a convox.yml as a whole one: below the key that it leaves out, with a Service where it has none.
fn whole(text: &str) -> String {
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    if has("services:") {
        text.to_owned()
    } else if ["resources:", "timers:", "params:"].into_iter().any(has) {
        format!("{SERVICE}{text}")
    } else {
        let indented = text.lines().map(|line| format!("  {line}\n"));
        format!("services:\n{}", indented.collect::<String>())
    }
}

/// An environment with what the text interpolates.
fn variables(text: &str) -> Environment {
    let name = Regex::new(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}").unwrap();
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:of-page-AbCdEf";
    let lines = name
        .captures_iter(text)
        .map(|found| format!("{}={arn}\n", &found[1]));
    let lines: String = lines.collect();
    let read = environment::read(lines.as_bytes());
    let Ok(EnvironmentObject::Plain(read)) = read else {
        panic!("{lines} can be read");
    };
    read.environment
}
