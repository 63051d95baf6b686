//! The roles of tasks and Timers: what containers, the agent and EventBridge do with them.

use std::process::Stdio;

use aws_sdk_s3::Client as S3;
use aws_sdk_secretsmanager::Client as SecretsManager;
use double::CALLER;
use double::iam::{self, Deployment, Facts, Permit};
use rig::agent::{Agent, Entrypoint};
use rig::{World, binaries};
use serde_json::Value;
use tokio::process::Command;

use super::scenario::{self, Seen};
use super::{RACKS_ROLES, Unused, pages, policy, prove};
use crate::app::{self, APP};

const CONVOX_ENV: &str = "convox-env";
const AGENT: &str = "agent";
const UNUSED_BY_THE_AGENT: &Unused = &[
    (
        "ImageLogin",
        "ecr:GetAuthorizationToken",
        "the agent pulls images; no registry here",
    ),
    (
        "PullImages",
        "ecr:BatchCheckLayerAvailability",
        "the agent pulls images; no registry here",
    ),
    (
        "PullImages",
        "ecr:BatchGetImage",
        "the agent pulls images; no registry here",
    ),
    (
        "PullImages",
        "ecr:GetDownloadUrlForLayer",
        "the agent pulls images; no registry here",
    ),
    (
        "Log",
        "logs:CreateLogStream",
        "the awslogs driver; no container's log here",
    ),
    (
        "Log",
        "logs:PutLogEvents",
        "the awslogs driver; no container's log here",
    ),
];

