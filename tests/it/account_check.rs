//! `make account-check` says of an account whether it is as a Rack needs it, and the commands that it prints can be run.

mod page;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use double::REGION;
use double::iam;
use manifest::resources::{CacheEngine, DatabaseEngine};
use rig::emulator::Emulator;
use rig::world::SUBNETS;
use rig::{World, binaries, package};
use tempfile::TempDir;

const STACK: &str = "rack-of-test";
const PACKAGES: &str = "packages";
/// The shortest zip.
const PACKAGE: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// In front of the AWS CLI: what a test has laid down answers, then what was answered before, then the CLI itself.
const AWS: &str = r#"#!/bin/sh
laid="$ANSWERS/$1.$2"
if [ -e "$laid.error" ]; then cat "$laid.error" >&2; exit 254; fi
if [ -e "$laid" ]; then exec cat "$laid"; fi
kept="$ANSWERS/kept.$1.$2.$(printf %s "$*" | cksum | tr ' ' -)"
if [ ! -e "$kept" ]; then "$AWS_CLI" "$@" > "$kept.new" || exit $?; mv "$kept.new" "$kept"; fi
exec cat "$kept"
"#;
/// The emulator has other versions than AWS.
const ENGINES: [(&str, &str); 2] = [
    (
        "rds.describe-db-engine-versions",
        r#"{"DBEngineVersions": [{"EngineVersion": "17.6"}, {"EngineVersion": "8.4.6"}, {"EngineVersion": "11.4.8"}]}"#,
    ),
    (
        "elasticache.describe-cache-engine-versions",
        r#"{"CacheEngineVersions": [{"EngineVersion": "7.0"}, {"EngineVersion": "8.1"}, {"EngineVersion": "1.4.34"}]}"#,
    ),
];

/// An account with a Rack, and how it is looked at.
struct Account {
    /// Ends with the value.
    emulator: Emulator,
    world: World,
    /// The program `aws`, and what it answers.
    folder: TempDir,
}

/// What the program said, and with what it ended.
struct Said {
    text: String,
    code: Option<i32>,
}

impl Said {
    /// The titles of what has this verdict.
    fn titles(&self, verdict: &str) -> Vec<&str> {
        let lines = self.text.lines();
        lines
            .filter_map(|line| Some(line.strip_prefix(verdict)?.trim_start()))
            .collect()
    }
}

impl Account {
    async fn new() -> Self {
        let emulator = Emulator::start();
        let world = World::on(&emulator).await;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("aws");
        fs::write(&program, AWS).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let account = Self {
            emulator,
            world,
            folder,
        };
        for (operation, answer) in ENGINES {
            account.lay(operation, answer);
        }
        account
    }

    /// Deploys template.yaml as it is, but for what `sam package` writes, and what the emulator does not read.
    async fn deploy(&self) {
        let world = &self.world;
        let mut template = iam::template().clone();
        template["Conditions"] = package::conditions_as_the_emulator_reads(&template);
        for resource in template["Resources"].as_object_mut().unwrap().values_mut() {
            if resource["Properties"]["CodeUri"].is_string() {
                resource["Properties"]["CodeUri"] = format!("s3://{PACKAGES}/function.zip").into();
            }
        }
        world
            .s3
            .create_bucket()
            .bucket(PACKAGES)
            .send()
            .await
            .unwrap();
        for (key, bytes) in [
            ("function.zip", PACKAGE.to_vec()),
            ("template.json", template.to_string().into_bytes()),
        ] {
            let put = world.s3.put_object().bucket(PACKAGES).key(key);
            put.body(bytes.into()).send().await.unwrap();
        }
        let url = format!("https://s3.amazonaws.com/{PACKAGES}/template.json");
        let parameters = [
            ("Rack", world.rack.clone()),
            ("Cluster", world.cluster.clone()),
            ("Subnets", SUBNETS.join(",")),
            ("Vpc", "vpc-00000001".to_owned()),
        ];
        let parameters =
            parameters.map(|(name, value)| format!("ParameterKey={name},ParameterValue='{value}'"));
        let mut create = vec!["cloudformation", "create-stack", "--stack-name", STACK];
        create.extend([
            "--template-url",
            &url,
            "--capabilities",
            "CAPABILITY_IAM",
            "--parameters",
        ]);
        create.extend(parameters.iter().map(String::as_str));
        self.cli(&create);
        let status = ["cloudformation", "describe-stacks", "--stack-name", STACK];
        let status = [&status[..], &["--query", "Stacks[0].StackStatus"]].concat();
        let at_rest = async || (!self.cli(&status).contains("IN_PROGRESS")).then_some(());
        rig::eventually("nothing is at work on the Rack's stack", at_rest).await;
    }

