//! How much room the template leaves for the lists of what Apps may name and get: in the variables of promote, which Lambda
//! limits, and in the boundary of their roles, which IAM limits. docs/limits.md says it in numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use double::iam::{Deployment, template};
use serde_json::Value;

use super::functions::named;
use super::repository;

/// Source: Lambda developer guide, "Lambda quotas", function configuration. What is measured is the JSON of all variables: the
/// error says so ("String measured").
const VARIABLES_MAX: usize = 4_096;
/// Source: IAM user guide, "IAM and AWS STS quotas": a managed policy, without white space.
const BOUNDARY_MAX: usize = 6_144;

/// What is nothing by default, and as long as the Rack's owner makes it.
const LISTS: [&str; 5] = [
    "APP_DATABASE_ARNS",
    "APP_ENVIRONMENT_FILE_ARNS",
    "APP_POLICY_ACTIONS",
    "APP_POLICY_ARNS",
    "APP_SECRET_ARNS",
];
/// A variable: its name, a usual value, and the beginning of the longest one with the number of characters that come after it.
type Variable = (&'static str, &'static str, (&'static str, usize));

const LONGEST_LISTENER: (&str, usize) = (
    "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:listener/app/",
    32 + 1 + 16 + 1 + 16,
);
const LONGEST_ROLE: (&str, usize) = ("arn:aws-us-gov:iam::123456789012:role/", 64);

/// The others of promote.
///
/// Sources: API references: ECS `CreateCluster` (255 of a name) and `AwsVpcConfiguration` (16 subnets, 5 groups), ECR
/// `CreateRepository` (256), IAM `CreateRole` (64) and `CreatePolicy` (128); S3 user guide, bucket naming rules (63); RFC 1035
/// (253 of a host); Elastic Load Balancing `CreateLoadBalancer` (32 of a name, five groups, here of two load balancers, and a
/// subnet of each zone: no region has more than six).
const OTHERS: [Variable; 32] = [
    (
        "APP_BOUNDARY_ARN",
        "arn:aws:iam::123456789012:policy/convox/myrack/rack-AppBoundary-1A2B3C4D5E6F",
        (
            "arn:aws-us-gov:iam::123456789012:policy/convox/123456789012345678901234/",
            128,
        ),
    ),
    (
        "APP_STACK_ROLE_ARN",
        "arn:aws:iam::123456789012:role/rack-AppStackRole-1A2B3C4D5E6F",
        LONGEST_ROLE,
    ),
    ("ASSIGN_PUBLIC_IP", "DISABLED", ("DISABLED", 0)),
    (
        "CLUSTER",
        "apps",
        (
            "arn:aws-us-gov:ecs:us-gov-west-1:123456789012:cluster/",
            255,
        ),
    ),
    ("CONVOX_WRAPPER", "No", ("Yes", 0)),
    ("DOMAIN", "", ("", 64)),
    (
        "ENVIRONMENT_KEY_ARN",
        "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
        ("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-", 36),
    ),
    ("FIRST_RULE_PRIORITY", "1", ("49000", 0)),
    ("INTERNAL_LISTENER_ARN", "", LONGEST_LISTENER),
    ("LAUNCH_TYPE", "FARGATE", ("FARGATE", 0)),
    ("LISTENER_PROTOCOL", "HTTPS", ("HTTPS", 0)),
    ("LOAD_BALANCER_SECURITY_GROUPS", "", ("", 10 * 20 + 9)),
    ("LOAD_BALANCER_SUBNETS", "", ("", 6 * 24 + 5)),
    ("LOG_RETENTION_DAYS", "30", ("3653", 0)),
    ("PUBLIC_LISTENER_ARN", "", LONGEST_LISTENER),
    ("RACK", "myrack", ("", 24)),
    (
        "REGISTRY",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/apps",
        ("123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/", 256),
    ),
    ("ROUTER_HOST", "", ("", 253)),
    ("SECRETS_MANAGER_ENV", "No", ("Yes", 0)),
    ("SECRETS_MANAGER_ENV_VERSION", "Release", ("Release", 0)),
    ("SECRETS_MANAGER_TIMEOUT_SECONDS", "10", ("60", 0)),
    (
        "SECRET_KEY_ARN",
        "",
        ("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-", 36),
    ),
    ("SECURITY_GROUPS", "sg-0123456789abcdef0", ("", 5 * 20 + 4)),
    (
        "SETTINGS_BUCKET",
        "rack-settingsbucket-1a2b3c4d5e6f",
        ("", 63),
    ),
    (
        "SUBNETS",
        "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
        ("", 16 * 24 + 15),
    ),
    (
        "TASK_EXECUTION_ROLE_ARN",
        "arn:aws:iam::123456789012:role/rack-TaskExecutionRole-1A2B3C4D5E6F",
        LONGEST_ROLE,
    ),
    (
        "TASK_ROLE_ARN",
        "arn:aws:iam::123456789012:role/rack-TaskRole-1A2B3C4D5E6F",
        LONGEST_ROLE,
    ),
    (
        "TIMER_ROLE_ARN",
        "arn:aws:iam::123456789012:role/rack-TimerRole-1A2B3C4D5E6F",
        LONGEST_ROLE,
    ),
    (
        "TIMER_DEAD_LETTER_ARN",
        "arn:aws:sqs:us-east-1:123456789012:rack-TimerDeadLetterQueue-1A2B3C4D5E6F",
        ("arn:aws-us-gov:sqs:us-gov-west-1:123456789012:", 80),
    ),
    ("TIMERS", "Rules", ("Scheduler", 0)),
    ("RELEASE_STUCK_MINUTES", "30", ("1440", 0)),
    ("VPC", "vpc-0123456789abcdef0", ("vpc-0123456789abcdef0", 0)),
];

/// What is left when promote's variables have these values and its lists are empty.
fn left_of_variables(value: impl Fn(&Variable) -> String) -> usize {
    let others = OTHERS.iter().map(|one| (one.0, value(one)));
    let lists = LISTS.iter().map(|name| (*name, String::new()));
    let variables: BTreeMap<&str, String> = others.chain(lists).collect();
    let promote = named("promote");
    let set = promote.properties["Environment"]["Variables"].as_object();
    let set: BTreeSet<&str> = set.unwrap().keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = variables.keys().copied().collect();
    assert_eq!(set, known, "docs/limits.md says what is left for the lists");
    VARIABLES_MAX - serde_json::to_string(&variables).unwrap().len()
}

/// What is left of the boundary, with the statements that its lists need and the longest names of a Rack, bucket and region.
fn left_of_boundary() -> usize {
    let (rack, bucket) = ("r".repeat(24), "b".repeat(63));
    let settings = [
        ("AWS_ACCESS_KEY_ID", "123456789012"),
        ("RACK", &rack),
        ("SETTINGS_BUCKET", &bucket),
        ("APP_SECRET_ARNS", "-"),
        ("APP_ENVIRONMENT_FILE_ARNS", "-"),
        ("APP_POLICY_ACTIONS", "-"),
    ];
    let of = Deployment::of(&settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let boundary = &template()["Resources"]["AppBoundary"]["Properties"]["PolicyDocument"];
    let document = of.resolved(boundary).unwrap().to_string();
    for list in [
        "ReadNamedSecrets",
        "ReadEnvironmentFiles",
        "AppPolicyActions",
    ] {
        assert!(document.contains(list), "{document}");
    }
    let longest = document.replace("arn:aws:", "arn:aws-us-gov:");
    BOUNDARY_MAX - longest.replace("us-east-1", "ap-southeast-1").len()
}

/// The number in the row of docs/limits.md that has `mark`, the last before it.
fn told(limits: &str, mark: &str) -> usize {
    let (before, _) = limits
        .split_once(mark)
        .unwrap_or_else(|| panic!("{mark} is not in docs/limits.md"));
    let digits = |c: char| c.is_ascii_digit() || c == ',';
    let number = before.trim_end().rsplit(' ').next().unwrap();
    assert!(number.chars().all(digits), "{number} {mark}");
    number.replace(',', "").parse().unwrap()
}

#[test]
fn the_page_says_how_much_of_both_limits_is_left_for_the_lists() {
    let limits = fs::read_to_string(repository().join("docs/limits.md")).unwrap();
    let usual = left_of_variables(|(_, usual, _)| (*usual).to_owned());
    let least = left_of_variables(|(_, _, (start, more))| format!("{start}{}", "x".repeat(*more)));
    for (mark, left) in [
        ("are left on a usual Rack", usual),
        (
            "where every other setting is as long as AWS takes it",
            least,
        ),
        ("are left for the three", left_of_boundary()),
    ] {
        let told = told(&limits, mark);
        assert!(told <= left && left - told < 100, "{told} {mark}: {left}");
    }
    for page in ["docs/limits.md", "docs/permissions.md"] {
        let page = fs::read_to_string(repository().join(page)).unwrap();
        assert!(page.contains("4,096") && page.contains("6,144"));
    }
}

#[test]
fn each_list_says_that_it_is_limited() {
    for list in LISTS {
        let words = list
            .split('_')
            .map(|word| word[..1].to_owned() + &word[1..].to_lowercase());
        let parameter: String = words.collect();
        let description: &Value = &template()["Parameters"][&parameter]["Description"];
        let description = description
            .as_str()
            .unwrap_or_else(|| panic!("{parameter}"));
        assert!(
            description.contains("docs/limits.md"),
            "{parameter}: {description}"
        );
    }
}