/// `convox-env` with a task's access, recorded.
async fn fetch(world: &World, url: &str, key: &str) {
    let output = Command::new(binaries::built(CONVOX_ENV))
        .env_clear()
        .envs(world.task_access())
        .env("CONVOX_ENV_TEST_ENDPOINT", world.proxy.endpoint())
        .env(CALLER, CONVOX_ENV)
        .env("CONVOX_ENV_URL", url)
        .env("CONVOX_ENV_KEY", key)
        .env("CONVOX_ENV_VARS", "*")
        .arg("/bin/true")
        .stdin(Stdio::null())
        .output();
    let output = output.await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn containers_may_read_environments_and_nothing_else() {
    let world = World::new().await;
    let object = format!("s3://{}/apps/{APP}/releases", world.bucket);
    let version = world.put_env(APP, "R1", &[("A", "1")]).await;
    fetch(&world, &format!("{object}/R1/env?versionId={version}"), "").await;
    fetch(&world, &format!("{object}/R1/env"), "").await; // a version may be left out
    let sealed = world.seal(b"A=1\n").await;
    let version = world
        .put(&format!("apps/{APP}/releases/R2/env"), sealed)
        .await;
    fetch(
        &world,
        &format!("{object}/R2/env?versionId={version}"),
        &world.key_arn,
    )
    .await;

    let given = Deployment::of(&world.settings(&[("CONVOX_WRAPPER", "Yes")]));
    let created = Deployment {
        creates_key: true,
        ..given.clone()
    };
    let strict = pages::under_keys_of_ones_own(&given, &pages::key_policy());
    let calls = world.proxy.calls();
    for deployment in [&given, &created, &strict] {
        let permits = iam::permits(deployment, &calls, CONVOX_ENV);
        prove("TaskRole", &policy(deployment, "TaskRole"), &permits, &[]);
    }
    // Whoever was told no version reads none, unless the Rack's images ask for none.
    let told = Deployment {
        reads_no_versions: false,
        ..given
    };
    let permits = iam::permits(&told, &calls, CONVOX_ENV);
    let lacks = super::missing(&policy(&told, "TaskRole"), &permits);
    assert_eq!(lacks.len(), 1, "{lacks:?}");
    assert!(
        lacks.iter().all(|line| line.contains("s3:GetObject on")),
        "{lacks:?}"
    );
}

#[tokio::test]
async fn the_key_of_environments_opens_environments_and_envelopes_alone() {
    let world = World::new().await;
    let of = Deployment::of(&world.settings(&[]));
    let policy = policy(&of, "TaskRole");
    let bucket = Deployment::bucket_arn(&of.bucket);
    let s3 = Deployment::via("s3");
    let secrets = Deployment::via("secretsmanager");
    let arn = "kms:EncryptionContext:aws:s3:arn";
    let decrypt = |context: &[(&str, &str)]| {
        let need = iam::Need::new("kms:Decrypt", &of.environment_key, "this test");
        let need = context
            .iter()
            .fold(need, |need, (key, value)| need.with(key, *value));
        let with_context = context
            .iter()
            .any(|(key, _)| key.starts_with("kms:EncryptionContext"));
        policy.decide(&if with_context {
            need.with("kms:EncryptionContextKeys", "one")
        } else {
            need
        })
    };
    let environment = format!("{bucket}/apps/{APP}/releases/R1/env");
    let state = format!("{bucket}/apps/{APP}/state/promotion.json");
    for (context, want) in [
        (&[("kms:ViaService", s3.as_str()), (arn, &bucket)][..], true),
        (&[("kms:ViaService", &s3), (arn, &environment)], true),
        (&[], true), // an envelope
        (&[("kms:ViaService", &s3), (arn, &state)], false),
        (
            &[("kms:ViaService", &s3), (arn, "arn:aws:s3:::another")],
            false,
        ),
        (&[("kms:ViaService", &s3)], false),
        (
            &[
                ("kms:ViaService", &secrets),
                ("kms:EncryptionContext:SecretARN", "any"),
            ],
            false,
        ),
        (&[(arn, &bucket)], false), // what S3 gave away, opened by hand
    ] {
        let allowed = decrypt(context) == iam::Decision::Allowed;
        assert_eq!(allowed, want, "{context:?}");
    }
}

/// The agent, recorded.
fn agent(world: &World) -> Agent {
    let config = world.front_door_as(AGENT);
    Agent {
        ecs: world.ecs.clone(),
        secrets_manager: SecretsManager::new(&config),
        s3: S3::new(&config),
        access: world.task_access(),
        convox_env: Entrypoint::Built(binaries::built(CONVOX_ENV)),
    }
}

#[tokio::test]
async fn the_agent_may_read_the_secrets_and_files_that_the_rack_allows() {
    let world = World::new().await;
    let own = world.secrets_manager.create_secret().name("db/main");
    let own = own.secret_string("{\"K\": \"v\"}").send().await.unwrap();
    let own = own.arn.unwrap();
    let bucket = format!("files-{}", world.account);
    let created = world.s3.create_bucket().bucket(&bucket).send().await;
    created.unwrap();
    let put = world.s3.put_object().bucket(&bucket).key("shop/a.env");
    put.body(Vec::from(*b"A=1\n").into()).send().await.unwrap();
    let file = format!("arn:aws:s3:::{bucket}/shop/a.env");
    let manifest = format!(
        "services:\n  web:\n    image: i\n    environment: [TOKEN]\n    environmentFiles: ['{file}']\n    secrets: {{B: \
         '{own}:K::'}}\n"
    );
    world.put(&format!("apps/{APP}/convox.yml"), manifest).await;
    let files = format!("arn:aws:s3:::{bucket}/shop/*");
    let settings = [
        ("SECRETS_MANAGER_ENV", "Yes"),
        ("APP_SECRET_ARNS", own.as_str()),
        ("APP_ENVIRONMENT_FILE_ARNS", &files),
    ];
    let deployment = Deployment::of(&world.settings(&settings));
    let function = world.start("promote", &settings);
    let report = app::promote(&world, &function, "R1", &[("TOKEN", "t")]).await;
    assert_eq!(report["warnings"], serde_json::json!([]), "{report:#}");
    let definition = app::running(&world, "web").await;
    agent(&world).launch(&definition).await.unwrap();

    let calls = world.proxy.calls();
    let of_agent = iam::permits(&deployment, &calls, AGENT);
    assert_eq!(of_agent.len(), 4, "two secrets, a bucket, a file");
    let role = "TaskExecutionRole";
    let whole = policy(&deployment, role);
    prove(role, &whole, &of_agent, UNUSED_BY_THE_AGENT);
    // A secret of some App, by the tag that its Rack has given it.
    let mut of_an_app = of_agent.clone();
    for permit in &mut of_an_app {
        for need in permit.needs.iter_mut().filter(|need| need.resource == own) {
            *need = need.clone().with("aws:ResourceTag/convox:rack", "another");
        }
    }
    let without = super::missing(&whole, &of_an_app);
    assert_eq!(without.len(), 1, "{without:?}");
    let none = Deployment {
        named: Default::default(),
        ..deployment
    };
    let without = super::missing(&policy(&none, role), &of_agent);
    assert_eq!(without.len(), 3, "{without:?}");
}

#[tokio::test]
async fn the_agent_may_read_the_racks_secrets_with_and_without_a_customer_key() {
    let world = app::world().await;
    let (deployment, function) = scenario::start(&world).await;
    let deployment = Deployment {
        named: Default::default(),
        ..deployment
    };
    app::promote(&world, &function, "R1", &[("DATABASE_URL", "u")]).await;
    let definition = app::running(&world, "web").await;
    agent(&world).launch(&definition).await.unwrap();

    let calls = world.proxy.calls();
    let of_agent = iam::permits(&deployment, &calls, AGENT);
    assert_eq!(of_agent.len(), 1, "one call for each distinct reference");
    let role = "TaskExecutionRole";
    prove(
        role,
        &policy(&deployment, role),
        &of_agent,
        UNUSED_BY_THE_AGENT,
    );

    let keyless = Deployment {
        secret_key: None,
        ..deployment
    };
    let mut of_agent = of_agent;
    for permit in &mut of_agent {
        permit.needs.retain(|need| need.action != "kms:Decrypt");
    }
    prove(
        role,
        &policy(&keyless, role),
        &of_agent,
        UNUSED_BY_THE_AGENT,
    );
}

/// The rule and target of every `PutTargets`, and what EventBridge needs to run it.
fn runs<'s>(seen: &'s Seen, facts: &Facts<'_>) -> (Vec<String>, Vec<Permit<'s>>) {
    let put = seen
        .calls
        .iter()
        .filter(|call| call.operation == "PutTargets");
    let (mut rules, mut permits) = (Vec::new(), Vec::new());
    for call in put {
        let targets = call.body["Targets"].as_array().into_iter().flatten();
        let timer_role = seen.deployment.role("TimerRole");
        let mut passed = targets.clone().map(|target| &target["RoleArn"]);
        assert!(passed.all(|role| role == timer_role), "{}", call.body);
        let rule = call.body["Rule"].as_str().unwrap();
        rules.push(seen.deployment.arn("events", &format!("rule/{rule}")));
        let needs = |target: &Value| iam::needs_of_target(facts, target);
        let needs = targets.flat_map(needs).collect();
        permits.push(Permit { call, needs });
    }
    (rules, permits)
}

