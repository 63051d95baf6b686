//! The functions' whole lives: every kind of call that they make.

use aws_sdk_secretsmanager::types::Tag;
use double::iam::{self, Deployment, Permit};
use double::{Call, Fault};
use rig::world::SUBNETS;
use rig::{Function, World, events};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::app::{self, APP};
use crate::ingress::ENTRANCE;
use crate::{process_run, rack_settings};

/// What came of a function's life.
#[derive(Debug)]
pub struct Seen {
    /// The function.
    pub function: &'static str,
    /// The stack.
    pub deployment: Deployment,
    /// Every call in its World, those of other functions included.
    pub calls: Vec<Call>,
}

impl Seen {
    /// Promote's life; lived once for all tests.
    pub async fn of_promote() -> &'static Self {
        static SEEN: OnceCell<Seen> = OnceCell::const_new();
        SEEN.get_or_init(live).await
    }

    /// A deletion of an App that has everything.
    pub async fn of_app_deletion() -> Self {
        let world = app::world_with(&zoned(app::MANIFEST), &["web"]).await;
        let (deployment, promote) = start(&world).await;
        promoted(&world, &promote, "R1", "first").await;
        let deletion = world.start("app-deletion", ENTRANCE);
        let mut event = app::deleted(&world, "deletion-0", 5);
        strand(&world).await;
        let answer = deletion.answer(&event).await;
        assert_eq!(answer["errorType"], "ClusterChanged", "{answer:#}");
        rescue(&world).await;
        world.create_ecs_service("of-somebody-else", &[]).await;
        event["id"] = "deletion-1".into();
        world.proxy.fail_stacks("in use");
        let answer = deletion.answer(&event).await;
        assert_eq!(answer["errorType"], "StackStays", "{answer:#}");
        event["id"] = "deletion-2".into();
        // What it may not remove is looked at too.
        world.create_ecs_service("theirs", &[]).await;
        let answer = deletion.answer(&event).await;
        assert_eq!(answer["status"], "deleted", "{answer:#}");
        event["id"] = "deletion-3".into();
        event["detail"]["app"] = "never-promoted".into();
        let answer = deletion.answer(&event).await;
        assert_eq!(answer["errorType"], "AppNotFound", "{answer:#}");
        Self {
            function: "app-deletion",
            deployment,
            calls: world.proxy.all(),
        }
    }

    /// A failed write that is counted, and a task that could not start.
    pub async fn of_failure_count() -> Self {
        let world = app::world_with(app::MANIFEST, &["web"]).await;
        let (deployment, promote) = start(&world).await;
        let denied = Fault::DENIED.on("secretsmanager", "CreateSecret");
        world.inject(denied.times(3));
        for release in ["R1", "R2", "R3"] {
            promoted(&world, &promote, release, release).await;
        }
        let count = world.start("failure-count", &[]);
        let mut event = app::requested(&world, "R3", "stopped", 0);
        event["detail-type"] = "ECS Task State Change".into();
        event["source"] = "aws.ecs".into();
        let cluster = format!(
            "arn:aws:ecs:us-east-1:{}:cluster/{}",
            world.account, world.cluster
        );
        event["detail"] = json!({
            "clusterArn": cluster, "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/any", "lastStatus": "STOPPED",
            "taskDefinitionArn": app::running(&world, "web").await, "stopCode": "TaskFailedToStart",
            "stoppedReason": "unable to retrieve secret from asm: AccessDeniedException",
        });
        let answer = count.answer(&event).await;
        assert_eq!(answer["consecutiveFailures"], 3, "{answer:#}");
        Self {
            function: "failure-count",
            deployment,
            calls: world.proxy.all(),
        }
    }

    /// One process that reads the secret, one of another Release, sealed, and one that came again under other settings.
    pub async fn of_process_run() -> Self {
        let world = app::world_with(app::MANIFEST, &[]).await;
        let (deployment, promote) = start(&world).await;
        promoted(&world, &promote, "R1", "first").await;
        let sealed = world.seal(b"DATABASE_URL=sealed\n").await;
        world
            .put(&format!("apps/{APP}/releases/R2/env"), sealed)
            .await;
        let run = world.start("process-run", &[("SECRETS_MANAGER_ENV", "Yes")]);
        let other = world.start("process-run", &[]);
        for (function, release, id) in [
            (&run, None, "run-1"),
            (&run, Some("R2"), "run-2"),
            (&other, None, "run-1"),
        ] {
            let event = process_run::requested(&world, id, &json!({"release": release}));
            let answer = function.answer(&event).await;
            assert_eq!(answer["status"], "started", "{answer:#}");
        }
        Self {
            function: "process-run",
            deployment,
            calls: world.proxy.all(),
        }
    }

    /// The logical id of the function's role.
    pub fn role(&self) -> String {
        Deployment::role_of(self.function)
    }

    /// What the function's calls needed.
    pub fn permits(&self) -> Vec<Permit<'_>> {
        self.permits_in(&self.deployment)
    }

    /// What the same calls need in another form of the stack.
    pub fn permits_in(&self, deployment: &Deployment) -> Vec<Permit<'_>> {
        iam::permits(deployment, &self.calls, self.function)
    }
}

