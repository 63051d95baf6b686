//! Which settings of two convox.yml differ: by their paths, never by what they say.

use std::collections::BTreeMap;

use environment::Environment;
use yaml::{Node, NodeKind};

/// The paths of all settings that differ, sorted, such as `services.web.scale.memory`; a list is one setting. None where one of
/// the two is no YAML.
#[must_use]
pub fn differing(
    (one, of_one): (&[u8], &Environment),
    (other, of_other): (&[u8], &Environment),
) -> Option<Vec<String>> {
    let (one, other) = (read(one, of_one)?, read(other, of_other)?);
    let mut paths = Vec::new();
    compare(Some(&one), Some(&other), "", &mut paths);
    Some(paths)
}

/// The Services of a convox.yml; none where it cannot be read, or a variable names one.
#[must_use]
pub fn services(manifest: &[u8], environment: &Environment) -> Option<Vec<String>> {
    let root = read(manifest, environment)?;
    let services = entries(&root).remove("services")?;
    let names: Vec<String> = entries(services).into_keys().collect();
    Some(names).filter(|names| !names.iter().any(|name| name.contains('$')))
}

fn read(manifest: &[u8], environment: &Environment) -> Option<Node> {
    let text = std::str::from_utf8(manifest).ok()?;
    let nothing = || Node {
        line: 1,
        column: 1,
        kind: NodeKind::Mapping(Vec::new()),
    };
    let document = yaml::parse(text, environment).ok()?;
    Some(document.root.unwrap_or_else(nothing))
}

fn compare(one: Option<&Node>, other: Option<&Node>, path: &str, paths: &mut Vec<String>) {
    let (one, other) = match (one, other) {
        (None, None) => return,
        (Some(one), Some(other)) => (one, other),
        _ => return paths.push(path.to_owned()),
    };
    let (NodeKind::Mapping(_), NodeKind::Mapping(_)) = (&one.kind, &other.kind) else {
        if !says_the_same(one, other) {
            paths.push(path.to_owned());
        }
        return;
    };
    let (one, other) = (entries(one), entries(other));
    let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let path = match path {
            "" => name.clone(),
            path => format!("{path}.{name}"),
        };
        let (one, other) = (one.get(name).copied(), other.get(name).copied());
        compare(one, other, &path, paths);
    }
}

fn entries(node: &Node) -> BTreeMap<String, &Node> {
    let NodeKind::Mapping(entries) = &node.kind else {
        return BTreeMap::new();
    };
    let entries = entries.iter();
    entries
        .map(|entry| (entry.key.shown(), &entry.value))
        .collect()
}

/// Whether two nodes say the same, wherever they stand and however they are quoted.
fn says_the_same(one: &Node, other: &Node) -> bool {
    match (&one.kind, &other.kind) {
        (NodeKind::Scalar(one), NodeKind::Scalar(other)) => one.text == other.text,
        (NodeKind::Sequence(one), NodeKind::Sequence(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| says_the_same(a, b))
        }
        (NodeKind::Mapping(_), NodeKind::Mapping(_)) => {
            let (one, other) = (entries(one), entries(other));
            one.len() == other.len()
                && one.iter().all(|(name, node)| {
                    let same = other.get(name);
                    same.is_some_and(|same| says_the_same(node, same))
                })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use environment::{EnvKey, EnvValue};

    use super::*;

    fn between(one: &str, other: &str) -> Option<Vec<String>> {
        let environment = |value: &str| -> Environment {
            let key = EnvKey::new("NAME").unwrap();
            [(key, EnvValue::from(value.to_owned()))]
                .into_iter()
                .collect()
        };
        let (of_one, of_other) = (environment("canary-1"), environment("canary-2"));
        differing((one.as_bytes(), &of_one), (other.as_bytes(), &of_other))
    }

    #[test]
    fn settings_are_named_by_their_paths() {
        let one = "services:\n  web:\n    image: a\n    port: 3000\n    environment: [A=canary]\n  old: {image: b}\n";
        let other = "# said\nservices:\n  web:\n    environment: [A=canary2]\n    port: '3000'\n    image: \"a\"\n    \
                     scale: {memory: 512}\nparams: {SecretsManagerEnv: Yes}\n";
        let want = [
            "params",
            "services.old",
            "services.web.environment",
            "services.web.scale",
        ];
        assert_eq!(between(one, other).unwrap(), want);
        assert!(between(one, one).unwrap().is_empty());
    }

    #[test]
    fn what_a_variable_says_differs_by_its_path() {
        let one = "services: {web: {image: 'x:${NAME}', command: ls}}";
        assert_eq!(between(one, one).unwrap(), ["services.web.image"]);
        assert_eq!(between("a: [", one), None);
        assert!(between("", "").unwrap().is_empty());
        assert_eq!(between("", "a: 1").unwrap(), ["a"]);
    }
}
