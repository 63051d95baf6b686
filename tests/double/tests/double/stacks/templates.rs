//! What is refused of a template.

use rig::World;
use serde_json::{Value, json};

use super::super::refusal;
use super::{NAME, create, described, outputs, template};

/// A log group whose name is what the test makes it.
fn named(name: &Value) -> String {
    json!({"Resources": {"Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}}}).to_string()
}

#[tokio::test]
async fn a_template_is_refused_in_cloudformations_words() {
    let world = World::new().await;
    let client = &world.cloudformation;
    let log = || json!({"Type": "AWS::Logs::LogGroup"});
    for (body, wording) in [
        ("no template".to_owned(), "Template format error: "),
        ("[]".to_owned(), "Template format error: "),
        (
            "{}".to_owned(),
            "At least one Resources member must be defined.",
        ),
        (
            json!({"Resources": {"Log": log()}, "Resource": {}}).to_string(),
            "Invalid template property or properties [Resource]",
        ),
        (
            json!({"Resources": {"my-log": log()}}).to_string(),
            "Resource name my-log is non alphanumeric.",
        ),
        (
            json!({"Resources": {"Log": {}}}).to_string(),
            "[/Resources/Log] Every Resources object must contain a Type member.",
        ),
        (
            named(&json!(["a", null])),
            "Template format error: [/Resources/Log/Properties/LogGroupName/1] Null values are not allowed in templates",
        ),
        (
            named(&json!({"Ref": "Other"})),
            "Unresolved resource dependencies [Other] in the Resources block of the template",
        ),
        (
            named(&json!({"Fn::Sub": "${!Text}-${AWS::Region}-${Other}"})),
            "Unresolved resource dependencies [Other] in the Resources block of the template",
        ),
        (
            named(&json!({"Fn::GetAtt": ["Other", "Arn"]})),
            "instance of Fn::GetAtt references undefined resource Other",
        ),
        (
            named(&json!({"Fn::Sub": "${Other.Arn}"})),
            "instance of Fn::GetAtt references undefined resource Other",
        ),
        (
            json!({"Resources": {"Log": log()}, "Outputs": {"O": {"Value": {"Ref": "Other"}}}})
                .to_string(),
            "Unresolved resource dependencies [Other] in the Outputs block of the template",
        ),
        (
            json!({"Resources": {"Log": {"Type": "AWS::Logs::Group"}}}).to_string(),
            "Unrecognized resource types: [AWS::Logs::Group]",
        ),
    ] {
        let create = client.create_stack().stack_name(NAME);
        let (code, message) = refusal(create.template_body(&body).send().await);
        assert_eq!(code, "ValidationError", "{body}: {message}");
        assert!(message.contains(wording), "{body}: {message}");
        let none = client.describe_stacks().stack_name(NAME).send().await;
        assert!(none.is_err(), "{body}");
    }
    assert_eq!(world.proxy.stack_events(), [Value::Null; 0]);
}

#[tokio::test]
async fn a_template_has_at_most_51200_bytes() {
    let world = World::new().await;
    let client = &world.cloudformation;
    let bare = template(1).to_string();
    for (size, works) in [(51_201, false), (51_200, true)] {
        let body = format!("{bare}{}", " ".repeat(size - bare.len()));
        let create = client.create_stack().stack_name(NAME).template_body(body);
        assert_eq!(create.send().await.is_ok(), works, "{size}");
    }
}

/// Every kind of resource that the stacks of Apps have.
#[tokio::test]
async fn the_resources_of_apps_are_created_and_removed() {
    let world = World::new().await;
    let client = &world.cloudformation;
    let group = json!({"Ref": "Group"});
    let subnets = json!(rig::world::SUBNETS);
    let of = |kind: &str, properties: Value| json!({"Type": kind, "Properties": properties});
    let rule = json!({"GroupId": group, "IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "SourceSecurityGroupId": group});
    let password =
        json!({"Fn::Sub": "{{resolve:secretsmanager:${Password}:SecretString:password}}"});
    let url = "{\"URL\":\"postgres://app:{{resolve:secretsmanager:${Password}:SecretString:password}}@\
               ${Database.Endpoint.Address}:${Database.Endpoint.Port}/app\"}";
    let mut body = template(1);
    let more = json!({
        "Group": of("AWS::EC2::SecurityGroup", json!({"GroupDescription": "d", "VpcId": "vpc-00000001"})),
        "Own": of("AWS::EC2::SecurityGroupIngress", rule),
        "Subnets": of("AWS::RDS::DBSubnetGroup", json!({"DBSubnetGroupDescription": "d", "SubnetIds": subnets})),
        "Database": of("AWS::RDS::DBInstance", json!({
            "Engine": "postgres", "DBInstanceClass": "db.t3.micro", "AllocatedStorage": "20", "DBName": "app",
            "MasterUsername": "app", "MasterUserPassword": password, "DBSubnetGroupName": {"Ref": "Subnets"},
            "VPCSecurityGroups": [group],
        })),
        "Url": of("AWS::SecretsManager::Secret", json!({"SecretString": {"Fn::Sub": url}})),
        "CacheSubnets": of("AWS::ElastiCache::SubnetGroup", json!({"Description": "d", "SubnetIds": subnets})),
        "Redis": of("AWS::ElastiCache::ReplicationGroup", json!({
            "ReplicationGroupDescription": "d", "Engine": "redis", "CacheNodeType": "cache.t3.micro",
            "NumCacheClusters": 1, "CacheSubnetGroupName": {"Ref": "CacheSubnets"}, "SecurityGroupIds": [group],
        })),
        "Memcached": of("AWS::ElastiCache::CacheCluster", json!({
            "Engine": "memcached", "CacheNodeType": "cache.t3.micro", "NumCacheNodes": 1,
            "CacheSubnetGroupName": {"Ref": "CacheSubnets"},
        })),
        "Files": of("AWS::EFS::FileSystem", json!({"Encrypted": true})),
        "Mount": of("AWS::EFS::MountTarget", json!({
            "FileSystemId": {"Ref": "Files"}, "SubnetId": subnets[0], "SecurityGroups": [group],
        })),
        "Access": of("AWS::EFS::AccessPoint", json!({
            "FileSystemId": {"Ref": "Files"}, "PosixUser": {"Uid": "1000", "Gid": "1000"},
        })),
    });
    for (name, resource) in more.as_object().unwrap() {
        body["Resources"][name] = resource.clone();
    }
    body["Outputs"]["Url"] = json!({"Value": {"Ref": "Url"}});
    create(client, &body).await.unwrap();
    let ends = world.proxy.end_stacks();
    let status = &ends[0]["detail"]["status-details"]["status"];
    let events = client.describe_stack_events().stack_name(NAME).send().await;
    assert_eq!(status, "CREATE_COMPLETE", "{events:#?}");
    let stack = described(client, NAME).await;
    let url = world.secrets_manager.get_secret_value();
    let url = url.secret_id(outputs(&stack)["Url"]).send().await.unwrap();
    let url = url.secret_string.unwrap();
    assert!(
        url.contains("postgres://app:") && !url.contains("resolve"),
        "{url}"
    );
    client.delete_stack().stack_name(NAME).send().await.unwrap();
    let ends = world.proxy.end_stacks();
    let status = &ends[0]["detail"]["status-details"]["status"];
    assert_eq!(status, "DELETE_COMPLETE");
}
