//! What outlives the Rack's stack: what has been written, and nothing that never was.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client as CloudFormation;
use double::iam;
use rig::{World, package};
use serde_json::{Value, json};

use super::account;

/// Bucket and key as the template has them, with all that they refer to, and what the test adds.
fn bucket_and_key(more: Option<&Value>) -> String {
    let whole = iam::template();
    let resources = ["SettingsBucket", "EnvironmentKey"].map(|id| (id, &whole["Resources"][id]));
    let mut resources: BTreeMap<&str, &Value> = resources.into_iter().collect();
    resources.extend(more.map(|more| ("More", more)));
    let mut parameters = whole["Parameters"].clone();
    parameters["Rack"]["Default"] = "rack".into();
    parameters["Cluster"]["Default"] = "cluster".into();
    let parts = json!({
        "Parameters": parameters,
        "Conditions": package::conditions_as_the_emulator_reads(whole),
        "Resources": resources,
        "Outputs": {
            "Bucket": {"Value": {"Ref": "SettingsBucket"}},
            "Key": {"Value": {"Fn::GetAtt": ["EnvironmentKey", "Arn"]}},
        },
    });
    parts.to_string()
}

/// How many buckets there are in the account, and keys that are not on their way out.
async fn buckets_and_keys(world: &World) -> (usize, usize) {
    let buckets = world.s3.list_buckets().send().await.unwrap();
    let listed = world.kms.list_keys().send().await.unwrap();
    let mut alive = 0;
    for key in listed.keys() {
        let key = world.kms.describe_key().key_id(key.key_id().unwrap());
        let key = key.send().await.unwrap().key_metadata.unwrap();
        alive += usize::from(key.enabled);
    }
    (buckets.buckets().len(), alive)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rack_that_could_not_be_created_leaves_neither_bucket_nor_key() {
    let world = World::new().await;
    let cloudformation = CloudFormation::new(&world.past_the_proxy());
    let before = buckets_and_keys(&world).await;
    // The emulator finds out only when it comes to it, as AWS does where a quota is reached.
    let name = json!({"Fn::GetAtt": ["SettingsBucket", "Quota"]});
    let fails = json!({
        "Type": "AWS::SQS::Queue",
        "DependsOn": ["SettingsBucket", "EnvironmentKey"],
        "Properties": {"QueueName": name},
    });
    let status = account::create(&cloudformation, "rack", &bucket_and_key(Some(&fails))).await;
    assert_eq!(status, "ROLLBACK_COMPLETE");
    assert_eq!(buckets_and_keys(&world).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rack_that_is_deleted_leaves_both() {
    let world = World::new().await;
    let cloudformation = CloudFormation::new(&world.past_the_proxy());
    let (buckets, keys) = buckets_and_keys(&world).await;
    let status = account::create(&cloudformation, "rack", &bucket_and_key(None)).await;
    assert_eq!(status, "CREATE_COMPLETE");
    let delete = cloudformation.delete_stack().stack_name("rack");
    delete.send().await.unwrap();
    account::ended(&cloudformation, "rack").await;
    assert_eq!(buckets_and_keys(&world).await, (buckets + 1, keys + 1));
}
