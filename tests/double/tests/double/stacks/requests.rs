//! What is refused of a request, and client tokens.

use aws_sdk_cloudformation::types::{Capability, Tag};
use rig::World;
use serde_json::json;

use super::super::{code, refusal};
use super::{NAME, create, delete, template, told, update};

#[tokio::test]
async fn a_name_is_taken_and_an_update_needs_a_stack_at_rest_and_a_difference() {
    let world = World::new().await;
    let client = &world.cloudformation;
    let none = refusal(update(client, &template(1), "update-0").await);
    let message = format!("Stack [{NAME}] does not exist");
    assert_eq!(none, ("ValidationError".to_owned(), message));
    create(client, &template(1)).await.unwrap();
    let again = client.create_stack().stack_name(NAME);
    let again = again.template_body(template(1).to_string()).send().await;
    assert_eq!(code(again), "AlreadyExistsException");
    let (_, message) = refusal(update(client, &template(3), "update-0").await);
    let state = "is in CREATE_IN_PROGRESS state and can not be updated.";
    assert!(message.ends_with(state), "{message}");
    let _ = world.proxy.end_stacks();

    let mut only_a_policy = template(1);
    only_a_policy["Resources"]["Log"]["DeletionPolicy"] = "Retain".into();
    let mut only_notes = template(1);
    only_notes["Metadata"] = json!({"Notes": "new"});
    only_notes["Description"] = "new".into();
    let pretty = serde_json::to_string_pretty(&template(1)).unwrap();
    for same in [
        template(1).to_string(),
        pretty,
        only_a_policy.to_string(),
        only_notes.to_string(),
    ] {
        let update = client.update_stack().stack_name(NAME).template_body(same);
        let same = refusal(update.send().await);
        let message = "No updates are to be performed.".to_owned();
        assert_eq!(same, ("ValidationError".to_owned(), message));
    }
    let tag = Tag::builder().key("convox:app").value("other").build();
    let update = client.update_stack().stack_name(NAME).tags(tag);
    let update = update.template_body(template(1).to_string());
    update.send().await.expect("other tags are a difference");
}

#[tokio::test]
async fn a_token_answers_as_before_and_is_for_one_operation() {
    let world = World::new().await;
    let client = &world.cloudformation;
    let first = create(client, &template(1)).await.unwrap().stack_id;
    let second = create(client, &template(1)).await.unwrap().stack_id;
    assert_eq!(first, second);
    assert_eq!(world.proxy.end_stacks().len(), 1);
    assert_eq!(create(client, &template(1)).await.unwrap().stack_id, first);
    assert_eq!(world.proxy.end_stacks().len(), 0);
    let taken = update(client, &template(3), "create-1").await;
    assert_eq!(code(taken), "TokenAlreadyExistsException");
    update(client, &template(3), "update-1").await.unwrap();
    let _ = world.proxy.end_stacks();
    update(client, &template(3), "update-1").await.unwrap();
    assert_eq!(world.proxy.end_stacks().len(), 0);
    let other = update(client, &template(5), "update-1").await;
    assert_eq!(code(other), "TokenAlreadyExistsException");
    delete(client).await;
    delete(client).await;
    let ends = world.proxy.end_stacks();
    assert_eq!(told(&ends), [("DELETE_COMPLETE", "delete-1")]);
    delete(client).await; // nothing is there
    assert_eq!(world.proxy.end_stacks().len(), 0);
}

#[tokio::test]
async fn tokens_names_tags_and_roles_keep_their_limits() {
    let world = World::new().await;
    let client = &world.cloudformation;
    let body = template(1).to_string();
    let create = |name: &str| client.create_stack().stack_name(name).template_body(&body);
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let many: Vec<Tag> = (0..51).map(|n| tag(&format!("t{n}"), "v")).collect();
    let long = "a".repeat(129);
    let wrong = [
        create("1st"),
        create("a_b"),
        create(&long),
        create(NAME).client_request_token(&long),
        create(NAME).client_request_token("-a"),
        create(NAME).client_request_token("a_b"),
        create(NAME).set_tags(Some(many)),
        create(NAME).tags(tag("aws:x", "v")),
        create(NAME).tags(tag("x", "")),
        create(NAME).tags(tag("x", "a,b")),
        create(NAME).tags(tag("x", "v")).tags(tag("x", "w")),
        create(NAME).role_arn("short"),
    ];
    for (number, request) in wrong.into_iter().enumerate() {
        assert_eq!(code(request.send().await), "ValidationError", "{number}");
    }
    let good = create(NAME).client_request_token("a".repeat(128));
    good.tags(tag("convox:app", "shop")).send().await.unwrap();
}

#[tokio::test]
async fn roles_need_a_capability_and_named_ones_need_more() {
    let world = World::new().await;
    let client = &world.cloudformation;
    let (iam, named) = (Capability::CapabilityIam, Capability::CapabilityNamedIam);
    for (name, given, works) in [
        (None, None, false),
        (None, Some(&iam), true),
        (None, Some(&named), true),
        (Some("web"), Some(&iam), false),
        (Some("web"), Some(&named), true),
    ] {
        let trust = json!({"Version": "2012-10-17", "Statement": []});
        let mut role =
            json!({"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}});
        if let Some(name) = name {
            role["Properties"]["RoleName"] = name.into();
        }
        let body = json!({"Resources": {"Role": role}}).to_string();
        let create = client.create_stack().stack_name(NAME).template_body(body);
        let created = create
            .set_capabilities(given.map(|one| vec![one.clone()]))
            .send();
        let created = created.await;
        if works {
            created.unwrap();
            let _ = world.proxy.end_stacks();
            client.delete_stack().stack_name(NAME).send().await.unwrap();
            let _ = world.proxy.end_stacks();
        } else {
            assert_eq!(
                code(created),
                "InsufficientCapabilitiesException",
                "{name:?}"
            );
        }
    }
}
