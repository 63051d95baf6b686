//! An App's tasks reach its own resources, and no other App's do.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{AssignPublicIp, AwsVpcConfiguration, NetworkConfiguration};
use double::Fault;
use double::iam::{Decision, Need, Policy};
use rig::World;
use rig::world::SUBNETS;
use serde_json::{Value, json};

use super::text::updated;
use super::{YES, fresh, outputs, promoted, template};
use crate::app::{self, APP};
use crate::rack_settings::edit_state;

/// What stands in place of the id of the App's own group.
pub const OWN: &str = "own";

const MANIFEST: &str = "\
resources:
  queue: {type: redis}
  files: {type: efs}
services:
  web:
    image: example/web:1
    environment: [KEY]
    resources: [queue, files]
    volumes: [\"files:/data\"]
timers:
  cleanup: {schedule: \"0 3 * * ?\", command: bin/cleanup, service: web}
";

pub fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The groups and the public address of the Service's and the Timer's tasks.
pub async fn networks(world: &World) -> [(BTreeSet<String>, String); 2] {
    let service = app::service(world, "web").await.unwrap();
    let service = service.network_configuration().unwrap();
    let service = service.awsvpc_configuration().unwrap();
    let rule = app::rule(world, "cleanup");
    let targets = world.eventbridge.list_targets_by_rule().rule(rule);
    let targets = targets.send().await.unwrap();
    let task = targets.targets()[0].ecs_parameters().unwrap();
    let timer = task.network_configuration().unwrap();
    let timer = timer.awsvpc_configuration().unwrap();
    let outputs = outputs(world).await;
    let told = |groups: &[String]| {
        let groups = groups.iter();
        let told = groups.map(|group| match outputs.get("SecurityGroupId") {
            Some(own) if own == group => OWN.to_owned(),
            _ => group.clone(),
        });
        told.collect()
    };
    [
        (
            told(service.security_groups()),
            service.assign_public_ip().unwrap().to_string(),
        ),
        (
            told(timer.security_groups()),
            timer.assign_public_ip().unwrap().to_string(),
        ),
    ]
}

/// The groups that resources let in: all of them the same.
pub async fn admitted(world: &World) -> BTreeSet<String> {
    let template = template(world).await;
    let resources = template["Resources"].as_object().unwrap().values();
    let rules = resources.filter(|one| one["Type"] == "AWS::EC2::SecurityGroupIngress");
    let from = rules.map(|rule| &rule["Properties"]["SourceSecurityGroupId"]);
    let own = json!({"Fn::GetAtt": ["SecurityGroup", "GroupId"]});
    from.map(|from| {
        let group = if *from == own {
            Some(OWN)
        } else {
            from.as_str()
        };
        group.unwrap().to_owned()
    })
    .collect()
}

/// Somebody puts an ECS service into such groups, with a definition.
pub async fn put(world: &World, service: &str, groups: &[&str], definition: &str) {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    let network = AwsVpcConfiguration::builder()
        .set_subnets(Some(SUBNETS.map(str::to_owned).into()))
        .set_security_groups(Some(groups))
        .assign_public_ip(AssignPublicIp::Disabled)
        .build()
        .unwrap();
    let network = NetworkConfiguration::builder().awsvpc_configuration(network);
    let update = app::update(world, service).task_definition(definition);
    let update = update.network_configuration(network.build());
    update.send().await.unwrap();
}

/// The same of the App's own.
pub async fn put_service(world: &World, groups: &[&str], definition: &str) {
    put(world, &app::ecs_service(world, "web"), groups, definition).await;
}

/// Makes of the App what a version left that knew no groups of Apps: its tasks are in the Rack's group, which resources let
/// in, and mount as nobody.
pub async fn left_by_an_earlier_version(world: &World) {
    let mut before = template(world).await;
    let resources = before["Resources"].as_object_mut().unwrap();
    resources.remove("SecurityGroup").unwrap();
    for resource in resources.values_mut() {
        let properties = resource["Properties"].as_object_mut().unwrap();
        properties.remove("FileSystemPolicy");
        if let Some(source) = properties.get_mut("SourceSecurityGroupId") {
            *source = json!("sg-1");
        }
    }
    let outputs = before["Outputs"].as_object_mut().unwrap();
    outputs.remove("SecurityGroupId").unwrap();
    updated(world, &before).await;
    put_service(world, &["sg-1"], &app::running(world, "web").await).await;
    edit_state(world, |state| {
        let applied = &mut state["applied"];
        applied["network"]["securityGroups"] = json!(["sg-1"]);
        let needs = applied["stack"].as_object_mut().unwrap();
        needs.remove("mountedByRole").unwrap();
        needs["rack"]["securityGroups"] = json!(["sg-1"]);
    })
    .await;
}

/// The groups of an App's Service, as ECS has them.
async fn groups_of(world: &World, service: &str) -> BTreeSet<String> {
    let service = app::standing(world, service).await.unwrap();
    let network = service.network_configuration().unwrap();
    let groups = network.awsvpc_configuration().unwrap().security_groups();
    groups.iter().cloned().collect()
}

#[tokio::test]
async fn tasks_of_one_app_reach_its_cache_and_those_of_another_do_not() {
    let (world, promote) = fresh(MANIFEST).await;
    promoted(&world, &promote, "R1", MANIFEST).await;
    let key = "apps/blog/releases/R1/convox.yml";
    world.put(key, MANIFEST).await;
    let report = app::promote_app(&world, &promote, "blog", "R1", "KEY=R1\n").await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let own = outputs(&world).await["SecurityGroupId"].clone();
    let let_in = admitted(&world).await;
    let gets_through = |groups: &BTreeSet<String>| {
        let named = |group: &String| {
            if *group == own {
                OWN.to_owned()
            } else {
                group.clone()
            }
        };
        groups.iter().any(|group| let_in.contains(&named(group)))
    };
    let shop = groups_of(&world, &app::ecs_service(&world, "web")).await;
    let blog = groups_of(&world, &format!("{}_blog_web", world.rack)).await;
    assert!(
        shop.contains("sg-1") && blog.contains("sg-1"),
        "as all tasks of the Rack"
    );
    assert!(gets_through(&shop), "{shop:?} {let_in:?}");
    assert!(!gets_through(&blog), "{blog:?} {let_in:?}");
}

#[tokio::test]
async fn an_app_without_resources_has_no_group_and_keeps_one_that_it_had() {
    let without = "services: {web: {image: example/web:1, environment: [KEY]}}\n\
                   timers: {cleanup: {schedule: \"0 3 * * ?\", command: c, service: web}}\n";
    let (world, promote) = fresh(without).await;
    promoted(&world, &promote, "R1", without).await;
    let alone = set(&["sg-1"]);
    assert_eq!(
        networks(&world).await.map(|one| one.0),
        [alone.clone(), alone]
    );
    for (release, manifest) in [("R2", MANIFEST), ("R3", without), ("R4", without)] {
        let report = promoted(&world, &promote, release, manifest).await;
        assert_eq!(report["status"], "promoted", "{report:#}");
        let both = set(&["sg-1", OWN]);
        let networks = networks(&world).await.map(|one| one.0);
        assert_eq!(networks, [both.clone(), both], "{release}");
    }
    assert_eq!(admitted(&world).await, set(&[]), "its resources are gone");
}

#[tokio::test]
async fn what_an_earlier_version_left_reaches_its_resources_all_the_way_into_the_apps_own_group() {
    let (world, promote) = fresh(MANIFEST).await;
    promoted(&world, &promote, "R1", MANIFEST).await;
    left_by_an_earlier_version(&world).await;
    let plan = json!({"app": APP, "release": "R1", "dryRun": true});
    let plan = promote.answer(&plan).await;
    assert_eq!(plan["stack"], "update", "{plan:#}");
    assert_eq!(plan["services"]["web"]["changes"], true, "{plan:#}");

    world.inject(Fault::DENIED.on("events", "PutTargets").times(1));
    let report = promoted(&world, &promote, "R2", MANIFEST).await;
    world.proxy.lift();
    assert_eq!(report["errorType"], "AccessDeniedException", "{report:#}");
    assert_eq!(networks(&world).await[0].0, set(&["sg-1"]), "put back");
    let either = set(&["sg-1", OWN]);
    assert_eq!(
        admitted(&world).await,
        either,
        "R1 runs in the Rack's group"
    );

    let report = promoted(&world, &promote, "R3", MANIFEST).await;
    let said = "let in the security groups sg-1 until the next promote";
    assert!(report["warnings"].to_string().contains(said), "{report:#}");
    let networks = networks(&world).await.map(|one| one.0);
    assert_eq!(networks, [either.clone(), either.clone()]);
    assert_eq!(admitted(&world).await, either, "tasks of R1 still run");
    let report = promoted(&world, &promote, "R4", MANIFEST).await;
    assert!(!report["warnings"].to_string().contains(said), "{report:#}");
    assert_eq!(admitted(&world).await, set(&[OWN]));
}

#[tokio::test]
async fn where_the_rack_gives_all_groups_that_a_task_can_have_they_are_let_in_and_it_is_said() {
    let (world, _) = fresh(MANIFEST).await;
    let full = ["sg-1", "sg-2", "sg-3", "sg-4", "sg-5"];
    let listed = full.join(",");
    let promote = world.start("promote", &[YES[0], ("SECURITY_GROUPS", &listed)]);
    let report = promoted(&world, &promote, "R1", MANIFEST).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let said = "the Rack's SecurityGroups are 5, and a task takes no more";
    assert!(report["warnings"].to_string().contains(said), "{report:#}");
    assert_eq!(networks(&world).await[0].0, set(&full));
    let all = &set(&full) | &set(&[OWN]);
    assert_eq!(admitted(&world).await, all);

    let listed = full[..4].join(",");
    let promote = world.start("promote", &[YES[0], ("SECURITY_GROUPS", &listed)]);
    let report = promoted(&world, &promote, "R2", MANIFEST).await;
    assert!(
        !report["warnings"].to_string().contains("takes no more"),
        "{report:#}"
    );
    assert_eq!(networks(&world).await[0].0, &set(&full[..4]) | &set(&[OWN]));
    assert_eq!(admitted(&world).await, all, "tasks of R1 still run");
    promoted(&world, &promote, "R3", MANIFEST).await;
    assert_eq!(admitted(&world).await, set(&[OWN]));
}

#[tokio::test]
async fn tasks_on_instances_have_the_groups_of_those_which_stay_let_in() {
    let (world, _) = fresh(MANIFEST).await;
    let on_instances = world.start("promote", &[YES[0], ("LAUNCH_TYPE", "EC2")]);
    let report = promoted(&world, &on_instances, "R1", MANIFEST).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    assert_eq!(admitted(&world).await, set(&["sg-1", OWN]));
}

/// The App's own task role, and what the file system says of it.
async fn may_mount(world: &World, through_access_point: bool, tls: bool) -> Decision {
    let template = template(world).await.to_string();
    let outputs = outputs(world).await;
    let arn = |kind: &str, id: &str| {
        json!(format!(
            "arn:aws:elasticfilesystem:us-east-1:123456789012:{kind}/{id}"
        ))
        .to_string()
    };
    let (files, point) = (
        arn("file-system", &outputs["FilesFileSystemId"]),
        arn("access-point", &outputs["FilesAccessPointId"]),
    );
    let template = template.replace(r#"{"Fn::GetAtt":["FilesFileSystem","Arn"]}"#, &files);
    let template = template.replace(r#"{"Fn::GetAtt":["FilesAccessPoint","Arn"]}"#, &point);
    let template: Value = serde_json::from_str(&template).unwrap();
    let role = &template["Resources"]["TaskRole"]["Properties"]["Policies"][0]["PolicyDocument"];
    let mut role = role.clone();
    let statements = role["Statement"].as_array_mut().unwrap();
    statements.retain(|one| one["Sid"] == "MountFileSystems");
    let mut of_files =
        template["Resources"]["FilesFileSystem"]["Properties"]["FileSystemPolicy"].clone();
    for statement in of_files["Statement"].as_array_mut().unwrap() {
        statement["Resource"] = json!("*");
    }
    let mut policy = Policy::default();
    policy.add_allowed(&role).unwrap();
    policy.add_allowed(&of_files).unwrap();
    let plain = |text: String| text.trim_matches('"').to_owned();
    let action = "elasticfilesystem:ClientMount";
    let mut need = Need::new(action, plain(files), "").with("aws:SecureTransport", tls.to_string());
    if through_access_point {
        need = need.with("elasticfilesystem:AccessPointArn", plain(point));
    }
    policy.decide(&need)
}

#[tokio::test]
async fn file_systems_are_mounted_as_the_tasks_role_over_tls_and_by_their_access_point() {
    let (world, promote) = fresh(MANIFEST).await;
    promoted(&world, &promote, "R1", MANIFEST).await;
    for (through_access_point, tls, want) in [
        (true, true, Decision::Allowed),
        (
            false,
            true,
            Decision::Denied("ByAccessPointOnly".to_owned()),
        ),
        (true, false, Decision::Denied("OverTlsOnly".to_owned())),
    ] {
        let got = may_mount(&world, through_access_point, tls).await;
        assert_eq!(got, want, "{through_access_point} {tls}");
    }
    let (definition, _) = app::definition(&world, &app::running(&world, "web").await).await;
    let efs = definition.volumes()[0].efs_volume_configuration().unwrap();
    let authorization = efs.authorization_config().unwrap();
    assert_eq!(authorization.iam().unwrap().as_str(), "ENABLED");
    let role = outputs(&world).await["TaskRoleArn"].clone();
    assert_eq!(definition.task_role_arn(), Some(role.as_str()));
}

#[tokio::test]
async fn a_file_system_that_stands_lets_in_tasks_without_a_role_until_none_of_them_can_start() {
    let (world, promote) = fresh(MANIFEST).await;
    promoted(&world, &promote, "R1", MANIFEST).await;
    let first = app::running(&world, "web").await;
    left_by_an_earlier_version(&world).await;
    let is_closed = async || {
        let template = template(&world).await;
        let files = &template["Resources"]["FilesFileSystem"]["Properties"];
        !files["FileSystemPolicy"].is_null()
    };
    promoted(&world, &promote, "R2", MANIFEST).await;
    assert!(!is_closed().await, "tasks of R1 still run");
    put_service(&world, &["sg-1"], &first).await; // as ECS goes back
    promoted(&world, &promote, "R3", MANIFEST).await;
    assert!(!is_closed().await, "and ECS started some anew");
    promoted(&world, &promote, "R4", MANIFEST).await;
    assert!(is_closed().await);
}
