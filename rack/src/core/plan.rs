//! What a dry run answers, for people.

use serde_json::Value;

use super::members::{self, member, texts};
use super::status::unknown;
use super::table::{facts, section, table};

/// A plan as text; the members are those of `docs/dry-run.md`.
#[must_use]
pub fn text(plan: &Value) -> String {
    let known = |name: &str| members::text(plan, name).map(str::to_owned);
    let by = known("decidedBy")
        .map(|by| format!(", decided by {by}"))
        .unwrap_or_default();
    let fallback = members::text(member(plan, "fallback"), "errorType");
    let fallback = fallback.map(|why| format!(", since Secrets Manager fails: {why}"));
    let delivery =
        known("delivery").map(|way| format!("{way}{by}{}", fallback.unwrap_or_default()));
    let mut text = facts(&[
        ("Release", known("release")),
        ("delivery", delivery),
        ("stack", known("stack")),
        ("waits for", known("waitsFor")),
        ("secret", size(plan, "secret", "secretMax")),
        (
            "largest definition",
            size(plan, "taskDefinition", "taskDefinitionMax"),
        ),
    ]);
    text.push_str(&section("\nVariables", &keys(member(plan, "keys"))));
    let rows: Vec<[String; 3]> = ["services", "timers"]
        .into_iter()
        .flat_map(|kind| rows(plan, kind))
        .collect();
    if !rows.is_empty() {
        text.push('\n');
        text.push_str(&table(["WHAT", "MOVES", "REVISION"], &rows));
    }
    let deployments = deployments(member(plan, "services"));
    if !deployments.is_empty() {
        text.push('\n');
        let header = ["SERVICE", "DEPLOYMENT", "FROM", "TO"];
        text.push_str(&table(header, &deployments));
    }
    let addresses = addresses(member(plan, "services"));
    if !addresses.is_empty() {
        text.push('\n');
        text.push_str(&table(["SERVICE", "ADDRESS"], &addresses));
    }
    text.push_str(&section(
        "\nRelease commands, before anything moves",
        &texts(plan, "releaseCommands"),
    ));
    text.push_str(&section("\nGoes", &texts(plan, "removed")));
    text.push_str(&section(
        "\nResources that go",
        &resources(member(plan, "removedResources")),
    ));
    text.push_str(&section("\nWarnings", &texts(plan, "warnings")));
    text
}

fn size(plan: &Value, is: &str, max: &str) -> Option<String> {
    let sizes = member(plan, "sizes");
    let (is, max) = (member(sizes, is).as_u64()?, member(sizes, max).as_u64()?);
    Some(format!("{is} of {max} bytes"))
}

fn keys(keys: &Value) -> Vec<String> {
    let marked = [("+", "added"), ("~", "changed"), ("-", "removed")];
    let lines = marked.iter().flat_map(|(mark, name)| {
        let names = texts(keys, name).into_iter();
        names.map(move |key| format!("{mark} {key}"))
    });
    lines.collect()
}

fn rows(plan: &Value, kind: &str) -> Vec<[String; 3]> {
    let one = kind.trim_end_matches('s');
    let rows = member(plan, kind)
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, planned)| {
            let counts = [member(planned, "oldCount"), member(planned, "newCount")];
            let moves = match (*member(planned, "changes") == true, counts) {
                (true, _) if members::text(planned, "movesFrom").is_some() => {
                    let from = members::text(planned, "movesFrom").unwrap_or_default();
                    let zone = members::text(planned, "timezone");
                    let to = zone.map_or("a rule".to_owned(), |it| format!("a schedule, {it}"));
                    format!("yes, from its {from} to {to}, at a minute without a run")
                }
                (true, [Value::Number(old), Value::Number(new)]) => {
                    format!("yes, {old} to {new} tasks")
                }
                (true, _) => "yes".to_owned(),
                (false, _) => "no".to_owned(),
            };
            let revision = members::text(planned, "revision").unwrap_or_default();
            [format!("{one} {name}"), moves, revision.to_owned()]
        });
    rows.collect()
}

