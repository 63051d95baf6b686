//! SAM CLI on `template.yaml`, with the binaries that the tests built.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use double::REGION;
use rig::launcher::{Launched, Program};
use rig::tools::{self, SAM_CLI};
use rig::{World, package};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::daemon::Docker;
use super::logs;
use rig::children;

const LIMIT: Duration = Duration::from_secs(150);
/// What SAM CLI gets to remove its container.
const PATIENCE: Duration = Duration::from_secs(20);
/// The variables of a function that the template makes of what only a deployed stack has.
const OF_THE_STACK: [&str; 8] = [
    "APP_BOUNDARY_ARN",
    "APP_STACK_ROLE_ARN",
    "ENVIRONMENT_KEY_ARN",
    "SETTINGS_BUCKET",
    "TASK_EXECUTION_ROLE_ARN",
    "TASK_ROLE_ARN",
    "TIMER_DEAD_LETTER_ARN",
    "TIMER_ROLE_ARN",
];

/// SAM CLI, ready to invoke.
#[derive(Debug)]
pub struct Sam {
    folder: PathBuf,
    functions: Vec<String>,
    /// The command's end, the same for all events.
    options: Vec<String>,
    environment: BTreeMap<String, String>,
}

/// A running `sam`, which is asked to end before it is killed.
struct Running(Launched);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.ended().is_none() {
            self.0.end_after(Signal::INT, PATIENCE);
        }
    }
}

impl Sam {
    /// One whose functions find AWS at `endpoint`; it keeps its files in `folder`.
    pub fn new(docker: &Docker, world: &World, endpoint: &str, folder: &Path) -> Self {
        let template = package::template();
        let functions = package::functions(&template);
        for function in &functions {
            let package = folder.join(function);
            fs::create_dir(&package).expect("the folder was just made");
            package::stripped(function, &package);
        }
        let template = local(&template, endpoint, folder);
        let mut settings: BTreeMap<String, String> = world.settings(&[]).into_iter().collect();
        settings.retain(|name, _| OF_THE_STACK.contains(&name.as_str()));
        let variables = json!({"Parameters": settings}).to_string();
        let written = |name: &str, content: &str| written(folder, name, content);
        let mut options = vec!["--template".to_owned(), written("template.yaml", &template)];
        options.extend([
            "--env-vars".to_owned(),
            written("variables.json", &variables),
        ]);
        options.extend(["--invoke-image".to_owned(), docker.base_image()]);
        options.push("--skip-pull-image".to_owned());
        options.push("--parameter-overrides".to_owned());
        let mut parameters = world.parameters();
        parameters.insert("SecretsManagerEnv", "Yes".to_owned());
        options.extend(
            parameters
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        Self {
            folder: folder.to_owned(),
            functions,
            options,
            environment: environment(docker, endpoint, folder),
        }
    }

    /// What the function answers to the event of that name, which begins with the function's.
    ///
    /// # Panics
    ///
    /// When there is no answer in time.
    pub async fn invoke(&self, name: &str, event: &str) -> Value {
        let event = written(&self.folder, &format!("{name}.json"), event);
        let sam = tools::repository().join(SAM_CLI).display().to_string();
        let function = self.logical_id(name);
        let command = [
            sam.as_str(),
            "local",
            "invoke",
            &function,
            "--event",
            &event,
        ];
        let options = self.options.iter().map(String::as_str);
        let answer = self.folder.join("answer");
        let program = Program::new("sam", command.into_iter().chain(options))
            .variables(self.environment.clone())
            .works_in(&self.folder)
            .logs_to(&logs().join("sam.log"))
            .answers_to(&answer);
        let mut running = Running(program.start());
        let status = children::status(&mut running.0, LIMIT).await;
        assert!(
            status.is_some(),
            "expected `sam local invoke` to end within {LIMIT:?}"
        );
        let answer = fs::read_to_string(answer).unwrap_or_default();
        let said = || Value::from(format!("no JSON: {}", answer.trim()));
        serde_json::from_str(&answer).unwrap_or_else(|_| said())
    }

    fn logical_id(&self, event: &str) -> String {
        let is_of = |function: &&String| event.starts_with(&format!("{function}-"));
        let function = self
            .functions
            .iter()
            .filter(is_of)
            .max_by_key(|name| name.len());
        let function = function.unwrap_or_else(|| {
            panic!("expected events/{event}.json to begin with a function's name")
        });
        format!("{}Function", capitalized(function))
    }
}

fn environment(docker: &Docker, endpoint: &str, folder: &Path) -> BTreeMap<String, String> {
    let home = folder.display().to_string();
    let variables = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ENDPOINT_URL", endpoint), // SAM CLI asks whose account it is
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("DOCKER_HOST", docker.host()),
        ("HOME", &home),
        ("LANG", "C.UTF-8"),
        ("NO_PROXY", &docker.gateway.to_string()),
        ("PATH", &children::path()),
        ("SAM_CLI_TELEMETRY", "0"),
        ("TMPDIR", &home),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn written(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).expect("cannot write a file for SAM CLI");
    path.display().to_string()
}

/// The template with built functions for their sources, and the one variable that leads them to the emulator.
fn local(template: &str, endpoint: &str, folder: &Path) -> String {
    let source = |function: &str| folder.join(function).display().to_string();
    let template = package::with_sources(template, source);
    let lines = template.lines().map(|line| {
        let indent = line.strip_suffix("Variables:").unwrap_or("x");
        if indent.trim().is_empty() {
            format!("{line}\n{indent}  AWS_ENDPOINT_URL: {endpoint}\n")
        } else {
            format!("{line}\n")
        }
    });
    lines.collect()
}

/// `app-deletion` is `AppDeletion`.
fn capitalized(function: &str) -> String {
    let words = function.split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_function_has_its_folder_and_the_endpoint() {
        let template = package::template();
        let local = local(&template, "http://e", Path::new("/folder"));
        let functions = package::functions(&template);
        for function in &functions {
            assert!(
                local.contains(&format!("CodeUri: /folder/{function}\n")),
                "{function}"
            );
            assert!(template.contains(&format!("  {}Function:\n", capitalized(function))));
        }
        // The variables of all functions, and those of each.
        let endpoints = local.matches("AWS_ENDPOINT_URL: http://e\n").count();
        assert!(endpoints >= functions.len(), "{endpoints}");
        assert_eq!(local.lines().count(), template.lines().count() + endpoints);
    }
}
