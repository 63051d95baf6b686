//! The import rule: functions -> shell -> core, never back; the core is data in, data out.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What no core file may name outside tests and comments.
const NOT_IN_CORE: [&str; 13] = [
    "aws_config",
    "aws_sdk_",
    "aws_smithy",
    "lambda_runtime",
    "tokio",
    "futures_util",
    "std::env",
    "std::fs",
    "async",
    "Utc::now",
    "Local::now",
    "SystemTime",
    "Instant",
];

fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}

/// The modules of shared/src/lib.rs: those under `// Core.` and those under `// Shell.`.
fn modules() -> [BTreeSet<String>; 2] {
    let lib = fs::read_to_string(repository().join("shared/src/lib.rs")).unwrap();
    let (before, rest) = lib.split_once("\n// Core.\n").expect("a list of the core");
    let (core, shell) = rest
        .split_once("\n// Shell.\n")
        .expect("a list of the shell");
    assert!(!before.contains("\npub mod "), "a module in neither list");
    [core, shell].map(|list| {
        let names = list
            .lines()
            .filter_map(|line| line.strip_prefix("pub mod "));
        names
            .map(|name| name.trim_end_matches(';').to_owned())
            .collect()
    })
}

/// Every Rust file of a folder, with its path from there.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(folder).unwrap().to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "{}", folder.display());
    found.sort();
    found
}

/// The module of lib.rs that a file belongs to: `manifest/tree.rs` to `manifest`.
fn module(path: &Path) -> String {
    let first = path.iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that a file declares for tests only: `mod properties;` after `#[cfg(test)]`.
fn test_modules(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().zip(text.lines().skip(1));
    let declared = lines.filter(|(attribute, _)| attribute.trim() == "#[cfg(test)]");
    declared.filter_map(|(_, item)| item.trim().strip_prefix("mod ")?.strip_suffix(';'))
}

/// The code of a file: without comments, and without what only tests see.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            // rustfmt ends an item of the top level with a brace in the first column.
            let item = lines.next().unwrap_or_default();
            if !item.ends_with(';') {
                lines.by_ref().find(|line| *line == "}");
            }
            continue;
        }
        code.push_str(without_comment(line));
        code.push('\n');
    }
    code
}

/// A line up to its `//`, unless that stands in a text.
fn without_comment(line: &str) -> &str {
    let mut starts = line.match_indices("//").map(|(start, _)| start);
    let comment = starts.find(|start| line[..*start].matches('"').count().is_multiple_of(2));
    comment.map_or(line, |start| &line[..start])
}

/// Whether `code` names `name`, as a word; a name that ends in `_` is the start of one.
fn names(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.match_indices(name).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let after = code[start + name.len()..].chars().next();
        !before.is_some_and(is_word) && (name.ends_with('_') || !after.is_some_and(is_word))
    }) || name
        .strip_prefix("std::")
        .is_some_and(|member| in_group(code, "std::{", member))
}

/// Whether `use std::{env, …}` brings `member` in.
fn in_group(code: &str, group: &str, member: &str) -> bool {
    let groups = code.split(group).skip(1);
    let mut lists = groups.map(|rest| rest.split(';').next().unwrap_or_default());
    lists.any(|list| names(list, member))
}

