//! A Release keeps its own version of the secret: its tasks see that whatever was promoted since, only what it changes is
//! restarted, and versions are kept as long as they are needed.

use std::collections::{BTreeMap, BTreeSet};

use double::Fault;
use rig::{Function, World};
use serde_json::{Value, json};

use crate::app::{self, APP};

const SECRETS_MANAGER: &str = "secretsmanager";
const YES: &[(&str, &str)] = &[("SECRETS_MANAGER_ENV", "Yes")];

/// `web` reads `A` and `OLD_KEY`, `worker` reads `B`, the Timer reads what `worker` does.
const TWO: &str = "services:\n  web:\n    image: a\n    environment:\n      - A\n      - OLD_KEY=\n  worker:\n    image: a\n    \
                   environment:\n      - B\ntimers:\n  nightly:\n    schedule: \"0 3 * * ?\"\n    command: c\n    service: worker\n";

async fn two() -> (World, Function) {
    let world = app::world_with(TWO, &["web", "worker"]).await;
    let function = world.start("promote", YES);
    (world, function)
}

/// Promotes again what was uploaded before.
async fn again(world: &World, function: &Function, release: &str, n: i64) -> Value {
    let event = app::requested(world, release, &format!("request-{n}"), n);
    function.invoke(&event).await.answer()
}

fn registrations(world: &World) -> usize {
    world.proxy.count("ecs", "RegisterTaskDefinition")
}

/// The labels of each version.
async fn labels(world: &World) -> BTreeMap<String, BTreeSet<String>> {
    let describe = world.secrets_manager.describe_secret();
    let described = describe.secret_id(app::secret(world)).send().await.unwrap();
    let versions = described.version_ids_to_stages.unwrap();
    let versions = versions.into_iter();
    versions
        .map(|(id, labels)| (id, labels.into_iter().collect()))
        .collect()
}

/// What became of each Service and Timer, and the Release that its revision is of.
fn revisions(report: &Value) -> Vec<(String, String)> {
    let of = |kind: &str, name: &str| {
        let one = &report[kind][name];
        let text = |member: &str| one[member].as_str().unwrap_or_default().to_owned();
        (text("revision"), text("release"))
    };
    [
        ("services", "web"),
        ("services", "worker"),
        ("timers", "nightly"),
    ]
    .map(|(kind, name)| of(kind, name))
    .to_vec()
}

fn pairs(expected: [(&str, &str); 3]) -> Vec<(String, String)> {
    expected
        .map(|(revision, release)| (revision.to_owned(), release.to_owned()))
        .to_vec()
}

#[tokio::test]
async fn a_task_of_any_revision_sees_its_own_release_and_only_what_changed_is_restarted() {
    let (world, function) = two().await;
    let first = [("A", "old"), ("OLD_KEY", "needed"), ("B", "same")];
    let report = app::promote(&world, &function, "R1", &first).await;
    let of_r1 = [("registered", "R1"); 3];
    assert_eq!(revisions(&report), pairs(of_r1), "{report:#}");
    let before = app::running(&world, "web").await;
    world.proxy.clear();
    let second = [("A", "new"), ("B", "same")];
    let report = app::promote(&world, &function, "R2", &second).await;
    let want = [("registered", "R2"), ("kept", "R1"), ("kept", "R1")];
    assert_eq!(revisions(&report), pairs(want), "{report:#}");
    assert_eq!(registrations(&world), 1);
    assert_eq!(world.proxy.count("ecs", "UpdateService"), 1);
    assert_eq!(world.proxy.count("events", "PutTargets"), 0);
    for (arn, a, old_key) in [
        (&before, "old", Some("needed")),
        (&app::running(&world, "web").await, "new", Some("")),
    ] {
        let sees = app::sees(&world, arn).await;
        assert_eq!(sees["A"], a, "{arn}");
        assert_eq!(sees.get("OLD_KEY").map(String::as_str), old_key, "{arn}");
    }
    let sees = app::sees(&world, &app::running(&world, "worker").await).await;
    assert_eq!(sees["B"], "same");
    assert_eq!(
        report["secretVersionId"],
        app::current_secret(&world).await.0
    );
    for (id, labels) in labels(&world).await {
        assert!(
            labels.contains(&format!("release:{id}")),
            "{id}: {labels:?}"
        );
    }
}

