//! The command-line tool against a Rack: what it says, what it changes, and how it ends.

mod changes;
mod ci;
mod drafts;
mod looks;
mod page;
mod pauses;
mod refusals;
mod waits;

use std::process::Output;
use std::sync::Arc;

use aws_sdk_cloudformation::Client;
use double::REGION;
use rig::function::Function;
use rig::invocations::Invocations;
use rig::{World, assert_absent, binaries};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::app::{APP, promoted, promoting};

/// A Rack, its promote, and the tool that is told where they are.
pub struct Desk {
    pub world: World,
    pub promote: Arc<Function>,
    /// What the tool finds where.
    variables: Vec<(&'static str, String)>,
    _invocations: Invocations,
    home: TempDir,
}

/// What the tool said, and with what it ended.
pub struct Said {
    pub out: String,
    pub err: String,
    pub code: Option<i32>,
}

impl Desk {
    /// One with the App and a promote of these settings.
    pub async fn new(settings: &[(&str, &str)]) -> Self {
        let (world, promote) = promoting(settings).await;
        Self::around(world, promote)
    }

    /// One whose App has this Release.
    pub async fn with_release(variables: &[(&str, &str)]) -> Self {
        let desk = Self::new(crate::app::YES).await;
        promoted(&desk.world, &desk.promote, "R1", variables).await;
        desk
    }

    pub fn around(world: World, promote: Function) -> Self {
        let promote = Arc::new(promote);
        let deletion = Arc::new(world.start("app-deletion", &[]));
        let run = Arc::new(world.start("process-run", crate::app::YES));
        let invocations = Invocations::serve([
            ("promote", Arc::clone(&promote)),
            ("app-deletion", deletion),
            ("process-run", run),
        ]);
        let variables = vec![
            ("AWS_ACCESS_KEY_ID", world.account.clone()),
            ("AWS_SECRET_ACCESS_KEY", "not-a-secret".to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", world.proxy.endpoint().to_owned()),
            ("AWS_ENDPOINT_URL_LAMBDA", invocations.address().to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("RACK", world.rack.clone()),
            ("RACK_APP", APP.to_owned()),
            ("RACK_BUCKET", world.bucket.clone()),
            ("RACK_ENVIRONMENT_KEY_ARN", world.key_arn.clone()),
            ("RACK_PROMOTE_FUNCTION", "promote".to_owned()),
            ("RACK_APP_DELETION_FUNCTION", "app-deletion".to_owned()),
            ("RACK_PROCESS_RUN_FUNCTION", "process-run".to_owned()),
        ];
        Self {
            world,
            promote,
            variables,
            _invocations: invocations,
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// The same tool without these variables.
    pub fn without(mut self, names: &[&str]) -> Self {
        self.variables.retain(|(name, _)| !names.contains(name));
        self
    }

    /// The tool with these arguments, to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binaries::built("rack"));
        command.args(arguments).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("PATH", std::env::var("PATH").unwrap_or_default());
        command.env("HOME", self.home.path()).kill_on_drop(true);
        command
    }

    /// What the tool says; no value is in it.
    pub async fn says(&self, arguments: &[&str]) -> Said {
        let said = self.reveals(arguments).await;
        assert_absent(&[&said.out, &said.err]);
        said
    }

    /// What the tool says where it was asked to reveal values.
    pub async fn reveals(&self, arguments: &[&str]) -> Said {
        Said::of(&self.command(arguments).output().await.unwrap())
    }

    /// The text that the tool answers when all is well.
    pub async fn text(&self, arguments: &[&str]) -> String {
        let said = self.says(arguments).await;
        let (out, err) = (said.out, said.err);
        assert_eq!(said.code, Some(0), "{arguments:?}: {out}{err}");
        out
    }

    /// The JSON that the tool answers when all is well.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [&["--json"], arguments].concat();
        serde_json::from_str(&self.text(&arguments).await).expect("the answer is JSON")
    }

    /// What the tool itself has written to AWS.
    pub fn writes(&self) -> Vec<String> {
        let calls = self.world.proxy.calls().into_iter();
        let written = calls.filter(|call| call.caller == "rack" && call.changes_something());
        written
            .map(|call| format!("{} {}", call.operation, call.path))
            .collect()
    }

    /// A stack of the Rack's own, as template.yaml makes it, as far as the tool reads it.
    pub async fn stack(&self, name: &str) {
        let output = |value: &str| json!({"Value": value});
        let template = json!({
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {
                "RackName": output(&self.world.rack),
                "SettingsBucket": output(&self.world.bucket),
                "PromoteFunction": output("promote"),
            },
        });
        let client = Client::new(&self.world.past_the_proxy());
        let create = client.create_stack().stack_name(name);
        create
            .template_body(template.to_string())
            .send()
            .await
            .unwrap();
    }
}

impl Said {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            out: text(&output.stdout),
            err: text(&output.stderr),
            code: output.status.code(),
        }
    }

    /// It ended so, and its complaint has this part.
    #[track_caller]
    pub fn complains(&self, code: i32, part: &str) {
        let (out, err) = (&self.out, &self.err);
        assert_eq!(self.code, Some(code), "{out}{err}");
        assert!(err.contains(part), "`{part}` is not in: {out}{err}");
    }
}

/// All parts are in a text.
#[track_caller]
pub fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}