async fn key(world: &World) -> String {
    let key = world.kms.create_key().send().await.unwrap();
    key.key_metadata.unwrap().arn.unwrap()
}

/// The App's secret, as a promote left it while the Rack had another key.
async fn secret_of_before(world: &World, key: String) {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let created = world
        .secrets_manager
        .create_secret()
        .name(app::secret(world));
    let created = created.secret_string("{}").kms_key_id(key);
    let tags = [tag("convox:rack", &world.rack), tag("convox:app", APP)];
    let created = created.set_tags(Some(tags.into()));
    created.send().await.unwrap();
}

/// The Rack's stack and its promote, with load balancers and a customer key of secrets.
pub async fn start(world: &World) -> (Deployment, Function) {
    let key = key(world).await;
    let keys = [
        ("SECRETS_MANAGER_ENV", "Yes"),
        ("SECRET_KEY_ARN", key.as_str()),
    ];
    let settings = [&keys, ENTRANCE].concat();
    let deployment = Deployment::of(&world.settings(&settings));
    (deployment, world.start("promote", &settings))
}

/// From now on the App was promoted in another cluster, where its Service `web` still is.
async fn strand(world: &World) {
    let elsewhere = format!("{}-before", world.cluster);
    let create = world.ecs.create_cluster().cluster_name(&elsewhere);
    let created = create.send().await.unwrap().cluster.unwrap();
    let tag = |key: &str, value: &str| {
        let tag = aws_sdk_ecs::types::Tag::builder();
        tag.key(key).value(value).build()
    };
    let create = world.ecs.create_service().cluster(&elsewhere);
    let create = create.service_name(app::ecs_service(world, "web"));
    let create = create
        .task_definition(app::running(world, "web").await)
        .launch_type(aws_sdk_ecs::types::LaunchType::Fargate)
        .network_configuration(World::network())
        .desired_count(1)
        .tags(tag("convox:rack", &world.rack))
        .tags(tag("convox:app", APP));
    create.send().await.unwrap();
    rack_settings::edit_state(world, |state| {
        state["applied"]["cluster"] = created.cluster_arn.into();
    })
    .await;
}

/// From now on a Service of `app` runs as somebody else's ECS service.
async fn name_in_app_json(world: &World, app: &str, service: &str) {
    let named = json!({"services": {service: "legacy"}}).to_string();
    world.put(&format!("apps/{app}/app.json"), named).await;
}

/// The Service is not there any more.
async fn rescue(world: &World) {
    let elsewhere = format!("{}-before", world.cluster);
    let remove = world.ecs.delete_service().cluster(elsewhere);
    let remove = remove.service(app::ecs_service(world, "web"));
    remove.force(true).send().await.unwrap();
}

