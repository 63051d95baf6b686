//! examples/ci: the script deploys as the page says, the roles let it do that and little more, and the workflow runs the script.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command as Plain, Stdio};
use std::time::Duration;

use double::iam::{self, Decision, Deployment, Need, Policy};
use rig::{assert_absent, binaries, canary};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{Desk, Said, assert_has};
use crate::app::{self, APP, written};

fn repository() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A checkout with this convox.yml.
fn checkout(manifest: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("convox.yml"), manifest).unwrap();
    folder
}

impl Desk {
    /// The script in a checkout, to be started.
    fn deploys(&self, checkout: &TempDir, arguments: &[&str]) -> Command {
        let mut command = Command::new("bash");
        let script = repository().join("examples/ci/deploy.sh");
        command.arg(script).args(arguments).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let tool = binaries::built("rack");
        let folder = tool.parent().unwrap().to_str().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{folder}:{path}"));
        command.env("HOME", self.home.path()).kill_on_drop(true);
        command.current_dir(checkout.path());
        command
    }

    async fn deployed(&self, checkout: &TempDir, arguments: &[&str]) -> Said {
        let output = self.deploys(checkout, arguments).output().await.unwrap();
        let said = Said::of(&output);
        assert_absent(&[&said.out, &said.err]);
        said
    }

