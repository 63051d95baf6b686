//! The Rack's entrance: what the template makes for which parameters, what promote is told of it, and which combinations make no
//! sense.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudformation::Client as CloudFormation;
use aws_sdk_cloudformation::types::Parameter;
use double::iam::{self, Deployment};
use rig::{World, package};
use serde_json::{Value, json};

use super::account;

/// Also what the emulator knows of it: no certificates beside the first.
const OF_THE_ENTRANCE: [&str; 3] = [
    "AWS::EC2::SecurityGroup",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
];
const CERTIFICATE: &str = "AWS::ElasticLoadBalancingV2::ListenerCertificate";
const VARIABLES: [&str; 7] = [
    "DOMAIN",
    "FIRST_RULE_PRIORITY",
    "INTERNAL_LISTENER_ARN",
    "LISTENER_PROTOCOL",
    "LOAD_BALANCER_SECURITY_GROUPS",
    "LOAD_BALANCER_SUBNETS",
    "PUBLIC_LISTENER_ARN",
];
const WILDCARD: &str = "arn:aws:acm:us-east-1:123456789012:certificate/wildcard";
const SHOP: &str = "arn:aws:acm:us-east-1:123456789012:certificate/shop";
const OF_IAM: &str = "arn:aws:iam::123456789012:server-certificate/old";
const OF_ANOTHER: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/shared/1a/2b";
const INTERNAL_OF_ANOTHER: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/inner/3c/4d";
const PLACE: [(&str, &str); 3] = [
    ("Domain", "apps.example.com"),
    ("Vpc", "vpc-00000001"),
    ("Subnets", "subnet-00000001,subnet-00000002"),
];

/// The template's entrance as a stack of its own.
fn entrance() -> String {
    let whole = iam::template();
    let of_entrance = |resource: &Value| {
        let of_type = |name: &&str| resource["Type"] == **name;
        OF_THE_ENTRANCE.iter().any(of_type)
    };
    let all = whole["Resources"].as_object().unwrap().iter();
    let mut resources: BTreeMap<&str, Value> = all
        .filter(|(_, resource)| of_entrance(resource))
        .map(|(id, resource)| (id.as_str(), resource.clone()))
        .collect();
    let mut outputs = whole["Outputs"].clone();
    let outputs_of_entrance = outputs.as_object_mut().unwrap();
    outputs_of_entrance
        .retain(|name, _| name.starts_with("Public") || name.starts_with("Internal"));
    // A stack has one resource at least.
    resources.insert("Log", json!({"Type": "AWS::Logs::LogGroup"}));
    let variables =
        &whole["Resources"]["PromoteFunction"]["Properties"]["Environment"]["Variables"];
    for name in VARIABLES {
        let id = name.replace('_', "");
        outputs_of_entrance.insert(id, json!({"Value": variables[name]}));
    }
    let mut parameters = whole["Parameters"].clone();
    parameters["Rack"]["Default"] = "rack".into();
    parameters["Cluster"]["Default"] = "cluster".into();
    let parts = json!({
        "Parameters": parameters,
        "Rules": whole["Rules"],
        "Conditions": package::conditions_as_the_emulator_reads(whole),
        "Resources": resources,
        "Outputs": outputs,
    });
    parts.to_string()
}

/// What came of a stack with these parameters: its outputs and the logical ids of its resources, or why there is none.
async fn made(
    client: &CloudFormation,
    name: &str,
    given: &[(&str, &str)],
) -> Result<(BTreeMap<String, String>, BTreeSet<String>), String> {
    let parameters = given.iter().map(|(name, value)| {
        let parameter = Parameter::builder().parameter_key(*name);
        parameter.parameter_value(*value).build()
    });
    let create = client.create_stack().stack_name(name);
    let create = create
        .template_body(entrance())
        .set_parameters(Some(parameters.collect()));
    if let Err(refused) = create.send().await {
        let refused = refused.into_service_error();
        return Err(refused.meta().message().unwrap_or_default().to_owned());
    }
    let stack = account::ended(client, name).await.unwrap();
    assert_eq!(
        stack.stack_status.as_ref().unwrap().as_str(),
        "CREATE_COMPLETE",
        "{given:?}"
    );
    let outputs = stack.outputs().iter().map(|output| {
        let value = output.output_value().unwrap_or_default();
        (output.output_key().unwrap().to_owned(), value.to_owned())
    });
    let resources = client.describe_stack_resources().stack_name(name);
    let resources = resources.send().await.unwrap();
    let ids = resources.stack_resources().iter();
    let ids = ids.map(|one| one.logical_resource_id().unwrap().to_owned());
    Ok((outputs.collect(), ids.filter(|id| id != "Log").collect()))
}

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&PLACE, more].concat()
}