/// Without the Service `metrics` and the Timer `report`, and with another schedule.
fn changed_manifest() -> String {
    let (services, timers) = app::MANIFEST.split_once("  metrics:").unwrap();
    let (_, timers) = timers.split_once("timers:").unwrap();
    let (timers, _) = timers.split_once("  report:").unwrap();
    format!(
        "{services}timers:{}",
        timers.replace("0 3 * * *", "0 4 * * *")
    )
}

async fn promoted(world: &World, function: &Function, release: &str, value: &str) -> Value {
    let report = app::promote(world, function, release, &[("DATABASE_URL", value)]).await;
    assert_eq!(report["status"], "promoted", "{release}: {report:#}");
    report
}

// Releases of one second are ordered by their names, so the names rise.
async fn live() -> Seen {
    let world = app::world_with(app::MANIFEST, &["web"]).await;
    let [former, key] = [key(&world).await, key(&world).await];
    let keys = [
        ("SECRETS_MANAGER_ENV", "Yes"),
        ("SECRET_KEY_ARN", key.as_str()),
        ("FORMER_SECRET_KEY_ARN", former.as_str()),
    ];
    let settings = [&keys, ENTRANCE].concat();
    let deployment = Deployment::of(&world.settings(&settings));
    let function = world.start("promote", &settings);
    secret_of_before(&world, former).await;
    for _ in 0..2 {
        promoted(&world, &function, "R1", "first").await; // the second time nothing changes
    }
    change(&world, &function).await;
    secret_outage_and_deletion(&world, &function).await;
    put_back(&world, &function).await;
    schedules(&world, &function).await;
    gateways(&world, &function).await;
    stacks(&world, &function).await;
    other_triggers(&world, &function).await;
    shifted(&world, &function).await;
    rolled_back(&world, &function).await;
    strand(&world).await;
    world.put_env(APP, "R8", &[("DATABASE_URL", "u")]).await;
    let report = app::asked(&world, &function, "R8", "request-2", 10).await;
    assert_eq!(report["errorType"], "ClusterChanged", "{report:#}");
    Seen {
        function: "promote",
        deployment,
        calls: world.proxy.all(),
    }
}

/// Another environment, a Timer at another time; a Service and a Timer are gone.
async fn change(world: &World, function: &Function) {
    app::write_manifest(world, "R2", changed_manifest()).await;
    let report = promoted(world, function, "R2", "second").await;
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
}

async fn secret_outage_and_deletion(world: &World, function: &Function) {
    world
        .put(&format!("apps/{APP}/convox.yml"), changed_manifest())
        .await;
    let failed = Fault::DENIED
        .on("secretsmanager", "PutSecretValue")
        .times(1);
    world.inject(failed);
    let report = promoted(world, function, "R3", "third").await;
    assert_eq!(report["delivery"], "S3", "{report:#}");
    let delete = world.secrets_manager.delete_secret();
    let delete = delete.secret_id(app::secret(world));
    delete.recovery_window_in_days(30).send().await.unwrap();
    let report = promoted(world, function, "R4", "fourth").await;
    assert_eq!(report["delivery"], "SecretsManager", "{report:#}");
}

/// A promote that fails after the secret was written.
async fn put_back(world: &World, function: &Function) {
    world.inject(Fault::DENIED.on("ecs", "UpdateService").times(1));
    let report = app::promote(world, function, "R5", &[("DATABASE_URL", "fifth")]).await;
    assert_eq!(report["status"], "failed", "{report:#}");
}

/// The manifest with a time zone for the Timer `cleanup`.
fn zoned(manifest: &str) -> String {
    let command = "    command: bin/cleanup\n";
    manifest.replace(command, &format!("{command}    timezone: Europe/Berlin\n"))
}

/// A Timer is moved to a schedule, is told another time, and moved back.
async fn schedules(world: &World, function: &Function) {
    let manifest = zoned(&changed_manifest());
    let later = manifest.replace("0 4 * * *", "0 5 * * *");
    for (release, manifest) in [
        ("R51", manifest),
        ("R52", later),
        ("R53", changed_manifest()),
    ] {
        app::write_manifest(world, release, manifest).await;
        promoted(world, function, release, release).await;
    }
}

