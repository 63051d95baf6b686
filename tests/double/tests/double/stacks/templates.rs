//! What is refused of a template.

use aws_sdk_cloudformation::types::Capability;
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

/// A group with `rules` in it, and one rule of its own.
fn with_group(rules: &Value) -> String {
    let rule = json!({"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "CidrIp": "10.0.0.0/8"});
    let mut own = rule.clone();
    own["GroupId"] = json!({"Fn::GetAtt": ["Group", "GroupId"]});
    let mut group = json!({"GroupDescription": "d", "VpcId": "vpc-00000001"});
    if let Some(name) = rules.as_str() {
        group[name] = json!([rule]);
    }
    let resources = json!({
        "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": group},
        "Own": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": own},
    });
    json!({"Resources": resources}).to_string()
}

/// A role of two policies that have so many characters together, with so many managed ones.
fn role(characters: usize, managed: usize, resource: &str) -> Value {
    let document = |resource: &str| {
        let statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource});
        json!({"Version": "2012-10-17", "Statement": [statement]})
    };
    let bare = document("").to_string().len() + document(resource).to_string().chars().count();
    let long = document(&"x".repeat(characters.saturating_sub(bare)));
    let policies = [long, document(resource)].map(|document| {
        json!({"PolicyName": format!("p{}", document.to_string().len()), "PolicyDocument": document})
    });
    let arn = |n: usize| format!("arn:aws:iam::aws:policy/Policy{n}");
    json!({"Type": "AWS::IAM::Role", "Properties": {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
        "ManagedPolicyArns": (0..managed).map(arn).collect::<Vec<_>>(),
        "Policies": policies,
    }})
}

#[tokio::test]
async fn a_role_holds_what_iam_takes_and_no_more() {
    let world = World::new().await;
    let client = &world.cloudformation;
    let (file, beyond) = ("arn:aws:s3:::b/\u{fc}\u{ff}", "arn:aws:s3:::b/\u{100}");
    for (characters, managed, resource, refused) in [
        (10_240, 10, file, None),
        (
            10_241,
            0,
            file,
            Some("Maximum policy size of 10240 bytes exceeded for role Role"),
        ),
        (
            500,
            11,
            file,
            Some("Cannot exceed quota for PoliciesPerRole: 10"),
        ),
        (
            500,
            0,
            beyond,
            Some("The specified value for policyDocument is invalid"),
        ),
    ] {
        let body = json!({"Resources": {"Role": role(characters, managed, resource)}});
        let create = client.create_stack().stack_name(NAME);
        let create = create.template_body(body.to_string());
        let create = create.capabilities(Capability::CapabilityIam);
        create.send().await.unwrap();
        let ends = world.proxy.end_stacks();
        let status = &ends[0]["detail"]["status-details"]["status"];
        let events = client.describe_stack_events().stack_name(NAME).send();
        let events = format!("{:?}", events.await.unwrap());
        match refused {
            Some(reason) => {
                assert_eq!(status, "ROLLBACK_COMPLETE", "{reason}");
                assert!(events.contains(reason), "{reason}: {events}");
            }
            None => assert_eq!(status, "CREATE_COMPLETE", "{events}"),
        }
        client.delete_stack().stack_name(NAME).send().await.unwrap();
        let _ = world.proxy.end_stacks();
    }
}

const STACKS_ROLE: &str = "arn:aws:iam::123456789012:role/stacks-of-apps";

/// By its tags the Rack's role for stacks may authorize them, and the group has none by then.
#[tokio::test]
async fn rules_inside_of_a_new_group_are_refused_to_the_role_of_stacks() {
    let world = World::new().await;
    let client = &world.cloudformation;
    let (ingress, egress) = (json!("SecurityGroupIngress"), json!("SecurityGroupEgress"));
    let refused = |rules: &str| format!("ec2:Authorize{rules} action on a group without tags");
    for (rules, role, want) in [
        (&ingress, Some(STACKS_ROLE), Some("SecurityGroupIngress")),
        (&egress, Some(STACKS_ROLE), Some("SecurityGroupEgress")),
        (&ingress, None, None),
        (&Value::Null, Some(STACKS_ROLE), None),
    ] {
        let create = client.create_stack().stack_name(NAME);
        let create = create.template_body(with_group(rules));
        let create = create.set_role_arn(role.map(str::to_owned));
        create.send().await.unwrap();
        let ends = world.proxy.end_stacks();
        let status = &ends[0]["detail"]["status-details"]["status"];
        let events = client.describe_stack_events().stack_name(NAME).send();
        let events = format!("{:?}", events.await.unwrap());
        match want.map(refused) {
            Some(reason) => {
                assert_eq!(status, "ROLLBACK_COMPLETE", "{rules}");
                assert!(events.contains(&reason), "{events}");
            }
            None => assert_eq!(status, "CREATE_COMPLETE", "{rules} {role:?}: {events}"),
        }
        client.delete_stack().stack_name(NAME).send().await.unwrap();
        let _ = world.proxy.end_stacks();
    }
}

#[tokio::test]
async fn a_group_that_stands_has_its_tags_and_takes_rules() {
    let world = World::new().await;
    let client = &world.cloudformation;
    let create = client.create_stack().stack_name(NAME);
    let create = create.template_body(with_group(&Value::Null));
    create.role_arn(STACKS_ROLE).send().await.unwrap();
    let _ = world.proxy.end_stacks();
    let update = client.update_stack().stack_name(NAME);
    let update = update.template_body(with_group(&json!("SecurityGroupIngress")));
    update.role_arn(STACKS_ROLE).send().await.unwrap();
    let ends = world.proxy.end_stacks();
    let status = &ends[0]["detail"]["status-details"]["status"];
    assert_eq!(status, "UPDATE_COMPLETE");
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