#[tokio::test]
async fn timers_may_start_their_tasks_and_nothing_else() {
    let seen = Seen::of_promote().await;
    let mut facts = Facts::new(&seen.deployment);
    seen.calls.iter().for_each(|call| facts.learn(call));
    let (rules, permits) = runs(seen, &facts);
    assert!(permits.len() > 2, "{}", permits.len());
    let created = seen.calls.iter();
    let created = created.filter(|call| call.operation == "CreateSchedule");
    let mut permits = permits;
    permits.extend(created.map(|call| Permit {
        call,
        needs: iam::needs_of_schedule(&facts, &call.body["Target"]),
    }));
    prove(
        "TimerRole",
        &policy(&seen.deployment, "TimerRole"),
        &permits,
        RACKS_ROLES,
    );

    let trust = seen.deployment.trust("TimerRole").unwrap();
    for rule in rules {
        let taken = iam::assumption(&facts, "events.amazonaws.com", &rule);
        assert_eq!(trust.decide(&taken), iam::Decision::Allowed, "{rule}");
        let others = rule.replace(&seen.deployment.rack, "another");
        let taken = iam::assumption(&facts, "events.amazonaws.com", &others);
        assert_eq!(trust.decide(&taken), iam::Decision::NotAllowed, "{others}");
    }
    for (group, want) in [
        (seen.deployment.rack.as_str(), iam::Decision::Allowed),
        ("another", iam::Decision::NotAllowed),
    ] {
        let group = seen
            .deployment
            .arn("scheduler", &format!("schedule-group/{group}"));
        let taken = iam::assumption(&facts, "scheduler.amazonaws.com", &group);
        assert_eq!(trust.decide(&taken), want, "{group}");
    }
}

#[tokio::test]
async fn only_ecs_takes_the_roles_of_tasks() {
    let seen = Seen::of_promote().await;
    let facts = Facts::new(&seen.deployment);
    let task = seen.deployment.arn("ecs", "task/any");
    for role in ["TaskExecutionRole", "TaskRole"] {
        let trust = seen.deployment.trust(role).unwrap();
        for (service, want) in [
            ("ecs-tasks.amazonaws.com", iam::Decision::Allowed),
            ("lambda.amazonaws.com", iam::Decision::NotAllowed),
        ] {
            let taken = iam::assumption(&facts, service, &task);
            assert_eq!(trust.decide(&taken), want, "{role} {service}");
        }
    }
}
