//! What the Rack and convox.yml give: networks, texts, secrets, files and policies.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_resource_without_a_network_is_refused() {
    let (vpc, texts) = (Some("vpc-1"), |texts: &[&str]| {
        texts.iter().map(|text| (*text).to_owned()).collect()
    });
    let two = ["subnet-1", "subnet-2"];
    for (vpc, groups, subnets, want) in [
        (
            None,
            ["sg-1"].as_slice(),
            two.as_slice(),
            "set the Rack's parameter `Vpc`",
        ),
        (vpc, &["sg-1"], &[], "set the Rack's parameter `Subnets`"),
        (vpc, &[], &two, "set the Rack's parameter `SecurityGroups`"),
        (
            vpc,
            &["sg-1"],
            &["subnet-1", "subnet-1"],
            "two Availability Zones",
        ),
    ] {
        let rack = Rack {
            subnets: texts(subnets),
            groups: texts(groups),
            vpc,
            ..Rack::new()
        };
        let said = rack.refused(&[db("main", postgres())], None);
        assert!(said.contains(want) && said.lines().count() == 1, "{said}");
        assert!(
            rack.render(&[], None).is_ok(),
            "an App without resources needs none"
        );
    }
}

#[test]
fn what_cloudformation_would_resolve_is_refused() {
    let rack = Rack::new();
    let text = || Some("{{resolve:ssm:x}}".to_owned());
    let path = "{{resolve:ssm:x}}".to_owned();
    for (kind, part) in [
        (
            ResourceKind::Database(Database {
                version: text(),
                ..postgres()
            }),
            ".options.version",
        ),
        (
            ResourceKind::Database(Database {
                parameter_group: text(),
                ..postgres()
            }),
            ".options.parameterGroupName",
        ),
        (
            ResourceKind::Database(Database {
                snapshot: text(),
                ..postgres()
            }),
            ".options.snapshot",
        ),
        (
            ResourceKind::Cache(Cache {
                class: text(),
                ..cache(CacheEngine::Redis)
            }),
            ".options.class",
        ),
        (
            ResourceKind::FileSystem(FileSystem { path, ..files() }),
            ".options.path",
        ),
    ] {
        let said = rack.refused(&[resource("x", kind)], None);
        assert!(
            said.contains(&format!("`resources.x{part}` holds `{{{{`")),
            "{said}"
        );
        assert!(!said.contains("ssm"), "{said}");
    }
    let mut tagged = db("x", postgres());
    tagged.tags.insert("Team".to_owned(), "{{x}}".to_owned());
    assert!(
        rack.refused(&[tagged], None)
            .contains("`resources.x.tags` holds")
    );
}

/// Names, owned.
fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn groups_and_keys_of_before_are_admitted_beside_those_of_now() {
    let main = [db("main", postgres())];
    let mut rack = Rack::new();
    rack.let_in = set(&["sg-1"]);
    rack.key = Some("key-2");
    let alone = rack.template(&main, None);
    rack.before_settings = RackNeeds {
        security_groups: set(&["sg-1"]),
        secret_keys: set(&["key-2"]),
        environment_keys: set(&["key-2"]),
    };
    assert_eq!(rack.template(&main, None), alone, "nothing has changed");
    rack.before_settings = RackNeeds {
        security_groups: set(&["sg-0", "sg-1"]),
        secret_keys: set(&["key-1"]),
        environment_keys: set(&["key-0", "key-1"]),
    };
    let both = Before::read(&rack.template(&main, None)).of_settings();
    let want = RackNeeds {
        security_groups: set(&["sg-0", "sg-1"]),
        secret_keys: set(&["key-1", "key-2"]),
        environment_keys: set(&["key-0", "key-1", "key-2"]),
    };
    assert_eq!(both, want);
}

