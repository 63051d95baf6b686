//! What stands below `services` and belongs elsewhere: Convox makes a Service of it, or drops it, without a word.

use yaml::{Entry, Node, NodeKind, Place, Reader};

/// Names of a Service that are a key of the top level, of Convox here or on other platforms. A Service may be called so, if
/// it says one thing that a Service can say.
const TOP_LEVEL: [&str; 6] = [
    "environment",
    "labels",
    "params",
    "resources",
    "services",
    "timers",
];

/// Whether an entry of `services` is none; then a problem is noted. `keys` are those of a Service.
pub(super) fn is_no_service(
    reader: &mut Reader<'_>,
    place: &Place<'_>,
    entry: &Entry,
    keys: &[&str],
) -> bool {
    let at = (entry.line, entry.column);
    let name = entry.key.text.as_str();
    let is_top_level = TOP_LEVEL.contains(&name);
    if holds_timers(&entry.value) {
        let message = "is no Service, it holds Timers";
        let help = "write `timers` at the top level, without indentation, and these below it";
        reader.problem_at_with_help(at, &place.path, message, help);
    } else if is_timer(&entry.value) {
        let message = "is no Service, it has the keys of a Timer";
        let help = "write it below `timers`, which belongs at the top level";
        reader.problem_at_with_help(at, &place.path, message, help);
    } else if is_top_level && says_nothing_of_a_service(&entry.value, keys) {
        let message = "is no Service, it has none of a Service's keys";
        let help = format!("`{name}` belongs at the top level: write it without indentation");
        reader.problem_at_with_help(at, &place.path, message, help);
    } else {
        if is_top_level && entry.value.is_empty() {
            let path = &place.path;
            let message = format!(
                "`{path}` is a Service of that name; if the key of the top level is meant, write \
                 it without indentation"
            );
            reader.warn(entry.line, &message);
        }
        return false;
    }
    true
}

/// Timers below a single Service, which would never run.
pub(super) fn refuse_timers(reader: &mut Reader<'_>, service: &Place<'_>) {
    let mut entries = service.entries().iter();
    if let Some(entry) = entries.find(|entry| entry.key.text == "timers")
        && holds_timers(&entry.value)
    {
        let path = service.child(entry).path;
        let help = "write `timers` at the top level, without indentation, each with its `service`";
        let at = (entry.line, entry.column);
        reader.problem_at_with_help(at, &path, "is no key of a Service", help);
    }
}

/// A mapping of nothing but Timers.
fn holds_timers(node: &Node) -> bool {
    let entries = entries(node);
    !entries.is_empty() && entries.iter().all(|entry| has(&entry.value, "schedule"))
}

fn is_timer(node: &Node) -> bool {
    has(node, "schedule") && has(node, "service")
}

fn says_nothing_of_a_service(node: &Node, keys: &[&str]) -> bool {
    let is_known = |entry: &Entry| keys.contains(&entry.key.text.as_str());
    match &node.kind {
        NodeKind::Sequence(_) => true,
        NodeKind::Mapping(entries) => !entries.is_empty() && !entries.iter().any(is_known),
        NodeKind::Scalar(_) => false,
    }
}

fn has(node: &Node, key: &str) -> bool {
    entries(node).iter().any(|entry| entry.key.text == key)
}

fn entries(node: &Node) -> &[Entry] {
    match &node.kind {
        NodeKind::Mapping(entries) => entries,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{loaded, refused};

    #[test]
    fn what_belongs_at_the_top_level_is_no_service() {
        for (body, line, want) in [
            (
                "  timers:\n    nightly: {schedule: '0 3 * * ?', command: c, service: web}\n",
                3,
                "`services.timers` is no Service, it holds Timers: write `timers` at the top level",
            ),
            (
                "  timer:\n    nightly: {schedule: '0 3 * * ?', command: c, service: web}\n",
                3,
                "`services.timer` is no Service, it holds Timers",
            ),
            (
                "  nightly: {schedule: '0 3 * * ?', command: c, service: web}\n",
                3,
                "`services.nightly` is no Service, it has the keys of a Timer: write it below `timers`",
            ),
            (
                "    timers:\n      nightly: {schedule: '0 3 * * ?', command: c}\n",
                3,
                "`services.web.timers` is no key of a Service: write `timers` at the top level",
            ),
            (
                "  resources: {db: {type: postgres}}\n",
                3,
                "`services.resources` is no Service, it has none of a Service's keys: `resources` belongs at the top level",
            ),
            (
                "  params: {SecretsManagerEnv: 'Yes'}\n",
                3,
                "`params` belongs at the top level",
            ),
            (
                "  environment: [A=1]\n",
                3,
                "`environment` belongs at the top level",
            ),
            (
                "  environment: {A: 1}\n",
                3,
                "`environment` belongs at the top level",
            ),
            (
                "  labels: {team: shop}\n",
                3,
                "`labels` belongs at the top level",
            ),
            (
                "  services: {worker: {image: a}}\n",
                3,
                "`services` belongs at the top level",
            ),
        ] {
            let text = format!("services:\n  web:\n{body}");
            let text = if body.starts_with("    ") {
                text
            } else {
                format!("services:\n  web: {{image: a}}\n{body}")
            };
            let error = refused(&text, "");
            assert!(error.contains(want), "{body}: {error}");
            assert!(
                error.contains(&format!("line {line}, column")),
                "{body}: {error}"
            );
        }
    }

    #[test]
    fn a_service_may_be_called_like_a_key_of_the_top_level() {
        for (body, warns) in [
            ("{image: a}", false),
            ("{port: 3000, other: 1}", false),
            ("", true),
        ] {
            let manifest = loaded(&format!("services:\n  timers: {body}\n"), "");
            assert_eq!(manifest.services[0].name.as_str(), "timers", "{body}");
            let named = |warning: &String| {
                warning.starts_with(
                    "convox.yml, line 2: `services.timers` is a Service of that name; if the key",
                )
            };
            let warnings = &manifest.warnings;
            assert_eq!(warnings.iter().any(named), warns, "{body}: {warnings:?}");
        }
    }
}