    /// What the CLI's operation answers from now on.
    fn lay(&self, operation: &str, answer: &str) {
        fs::write(self.folder.path().join(operation), answer).unwrap();
    }

    fn take_away(&self, operation: &str) {
        fs::remove_file(self.folder.path().join(operation)).unwrap();
    }

    /// What the operation has answered is asked for again.
    fn forget(&self, operation: &str) {
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with(&format!("kept.{operation}.")) {
                fs::remove_file(path).unwrap();
            }
        }
    }

    /// What the AWS CLI itself answers.
    fn cli(&self, arguments: &[&str]) -> String {
        let url = self.emulator.url();
        let mut command = Command::new(cli());
        self.environment(&mut command);
        command.args(arguments).args(["--endpoint-url", &url]);
        let output = command.output().unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaints}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn environment(&self, command: &mut Command) {
        let home = self.folder.path();
        command
            .env("AWS_ACCESS_KEY_ID", &self.world.account)
            .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("HOME", home)
            .env("ANSWERS", home)
            .env("AWS_CLI", cli());
    }

    fn check(&self, rack: &str, endpoint: &str) -> Said {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(binaries::built("account-check"));
        self.environment(&mut command);
        command
            .env("PATH", format!("{}:{path}", self.folder.path().display()))
            .args([rack, "--endpoint", endpoint, "--region", REGION]);
        let output = command.output().unwrap();
        Said {
            text: String::from_utf8(output.stdout).unwrap(),
            code: output.status.code(),
        }
    }

    fn checked(&self) -> Said {
        self.check(&self.world.rack, &self.emulator.url())
    }
}

fn cli() -> std::path::PathBuf {
    let aws = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/emulator/bin/aws");
    assert!(
        aws.exists(),
        "the AWS CLI is missing: run `make tools` once"
    );
    aws
}

/// What AWS says to who may not look.
const DENIED: &str = "\nAn error occurred (AccessDenied) when calling the GetAccountAuthorizationDetails operation: no";
/// Other answers of AWS than it should give, and what then differs.
const WRONG: [(&str, &str, &str); 9] = [
    (
        "cloudformation.list-stack-resources",
        r#"{"StackResourceSummaries": [{"LogicalResourceId": "PromoteRole", "ResourceStatus": "UPDATE_FAILED"}]}"#,
        "What the Rack's stack has created",
    ),
    (
        "ec2.describe-subnets",
        r#"{"Subnets": [{"AvailabilityZone": "us-east-1a", "VpcId": "vpc-00000001"}]}"#,
        "The subnets",
    ),
    (
        "ecs.describe-clusters",
        r#"{"clusters": [{"status": "INACTIVE", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}]}"#,
        "The cluster",
    ),
    (
        "iam.get-account-authorization-details",
        r#"{"RoleDetailList": []}"#,
        "The Rack's roles",
    ),
    (
        "kms.describe-key",
        r#"{"KeyMetadata": {"KeyState": "PendingDeletion"}}"#,
        "The environment key",
    ),
    (
        "lambda.get-account-settings",
        r#"{"AccountLimit": {"UnreservedConcurrentExecutions": 9}}"#,
        "Executions of Lambda at once",
    ),
    (
        "rds.describe-db-engine-versions",
        r#"{"DBEngineVersions": [{"EngineVersion": "170.1"}, {"EngineVersion": "8.4.6"}, {"EngineVersion": "11.4.8"}]}"#,
        "postgres without a version",
    ),
    (
        "s3api.get-bucket-notification-configuration",
        "{}",
        "What the settings bucket tells EventBridge",
    ),
    (
        "s3api.get-bucket-versioning",
        r#"{"Status": "Suspended"}"#,
        "Versions of the settings bucket",
    ),
];

/// What differs, what was not seen, and with what the program ends.
fn assert_said(said: &Said, differs: &[&str], unseen: &[&str], code: i32) {
    let seen = (said.titles("differs "), said.titles("not seen "), said.code);
    let want = (differs.to_vec(), unseen.to_vec(), Some(code));
    assert_eq!(seen, want, "{}", said.text);
}

/// What it says is to be done.
fn mend(account: &Account) {
    let cluster = &account.world.cluster;
    let role = ["iam", "create-service-linked-role", "--aws-service-name"];
    account.cli(&[&role[..], &["ecs.amazonaws.com"]].concat());
    let put = [
        "ecs",
        "put-cluster-capacity-providers",
        "--cluster",
        cluster,
    ];
    let providers = ["--capacity-providers", "FARGATE", "FARGATE_SPOT"];
    let default = [
        "--default-capacity-provider-strategy",
        "capacityProvider=FARGATE,weight=1",
    ];
    account.cli(&[&put[..], &providers, &default].concat());
    for operation in ["iam.list-roles", "ecs.describe-clusters"] {
        account.forget(operation);
    }
}