/// A Service is attached to a gateway, and taken away from it.
async fn gateways(world: &World, function: &Function) {
    world.proxy.associate_gateway("PUBLIC", &SUBNETS);
    let image = "    image: example/web:1\n";
    let reached = format!("{image}    gateway: true\n");
    let reached = changed_manifest().replacen(image, &reached, 1);
    for (release, manifest) in [("R54", reached), ("R55", changed_manifest())] {
        app::write_manifest(world, release, manifest).await;
        promoted(world, function, release, release).await;
    }
}

/// A stack that changes, and one of another App that does not come up at first.
async fn stacks(world: &World, function: &Function) {
    let policies =
        "    policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]\n    image: example/web:1\n";
    let manifest = changed_manifest().replace("    image: example/web:1\n", policies);
    app::write_manifest(world, "R6", manifest).await;
    promoted(world, function, "R6", "sixth").await;
    let manifest = "services: {web: {image: i}}\ntimers: {t: {schedule: 0 3 * * ?, timezone: Asia/Tokyo, command: c, service: web}}\n";
    world.put("apps/blog/convox.yml", manifest).await;
    app::lend(world, "legacy", "blog").await;
    name_in_app_json(world, "blog", "web").await;
    world.proxy.fail_stacks("no room");
    for (release, status) in [("R1", "failed"), ("R2", "promoted")] {
        let report = app::promote_app(world, function, "blog", release, "A=1\n").await;
        assert_eq!(report["status"], status, "{report:#}");
    }
}

/// ECS moves requests for another App.
async fn shifted(world: &World, function: &Function) {
    let manifest = "services: {web: {image: i, port: 3000, environment: [A], deployment: {strategy: blueGreen}}}\n";
    world.put("apps/mall/convox.yml", manifest).await;
    for (release, variables) in [("R1", "A=1\n"), ("R2", "A=2\n")] {
        let report = app::promote_app(world, function, "mall", release, variables).await;
        assert_eq!(report["status"], "promoted", "{report:#}");
    }
}

/// ECS gives a Service of the applied Release up, and the schedule looks.
async fn rolled_back(world: &World, function: &Function) {
    let revision = app::running(world, "web").await;
    let (family, _) = revision.rsplit_once(':').unwrap();
    let name = app::ecs_service(world, "web");
    let update = app::update(world, &name).task_definition(format!("{family}:1"));
    update.send().await.unwrap();
    let task = format!(
        "arn:aws:ecs:us-east-1:{}:task/{}/1",
        world.account, world.cluster
    );
    let task =
        json!({"taskArn": task, "taskDefinitionArn": revision, "stoppedReason": "RESOURCE:MEMORY"});
    world.proxy.add_stopped_task(&name, task);
    let look = events::sample(world, "promote-verdict-look");
    let answer = function.answer(&look).await;
    assert_eq!(answer["status"], "looked", "{answer:#}");
}

/// A sealed environment with a release command, a question, a request, the schedule.
async fn other_triggers(world: &World, function: &Function) {
    let sealed = world.seal(b"DATABASE_URL=sealed\n").await;
    let image = "    image: example/web:1\n";
    let command = format!("{image}    release: bin/migrate\n");
    let manifest = app::MANIFEST.replacen(image, &command, 1);
    app::write_manifest(world, "R7", manifest).await;
    let report = app::promote_app(world, function, APP, "R7", sealed).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let plan = app::dry_run(function, "R7").await;
    assert_eq!(plan["status"], "planned", "{plan:#}");
    let requested = app::requested(world, "R4", "request-1", 1);
    let report = function.answer(&requested).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let mut reconcile = app::requested(world, "", "tick", 0);
    reconcile["detail-type"] = "Promotion Reconcile".into();
    reconcile["source"] = "secrets-manager-env".into();
    reconcile["detail"] = json!({"rack": world.rack});
    let answer = function.answer(&reconcile).await;
    assert_eq!(answer["status"], "reconciled", "{answer:#}");
}
