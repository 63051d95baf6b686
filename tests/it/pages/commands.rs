//! Commands of the pages: those that a reader can run on this machine are run, each page on a Rack of its own; the others are
//! commands that there are.

use std::io::Write as _;
use std::process::{Command, Stdio};

use regex_lite::Regex;
use rig::pages::Page;
use rig::{binaries, tools};
use serde_json::json;

use super::blocks;

/// What the runner of pages and the Racks of their own start.
const PROGRAMS: [&str; 11] = [
    "launcher",
    "promote",
    "app-deletion",
    "failure-count",
    "process-run",
    "convox-env",
    "demo-app",
    "rack",
    "run-task",
    "task-sees",
    "local-rack",
];

/// A test for each of these pages, so that the name of what fails says where.
macro_rules! pages {
    ($($test:ident: $page:literal,)+) => {
        /// Pages with commands for their readers.
        const PAGES: &[&str] = &[$($page),+];

        mod every_command_runs_and_says_what_the_page_says {
            $(#[test]
            fn $test() {
                super::run($page);
            })+
        }
    };
}

pages! {
    readme: "README.md",
    bucket: "docs/bucket.md",
    convox_yml: "docs/convox-yml.md",
    dry_run: "docs/dry-run.md",
    environments: "docs/environments.md",
    history: "docs/history.md",
    rack: "docs/rack.md",
    releases: "docs/releases.md",
    requests: "docs/requests.md",
}

#[test]
fn every_page_with_commands_has_its_test() {
    let pages = Page::all().into_iter();
    let with_commands = pages.filter(|page| !page.commands().is_empty());
    let names: Vec<String> = with_commands.map(|page| page.name).collect();
    assert_eq!(names, PAGES);
}

/// Runs the commands of that page as its reader does.
fn run(page: &str) {
    let [.., runner] = PROGRAMS.map(binaries::built);
    let output = Command::new(runner).args(["pages", page]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaints}");
    assert!(said.contains(&format!("    ok: {page}: ")), "{said}");
}

#[test]
fn every_block_of_commands_says_where_it_runs() {
    let known = Regex::new("^sh( make| account| exits-[0-9]+)?$").unwrap();
    let shells = blocks(|block| {
        let first = block.words.split(' ').next().unwrap();
        ["sh", "bash", "shell", "console"].contains(&first)
    });
    assert!(shells.len() > 20);
    for (place, block) in shells {
        assert!(known.is_match(&block.words), "{place}: `{}`", block.words);
        let mut bash = Command::new("bash");
        let checked = bash.args(["-n", "-c", &block.text]).output().unwrap();
        let complaints = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{place}: {complaints}");
    }
}

#[test]
fn every_verb_of_make_is_one_that_help_lists() {
    let makefile = std::fs::read_to_string(tools::repository().join("Makefile")).unwrap();
    let verb = Regex::new("(?m)^([a-z-]+):.*## ").unwrap();
    let verbs = verb
        .captures_iter(&makefile)
        .map(|found| found[1].to_owned());
    let verbs: Vec<String> = verbs.collect();
    let called = Regex::new(r"\bmake ([a-z][a-z-]*)").unwrap();
    for (place, block) in blocks(|block| block.words.starts_with("sh")) {
        for found in called.captures_iter(&without_comments(&block.text)) {
            let verb = &found[1];
            assert!(verbs.contains(&verb.to_owned()), "{place}: make {verb}");
        }
    }
    let quoted = Regex::new(r"`make ([a-z][a-z-]*)[^`]*`").unwrap();
    for page in Page::all() {
        for (line, text) in page.prose() {
            for found in quoted.captures_iter(text) {
                let (name, verb) = (&page.name, &found[1]);
                assert!(verbs.contains(&verb.to_owned()), "{name}:{line}: {verb}");
            }
        }
    }
}

/// Without what stands behind a ` #`.
fn without_comments(text: &str) -> String {
    let lines = text.lines();
    let lines = lines.map(|line| line.split(" #").next().unwrap().to_owned() + "\n");
    lines.collect()
}

#[test]
fn every_command_of_aws_that_needs_an_account_is_one_with_these_options() {
    let account = blocks(|block| block.words.starts_with("sh"));
    let account = account.into_iter();
    let texts = account.map(|(place, block)| json!({"place": place, "text": block.text}));
    let texts: Vec<_> = texts.collect();
    let (count, wrong) = asked(&json!(texts));
    assert_eq!(wrong, "");
    assert!(count > 50, "only {count} commands were found");
}

#[test]
fn a_command_of_aws_that_there_is_not_is_found() {
    for (text, says) in [
        ("aws sts get-caller-identiti", "get-caller-identiti"),
        ("aws stss get-caller-identity", "stss"),
        ("aws sts get-caller-identity --acount 1", "--acount"),
        ("x=$(aws s3 cp a \\\n  --recursively b)", "--recursively"),
        ("aws cloudformation deploy --stack x", "--stack"),
    ] {
        let (_, wrong) = asked(&json!([{"place": "here", "text": text}]));
        assert!(wrong.contains(says), "{text}: {wrong}");
    }
    let right = "aws s3 cp a b --recursive\naws rds wait db-instance-available\n# aws x y\n\
                 aws events put-events --entries '[{\"a\": \"--b\"}]' --region eu-west-1 | grep -c aws";
    let (count, wrong) = asked(&json!([{"place": "here", "text": right}]));
    assert_eq!((count, wrong.as_str()), (3, ""));
}

/// How many commands of the AWS CLI there are in these texts, and which there are not, each in a line.
fn asked(texts: &serde_json::Value) -> (usize, String) {
    let cli = tools::repository().join(tools::AWS_CLI);
    let mut python = Command::new(cli.with_file_name("python3"));
    python.arg(tools::repository().join("tests/aws_commands.py"));
    python.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().expect("`make tools` brings the AWS CLI");
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(texts.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let (count, wrong) = said.split_once('\n').unwrap();
    (count.parse().unwrap(), wrong.to_owned())
}
