//! Who reaches the App's resources, and who mounts its file systems.

use serde_json::{Value, json};

use super::*;

/// What stands in place of the id of the App's own group.
const OWN: &str = "sg-of-shop";

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn all() -> [Resource; 3] {
    [
        db("main", postgres()),
        resource("queue", ResourceKind::Cache(cache(CacheEngine::Redis))),
        resource("files", ResourceKind::FileSystem(files())),
    ]
}

/// What may connect to what: the ports of the rules by where they stand and the group that they let in.
fn admitted(template: &Value) -> BTreeMap<(String, String), u64> {
    let all = template["Resources"].as_object().unwrap().values();
    let rules = all.filter(|one| one["Type"] == "AWS::EC2::SecurityGroupIngress");
    let properties = rules.map(|rule| &rule["Properties"]);
    let rule = properties.map(|rule| {
        let into = rule["GroupId"]["Fn::GetAtt"][0].as_str().unwrap();
        let from = &rule["SourceSecurityGroupId"];
        let own = json!({"Fn::GetAtt": ["SecurityGroup", "GroupId"]});
        let from = if *from == own {
            OWN
        } else {
            from.as_str().unwrap()
        };
        let port = rule["FromPort"].as_u64().unwrap();
        assert_eq!(rule["ToPort"], port);
        ((into.to_owned(), from.to_owned()), port)
    });
    rule.collect()
}

fn each_lets_in(groups: &[&str]) -> BTreeMap<(String, String), u64> {
    let ports = [("Main", 5432), ("Queue", 6379), ("Files", 2049)];
    let pairs = ports.iter().flat_map(|(name, port)| {
        let into = format!("{name}SecurityGroup");
        groups
            .iter()
            .map(move |from| ((into.clone(), (*from).to_owned()), *port))
    });
    pairs.collect()
}

/// Stands as stacks of before do, which let in the Rack's group alone.
fn of_before(template: &Value) -> Value {
    let mut before = template.clone();
    let resources = before["Resources"].as_object_mut().unwrap();
    resources.remove("SecurityGroup").unwrap();
    for resource in resources.values_mut() {
        let properties = resource["Properties"].as_object_mut().unwrap();
        properties.remove("FileSystemPolicy");
        if properties.contains_key("SourceSecurityGroupId") {
            properties.insert("SourceSecurityGroupId".to_owned(), json!("sg-1"));
        }
    }
    let outputs = before["Outputs"].as_object_mut().unwrap();
    outputs.remove("SecurityGroupId").unwrap();
    before
}

#[test]
fn resources_let_in_the_group_of_their_own_app_and_none_that_apps_share() {
    let template = Rack::new().template(&all(), None);
    assert_eq!(admitted(&template), each_lets_in(&[OWN]));
    let own = properties(&template, "SecurityGroup");
    assert_eq!(own["VpcId"], "vpc-1");
    assert_eq!(own["SecurityGroupIngress"], Value::Null);
    let output = &template["Outputs"]["SecurityGroupId"]["Value"];
    let id = json!({"Fn::GetAtt": ["SecurityGroup", "GroupId"]});
    assert_eq!(*output, id);
    for (name, group) in [("main", "Main"), ("queue", "Queue"), ("files", "Files")] {
        let group = properties(&template, &format!("{group}SecurityGroup"));
        assert_eq!(group["SecurityGroupIngress"], Value::Null, "{name}");
    }
    let without = Rack::new().template(&[], None);
    assert!(!has_own_group(&without), "nothing to reach");
}

#[test]
fn groups_of_tasks_that_cannot_be_in_it_and_of_before_are_let_in_beside_it() {
    let mut rack = Rack::new();
    rack.let_in = set(&["sg-1"]);
    rack.before_settings.security_groups = set(&["sg-0"]);
    let template = rack.template(&all(), None);
    let either = each_lets_in(&["sg-0", "sg-1", OWN]);
    assert_eq!(admitted(&template), either);
    let seen = Before::read(&template).of_settings();
    assert_eq!(seen.security_groups, set(&["sg-0", "sg-1"]));
    rack.keep = all().iter().map(|one| one.name.clone()).collect();
    let kept = rack.template(&[], Some(&template));
    assert_eq!(admitted(&kept), either, "what stays lets in whom it let in");
    assert_eq!(dangling(&kept), Vec::<String>::new());
}

