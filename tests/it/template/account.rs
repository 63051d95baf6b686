//! `examples/account.yaml` gives a Rack all that it needs of an empty account.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use aws_sdk_cloudformation::Client as CloudFormation;
use aws_sdk_cloudformation::types::{Stack, StackStatus};
use double::iam;
use rig::World;

use super::repository;

/// Creates a stack; the status in which that ends.
pub async fn create(client: &CloudFormation, name: &str, template: &str) -> String {
    let create = client
        .create_stack()
        .stack_name(name)
        .template_body(template);
    create.send().await.unwrap();
    let stack = ended(client, name).await.expect("it is there");
    stack.stack_status.unwrap().as_str().to_owned()
}

/// The stack, once nothing is at work on it any more; none where there is none.
pub async fn ended(client: &CloudFormation, name: &str) -> Option<Stack> {
    let at_rest = async || {
        let described = client.describe_stacks().stack_name(name).send().await;
        let stack = described.ok().and_then(|described| described.stacks?.pop());
        let status = stack.as_ref().and_then(Stack::stack_status);
        let status = status.map_or("DELETE_COMPLETE", StackStatus::as_str);
        let (goes_on, is_gone) = (
            status.ends_with("_IN_PROGRESS"),
            status == "DELETE_COMPLETE",
        );
        (!goes_on).then_some(stack.filter(|_| !is_gone))
    };
    rig::eventually("nothing is at work on the stack", at_rest).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outputs_of_an_account_are_the_parameters_of_a_rack() {
    let world = World::new().await;
    let cloudformation = CloudFormation::new(&world.past_the_proxy());
    let text = fs::read_to_string(repository().join("examples/account.yaml")).unwrap();
    assert_eq!(
        create(&cloudformation, "apps", &text).await,
        "CREATE_COMPLETE"
    );
    let stack = ended(&cloudformation, "apps").await.unwrap();
    let outputs = stack.outputs().iter();
    let outputs = outputs.map(|one| (one.output_key().unwrap(), one.output_value().unwrap()));
    let outputs: BTreeMap<&str, &str> = outputs.collect();

    let named: BTreeSet<&str> = outputs.keys().copied().collect();
    let wanted = [
        "AssignPublicIp",
        "Cluster",
        "SecurityGroups",
        "Subnets",
        "Vpc",
    ];
    assert_eq!(named, BTreeSet::from(wanted));
    let parameters = &iam::template()["Parameters"];
    for name in named {
        assert!(
            parameters[name].is_object(),
            "a Rack has no parameter {name}"
        );
    }
    assert!(outputs["Vpc"].starts_with("vpc-"), "{outputs:?}");
    assert!(outputs["SecurityGroups"].starts_with("sg-"), "{outputs:?}");
    let subnets: BTreeSet<&str> = outputs["Subnets"].split(',').collect();
    assert_eq!(subnets.len(), 2, "{outputs:?}");
    assert!(
        subnets.iter().all(|subnet| subnet.starts_with("subnet-")),
        "{outputs:?}"
    );
    assert_eq!(outputs["AssignPublicIp"], "ENABLED");

    let cluster = world.ecs.describe_clusters().clusters(outputs["Cluster"]);
    let cluster = cluster.send().await.unwrap().clusters.unwrap().remove(0);
    assert_eq!(cluster.capacity_providers(), ["FARGATE", "FARGATE_SPOT"]);
}
