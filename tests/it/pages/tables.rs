//! Tables of pages that repeat the code have all that it has, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use double::iam;
use promotion::events::EventType;
use rig::pages::Page;
use rig::tools;
use serde_json::Value;

/// The rows of the tables of a page, below their heads, in the section under that heading; each cell without blanks around it.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let page = Page::read(&tools::repository().join(page));
    let level = heading.split(' ').next().unwrap().len();
    let prose = page.prose().into_iter().map(|(_, line)| line);
    let section = prose.skip_while(|line| *line != heading).skip(1);
    let section = section.take_while(|line| {
        let deep = line.len() - line.trim_start_matches('#').len();
        deep == 0 || deep > level
    });
    let lines: Vec<&str> = section.collect();
    let is_head = |index: usize| {
        lines
            .get(index + 1)
            .is_some_and(|next| next.starts_with("| ---"))
    };
    let is_row = |index: usize, line: &str| {
        line.starts_with('|') && !line.starts_with("| ---") && !is_head(index)
    };
    let rows = lines.iter().enumerate();
    let rows = rows.filter(|(index, line)| is_row(*index, line));
    let rows: Vec<Vec<String>> = rows.map(|(_, line)| cells(line)).collect();
    assert!(
        !rows.is_empty(),
        "{} has no table under {heading}",
        page.name
    );
    rows
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_matches('|');
    let cells = inner.split(" |").map(|cell| cell.trim().to_owned());
    cells.collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The variables of a function and the parameters that they are made of.
fn variables(function: &str) -> BTreeMap<String, String> {
    let template = iam::template();
    let own = &template["Resources"][function]["Properties"]["Environment"]["Variables"];
    let all = &template["Globals"]["Function"]["Environment"]["Variables"];
    let variables = [own, all]
        .into_iter()
        .filter_map(Value::as_object)
        .flatten();
    variables
        .map(|(name, value)| (name.clone(), value.to_string()))
        .collect()
}

#[test]
fn every_parameter_is_told_with_its_default_and_the_variable_that_it_becomes() {
    let parameters = iam::template()["Parameters"].as_object().unwrap();
    let variables = variables("PromoteFunction");
    let mut told = BTreeSet::new();
    for row in rows("docs/configure.md", "# Configure") {
        let [parameter, variable, default] = [0, 1, 2].map(|cell| row[cell].trim_matches('`'));
        if variable != "–" {
            assert!(variables.contains_key(variable), "{row:?}");
            told.insert(variable.to_owned());
        }
        if parameter == "–" {
            continue;
        }
        let made_of = variables.iter().filter(|(_, value)| {
            let is_it = format!("{{\"Ref\":\"{parameter}\"}}");
            value.contains(&is_it)
        });
        let made_of: Vec<&str> = made_of.map(|(name, _)| name.as_str()).collect();
        // It may stand in for another one that is not given: that one has a row of its own.
        let is_told = if variable == "–" {
            made_of.is_empty()
        } else {
            made_of.contains(&variable)
        };
        assert!(is_told, "{row:?}: {made_of:?}");
        let stands = match &parameters[parameter]["Default"] {
            Value::Null => vec!["none", "required"],
            Value::String(text) if text.is_empty() => {
                vec!["empty", "created", "aws/secretsmanager"]
            }
            Value::String(text) => vec![text.as_str()],
            number => vec![number.as_u64().map_or("", |_| default)],
        };
        assert!(stands.contains(&default), "{row:?}: {stands:?}");
        if let Some(number) = parameters[parameter]["Default"].as_u64() {
            assert_eq!(default, number.to_string(), "{row:?}");
        }
    }
    let all: BTreeSet<String> = variables.into_keys().collect();
    assert_eq!(told, all);
}

/// What the pages call a service, and its prefix in IAM.
const SERVICES: [(&str, &str); 11] = [
    ("CloudFormation", "cloudformation"),
    ("ECS", "ecs"),
    ("EventBridge", "events"),
    ("EventBridge Scheduler", "scheduler"),
    ("IAM", "iam"),
    ("KMS", "kms"),
    ("Logs", "logs"),
    ("S3", "s3"),
    ("SQS", "sqs"),
    ("Secrets Manager", "secretsmanager"),
    ("X-Ray", "xray"),
];