#[tokio::test]
async fn going_back_writes_nothing_but_labels_and_starts_the_revisions_of_then() {
    let (world, function) = two().await;
    let r1 = app::promote(&world, &function, "R1", &[("A", "1"), ("B", "1")]).await;
    let first = app::running(&world, "web").await;
    app::promote(&world, &function, "R2", &[("A", "2"), ("B", "1")]).await;
    let look = json!({"app": APP, "release": "R1", "dryRun": true});
    let plan = function.invoke(&look).await.answer();
    assert_eq!(plan["services"]["web"]["revision"], "reused", "{plan:#}");
    assert_eq!(plan["keptReleases"], json!(["R1", "R2"]), "{plan:#}");
    world.proxy.clear();
    let report = again(&world, &function, "R1", 1).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(report["keptReleases"], plan["keptReleases"]);
    assert_eq!(report["secretVersionId"], r1["secretVersionId"]);
    let puts = world.proxy.count(SECRETS_MANAGER, "PutSecretValue");
    assert_eq!((registrations(&world), puts), (0, 0));
    let labels = world
        .proxy
        .count(SECRETS_MANAGER, "UpdateSecretVersionStage");
    assert_eq!(labels, 1, "AWSCURRENT is the older one again");
    let (_, value) = app::current_secret(&world).await;
    assert_eq!(value, json!({"A": "1", "B": "1"}));
    assert_eq!(app::running(&world, "web").await, first);
    assert_eq!(app::sees(&world, &first).await["A"], "1");
    let want = [("reused", "R1"), ("kept", "R1"), ("kept", "R1")];
    assert_eq!(revisions(&report), pairs(want), "{report:#}");
    let moves = world.proxy.count("ecs", "UpdateService");
    assert_eq!(moves, 1, "only what differs");
}

#[tokio::test]
async fn a_revision_that_somebody_deregistered_is_registered_anew_when_its_release_comes_back() {
    let (world, function) = two().await;
    app::promote(&world, &function, "R1", &[("A", "1"), ("B", "1")]).await;
    let first = app::running(&world, "web").await;
    app::promote(&world, &function, "R2", &[("A", "2"), ("B", "1")]).await;
    let deregister = world.ecs.deregister_task_definition();
    let deregister = deregister.task_definition(&first);
    deregister.send().await.unwrap();
    world.proxy.clear();
    let report = again(&world, &function, "R1", 1).await;
    assert_eq!(revisions(&report)[0].0, "registered", "{report:#}");
    assert_eq!(registrations(&world), 1);
    let sees = app::sees(&world, &app::running(&world, "web").await).await;
    assert_eq!(sees["A"], "1");
}

#[tokio::test]
async fn a_rollback_that_fails_is_put_back_to_what_ran() {
    let (world, function) = two().await;
    app::promote(&world, &function, "R1", &[("A", "1"), ("B", "1")]).await;
    app::promote(&world, &function, "R2", &[("A", "2"), ("B", "2")]).await;
    let (web, worker) = (
        app::running(&world, "web").await,
        app::running(&world, "worker").await,
    );
    let (second, _) = app::current_secret(&world).await;
    // The rule is refused once both services have moved, and an invocation dies before it can put anything back.
    world
        .proxy
        .inject(Fault::TRANSIENT.on("events", "PutTargets"));
    let event = app::requested(&world, "R1", "request-1", 1);
    function.invoke(&event).await;
    world.proxy.lift();
    assert_ne!(app::running(&world, "web").await, web, "it has moved");
    world
        .proxy
        .inject(Fault::DENIED.on("events", "PutTargets").times(1));
    let report = function.invoke(&event).await.answer();
    world.proxy.lift();
    assert_eq!(report["status"], "failed", "{report:#}");
    assert_eq!(app::running(&world, "web").await, web, "{report:#}");
    assert_eq!(app::running(&world, "worker").await, worker);
    assert_eq!(app::current_secret(&world).await.0, second);
}