/// The Rack's values for the page's commands, and a look for each default version.
fn assert_names_the_racks_own(account: &Account, said: &Said) {
    let world = &account.world;
    let exports = [
        ("RACK", world.rack.as_str()),
        ("STACK", STACK),
        ("ACCOUNT", &world.account),
        ("CLUSTER", &world.cluster),
        ("BUCKET", "rack-of-test-"),
    ];
    let exports = exports.map(|(name, value)| format!("export {name}={value}"));
    let databases = [
        DatabaseEngine::Postgres,
        DatabaseEngine::MySql,
        DatabaseEngine::MariaDb,
    ];
    let caches = [
        CacheEngine::Redis,
        CacheEngine::Valkey,
        CacheEngine::Memcached,
    ];
    let databases = databases.map(|engine| (engine.name(), engine.default_version()));
    let caches = caches.map(|engine| (engine.name(), engine.default_version()));
    let engines = databases.into_iter().chain(caches);
    let asked = engines.map(|(engine, version)| {
        format!("--engine {engine} --engine-version {version} --endpoint-url")
    });
    for part in exports.into_iter().chain(asked) {
        assert!(said.text.contains(&part), "{part} is not in: {}", said.text);
    }
}

/// A policy of the organization that denies what only the attached policy of a role allows is told of that role.
fn assert_asks_about_attached_policies(account: &Account) {
    let said = account.checked();
    let (id, url) = (&account.world.account, account.emulator.url());
    let policy =
        format!("aws iam get-policy-version --policy-arn arn:aws:iam::{id}:policy/{STACK}-");
    assert!(
        said.text.contains(&policy),
        "{policy} is not in: {}",
        said.text
    );
    assert!(
        said.text
            .contains(&format!("--version-id v1 --endpoint-url {url}"))
    );
    let denied = format!(
        r#"{{"EvaluationResults": [{{"EvalActionName": "ec2:CreateSecurityGroup", "EvalDecision": "explicitDeny",
            "EvalResourceName": "arn:aws:ec2:{REGION}:{id}:security-group/x"}}]}}"#
    );
    account.lay("iam.simulate-principal-policy", &denied);
    let said = account.checked();
    let differs = said.titles("differs ");
    assert!(
        differs.len() == 1 && differs[0].contains("AppStackRole"),
        "{}",
        said.text
    );
    let what = "CreateSecurityGroups ec2:CreateSecurityGroup: denied";
    assert!(said.text.contains(what), "{}", said.text);
    account.take_away("iam.simulate-principal-policy");

    account.lay("iam.get-policy-version.error", DENIED);
    let said = account.checked();
    let unseen = said.titles("not seen ");
    let is_of_stacks =
        |title: &str| title.starts_with("The policy ") && title.contains("AppStackRole");
    let role = &iam::template()["Resources"]["AppStackRole"]["Properties"];
    let attached = role["ManagedPolicyArns"].as_array().unwrap().len();
    assert!(
        unseen.len() == attached && unseen.iter().all(|title| is_of_stacks(title)),
        "{}",
        said.text
    );
    account.take_away("iam.get-policy-version.error");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_in_an_account_is_told_with_what_to_do() {
    let account = Account::new().await;
    assert_said(&account.checked(), &["The Rack's stack"], &[], 1);

    account.forget("cloudformation.describe-stacks");
    account.deploy().await;
    let missing = ["ECS's service-linked role", "The cluster"];
    assert_said(&account.checked(), &missing, &[], 1);

    mend(&account);
    let said = account.checked();
    assert_said(&said, &[], &[], 0);
    assert_names_the_racks_own(&account, &said);
    assert_asks_about_attached_policies(&account);

    for (operation, answer, title) in WRONG {
        account.lay(operation, answer);
        assert_said(&account.checked(), &[title], &[], 1);
        account.take_away(operation);
        if let Some((_, right)) = ENGINES.iter().find(|(one, _)| *one == operation) {
            account.lay(operation, right);
        }
    }

    account.lay("iam.get-account-authorization-details.error", DENIED);
    assert_said(&account.checked(), &[], &["The Rack's roles"], 0);

    let nobody = account.check("another", "http://127.0.0.1:1");
    assert_said(&nobody, &[], &["Who is asking", "The Rack's stack"], 2);
}