#[test]
fn groups_of_rules_inside_of_a_standing_group_are_seen() {
    let rule =
        json!({"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "SourceSecurityGroupId": "sg-9"});
    let stands = json!({"Resources": {"G": {"Properties": {"SecurityGroupIngress": [rule]}}}});
    let seen = Before::read(&stands).of_settings();
    assert_eq!(seen.security_groups, set(&["sg-9"]));
}

#[test]
fn secrets_of_resources_go_back_to_the_accounts_own_key_by_its_name() {
    let main = [db("main", postgres())];
    let keys = |template: &Value| {
        let resources = template["Resources"].as_object().unwrap().values();
        let secrets = resources.filter(|one| one["Type"] == "AWS::SecretsManager::Secret");
        let keys = secrets.map(|one| one["Properties"]["KmsKeyId"].clone());
        keys.collect::<Vec<Value>>()
    };
    let mut rack = Rack::new();
    let never = rack.template(&main, None);
    assert_eq!(keys(&never), [Value::Null, Value::Null]);
    rack.key = Some("key-1");
    let with = rack.template(&main, Some(&never));
    assert_eq!(keys(&with), ["key-1", "key-1"]);
    rack.key = None;
    let own = "alias/aws/secretsmanager";
    let without = rack.template(&main, Some(&with));
    assert_eq!(keys(&without), [own, own]);
    assert_eq!(rack.template(&main, Some(&without)), without);
}

#[test]
fn one_mount_target_stands_in_each_subnet_whatever_their_order() {
    let mut rack = Rack::new();
    let shared = [resource("files", ResourceKind::FileSystem(files()))];
    let targets = |template: &Value| {
        let all = template["Resources"].as_object().unwrap().values();
        let targets = all.filter(|one| one["Type"] == "AWS::EFS::MountTarget");
        let mut subnets: Vec<String> = targets
            .map(|one| one["Properties"]["SubnetId"].as_str().unwrap().to_owned())
            .collect();
        subnets.sort();
        subnets
    };
    let before = rack.template(&shared, None);
    assert_eq!(targets(&before), ["subnet-1", "subnet-2", "subnet-3"]);
    rack.subnets.reverse();
    rack.subnets.push("subnet-1".to_owned());
    assert_eq!(rack.template(&shared, None), before);
    rack.subnets = vec!["subnet-2".to_owned()];
    let fewer = rack.template(&shared, Some(&before));
    assert_eq!(targets(&fewer), ["subnet-2"]);
}

#[test]
fn needs_are_what_convox_yml_names() {
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db/main-AbCd12";
    let text = format!(
        "services:\n  web:\n    image: i\n    secrets: {{A: '{arn}:k::'}}\n    environmentFiles: ['arn:aws:s3:::bucket/a*.env']\n    \
         policies: ['arn:aws:iam::aws:policy/A']\n  api:\n    image: i\ntimers:\n  t: {{schedule: 0 0 * * ?, command: x, service: api, \
         policies: ['arn:aws:iam::aws:policy/B']}}\n"
    );
    let manifest = |text: &str| {
        manifest::load(
            "convox.yml",
            text.as_bytes(),
            &environment::Environment::default(),
        )
        .unwrap()
    };
    let mut rack = Rack::new();
    rack.needs = Needs::of(&manifest(&text)).unwrap();
    let template = rack.template(&[], None);
    let statement = |role: &str, sid: &str| {
        let document = &properties(&template, role)["Policies"][0]["PolicyDocument"]["Statement"];
        let found = document
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["Sid"] == sid);
        found.map(|one| one["Resource"].clone())
    };
    assert_eq!(
        statement("ExecutionRole", "ReadNamedSecrets").unwrap()[0],
        arn
    );
    assert_eq!(
        statement("ExecutionRole", "ReadEnvironmentFiles").unwrap()[0],
        "arn:aws:s3:::bucket/a${*}.env"
    );
    assert_eq!(
        statement("ExecutionRole", "LocateEnvironmentFiles").unwrap()[0],
        "arn:aws:s3:::bucket"
    );
    assert_eq!(
        properties(&template, "WebServiceRole")["ManagedPolicyArns"],
        json!(["arn:aws:iam::aws:policy/A"])
    );
    assert_eq!(
        properties(&template, "TTimerRole")["ManagedPolicyArns"],
        json!(["arn:aws:iam::aws:policy/B"])
    );
    assert_eq!(
        statement("WebServiceRole", "ReadEnvironments"),
        statement("TaskRole", "ReadEnvironments")
    );
    assert!(template["Resources"]["ApiServiceRole"].is_null());
    let both = Needs::default()
        .and(rack.needs.clone())
        .and(rack.needs.clone());
    assert!(both == rack.needs);
    let state = serde_json::to_value(&both).unwrap();
    assert!(serde_json::from_value::<Needs>(state).unwrap() == both);
    assert!(!format!("{both:?}").contains("arn"), "{both:?}");

    let bad = "services:\n  web:\n    image: i\n    policies: ['{{x}}', canary]\n    environmentFiles: ['arn:aws:s3:::bucket/{{x}}.env']\n";
    let said = said(&Needs::of(&manifest(bad)).unwrap_err());
    for part in [
        "`services.web.policies[0]` holds `{{`",
        "`services.web.policies[1]` is not the ARN of an IAM policy",
        "`services.web.environmentFiles[0]` holds `{{`",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!said.contains("canary"), "{said}");
}

/// A convox.yml with so many secrets, whose ARNs have 94 characters.
fn with_secrets(count: usize) -> Needs {
    let secret = |n| {
        let arn = format!(
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:team/shop/credential-of-number-{n:03}-AbCdEf"
        );
        assert_eq!(arn.len(), 94);
        format!("V{n}: '{arn}:key::'")
    };
    let secrets: Vec<String> = (0..count).map(secret).collect();
    let secrets = secrets.join(", ");
    let text = format!("services:\n  web:\n    image: i\n    secrets: {{{secrets}}}\n");
    let none = environment::Environment::default();
    Needs::of(&manifest::load("convox.yml", text.as_bytes(), &none).unwrap()).unwrap()
}

#[test]
fn a_role_names_each_secret_once_and_its_size_is_known_beforehand() {
    let cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/apps";
    let size = |count| {
        let rack = Rack {
            needs: with_secrets(count),
            ..Rack::new()
        };
        let template = rack.template(&[db("main", postgres())], None);
        let policies = &properties(&template, "ExecutionRole")["Policies"];
        let arn = "credential-of-number-000-";
        assert_eq!(policies.to_string().matches(arn).count(), 1);
        execution_policy_size(&template, cluster)
    };
    let (one, ninety) = (size(1), size(90));
    assert_eq!(ninety - one, 89 * 97, "94 characters, quotes and a comma");
    assert!(ninety <= INLINE_POLICIES_MAX, "{ninety}");
    assert!(size(100) > INLINE_POLICIES_MAX);
    // By hand: the whole document with everything put in.
    let template = Rack::new().template(&[], None);
    let document =
        properties(&template, "ExecutionRole")["Policies"][0]["PolicyDocument"].to_string();
    let put_in = [
        (
            r#"{"Fn::Sub":"arn:${AWS::Partition}:ecr:*:*:repository/*"}"#,
            r#""arn:aws:ecr:*:*:repository/*""#,
        ),
        (
            r#"{"Fn::GetAtt":["LogGroup","Arn"]}"#,
            r#""arn:aws:logs:us-east-1:123456789012:log-group:LOGS:*""#,
        ),
        (
            r#"{"Fn::Sub":"arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:myrack/shop-??????"}"#,
            r#""arn:aws:secretsmanager:us-east-1:123456789012:secret:myrack/shop-??????""#,
        ),
    ];
    let document = put_in.iter().fold(document, |document, (from, to)| {
        assert!(document.contains(from), "{document}");
        document.replace(from, to)
    });
    let group = properties(&template, "LogGroup")["LogGroupName"]
        .as_str()
        .unwrap();
    let document = document.replace("LOGS", group);
    assert_eq!(execution_policy_size(&template, cluster), document.len());
}
