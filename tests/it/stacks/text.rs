//! What CloudFormation gives back is not always what it was sent, and not every difference is one to it.

use aws_sdk_cloudformation::types::Capability;
use rig::{Function, World};
use serde_json::Value;

use super::{WEB, fresh, promoted, stack_name, stack_writes, template};

/// A cache with a tag.
fn tagged(site: &str) -> String {
    format!("resources: {{cache: {{type: memcached, tags: {{site: '{site}'}}}}}}\n{WEB}")
}

/// What a promote of the Release changes of the App's stack.
async fn writes(world: &World, promote: &Function, release: &str, manifest: &str) -> Vec<String> {
    world.proxy.clear();
    let report = promoted(world, promote, release, manifest).await;
    assert_eq!(report["status"], "promoted", "{release}: {report:#}");
    stack_writes(world)
}

/// The update is the test's own, and it is done.
pub async fn updated(world: &World, template: &Value) {
    let update = world.cloudformation.update_stack();
    let update = update.stack_name(stack_name(world));
    let update = update.template_body(template.to_string());
    let update = update.capabilities(Capability::CapabilityIam);
    update.send().await.unwrap();
    assert_eq!(world.proxy.end_stacks().len(), 1);
}

#[tokio::test]
async fn letters_that_cloudformation_does_not_give_back_hold_up_no_promote() {
    let (world, promote) = fresh(WEB).await;
    for (release, site, want) in [
        ("R1", "Z\u{fc}rich", ["CreateStack"].as_slice()),
        ("R2", "Z\u{fc}rich", &[]),
        ("R3", "Z\u{f6}rich", &["UpdateStack"]),
        ("R4", "Z\u{f6}rich", &[]),
    ] {
        let writes = writes(&world, &promote, release, &tagged(site)).await;
        assert_eq!(writes, want, "{release}");
    }
    let sent = template(&world).await;
    let tags = &sent["Resources"]["CacheMemcached"]["Properties"]["Tags"];
    let tag = serde_json::json!({"Key": "site", "Value": "Z\u{f6}rich"});
    assert!(tags.as_array().unwrap().contains(&tag), "{tags:#}");
}

#[tokio::test]
async fn a_stack_that_was_sent_such_letters_as_they_are_is_as_it_was_sent() {
    let (world, promote) = fresh(WEB).await;
    writes(&world, &promote, "R1", &tagged("Basel")).await;
    let plain = template(&world).await.to_string();
    let sent: Value = serde_json::from_str(&plain.replace("Basel", "Z\u{fc}rich")).unwrap();
    updated(&world, &sent).await;
    let mangled = template(&world).await.to_string();
    assert!(mangled.contains("Z?rich"), "{mangled}");
    let writes = writes(&world, &promote, "R2", &tagged("Z\u{fc}rich")).await;
    assert_eq!(writes, Vec::<String>::new());
}

#[tokio::test]
async fn an_update_that_changes_nothing_is_done_and_the_release_goes_on() {
    let (world, promote) = fresh(WEB).await;
    writes(&world, &promote, "R1", &tagged("Basel")).await;
    let first = template(&world).await;
    let mut other = first.clone();
    other["Resources"]["CacheMemcached"]["DeletionPolicy"] = "Retain".into();
    other["Resources"]["LogGroup"]["Properties"]["RetentionInDays"] = 1.into();
    updated(&world, &other).await;
    let retention = &first["Resources"]["LogGroup"]["Properties"]["RetentionInDays"];
    other["Resources"]["LogGroup"]["Properties"]["RetentionInDays"] = retention.clone();
    updated(&world, &other).await; // what is left differs in a policy, which no update changes by itself
    let writes = writes(&world, &promote, "R2", &tagged("Basel")).await;
    assert_eq!(writes, ["UpdateStack"], "it was tried, and needless");
}

#[tokio::test]
async fn notes_alone_are_no_reason_for_an_update() {
    let (world, promote) = fresh(WEB).await;
    writes(&world, &promote, "R1", &tagged("Basel")).await;
    let plain = template(&world).await.to_string();
    let mut other: Value = serde_json::from_str(&plain.replace("Basel", "Bern")).unwrap();
    other["Metadata"]["ByHand"] = "note".into(); // comes along with the tags
    updated(&world, &other).await;
    let writes = writes(&world, &promote, "R2", &tagged("Bern")).await;
    assert_eq!(writes, Vec::<String>::new());
}