fn ids(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rack_without_an_entrance_makes_nothing_and_tells_promote_so() {
    let world = World::new().await;
    let client = CloudFormation::new(&world.past_the_proxy());
    let (told, made) = made(&client, "rack", &[]).await.unwrap();
    assert_eq!(made, ids(&[]));
    let want = [
        ("DOMAIN", ""),
        ("FIRSTRULEPRIORITY", "1"),
        ("INTERNALLISTENERARN", ""),
        ("LISTENERPROTOCOL", "HTTPS"),
        ("LOADBALANCERSECURITYGROUPS", ""),
        ("LOADBALANCERSUBNETS", ""),
        ("PUBLICLISTENERARN", ""),
    ];
    let want = want.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(told, BTreeMap::from(want));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_load_balancer_without_a_certificate_speaks_http() {
    let world = World::new().await;
    let client = CloudFormation::new(&world.past_the_proxy());
    let parameters = with(&[
        ("LoadBalancer", "Yes"),
        ("LoadBalancerSecurityGroups", "sg-0000000a,sg-0000000b"),
        ("FirstRulePriority", "500"),
    ]);
    let (told, made) = made(&client, "rack", &parameters).await.unwrap();
    assert_eq!(
        made,
        ids(&["PublicAlb", "PublicHttpListener", "PublicSecurityGroup"])
    );
    assert_eq!(told["LISTENERPROTOCOL"], "HTTP");
    assert_eq!(told["DOMAIN"], "apps.example.com");
    assert_eq!(told["FIRSTRULEPRIORITY"], "500");
    assert_eq!(told["PUBLICLISTENERARN"], told["PublicListener"]);
    assert_eq!(
        told["LOADBALANCERSUBNETS"], "subnet-00000001,subnet-00000002",
        "they are public"
    );
    assert!(
        told["PublicListener"].contains(":listener/app/"),
        "{told:?}"
    );
    assert_eq!(told["INTERNALLISTENERARN"], "");
    let groups = format!("{},sg-0000000a,sg-0000000b", told["PublicSecurityGroup"]);
    assert_eq!(told["LOADBALANCERSECURITYGROUPS"], groups);
    for name in ["PublicAddress", "PublicAddressZone"] {
        assert!(!told[name].is_empty(), "{told:?}");
    }
    assert!(!told.keys().any(|name| name.starts_with("Internal")));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_load_balancers_with_certificates_put_apps_on_the_https_listeners() {
    let world = World::new().await;
    let client = CloudFormation::new(&world.past_the_proxy());
    let certificates = [WILDCARD, SHOP, OF_IAM].join(",");
    let parameters = with(&[
        ("LoadBalancer", "Yes"),
        ("InternalLoadBalancer", "Yes"),
        ("CertificateArns", &certificates),
    ]);
    let (told, made) = made(&client, "rack", &parameters).await.unwrap();
    let of_both = ["Public", "Internal"].into_iter().flat_map(|side| {
        let parts = ["Alb", "HttpListener", "HttpsListener", "SecurityGroup"];
        parts.map(|part| format!("{side}{part}"))
    });
    assert_eq!(made, of_both.collect());
    assert_eq!(told["LISTENERPROTOCOL"], "HTTPS");
    assert_ne!(told["PublicListener"], told["InternalListener"]);
    assert_eq!(told["PUBLICLISTENERARN"], told["PublicListener"]);
    assert_eq!(told["INTERNALLISTENERARN"], told["InternalListener"]);
}

/// The certificates that come onto a side's listener beside the first.
fn beside(side: &str, of: &Deployment) -> Vec<String> {
    let resources = iam::template()["Resources"].as_object().unwrap().iter();
    let certificates =
        resources.filter(|(id, resource)| resource["Type"] == CERTIFICATE && id.starts_with(side));
    let arns = certificates.map(|(_, resource)| {
        let arn = &resource["Properties"]["Certificates"][0]["CertificateArn"];
        let nothing = json!({"Ref": "AWS::NoValue"});
        let here = json!({"Fn::If": [resource["Condition"], arn, nothing]});
        of.resolved(&here).unwrap()
    });
    let arns = arns.filter_map(|arn| arn.as_str().map(str::to_owned));
    arns.collect()
}

#[tokio::test]
async fn each_certificate_beside_the_first_comes_onto_the_listeners_that_are_made() {
    let world = World::new().await;
    let of = Deployment::of(&world.settings(&[]));
    let all = [WILDCARD, SHOP, OF_IAM, OF_ANOTHER, INTERNAL_OF_ANOTHER];
    for count in 0..=all.len() {
        let mut of = of.clone();
        let entrance = [
            ("CertificateArns", all[..count].join(",")),
            ("LoadBalancer", "Yes".to_owned()),
            ("InternalLoadBalancer", "No".to_owned()),
        ];
        of.entrance = entrance
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        let want = all.get(1..count).unwrap_or_default();
        assert_eq!(beside("Public", &of), want, "{count}");
        assert_eq!(beside("Internal", &of), Vec::<String>::new(), "{count}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_of_another_stack_are_told_as_they_are_given() {
    let world = World::new().await;
    let client = CloudFormation::new(&world.past_the_proxy());
    let parameters = with(&[
        ("PublicListenerArn", OF_ANOTHER),
        ("InternalListenerArn", INTERNAL_OF_ANOTHER),
        ("ListenerProtocol", "HTTP"),
        ("LoadBalancerSecurityGroups", "sg-0000000a"),
        ("LoadBalancerSubnets", "subnet-00000003,subnet-00000004"),
    ]);
    let (told, made) = made(&client, "rack", &parameters).await.unwrap();
    assert_eq!(made, ids(&[]));
    for (name, want) in [
        ("PUBLICLISTENERARN", OF_ANOTHER),
        ("INTERNALLISTENERARN", INTERNAL_OF_ANOTHER),
        ("LISTENERPROTOCOL", "HTTP"),
        ("LOADBALANCERSECURITYGROUPS", "sg-0000000a"),
        ("LOADBALANCERSUBNETS", "subnet-00000003,subnet-00000004"),
    ] {
        assert_eq!(told[name], want, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn combinations_without_sense_are_refused_by_a_sentence() {
    let world = World::new().await;
    let client = CloudFormation::new(&world.past_the_proxy());
    let [domain, vpc, subnets] = PLACE;
    let six = [WILDCARD; 6].join(",");
    for (parameters, named) in [
        (vec![("LoadBalancer", "Yes"), vpc, subnets], "needs Domain"),
        (
            vec![("InternalLoadBalancer", "Yes"), vpc, subnets],
            "needs Domain",
        ),
        (vec![("LoadBalancer", "Yes"), domain, subnets], "needs Vpc"),
        (
            vec![("LoadBalancer", "Yes"), domain, vpc],
            "two public subnets",
        ),
        (
            vec![("InternalLoadBalancer", "Yes"), domain, vpc],
            "needs two Subnets",
        ),
        (
            with(&[("LoadBalancer", "Yes"), ("PublicListenerArn", OF_ANOTHER)]),
            "not both",
        ),
        (
            with(&[("LoadBalancer", "Yes"), ("InternalListenerArn", OF_ANOTHER)]),
            "not both",
        ),
        (with(&[("CertificateArns", WILDCARD)]), "stands already"),
        (vec![("PublicListenerArn", OF_ANOTHER), vpc], "needs Domain"),
        (
            vec![("InternalListenerArn", OF_ANOTHER), domain],
            "needs Vpc",
        ),
        (
            with(&[
                ("PublicListenerArn", OF_ANOTHER),
                ("InternalListenerArn", OF_ANOTHER),
            ]),
            "the same listener",
        ),
        (
            with(&[("LoadBalancer", "Yes"), ("CertificateArns", &six)]),
            "up to five ARNs",
        ),
        (
            vec![("Domain", "Apps.example.com")],
            "a domain in lower case",
        ),
        (vec![("Domain", "localhost")], "a domain in lower case"),
        (
            with(&[("PublicListenerArn", &OF_ANOTHER.replace("/app/", "/net/"))]),
            "the ARN of a listener of an Application Load Balancer",
        ),
    ] {
        let said = made(&client, "refused", &parameters).await;
        let said = said.expect_err(&format!("{parameters:?}"));
        assert!(said.contains(named), "{parameters:?}: {said}");
    }
    let alone = [("LoadBalancer", "Yes"), domain, vpc];
    let own = ("LoadBalancerSubnets", "subnet-00000001,subnet-00000002");
    let given = [&alone[..], &[own]].concat();
    assert!(made(&client, "own-subnets", &given).await.is_ok());
}