#[test]
fn a_stack_of_before_lets_in_both_as_long_as_tasks_are_in_the_racks_groups_alone() {
    let mut rack = Rack::new();
    let before = of_before(&rack.template(&all(), None));
    rack.before_settings = Before::read(&before).of_settings();
    assert_eq!(rack.before_settings.security_groups, set(&["sg-1"]));
    let moved = rack.template(&all(), Some(&before));
    assert_eq!(admitted(&moved), each_lets_in(&["sg-1", OWN]));
    rack.before_settings = RackNeeds::default();
    let after = rack.template(&all(), Some(&moved));
    assert_eq!(admitted(&after), each_lets_in(&[OWN]));
}

#[test]
fn the_apps_own_group_outlives_its_last_resource_since_tasks_are_in_it() {
    let mut rack = Rack::new();
    let before = rack.template(&all(), None);
    rack.vpc = None;
    let after = rack.template(&[], Some(&before));
    let own = |template: &Value| template["Resources"]["SecurityGroup"].clone();
    assert_eq!(own(&after), own(&before));
    let output = |template: &Value| template["Outputs"]["SecurityGroupId"].clone();
    assert_eq!(output(&after), output(&before));
    assert_eq!(admitted(&after), BTreeMap::new());
    assert_eq!(rack.template(&[], Some(&after)), after);
}

/// The statement of a task role that mounts.
fn mounting(template: &Value, role: &str) -> Value {
    let document = &properties(template, role)["Policies"][0]["PolicyDocument"];
    let statements = document["Statement"].as_array().unwrap();
    let mut mounting = statements
        .iter()
        .filter(|one| one["Sid"] == "MountFileSystems");
    mounting.next().cloned().unwrap_or_default()
}

#[test]
fn tasks_mount_the_apps_own_file_systems_each_by_its_access_point() {
    let mut rack = Rack::new();
    let both = [
        resource("files", ResourceKind::FileSystem(files())),
        resource("more", ResourceKind::FileSystem(files())),
    ];
    let arns = |ids: [&str; 2]| json!(ids.map(|id| json!({"Fn::GetAtt": [id, "Arn"]})));
    let want = json!({
        "Sid": "MountFileSystems",
        "Effect": "Allow",
        "Action": [
            "elasticfilesystem:ClientMount",
            "elasticfilesystem:ClientRootAccess",
            "elasticfilesystem:ClientWrite",
        ],
        "Resource": arns(["FilesFileSystem", "MoreFileSystem"]),
        "Condition": {"StringEquals": {
            "elasticfilesystem:AccessPointArn": arns(["FilesAccessPoint", "MoreAccessPoint"]),
        }},
    });
    let template = rack.template(&both, None);
    assert_eq!(mounting(&template, "TaskRole"), want);
    assert_eq!(mounting(&template, "ExecutionRole"), Value::Null);
    rack.keep = set(&["more"]);
    let kept = rack.template(&both[..1], Some(&template));
    assert_eq!(
        mounting(&kept, "TaskRole"),
        want,
        "tasks may still mount it"
    );
    let without = rack.template(&[db("main", postgres())], None);
    assert_eq!(mounting(&without, "TaskRole"), Value::Null);
}

#[test]
fn a_file_system_lets_in_nobody_without_a_role_once_nobody_mounts_it_so() {
    let mut rack = Rack::new();
    let own = [resource("files", ResourceKind::FileSystem(files()))];
    let policy =
        |template: &Value| properties(template, "FilesFileSystem")["FileSystemPolicy"].clone();
    rack.mounted_by_role = false;
    let new = rack.template(&own, None);
    let statements = policy(&new)["Statement"].as_array().unwrap().clone();
    let effects: Vec<&Value> = statements.iter().map(|one| &one["Effect"]).collect();
    assert_eq!(effects, ["Deny", "Deny"], "a new one: {statements:?}");
    let again = rack.template(&own, Some(&new));
    assert_eq!(policy(&again), policy(&new), "it stays");
    let before = of_before(&new);
    let moved = rack.template(&own, Some(&before));
    assert_eq!(
        policy(&moved),
        Value::Null,
        "tasks of before mount as nobody"
    );
    rack.mounted_by_role = true;
    let after = rack.template(&own, Some(&moved));
    assert_eq!(policy(&after), policy(&new));
    assert_eq!(dangling(&after), Vec::<String>::new());
}