#[tokio::test]
async fn everything_is_restarted_where_that_is_asked_for() {
    let (world, function) = two().await;
    app::promote(&world, &function, "R1", &[("A", "1"), ("B", "1")]).await;
    let report = again(&world, &function, "R1", 1).await;
    assert_eq!(revisions(&report), pairs([("kept", "R1"); 3]), "{report:#}");
    let mut event = app::requested(&world, "R1", "request-2", 2);
    event["detail"]["restart"] = json!(true);
    world.proxy.clear();
    let report = function.invoke(&event).await.answer();
    let all = pairs([("registered", "R1"); 3]);
    assert_eq!(revisions(&report), all, "{report:#}");
    assert_eq!(world.proxy.count("ecs", "UpdateService"), 2);
    assert_eq!(world.proxy.count(SECRETS_MANAGER, "PutSecretValue"), 0);
}

#[tokio::test]
async fn seventeen_versions_are_kept_and_what_runs_is_never_forgotten() {
    let (world, function) = two().await;
    for n in 1..=21 {
        let (release, a) = (format!("R{n:02}"), n.to_string());
        app::promote(&world, &function, &release, &[("A", &a), ("B", "1")]).await;
        let labels = labels(&world).await;
        let all: usize = labels.values().map(BTreeSet::len).sum();
        assert!(all <= 20, "{release}: {labels:?}");
    }
    let labels = labels(&world).await;
    let own = labels
        .iter()
        .filter(|(id, labels)| labels.contains(&format!("release:{id}")));
    assert_eq!(own.count(), 17, "{labels:?}");
    let state = app::state(&world).await;
    let kept = state["applied"]["versions"].as_array().unwrap();
    assert_eq!(kept.len(), 17);
    assert_eq!(kept[0]["release"], "R21");
    assert_eq!(kept[16]["release"], "R01", "worker still reads it");
    let sees = app::sees(&world, &app::running(&world, "worker").await).await;
    assert_eq!(sees["B"], "1");
}

#[tokio::test]
async fn labels_of_others_leave_less_room_for_history() {
    let (world, function) = two().await;
    let report = app::promote(&world, &function, "R01", &[("A", "1"), ("B", "1")]).await;
    let first = report["secretVersionId"].as_str().unwrap();
    for n in 0..15 {
        let label = world.secrets_manager.update_secret_version_stage();
        let label = label.secret_id(app::secret(&world));
        let label = label.version_stage(format!("audit-{n}"));
        label.move_to_version_id(first).send().await.unwrap();
    }
    for n in 2..=6 {
        let (release, a) = (format!("R{n:02}"), n.to_string());
        let report = app::promote(&world, &function, &release, &[("A", &a), ("B", "1")]).await;
        assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    }
    let labels = labels(&world).await;
    let own = labels
        .iter()
        .filter(|(id, labels)| labels.contains(&format!("release:{id}")));
    // The newest, the one before that ECS may still start, and what `worker` reads.
    assert_eq!(own.count(), 3, "{labels:?}");
}

#[tokio::test]
async fn what_cannot_be_written_goes_through_s3_and_the_rest_keeps_its_version() {
    let (world, function) = two().await;
    let r1 = app::promote(&world, &function, "R1", &[("A", "1"), ("B", "1")]).await;
    world
        .proxy
        .inject(Fault::DENIED.on(SECRETS_MANAGER, "PutSecretValue"));
    let report = app::promote(&world, &function, "R2", &[("A", "2"), ("B", "1")]).await;
    assert_eq!(report["delivery"], "S3", "{report:#}");
    let want = [("registered", "R2"), ("kept", "R1"), ("kept", "R1")];
    assert_eq!(revisions(&report), pairs(want));
    assert_eq!(report["services"]["web"]["secretVersionId"], Value::Null);
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("have it: web\""),
        "only what goes through S3: {warnings}"
    );
    assert_eq!(
        report["services"]["worker"]["secretVersionId"],
        r1["secretVersionId"]
    );
    world.proxy.lift();
    let sees = app::sees(&world, &app::running(&world, "web").await).await;
    assert_eq!(sees["A"], "2");
    let report = app::promote(&world, &function, "R3", &[("A", "2"), ("B", "1")]).await;
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    let want = [("registered", "R3"), ("kept", "R1"), ("kept", "R1")];
    assert_eq!(revisions(&report), pairs(want));
}

