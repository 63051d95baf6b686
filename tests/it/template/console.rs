//! What CloudFormation's console shows of the parameters: each in one group, under a label that ends in the name by which the pages
//! call it.

use std::collections::BTreeSet;
use std::fs;

use double::iam;
use serde_json::Value;

use super::repository;

/// The names of the parameters as they stand in the file, which the template as JSON has lost.
fn declared(template: &str) -> Vec<&str> {
    let lines = template.lines().skip_while(|line| *line != "Parameters:");
    let lines = lines.skip(1).take_while(|line| !line.ends_with("Rules:"));
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    names.filter(|name| !name.starts_with(' ')).collect()
}

fn interface() -> &'static Value {
    &iam::template()["Metadata"]["AWS::CloudFormation::Interface"]
}

#[test]
fn every_parameter_stands_in_exactly_one_group_and_in_the_order_of_the_file() {
    let template = fs::read_to_string(repository().join("template.yaml")).unwrap();
    let groups = interface()["ParameterGroups"].as_array().unwrap();
    let grouped = groups.iter().flat_map(|group| {
        let parameters = group["Parameters"].as_array().unwrap().iter();
        parameters.map(|parameter| parameter.as_str().unwrap())
    });
    let grouped: Vec<&str> = grouped.collect();
    assert_eq!(grouped, declared(&template));
    let names: BTreeSet<&str> = grouped.iter().copied().collect();
    let parameters = iam::template()["Parameters"].as_object().unwrap();
    let parameters: BTreeSet<&str> = parameters.keys().map(String::as_str).collect();
    assert_eq!(names, parameters);
    let titles = groups
        .iter()
        .map(|group| group["Label"]["default"].as_str());
    let titles: BTreeSet<&str> = titles.flatten().collect();
    assert_eq!(titles.len(), groups.len(), "{titles:?}");
}

#[test]
fn every_parameter_has_a_label_that_ends_in_its_name_and_a_description() {
    let labels = interface()["ParameterLabels"].as_object().unwrap();
    let parameters = iam::template()["Parameters"].as_object().unwrap();
    let labelled: BTreeSet<&String> = labels.keys().collect();
    assert_eq!(labelled, parameters.keys().collect());
    for (name, parameter) in parameters {
        let label = labels[name]["default"].as_str().unwrap();
        let words = label.strip_suffix(&format!(" ({name})"));
        assert!(
            words.is_some_and(|words| words.len() > 2),
            "{name}: {label}"
        );
        let description = parameter["Description"].as_str().unwrap();
        assert!(description.ends_with('.'), "{name}: {description}");
    }
}