/// What of the deployments of Services would change.
fn deployments(services: &Value) -> Vec<[String; 4]> {
    let services = services.as_object().into_iter().flatten();
    let changes = services.flat_map(|(name, planned)| {
        let changes = member(planned, "deployment").as_array();
        let changes = changes.into_iter().flatten();
        changes.map(|change| {
            let says = |of: &str| members::text(change, of).unwrap_or("none").to_owned();
            [name.clone(), says("setting"), says("old"), says("new")]
        })
    });
    changes.collect()
}

/// Under which addresses Services would be reached.
fn addresses(services: &Value) -> Vec<[String; 2]> {
    let services = services.as_object().into_iter().flatten();
    let addresses = services.flat_map(|(name, planned)| {
        let mut addresses = texts(planned, "addresses");
        let gateways = texts(planned, "gateways");
        if addresses.is_empty() && !gateways.is_empty() {
            let gateways: Vec<&str> = gateways.iter().map(String::as_str).collect();
            addresses = vec![unknown(&gateways)];
        }
        let addresses = addresses.into_iter();
        addresses.map(|address| [name.clone(), address])
    });
    addresses.collect()
}

/// A resource is told by all that is said of it, whatever that is.
fn resources(list: &Value) -> Vec<String> {
    let resources = list.as_array().into_iter().flatten().map(|resource| {
        let members = resource.as_object().into_iter().flatten();
        let members = members.map(|(name, value)| match value.as_str() {
            Some(value) => format!("{name}: {value}"),
            None => format!("{name}: {value}"),
        });
        members.collect::<Vec<_>>().join(", ")
    });
    resources.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_shows_what_changes_by_name() {
        let shown = text(&json!({
            "release": "R2", "delivery": "S3", "decidedBy": "Rack", "fallback": {"errorType": "Timeout"}, "stack": "ready",
            "keys": {"added": ["NEW"], "changed": ["OTHER"], "removed": ["OLD"]},
            "services": {"web": {"changes": true, "revision": "registered", "addresses": ["https://web-shop.apps.example.com"]},
                "worker": {"changes": false, "revision": "kept"}, "front": {"changes": true, "revision": "kept", "gateways": ["PUBLIC"]},
                "api": {"changes": true, "revision": "kept", "oldCount": 1, "newCount": 3,
                    "deployment": [{"setting": "strategy", "old": "rolling", "new": "canary"}, {"setting": "bake", "new": "5"}]}},
            "timers": {"nightly": {"changes": true, "revision": "registered"},
                "weekly": {"changes": true, "revision": "kept", "movesFrom": "rule", "timezone": "Europe/Berlin"}},
            "releaseCommands": ["api"], "removed": ["r_shop_gone"], "removedResources": [{"resource": "db", "data": "a snapshot"}], "warnings": ["look"],
            "sizes": {"secret": 10, "secretMax": 65536, "taskDefinition": 20, "taskDefinitionMax": 65536},
        }));
        for part in [
            "delivery            S3, decided by Rack, since Secrets Manager fails: Timeout",
            "  + NEW\n  ~ OTHER\n  - OLD\n",
            "service web",
            "yes, 1 to 3 tasks",
            "timer nightly",
            "yes, from its rule to a schedule, Europe/Berlin, at a minute without a run  kept\n",
            "api      strategy    rolling  canary\napi      bake        none     5\n",
            "web      https://web-shop.apps.example.com\n",
            "front    at gateways of the cluster (PUBLIC), which give the address\n",
            "Release commands, before anything moves\n  api\n",
            "r_shop_gone",
            "data: a snapshot, resource: db",
            "Warnings\n  look\n",
            "10 of 65536 bytes",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert_eq!(text(&json!({})), "");
    }
}
