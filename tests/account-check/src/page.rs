//! The commands of docs/first-hour.md, for a given Rack.

use crate::rack::Rack;

const PAGE: &str = include_str!("../../../docs/first-hour.md");

/// What to try by hand: the values that the page's commands use, then each point with its commands.
pub fn shown(rack: &Rack) -> String {
    let values = [
        ("RACK", rack.name.as_str()),
        ("STACK", &rack.stack),
        ("ACCOUNT", rack.arn_part(4)),
        ("REGION", rack.arn_part(3)),
        ("BUCKET", rack.output("SettingsBucket")),
        ("KEY", rack.output("EnvironmentKeyArn")),
        ("CLUSTER", rack.parameter("Cluster")),
        ("BUS", rack.parameter("CommandBus")),
    ];
    let exports = values.map(|(name, value)| format!("   export {name}={value}"));
    let points = points().flat_map(|(title, commands)| {
        let lines = commands.into_iter().flat_map(str::lines);
        let lines = lines.map(|line| format!("   {line}"));
        let heading = [String::new(), title.to_owned(), String::new()];
        heading.into_iter().chain(lines).collect::<Vec<_>>()
    });
    let lines: Vec<String> = exports.into_iter().chain(points).collect();
    format!(
        "To try by hand, in this order; docs/first-hour.md says what to expect:\n\n{}\n\nLooked at now:\n",
        lines.join("\n")
    )
}

/// The numbered headings, each with its blocks of commands.
fn points() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let sections = PAGE.split("\n## ").skip(1);
    sections.filter_map(|section| {
        let (title, body) = section.split_once('\n')?;
        title
            .starts_with(|c: char| c.is_ascii_digit())
            .then_some(())?;
        let blocks = body.split("```sh account\n").skip(1);
        let blocks = blocks.map(|block| block.split("```").next().unwrap_or_default());
        Some((title, blocks.map(str::trim_end).collect()))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_point_is_numbered_has_a_command_and_says_what_to_expect_and_do() {
        let numbers: Vec<usize> = points()
            .map(|(title, _)| title.split('.').next().unwrap().parse().unwrap())
            .collect();
        let want: Vec<usize> = (1..=numbers.len()).collect();
        assert_eq!(numbers, want);
        assert!(numbers.len() >= 21, "{numbers:?}");
        for (title, commands) in points() {
            assert!(
                commands.iter().any(|block| block.contains("aws ")),
                "{title}"
            );
        }
        for section in PAGE.split("\n## ").skip(1) {
            if section.starts_with(|c: char| c.is_ascii_digit()) {
                for word in ["\nExpected: ", "\nOtherwise: "] {
                    assert!(section.contains(word), "{word:?} is not in: {section}");
                }
            }
        }
    }

    /// A variable that a command uses was printed, or set by a command before it.
    #[test]
    fn the_commands_use_what_was_printed() {
        let rack = Rack::default();
        let text = shown(&rack);
        let mut known: BTreeSet<String> = BTreeSet::new();
        for line in text.lines() {
            let line = line.replace("\\$", ""); // of the container's shell
            for part in line.split('$').skip(1) {
                let part = part.trim_start_matches('{');
                let end = part.find(|c: char| !c.is_ascii_uppercase() && c != '_');
                let name = end.map_or(part, |end| &part[..end]);
                assert!(name.is_empty() || known.contains(name), "${name}: {line}");
            }
            let set = line.trim().trim_start_matches("export ").split_once('=');
            if let Some((name, _)) = set
                && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
            {
                known.insert(name.to_owned());
            }
        }
        assert!(known.len() > 8, "{known:?}");
    }
}