    /// Promotes by the script, delivers S3's event as soon as there is an environment, and answers how the script ended.
    async fn promotes(&self, checkout: &TempDir, more: &[&str]) -> (String, Said) {
        let arguments = ["promote", "web=example/web:2", "--", "--every", "20ms"];
        let mut command = self.deploys(checkout, &[&arguments[..], more].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let release = loop {
            let calls = self.world.proxy.calls().into_iter();
            let puts = calls.filter(|call| call.caller == "rack" && call.operation == "PutObject");
            let mut done = puts.filter(|call| call.status == Some(200));
            let written = done.find_map(|call| {
                let path = call.path.split('?').next()?.strip_suffix("/env")?;
                path.rsplit('/').next().map(str::to_owned)
            });
            if let Some(release) = written {
                break release;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let head = self.world.s3.head_object().bucket(&self.world.bucket);
        let key = format!("apps/{APP}/releases/{release}/env");
        let head = head.key(key).send().await.unwrap();
        let event = written(&self.world, &release, head.version_id().unwrap());
        self.promote.answer(&event).await;
        let said = Said::of(&child.wait_with_output().await.unwrap());
        assert_absent(&[&said.out, &said.err]);
        (release, said)
    }

    /// What the tool may not do, of what it did, with this role of role.yaml.
    fn refused(&self, role: &str) -> Vec<String> {
        let deployment = Deployment::of(&self.world.settings(&[]));
        let policy = policy(role, &deployment);
        let calls = self.world.proxy.calls();
        let permits = iam::permits(&deployment, &calls, "rack");
        assert!(!permits.is_empty());
        permits
            .iter()
            .flat_map(|permit| iam::missing(&policy, permit))
            .collect()
    }
}

async fn desk() -> Desk {
    let value = canary::value("DATABASE_URL");
    Desk::with_release(&[("DATABASE_URL", &value), ("KEPT", &value)]).await
}

/// role.yaml, as SAM's own reader reads it.
fn template(file: &str) -> Value {
    const PRINT: &str = "import json, sys; from samcli.yamlhelper import yaml_parse; \
                         print(json.dumps(yaml_parse(open(sys.argv[1]).read())))";
    let python = repository().join(".venv/sam/bin/python3");
    assert!(python.exists(), "SAM is missing: run `make tools` once");
    let file = repository().join("examples/ci").join(file);
    let output = Plain::new(python).args(["-c", PRINT]).arg(file).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A piece of role.yaml as it is with these parameters.
fn resolved(value: &Value, parameters: &BTreeMap<&str, String>) -> Value {
    let substituted = |text: &str| {
        let texts = parameters.iter();
        texts.fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("${{{name}}}"), value)
        })
    };
    match value {
        Value::Object(members) => match members.iter().next() {
            Some((function, Value::String(name))) if function == "Ref" => {
                json!(parameters[name.as_str()])
            }
            Some((function, Value::String(text))) if function == "Fn::Sub" => {
                let text = substituted(text);
                assert!(!text.contains("${"), "{text}");
                text.into()
            }
            _ => {
                let members = members.iter();
                let members =
                    members.map(|(name, value)| (name.clone(), resolved(value, parameters)));
                Value::Object(members.collect())
            }
        },
        Value::Array(items) => items
            .iter()
            .map(|item| resolved(item, parameters))
            .collect(),
        other => other.clone(),
    }
}

/// What somebody may do who has that role, beside this Rack.
fn policy(role: &str, of: &Deployment) -> Policy {
    let parameters = BTreeMap::from([
        ("AWS::AccountId", of.account.clone()),
        ("AWS::Partition", "aws".to_owned()),
        ("AWS::Region", double::REGION.to_owned()),
        ("AWS::URLSuffix", "amazonaws.com".to_owned()),
        ("App", APP.to_owned()),
        ("Cluster", of.cluster.clone()),
        ("EnvironmentKeyArn", of.environment_key.clone()),
        ("PromoteFunction", "PROMOTE-FUNCTION".to_owned()),
        ("Rack", of.rack.clone()),
        ("SettingsBucket", of.bucket.clone()),
    ]);
    let role = &template("role.yaml")["Resources"][role]["Properties"];
    let principal = format!("arn:aws:iam::{}:role/ci", of.account);
    let mut policy = of.bucket_policy(&principal).unwrap();
    policy.rules.retain(|rule| rule.effect == iam::Effect::Deny);
    let document = resolved(&role["Policies"][0]["PolicyDocument"], &parameters);
    policy.add_allowed(&document).unwrap();
    policy
}

#[tokio::test]
async fn a_plan_is_markdown_about_a_draft_and_its_role_is_enough() {
    let desk = desk().await;
    let state = app::state(&desk.world).await;
    let checkout = checkout(app::MANIFEST);
    desk.world.proxy.clear();
    let said = desk
        .deployed(&checkout, &["plan", "web=example/web:2"])
        .await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let marker = format!("<!-- rack plan {}/{APP} -->\n", desk.world.rack);
    assert!(said.out.starts_with(&marker), "{}", said.out);
    assert_has(
        &said.out,
        &["Draft `R", "\n````text\nRelease ", "service web"],
    );
    assert!(said.out.ends_with("````\n"), "{}", said.out);
    assert_eq!(app::state(&desk.world).await, state);
    assert_eq!(desk.refused("PlanRole"), Vec::<String>::new());
    let written = desk.writes();
    let written: BTreeSet<&str> = written
        .iter()
        .filter_map(|one| one.split('?').next()?.rsplit('/').next())
        .collect();
    assert_eq!(
        written,
        BTreeSet::from(["build.json", "convox.yml", "draft"])
    );
}

#[tokio::test]
async fn a_plan_that_fails_is_markdown_too_and_so_is_one_of_nothing() {
    let desk = desk().await;
    let lacking = "services: {web: {image: i, environment: [NEEDED]}}\n";
    let said = desk
        .deployed(&checkout(lacking), &["plan", "web=example/web:2"])
        .await;
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert_has(
        &said.out,
        &[
            "MissingVariables",
            "NEEDED",
            "\n````\nA promote would end with 1.\n",
        ],
    );

    let (_, ended) = desk.promotes(&checkout(app::MANIFEST), &[]).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let same = checkout(app::MANIFEST);
    let said = desk.deployed(&same, &["plan", "web=example/web:2"]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert_has(&said.out, &["Nothing changes: "]);
    let said = desk
        .deployed(&same, &["promote", "web=example/web:2"])
        .await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
}

#[tokio::test]
async fn a_promote_ends_as_the_release_does_and_its_role_is_enough() {
    let desk = desk().await;
    desk.world.proxy.clear();
    let (release, said) = desk.promotes(&checkout(app::MANIFEST), &[]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert_has(&said.out, &[&release, "live"]);
    assert_eq!(
        app::state(&desk.world).await["applied"]["release"],
        release.as_str()
    );
    assert_eq!(desk.refused("PromoteRole"), Vec::<String>::new());

    desk.world.proxy.clear();
    let lacking = checkout("services: {web: {image: i, environment: [NEEDED]}}\n");
    let (_, said) = desk.promotes(&lacking, &[]).await;
    said.complains(1, "");
    assert_has(&said.out, &["failed: MissingVariables: ", "NEEDED"]);
    desk.world.proxy.clear();
    let (_, said) = desk.promotes(&lacking, &["--timeout", "0"]).await;
    said.complains(4, "");
}

#[tokio::test]
async fn wrong_use_is_told_before_anything_is_asked() {
    let desk = desk().await;
    desk.world.proxy.clear();
    let checkout = checkout(app::MANIFEST);
    for (arguments, says) in [
        (&[][..], "plan or promote"),
        (&["deploy", "web=i"], "plan or promote"),
        (&["plan"], "no image is named"),
        (&["plan", "web"], "SERVICE=IMAGE"),
        (&["promote", "--allow-removal"], "SERVICE=IMAGE"),
        (&["plan", "web=i", "--", "--wait"], "takes no options"),
    ] {
        desk.deployed(&checkout, arguments).await.complains(2, says);
    }
    assert_eq!(
        desk.world
            .proxy
            .calls()
            .iter()
            .filter(|call| call.caller == "rack")
            .count(),
        0
    );
}

#[tokio::test]
async fn who_lets_a_deployment_go_on_has_a_role_that_is_enough_and_promotes_nothing() {
    let desk = Desk::paused().await;
    desk.world.proxy.clear();
    desk.json(&["promote", "--continue"]).await;
    assert_eq!(desk.refused("ContinueRole"), Vec::<String>::new());
    let cannot = desk.refused("PromoteRole");
    let why = "ecs:ContinueServiceDeployment";
    assert!(cannot.iter().any(|line| line.contains(why)), "{cannot:?}");
    desk.world.proxy.clear();
    desk.deployed(&checkout(app::MANIFEST), &["plan", "web=example/web:2"])
        .await;
    let cannot = desk.refused("ContinueRole");
    let why = "s3:PutObject";
    assert!(cannot.iter().any(|line| line.contains(why)), "{cannot:?}");
}

#[test]
fn the_roles_reach_one_app_and_only_one_of_them_promotes_by_writing() {
    let settings = [
        ("AWS_ACCESS_KEY_ID", "123456789012"),
        ("RACK", "myrack"),
        ("SETTINGS_BUCKET", "BUCKET"),
        ("CLUSTER", "blue"),
        (
            "ENVIRONMENT_KEY_ARN",
            "arn:aws:kms:us-east-1:123456789012:key/of-env",
        ),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let of = Deployment::of(&settings);
    let need =
        |action: &str, resource: &str| Need::new(action, resource, "README.md of examples/ci");
    let object = |action: &str, key: &str| need(action, &format!("arn:aws:s3:::BUCKET/{key}"));
    let invoke = |name: &str| {
        need(
            "lambda:InvokeFunction",
            &of.arn("lambda", &format!("function:{name}")),
        )
    };
    let ours = "apps/shop/releases/R1";
    for (role, writes, invokes) in [("PlanRole", "draft", true), ("PromoteRole", "env", false)] {
        let policy = policy(role, &of);
        let other = if writes == "env" { "draft" } else { "env" };
        for (need, want) in [
            (object("s3:GetObject", &format!("{ours}/env")), true),
            (object("s3:PutObject", &format!("{ours}/{writes}")), true),
            (object("s3:PutObject", &format!("{ours}/{other}")), false),
            (
                object("s3:PutObject", &format!("{ours}/report.json")),
                false,
            ),
            (object("s3:PutObject", "apps/shop/app.json"), false),
            (object("s3:PutObject", "apps/shop/convox.yml"), false),
            (
                object("s3:PutObject", "apps/shop/state/promotion.json"),
                false,
            ),
            (object("s3:DeleteObject", &format!("{ours}/env")), false),
            (object("s3:GetObject", "apps/shop2/releases/R1/env"), false),
            (
                object("s3:PutObject", &format!("apps/shop2/releases/R1/{writes}")),
                false,
            ),
            (invoke("PROMOTE-FUNCTION"), invokes),
            (invoke("APP-DELETION-FUNCTION"), false),
            (need("kms:Decrypt", &of.environment_key), false),
            (
                need("events:PutEvents", &of.arn("events", "event-bus/default")),
                false,
            ),
            (
                need(
                    "ecs:UpdateService",
                    &of.arn("ecs", "service/blue/myrack_shop_web"),
                ),
                false,
            ),
        ] {
            let is_allowed = policy.decide(&need) == Decision::Allowed;
            assert_eq!(is_allowed, want, "{role}: {need:?}");
        }
    }
}

#[test]
fn a_role_is_taken_by_its_own_runs_alone() {
    let template = template("role.yaml");
    let pattern = template["Parameters"]["Repository"]["AllowedPattern"].as_str();
    let pattern = regex_lite::Regex::new(pattern.unwrap()).unwrap();
    // GitHub OIDC reference, immutable subject claims: with the ids of owner and repository, for those from July 2026 on.
    for (repository, is_one) in [
        ("acme/shop", true),
        ("acme@123456/shop@456789", true),
        ("acme/*", false),
        ("acme/shop:pull_request", false),
        ("shop", false),
    ] {
        assert_eq!(pattern.is_match(repository), is_one, "{repository}");
    }
    let roles = &template["Resources"];
    assert_eq!(roles["ContinueRole"]["Condition"], "Continues");
    for (role, subject) in [
        ("ContinueRole", "repo:${Repository}:${ContinueSubject}"),
        ("PlanRole", "repo:${Repository}:${PlanSubject}"),
        ("PromoteRole", "repo:${Repository}:ref:refs/heads/${Branch}"),
    ] {
        let trust = &roles[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"];
        assert_eq!(trust.as_array().unwrap().len(), 1, "{role}");
        assert_eq!(
            trust[0]["Action"], "sts:AssumeRoleWithWebIdentity",
            "{role}"
        );
        let claims = json!({"StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": {"Fn::Sub": subject},
        }});
        assert_eq!(trust[0]["Condition"], claims, "{role}");
    }
}

#[test]
fn the_workflow_runs_the_script_with_least_rights_and_no_secret() {
    let workflow = template("github-actions.yml");
    assert_eq!(workflow["permissions"], json!({}));
    let jobs = &workflow["jobs"];
    let writes = |job: &str| {
        let permissions = jobs[job]["permissions"].as_object().unwrap().iter();
        let writes = permissions.filter(|(_, level)| *level == "write");
        writes.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(writes("plan"), ["id-token", "pull-requests"]);
    assert_eq!(writes("promote"), ["id-token"]);
    let forks = jobs["plan"]["if"].as_str().unwrap();
    assert_has(
        forks,
        &["github.event.pull_request.head.repo.full_name == github.repository"],
    );
    assert_eq!(jobs["promote"]["if"], "github.event_name == 'push'");
    let text = fs::read_to_string(repository().join("examples/ci/github-actions.yml")).unwrap();
    assert!(!text.contains("secrets."), "it needs no secret");
    let steps = ["plan", "promote"].map(|job| jobs[job]["steps"].as_array().unwrap());
    for (job, steps) in ["plan", "promote"].into_iter().zip(steps) {
        let runs: Vec<&str> = steps
            .iter()
            .filter_map(|step| step["run"].as_str())
            .collect();
        let script = format!(".github/deploy.sh {job} \"web=$IMAGE\"");
        assert!(runs.iter().any(|run| run.starts_with(&script)), "{runs:#?}");
        for run in runs {
            assert!(
                !run.contains("${{"),
                "what others write goes through a variable: {run}"
            );
        }
        for action in steps.iter().filter_map(|step| step["uses"].as_str()) {
            let (name, version) = action.split_once('@').unwrap();
            assert!(
                ["actions", "aws-actions"].contains(&name.split('/').next().unwrap()),
                "{action}"
            );
            assert!(version.starts_with('v') && version.len() > 1, "{action}");
        }
    }
    let marker = "<!-- rack plan $RACK/$RACK_APP -->";
    let script = fs::read_to_string(repository().join("examples/ci/deploy.sh")).unwrap();
    assert!(text.contains(marker) && script.contains(marker));
}