/// The actions in the rows of `service`, `actions`, …
fn actions(rows: Vec<Vec<String>>) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for row in rows {
        let service = SERVICES.iter().find(|(name, _)| *name == row[0]);
        let (_, prefix) = service.unwrap_or_else(|| panic!("{row:?}"));
        for action in quoted(&row[1]) {
            let is_action = action.chars().all(|c| c.is_ascii_alphabetic());
            if is_action && action.starts_with(|c: char| c.is_ascii_uppercase()) {
                actions.insert(format!("{prefix}:{action}"));
            }
        }
    }
    actions
}

/// All that the policies of a role allow, whatever the condition.
fn allowed(role: &str) -> BTreeSet<String> {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                if let Some(action) = members.get("Action") {
                    let one = action.as_str().into_iter();
                    let list = action.as_array().into_iter().flatten();
                    let all = one.chain(list.filter_map(Value::as_str));
                    found.extend(all.map(str::to_owned));
                }
                members.values().for_each(|value| collect(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    let policies = &iam::template()["Resources"][role]["Properties"]["Policies"];
    assert!(policies.is_array(), "{role}");
    collect(policies, &mut found);
    found
}

#[test]
fn every_action_of_a_function_is_told_and_no_other() {
    let page = "functions/README.md";
    let of_lambda = actions(rows(page, "### Roles beside theirs"));
    for name in ["promote", "app-deletion", "failure-count", "process-run"] {
        let mut told = actions(rows(page, &format!("### {name}")));
        told.extend(of_lambda.iter().cloned());
        let role = format!("{}Role", iam::logical_id(name));
        assert_eq!(told, allowed(&role), "{name}");
    }
}

#[test]
fn every_event_is_told_with_what_it_says_and_what_it_holds() {
    // That one is a message of the schedule to promote's queue, and on no bus.
    let on_bus = EventType::ALL
        .iter()
        .filter(|kind| **kind != EventType::VerdictLook);
    let all = on_bus.map(|kind| kind.as_str().to_owned());
    let all: BTreeSet<String> = all.collect();
    let page = Page::read(&tools::repository().join("docs/events.md"));
    for head in ["| event | says |", "| event | in its detail"] {
        let lines = page.text.lines().skip_while(|line| !line.starts_with(head));
        let table = lines.skip(2).take_while(|line| line.starts_with('|'));
        let mut told = BTreeSet::new();
        for row in table {
            for event in quoted(&cells(row)[0]) {
                assert!(told.insert(event.to_owned()), "{event} twice");
            }
        }
        assert_eq!(told, all, "{head}");
    }
}

#[test]
fn what_the_readme_says_of_cost_and_speed_was_measured() {
    let [readme, measured] = ["README.md", "docs/measured.md"].map(|name| {
        let page = Page::read(&tools::repository().join(name));
        page.text
    });
    let row = measured
        .lines()
        .find(|line| line.contains("a month in all"));
    let cost: f64 = cells(row.unwrap())[2]
        .trim_end_matches(" $")
        .parse()
        .unwrap();
    let about = format!("About {cost:.0} $ a month");
    assert!(readme.contains(&about), "{about}");
    let speed = readme
        .split("| measured")
        .nth(1)
        .expect("README has a table of figures");
    let speed = speed
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<String>> = speed.map(cells).collect();
    assert_eq!(rows.len(), 8);
    let figures: Vec<Vec<String>> = measured.lines().map(cells).collect();
    for row in rows {
        let is_same = |it: &&Vec<String>| {
            // Units of goals stand in one of the two only.
            let goal = it.get(4).filter(|goal| !goal.is_empty());
            goal.is_some_and(|goal| row[2].starts_with(goal)) && it.get(5) == row.get(3)
        };
        let same = figures.iter().filter(is_same);
        let measured: Vec<f64> = same.filter_map(|it| number(&it[2])).collect();
        // A range has two.
        let told: Vec<f64> = row[1].split(' ').filter_map(number).collect();
        assert!(!told.is_empty(), "{row:?}");
        for told in told {
            let mut near = measured.iter().map(|it| (it - told).abs());
            let is_there = near.any(|away| away <= told / 100.0);
            assert!(is_there, "{row:?}: {told} is not in docs/measured.md");
        }
    }
}

/// The number that a figure begins with.
fn number(figure: &str) -> Option<f64> {
    figure.split(' ').next()?.parse().ok()
}
