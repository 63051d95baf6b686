//! The tables of docs/convox-yml.md have every key that counts, and no other.

use std::collections::BTreeSet;

use super::{listener, param_names, service, timer, top_level};

const PAGE: &str = include_str!("../../../docs/convox-yml.md");

/// The rows of the tables of a section, below their heads; each cell without blanks around it.
pub fn rows<'p>(page: &'p str, heading: &str) -> Vec<Vec<&'p str>> {
    let section = page.split_once(&format!("\n{heading}\n"));
    let section = section.unwrap_or_else(|| panic!("there is no {heading}")).1;
    let section = section.split("\n#").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|'));
    let below = lines.skip_while(|line| !line.starts_with("| ---")).skip(1);
    let cells = |line: &'p str| {
        let cells = line.trim_matches('|').split(" |").map(str::trim);
        cells.collect::<Vec<_>>()
    };
    below.map(cells).collect()
}

/// What stands between backticks, but for what stands in brackets.
pub fn quoted(cell: &str) -> Vec<&str> {
    let bare = cell.split(" (").next().unwrap();
    bare.split('`').skip(1).step_by(2).collect()
}

fn first<'p>(heading: &str, name: impl Fn(&'p str) -> Option<&'p str>) -> BTreeSet<&'p str> {
    let rows = rows(PAGE, heading).into_iter();
    let keys = rows.flat_map(|row| quoted(row[0])).filter_map(name);
    keys.collect()
}

#[test]
fn every_key_has_its_row() {
    for (heading, keys) in [
        ("### At the top", &top_level::TOP_LEVEL[..]),
        ("### `services.*`", &service::KEYS),
    ] {
        let told = first(heading, Some);
        assert_eq!(told, keys.iter().copied().collect(), "{heading}");
    }
    let rows = rows(PAGE, "### `resources.*` and `timers.*`");
    let of_timers = rows.iter().filter(|row| row[0].starts_with("`timers.*`"));
    let told: BTreeSet<&str> = of_timers.map(|row| quoted(row[0])[1]).collect();
    assert_eq!(told, BTreeSet::from(timer::KNOWN));
    let told = first("### `params`", |name| (!name.contains('{')).then_some(name));
    assert_eq!(told, BTreeSet::from(param_names::COUNTING));
}

#[test]
fn every_member_of_a_listener_is_told() {
    let mut lines = PAGE.lines().skip_while(|line| !line.starts_with("- `nlb`"));
    let told = lines.next().expect("nlb has a line");
    let told: BTreeSet<&str> = told.split('`').skip(3).step_by(2).collect();
    assert_eq!(told, BTreeSet::from(listener::KEYS));
}