#[tokio::test]
async fn a_label_that_cannot_be_moved_is_a_warning_where_the_version_stands() {
    let (world, function) = two().await;
    app::promote(&world, &function, "R1", &[("A", "1"), ("B", "1")]).await;
    app::promote(&world, &function, "R2", &[("A", "2"), ("B", "1")]).await;
    world
        .proxy
        .inject(Fault::DENIED.on(SECRETS_MANAGER, "UpdateSecretVersionStage"));
    let report = again(&world, &function, "R1", 1).await;
    world.proxy.lift();
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("AWSCURRENT"), "{warnings}");
    let outcomes = app::outcomes(&world).await;
    let last = outcomes.last().unwrap();
    assert_eq!(
        (last.1.as_str(), last.2.as_deref()),
        ("failed", Some("AccessDeniedException"))
    );
    let sees = app::sees(&world, &app::running(&world, "web").await).await;
    assert_eq!(sees["A"], "1");
}

#[tokio::test]
async fn references_name_no_version_where_the_rack_or_convox_yml_says_so() {
    let floating: &[(&str, &str)] = &[
        ("SECRETS_MANAGER_ENV", "Yes"),
        ("SECRETS_MANAGER_ENV_VERSION", "Current"),
    ];
    for (settings, param, is_pinned) in [
        (floating, "", false),
        (
            floating,
            "params: {SecretsManagerEnvVersion: Release}\n",
            true,
        ),
        (YES, "params: {SecretsManagerEnvVersion: Current}\n", false),
    ] {
        let world = app::world_with(&format!("{param}{TWO}"), &["web", "worker"]).await;
        let function = world.start("promote", settings);
        let report = app::promote(&world, &function, "R1", &[("A", "1"), ("B", "1")]).await;
        let (definition, _) = app::definition(&world, &app::running(&world, "web").await).await;
        let secrets = definition.container_definitions()[0].secrets();
        let version = report["secretVersionId"].as_str().unwrap();
        for secret in secrets {
            let ends = secret.value_from().ends_with(&format!("::{version}"));
            assert_eq!(ends, is_pinned, "{param} {secret:?}");
            assert_eq!(secret.value_from().ends_with("::"), !is_pinned, "{param}");
        }
        let put = world.secrets_manager.put_secret_value();
        let put = put.secret_id(app::secret(&world));
        let edited = put.secret_string(r#"{"A": "by hand", "B": "1"}"#);
        edited.send().await.unwrap();
        let sees = app::sees(&world, &app::running(&world, "web").await).await;
        assert_eq!(
            sees["A"],
            if is_pinned { "1" } else { "by hand" },
            "{param}"
        );
    }
}

#[tokio::test]
async fn a_spelling_of_the_version_that_is_none_is_the_users_error() {
    let param = "params: {SecretsManagerEnvVersion: current}\n";
    let world = app::world_with(&format!("{param}{TWO}"), &["web", "worker"]).await;
    let function = world.start("promote", YES);
    let report = app::promote(&world, &function, "R1", &[("A", "1"), ("B", "1")]).await;
    assert_eq!(report["errorType"], "InvalidParameter", "{report:#}");
    let message = report["message"].as_str().unwrap();
    for part in [
        "line 1",
        "SecretsManagerEnvVersion",
        "`current`",
        "`Release`",
        "`Current`",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[tokio::test]
async fn a_version_of_before_the_state_was_lost_is_kept_and_found_again() {
    let (world, function) = two().await;
    let r1 = app::promote(&world, &function, "R1", &[("A", "1"), ("B", "1")]).await;
    let state = format!("apps/{APP}/state/promotion.json");
    world.put(&state, "{}").await;
    world.proxy.clear();
    let r2 = app::promote(&world, &function, "R2", &[("A", "2"), ("B", "1")]).await;
    assert_eq!(r2["delivery"], "SecretsManager", "{r2:#}");
    assert!(
        labels(&world)
            .await
            .contains_key(r1["secretVersionId"].as_str().unwrap())
    );
    world.proxy.clear();
    let back = again(&world, &function, "R1", 1).await;
    assert_eq!(back["secretVersionId"], r1["secretVersionId"]);
    assert_eq!(world.proxy.count(SECRETS_MANAGER, "PutSecretValue"), 0);
}

/// A Rack whose secrets are under the first key, and one where they are under the second.
async fn two_keys(world: &World) -> [Function; 2] {
    let mut keys = Vec::new();
    for _ in 0..2 {
        let key = world.kms.create_key().send().await.unwrap();
        keys.push(key.key_metadata.unwrap().arn.unwrap());
    }
    [(&keys[0], ""), (&keys[1], keys[0].as_str())].map(|(key, former)| {
        let settings = [
            ("SECRETS_MANAGER_ENV", "Yes"),
            ("SECRET_KEY_ARN", key.as_str()),
            ("FORMER_SECRET_KEY_ARN", former),
        ];
        world.start("promote", &settings)
    })
}

#[tokio::test]
async fn what_cannot_be_forgotten_is_asked_for_once_and_the_next_promote_tries_again() {
    let world = app::world_with(TWO, &["web", "worker"]).await;
    let [before, now] = two_keys(&world).await;
    let mut old = Vec::new();
    for (function, release) in [(&before, "R1"), (&before, "R2"), (&now, "R3")] {
        let report = app::promote(&world, function, release, &[("A", release), ("B", "1")]).await;
        old.push(report["secretVersionId"].as_str().unwrap().to_owned());
    }
    old.pop(); // R3 is under the key of now
    let stage = "UpdateSecretVersionStage";
    world.proxy.clear();
    world.proxy.inject(Fault::DENIED.on(SECRETS_MANAGER, stage));
    let report = app::promote(&world, &now, "R4", &[("A", "R4"), ("B", "1")]).await;
    world.proxy.lift();
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("could not be forgotten"), "{warnings}");
    assert_eq!(world.proxy.count(SECRETS_MANAGER, stage), 1);
    let kept = |labels: &BTreeMap<String, BTreeSet<String>>| {
        let is_kept = |id: &&String| {
            labels.contains_key(*id) && labels[*id].contains(&format!("release:{id}"))
        };
        old.iter().filter(is_kept).count()
    };
    assert_eq!(kept(&labels(&world).await), 2);
    app::promote(&world, &now, "R5", &[("A", "R5"), ("B", "1")]).await;
    assert_eq!(kept(&labels(&world).await), 0);
}

#[tokio::test]
async fn nothing_stays_at_a_version_under_the_key_before() {
    let world = app::world_with(TWO, &["web", "worker"]).await;
    let [before, function] = two_keys(&world).await;
    let r1 = app::promote(&world, &before, "R1", &[("A", "1"), ("B", "1")]).await;
    for (release, want) in [
        ("R2", [("registered", "R2"); 3]),
        ("R3", [("kept", "R2"); 3]),
    ] {
        let report = app::promote(&world, &function, release, &[("A", "1"), ("B", "1")]).await;
        assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
        assert_eq!(revisions(&report), pairs(want), "{report:#}");
        assert_ne!(report["secretVersionId"], r1["secretVersionId"]);
    }
    let first = r1["secretVersionId"].as_str().unwrap();
    let labels = labels(&world).await;
    let of_first = labels.get(first).cloned().unwrap_or_default();
    assert!(
        !of_first.contains(&format!("release:{first}")),
        "{labels:?}"
    );
}

#[tokio::test]
async fn a_key_that_is_removed_under_references_without_a_version_is_said() {
    for (settings, is_said) in [("Current", true), ("Release", false)] {
        let world = app::world_with(TWO, &["web", "worker"]).await;
        let settings = [
            ("SECRETS_MANAGER_ENV", "Yes"),
            ("SECRETS_MANAGER_ENV_VERSION", settings),
        ];
        let function = world.start("promote", &settings);
        let first = [("A", "1"), ("OLD_KEY", "1"), ("B", "1")];
        app::promote(&world, &function, "R1", &first).await;
        let report = app::promote(&world, &function, "R2", &[("A", "1"), ("B", "1")]).await;
        let warnings = report["warnings"].to_string();
        let says = warnings.contains("`OLD_KEY` is removed") && warnings.contains("Services: web");
        assert_eq!(says, is_said, "{warnings}");
    }
}

#[tokio::test]
async fn what_was_promoted_before_versions_were_kept_restarts_once_and_can_be_gone_back_to() {
    let (world, function) = two().await;
    let first = [("A", "1"), ("B", "1")];
    let r1 = app::promote(&world, &function, "R1", &first).await;
    as_it_was_before(&world, r1["secretVersionId"].as_str().unwrap()).await;
    let same = app::promote(&world, &function, "R2", &first).await;
    assert_eq!(same["delivery"], "SecretsManager", "{same:#}");
    assert_eq!(
        revisions(&same),
        pairs([("registered", "R2"); 3]),
        "{same:#}"
    );
    let report = app::promote(&world, &function, "R3", &[("A", "3"), ("B", "1")]).await;
    let want = [("registered", "R3"), ("kept", "R2"), ("kept", "R2")];
    assert_eq!(revisions(&report), pairs(want), "{report:#}");
    let back = again(&world, &function, "R1", 1).await;
    assert_eq!(back["status"], "promoted", "{back:#}");
    assert_eq!(back["delivery"], "SecretsManager", "{back:#}");
    let sees = app::sees(&world, &app::running(&world, "web").await).await;
    assert_eq!(sees["A"], "1");
}

/// Makes state and secret those of an earlier version: nothing of versions is written down, and none has a label of its own.
async fn as_it_was_before(world: &World, version_id: &str) {
    let key = format!("apps/{APP}/state/promotion.json");
    let mut state = app::state(world).await;
    let applied = state["applied"].as_object_mut().unwrap();
    applied.remove("versions");
    for kind in ["services", "timers"] {
        let definitions = applied[kind].as_object_mut().unwrap();
        for definition in definitions.values_mut() {
            let definition = definition.as_object_mut().unwrap();
            for member in ["core", "release", "secretVersionId"] {
                definition.remove(member);
            }
            definition.insert("digest".to_owned(), "of floating references".into());
        }
    }
    world.put(&key, state.to_string()).await;
    let forget = world.secrets_manager.update_secret_version_stage();
    let forget = forget.secret_id(app::secret(world));
    let forget = forget.version_stage(format!("release:{version_id}"));
    forget
        .remove_from_version_id(version_id)
        .send()
        .await
        .unwrap();
}

/// References with names of 20 characters: by id they take more than a task definition has, by label they do not.
const MANY: usize = 400;

#[tokio::test]
async fn a_definition_that_has_no_room_for_ids_names_the_version_by_a_short_label() {
    let manifest = "services:\n  web:\n    image: a\n    environment:\n      - \"*\"\n";
    let world = app::world_with(manifest, &["web"]).await;
    let function = world.start("promote", YES);
    let value = |n: usize, of: &str| format!("{of}-{n}");
    let environment = |of: &str| -> Vec<(String, String)> {
        (0..MANY)
            .map(|n| (format!("A_VARIABLE_OF_20_{n:03}"), value(n, of)))
            .collect()
    };
    let promote = async |release: &str, of: &str| {
        let environment = environment(of);
        let pairs: Vec<(&str, &str)> = environment
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        app::promote(&world, &function, release, &pairs).await
    };
    let report = promote("R1", "one").await;
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
    let first = app::running(&world, "web").await;
    promote("R2", "two").await;
    // ECS splits a reference at colons, and the label is all that names the version.
    let short: BTreeSet<String> = labels(&world)
        .await
        .into_iter()
        .filter_map(|(id, labels)| {
            let short = id[..10].to_owned();
            labels.contains(&short).then_some(short)
        })
        .collect();
    assert_eq!(short.len(), 2, "each version has its short label");
    let task = app::sees(&world, &first).await;
    assert_eq!(
        task["A_VARIABLE_OF_20_000"], "one-0",
        "R1's task has R1's values"
    );
    world.proxy.clear();
    let back = again(&world, &function, "R1", 60).await;
    assert_eq!(back["services"]["web"]["revision"], "reused", "{back:#}");
    assert_eq!(world.proxy.count(SECRETS_MANAGER, "PutSecretValue"), 0);
    assert_eq!(registrations(&world), 0);
}
