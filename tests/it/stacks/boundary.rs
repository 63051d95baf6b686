//! Roles of Apps have the Rack's boundary, also those that stood before there was one.

use aws_sdk_cloudformation::types::Capability;
use rig::World;
use serde_json::{Value, json};

use super::{WEB, fresh, promoted, stack_name, template};

const BOUNDARY: &str = "PermissionsBoundary";

fn roles(template: &mut Value) -> Vec<&mut Value> {
    let resources = template["Resources"].as_object_mut().unwrap();
    let roles = resources.values_mut();
    let roles = roles.filter(|one| one["Type"] == "AWS::IAM::Role");
    roles.map(|role| &mut role["Properties"]).collect()
}

/// What the roles of the App's stack have as their boundary.
async fn boundaries(world: &World) -> Vec<Value> {
    let mut template = template(world).await;
    let roles = roles(&mut template).into_iter();
    roles.map(|role| role[BOUNDARY].clone()).collect()
}

fn boundary_of(world: &World) -> String {
    let mut settings = world.settings(&[]).into_iter();
    let boundary = settings.find(|(name, _)| name == "APP_BOUNDARY_ARN");
    boundary.unwrap().1
}

/// The App's stack, as promotes left it before there was a boundary.
async fn unbound(world: &World) -> Value {
    let mut before = template(world).await;
    for role in roles(&mut before) {
        role.as_object_mut().unwrap().remove(BOUNDARY);
    }
    let update = world.cloudformation.update_stack();
    let update = update
        .stack_name(stack_name(world))
        .template_body(before.to_string())
        .capabilities(Capability::CapabilityIam);
    update.send().await.unwrap();
    let _ = world.proxy.end_stacks();
    before
}

#[tokio::test]
async fn every_role_of_a_new_app_has_the_boundary() {
    let (world, promote) = fresh(WEB).await;
    promoted(&world, &promote, "R1", WEB).await;
    let boundary = json!(boundary_of(&world));
    let boundaries = boundaries(&world).await;
    assert!(boundaries.len() >= 2, "{boundaries:?}");
    assert!(
        boundaries.iter().all(|one| *one == boundary),
        "{boundaries:?}"
    );
}

/// In whichever order CloudFormation brings the properties of a role up to date.
#[tokio::test]
async fn a_role_from_before_gets_the_boundary_alone_and_then_what_the_release_wants() {
    let (world, promote) = fresh(WEB).await;
    promoted(&world, &promote, "R1", WEB).await;
    let before = unbound(&world).await;
    assert!(boundaries(&world).await.iter().all(Value::is_null));
    world.proxy.clear();
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:team/key-AbCdEf:key::";
    let manifest = WEB.replace(
        "environment:",
        &format!("secrets: {{K: '{secret}'}}, environment:"),
    );
    let report = promoted(&world, &promote, "R2", &manifest).await;
    assert_eq!(report["status"], "promoted", "{report:#}");
    let writes = world.proxy.writes().into_iter();
    let updates = writes.filter(|call| call.operation == "UpdateStack");
    let bodies = updates.map(|call| call.body["TemplateBody"].as_str().unwrap().to_owned());
    let bodies: Vec<Value> = bodies
        .map(|body| serde_json::from_str(&body).unwrap())
        .collect();
    assert_eq!(bodies.len(), 2, "{bodies:#?}");
    let mut first = bodies[0].clone();
    for role in roles(&mut first) {
        let boundary = role.as_object_mut().unwrap().remove(BOUNDARY);
        assert_eq!(boundary, Some(json!(boundary_of(&world))));
    }
    assert_eq!(first, before, "more than the boundary changes");
    assert!(bodies[1].to_string().contains("team/key"));
    promoted(&world, &promote, "R3", &manifest).await;
    assert_eq!(world.proxy.count("cloudformation", "UpdateStack"), 2);
}