fn metadata() -> Value {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The packages below a folder of the repository, each with the names of its dependencies of every kind.
fn packages(folder: &str) -> Vec<(String, BTreeSet<String>)> {
    let folder = repository().join(folder);
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let below = packages.filter(|package| {
        Path::new(package["manifest_path"].as_str().unwrap()).starts_with(&folder)
    });
    below
        .map(|package| {
            let name = |of: &Value| of["name"].as_str().unwrap().to_owned();
            let dependencies = package["dependencies"].as_array().unwrap();
            (name(package), dependencies.iter().map(name).collect())
        })
        .collect()
}

#[test]
fn every_file_of_shared_is_core_or_shell_and_not_both() {
    let [core, shell] = modules();
    assert!(core.is_disjoint(&shell));
    let listed: BTreeSet<String> = core.union(&shell).cloned().collect();
    let files = sources(&repository().join("shared/src"));
    let there: BTreeSet<String> = files
        .iter()
        .map(|(path, _)| module(path))
        .filter(|module| module != "lib")
        .collect();
    assert_eq!(there, listed);
}

#[test]
fn the_core_names_no_sdk_no_runtime_no_file_no_environment_and_no_clock() {
    let [core, shell] = modules();
    let files = sources(&repository().join("shared/src"));
    let tests: BTreeSet<String> = files
        .iter()
        .flat_map(|(path, text)| {
            let folder = path.with_extension("");
            let files = test_modules(text).map(move |name| folder.join(format!("{name}.rs")));
            files.map(|file| file.display().to_string())
        })
        .collect();
    let mut checked = 0;
    for (path, text) in &files {
        if !core.contains(&module(path)) || tests.contains(&path.display().to_string()) {
            continue;
        }
        checked += 1;
        let text = code(text);
        for name in NOT_IN_CORE {
            assert!(
                !names(&text, name),
                "shared/src/{} names {name}",
                path.display()
            );
        }
        for module in &shell {
            let of_shell =
                names(&text, &format!("crate::{module}")) || in_group(&text, "crate::{", module);
            assert!(
                !of_shell,
                "shared/src/{} names the shell's {module}",
                path.display()
            );
        }
    }
    assert!(checked > 20, "{checked} files of the core");
}

#[test]
fn nothing_that_is_shared_knows_the_lambda_runtime() {
    for (path, text) in sources(&repository().join("shared/src")) {
        assert!(
            !text.contains("lambda_runtime"),
            "shared/src/{}",
            path.display()
        );
    }
    for folder in ["shared", "convox-env"] {
        for (package, dependencies) in packages(folder) {
            assert!(!dependencies.contains("lambda_runtime"), "{package}");
        }
    }
}

#[test]
fn no_function_depends_on_another_and_nothing_in_shared_on_a_function() {
    let functions = packages("functions");
    assert!(!functions.is_empty());
    let names: BTreeSet<String> = functions.iter().map(|(name, _)| name.clone()).collect();
    let others = ["shared", "convox-env"].map(packages).concat();
    for (package, dependencies) in functions.iter().chain(&others) {
        let functions: Vec<_> = dependencies.intersection(&names).collect();
        assert!(functions.is_empty(), "{package} depends on {functions:?}");
    }
}

/// The check itself: a sample that breaks the rule is found, one that only seems to is not.
#[test]
fn a_forbidden_name_is_found_in_code_and_not_in_comments_words_or_tests() {
    for (text, name, found) in [
        ("use aws_sdk_s3::Client;", "aws_sdk_", true),
        ("use std::env;", "std::env", true),
        ("use std::{collections::BTreeMap, env};", "std::env", true),
        ("use std::{fmt, io};\nuse x::{env};", "std::env", false),
        ("async fn f() {}", "async", true),
        ("let at = Utc::now(); // the time", "Utc::now", true),
        ("f(\"https://x\", tokio::run)", "tokio", true),
        ("fn f() {} // tokio", "tokio", false),
        ("//! No async here.", "async", false),
        ("fn Instantly() {} fn asynchronous() {}", "async", false),
        ("struct Instantly;", "Instant", false),
        (
            "#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n",
            "std::fs",
            false,
        ),
        (
            "#[cfg(test)]\nmod tests {\n}\nuse std::fs;",
            "std::fs",
            true,
        ),
        ("#[cfg(test)]\nmod tests;\nuse std::fs;", "std::fs", true),
        ("#[cfg(test)]\nuse std::fs;\nfn f() {}", "std::fs", false),
    ] {
        assert_eq!(names(&code(text), name), found, "{name} in {text}");
    }
}
