//! The template and the functions take the same names of Racks: else a Rack is deployed whose functions do not start.

use double::iam::template;
use names::RackName;
use proptest::prelude::*;
use regex_lite::Regex;

/// What CloudFormation takes for the parameter.
fn taken() -> impl Fn(&str) -> bool {
    let parameter = &template()["Parameters"]["Rack"];
    let pattern = Regex::new(parameter["AllowedPattern"].as_str().unwrap()).unwrap();
    let most = parameter["MaxLength"].as_u64().unwrap();
    move |name| pattern.is_match(name) && name.chars().count() as u64 <= most
}

#[test]
fn at_its_edges_a_name_is_taken_by_both_or_by_neither() {
    let taken = taken();
    let (longest, pairs) = ("a".repeat(24), "a-".repeat(11));
    for (name, want) in [
        (longest.clone(), true),
        (format!("{longest}a"), false),
        (format!("{pairs}ab"), true),
        (format!("{pairs}a-b"), false),
        (format!("{pairs}a-"), false),
        ("a".to_owned(), true),
        ("a--b".to_owned(), false),
        ("a-".to_owned(), false),
        ("-a".to_owned(), false),
        ("1a".to_owned(), false),
        ("a\n".to_owned(), false),
        (String::new(), false),
    ] {
        assert_eq!(taken(&name), want, "template: {name:?}");
        assert_eq!(RackName::new(&name).is_ok(), want, "functions: {name:?}");
    }
}

proptest! {
    #[test]
    fn any_name_is_taken_by_both_or_by_neither(
        name in prop_oneof![
            "[a-z](-?[a-z0-9]){0,23}",
            "[a-z](-{0,2}[a-z0-9]){0,26}-?",
            "[a-z0-9A-Z_-]{0,26}",
            "\\PC{0,26}",
        ]
    ) {
        prop_assert_eq!(taken()(&name), RackName::new(&name).is_ok(), "{:?}", name);
    }
}
