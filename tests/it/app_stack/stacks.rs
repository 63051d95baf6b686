//! Stacks are created, updated and deleted; what tasks are given works, and a password is in its secrets only.

use std::collections::BTreeMap;
use std::time::Duration;

use double::as_the_emulator_knows_it;
use manifest::resources::{Cache, CacheEngine, Database, DatabaseEngine, Resource, ResourceKind};
use names::AppId;
use release::app_stack::{StackOutputs, TEMPLATE_BODY_MAX_BYTES};
use rig::World;
use serde_json::Value;

use super::{Rack, cache, database, files, replica, resource};
use query::Aws;

mod query;
mod tls;

const LIMIT: Duration = Duration::from_secs(30);

/// A network of the account, and what is rendered into it.
fn rack(aws: &Aws) -> Rack {
    let vpc = aws.ec2("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]);
    let vpc = query::element(&vpc, "vpcId");
    let subnet = |(block, zone): (&str, &str)| {
        let parameters = [
            ("VpcId", vpc.as_str()),
            ("CidrBlock", block),
            ("AvailabilityZone", zone),
        ];
        query::element(&aws.ec2("CreateSubnet", &parameters), "subnetId")
    };
    let subnets = [("10.0.0.0/24", "us-east-1a"), ("10.0.1.0/24", "us-east-1b")].map(subnet);
    let group = [
        ("GroupName", "tasks"),
        ("GroupDescription", "tasks"),
        ("VpcId", vpc.as_str()),
    ];
    let group = query::element(&aws.ec2("CreateSecurityGroup", &group), "groupId");
    Rack {
        subnets: subnets.into(),
        groups: vec![group],
        vpc,
        ..Rack::new("myrack")
    }
}

/// Creates or updates the stack and answers its outputs once it is ready.
fn apply(aws: &Aws, id: &AppId, action: &str, template: &Value) -> BTreeMap<String, String> {
    let (stack, body) = (id.stack(), template.to_string());
    assert!(body.len() < TEMPLATE_BODY_MAX_BYTES, "{}", body.len());
    let body = as_the_emulator_knows_it(template).to_string();
    let capability = ("Capabilities.member.1", "CAPABILITY_IAM");
    aws.cloudformation(
        action,
        &[("StackName", &stack), ("TemplateBody", &body), capability],
    );
    let described = aws.settled(&stack, LIMIT);
    let status = query::element(&described, "StackStatus");
    let events = aws.cloudformation("DescribeStackEvents", &[("StackName", &stack)]);
    assert!(
        status.ends_with("_COMPLETE") && !status.contains("ROLLBACK"),
        "{status}: {events}"
    );
    let outputs = described.split("<OutputKey>").skip(1).map(|rest| {
        let key = rest.split('<').next().unwrap().to_owned();
        (key, query::element(rest, "OutputValue"))
    });
    outputs.collect()
}

fn all() -> Vec<Resource> {
    let queue = Cache {
        encrypted: true,
        ..cache(CacheEngine::Redis)
    };
    vec![
        resource(
            "maindb",
            ResourceKind::Database(database(DatabaseEngine::Postgres)),
        ),
        resource(
            "gis-db",
            ResourceKind::Database(database(DatabaseEngine::MySql)),
        ),
        resource(
            "mariadb",
            ResourceKind::Database(database(DatabaseEngine::MariaDb)),
        ),
        resource("queue", ResourceKind::Cache(queue)),
        resource("valkey", ResourceKind::Cache(cache(CacheEngine::Valkey))),
        resource("cache", ResourceKind::Cache(cache(CacheEngine::Memcached))),
        resource("files", ResourceKind::FileSystem(files("/data"))),
    ]
}

#[tokio::test]
async fn a_stack_of_every_type_comes_up_and_its_password_is_in_its_secrets_only() {
    let world = World::new().await;
    let aws = Aws::new(&world.account);
    let rack = rack(&aws);
    let template = rack.render(&all(), None).template;
    let outputs = apply(&aws, &rack.id, "CreateStack", &template);
    let text = serde_json::to_string(&outputs).unwrap();
    let outputs = StackOutputs::read(outputs);
    for resource in all() {
        assert!(outputs.has(&resource), "{}: {text}", resource.name);
    }
    assert_eq!(outputs.log_group(), Some("/convox/myrack/shop"));
    let role = outputs.execution_role().unwrap();
    assert!(
        role.contains(":role/convox/myrack/") && outputs.task_role().unwrap() != role,
        "{text}"
    );

    let mut passwords = Vec::new();
    for (name, scheme, user) in [
        ("maindb", "postgres", "app"),
        ("gis-db", "mysql", "app"),
        ("queue", "rediss", ""),
    ] {
        let link = aws
            .secret(outputs.link_secret(name).unwrap().as_str())
            .unwrap();
        let login = aws.secret(&rack.id.credentials_secret(name)).unwrap();
        let (host, port, password) = (&link["HOST"], &link["PORT"], &link["PASS"]);
        assert_eq!(password, &login["password"]);
        assert!(
            password.len() == 40 && password.bytes().all(|b| b.is_ascii_alphanumeric()),
            "{password}"
        );
        assert!(
            !host.is_empty() && port.parse::<u16>().is_ok(),
            "{host} {port}"
        );
        let path = if name == "queue" { "0" } else { "app" };
        assert_eq!(
            link["URL"],
            format!("{scheme}://{user}:{password}@{host}:{port}/{path}")
        );
        assert_eq!(link["USER"], user);
        passwords.push(password.clone());
    }
    let link = aws
        .secret(outputs.link_secret("cache").unwrap().as_str())
        .unwrap();
    assert_eq!(link["URL"], format!("{}:{}", link["HOST"], link["PORT"]));
    let stack = ("StackName", rack.id.stack());
    let stack = [(stack.0, stack.1.as_str())];
    let mut said = vec![text, template.to_string()];
    for action in [
        "DescribeStacks",
        "DescribeStackEvents",
        "DescribeStackResources",
        "GetTemplate",
    ] {
        said.push(aws.cloudformation(action, &stack));
    }
    for password in &passwords {
        assert!(said.iter().all(|said| !said.contains(password)));
    }

    aws.cloudformation("DeleteStack", &stack);
    assert!(aws.is_deleted(&rack.id.stack(), LIMIT));
    assert!(aws.secret(&rack.id.link_secret("maindb")).is_none());
}

#[tokio::test]
async fn a_stack_changes_and_a_replica_is_promoted_with_the_login_it_had() {
    let world = World::new().await;
    let aws = Aws::new(&world.account);
    let rack = rack(&aws);
    let main = |storage| {
        let database = database(DatabaseEngine::Postgres);
        resource(
            "main",
            ResourceKind::Database(Database {
                storage,
                ..database
            }),
        )
    };
    let first = rack.render(&[main(None)], None).template;
    apply(&aws, &rack.id, "CreateStack", &first);
    let login = aws.secret(&rack.id.credentials_secret("main")).unwrap();

    let copy = || {
        resource(
            "copy",
            ResourceKind::Database(replica(DatabaseEngine::Postgres, "main")),
        )
    };
    let stands = aws.template(&rack.id.stack());
    assert_eq!(stands, as_the_emulator_knows_it(&first));
    let both = rack
        .render(&[main(Some(100)), copy()], Some(&first))
        .template;
    let outputs = apply(&aws, &rack.id, "UpdateStack", &both);
    let link = StackOutputs::read(outputs).link_secret("copy").unwrap();
    let of_replica = aws.secret(link.as_str()).unwrap();
    assert_eq!(of_replica["PASS"], login["password"]);

    let alone = [resource(
        "copy",
        ResourceKind::Database(database(DatabaseEngine::Postgres)),
    )];
    let promoted = rack.render(&alone, Some(&both));
    assert!(promoted.more);
    apply(&aws, &rack.id, "UpdateStack", &promoted.template);
    let backed_up = rack.render(&alone, Some(&promoted.template));
    assert!(!backed_up.more);
    apply(&aws, &rack.id, "UpdateStack", &backed_up.template);
    let of_database = aws.secret(link.as_str()).unwrap();
    assert_eq!(of_database["PASS"], login["password"]);
    let standing = backed_up.template;
    assert_eq!(rack.render(&alone, Some(&standing)).template, standing);
}
