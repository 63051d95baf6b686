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
            Kind::Database(Database {
                version: text(),
                ..postgres()
            }),
            ".options.version",
        ),
        (
            Kind::Database(Database {
                parameter_group: text(),
                ..postgres()
            }),
            ".options.parameterGroupName",
        ),
        (
            Kind::Database(Database {
                snapshot: text(),
                ..postgres()
            }),
            ".options.snapshot",
        ),
        (
            Kind::Cache(Cache {
                class: text(),
                ..cache(CacheEngine::Redis)
            }),
            ".options.class",
        ),
        (
            Kind::FileSystem(FileSystem { path, ..files() }),
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

#[test]
fn one_mount_target_stands_in_each_subnet_whatever_their_order() {
    let mut rack = Rack::new();
    let shared = [resource("files", Kind::FileSystem(files()))];
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
        crate::manifest::load(
            "convox.yml",
            text.as_bytes(),
            &crate::environment::Environment::default(),
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
    assert_eq!(statement("ExecutionRole", "ReadSecrets").unwrap()[1], arn);
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
