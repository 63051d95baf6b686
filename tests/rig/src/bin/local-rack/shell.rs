//! Commands that a person could type. What is printed behind a `$` was run as it stands.

use std::path::{Path, PathBuf};
use std::time::Duration;

use double::REGION;
use rig::World;
use rig::launcher::Program;
use rig::tools::{self, AWS_CLI};
use tokio::task::JoinHandle;

use crate::console::say;
use rig::children::{self, Ended};

const LIMIT: Duration = Duration::from_secs(30);

/// A bash in the project's folder, whose `aws` is the Rack's.
#[derive(Debug)]
pub struct Shell {
    prelude: String,
    home: PathBuf,
}

impl Shell {
    /// One for this Rack, whose promote is the function of that name.
    pub fn new(world: &World, promote: &str, home: &Path) -> Self {
        let prelude = prelude(world, promote);
        let home = home.to_owned();
        Self { prelude, home }
    }

    /// What has to be typed before all other commands.
    pub fn prelude(&self) -> &str {
        &self.prelude
    }

    /// Prints lines and runs them; answers what they print.
    ///
    /// # Panics
    ///
    /// When one of them fails.
    pub async fn run(&self, lines: &str) -> String {
        self.begin(lines).shown().await
    }

    /// Begins to run lines that are printed later: commands that only look can do so at the same time.
    pub fn begin(&self, lines: &str) -> Begun {
        // Through a pipe: `/dev/stdout` of a file is the file from its beginning.
        let script = format!(
            "set -eu -o pipefail\n{}\n{{\n{lines}\n}} | cat",
            self.prelude
        );
        let shell = Program::new("shell", ["/usr/bin/env", "bash", "-c", &script])
            .variables([("PATH", children::path())])
            .variables([("HOME", self.home.display().to_string())])
            .works_in(tools::repository());
        Begun {
            lines: lines.to_owned(),
            ended: tokio::spawn(children::run(shell, LIMIT)),
        }
    }
}

/// Lines that are run.
#[derive(Debug)]
pub struct Begun {
    lines: String,
    ended: JoinHandle<Ended>,
}

impl Begun {
    /// Prints them; answers what they print.
    ///
    /// # Panics
    ///
    /// When one of them fails.
    pub async fn shown(self) -> String {
        for line in self.lines.lines() {
            say(&format!("    $ {line}"));
        }
        let ended = self.ended.await.expect("the program is waited for");
        assert!(ended.well(), "`{}` failed: {}", self.lines, ended.log);
        ended.answer
    }
}

/// The emulator takes any credentials, so these are dummies. AWS CLI 1 asks some services where they really are, whatever
/// `AWS_ENDPOINT_URL` says, unless it is told on its command line.
fn prelude(world: &World, promote: &str) -> String {
    let (endpoint, bucket, rack) = (world.proxy.back_door(), &world.bucket, &world.rack);
    format!(
        "export AWS_ENDPOINT_URL={endpoint} AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}\n\
         export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test NO_PROXY=127.0.0.1\n\
         aws() {{ {AWS_CLI} --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"; }}\n\
         bucket={bucket} promote={promote}\n\
         export RACK={rack} RACK_APP=shop\n\
         rack() {{ target/debug/rack \"$@\"; }}"
    )
}

/// A command that sends an event of somebody's.
pub fn put_event(detail_type: &str, detail: &serde_json::Value) -> String {
    let entry = serde_json::json!([{
        "Source": "rack", "DetailType": detail_type, "Detail": detail.to_string(),
    }]);
    format!(
        "aws events put-events --entries {}",
        quoted(&entry.to_string())
    )
}

/// A word of bash that is this text.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_quoted_text_is_that_text_to_bash() {
        for text in ["", "two words", "it's", r#"{"a": "$b `c` \" '"}"#] {
            let printed = Command::new("bash")
                .args(["-c", &format!("printf %s {}", quoted(text))])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(printed.stdout).unwrap(), text);
        }
    }

    #[test]
    fn an_event_is_one_line_that_json_reads_twice() {
        let detail = json!({"rack": "r", "command": "echo 'a'"});
        let line = put_event("App Deleted", &detail);
        assert_eq!(line.lines().count(), 1);
        let printed = Command::new("bash")
            .args([
                "-c",
                &line.replace("aws events put-events --entries", "printf %s"),
            ])
            .output()
            .unwrap();
        let sent: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
        assert_eq!(sent[0]["DetailType"], "App Deleted");
        let again: serde_json::Value =
            serde_json::from_str(sent[0]["Detail"].as_str().unwrap()).unwrap();
        assert_eq!(again, detail);
    }
}
