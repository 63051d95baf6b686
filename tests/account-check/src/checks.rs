//! What is looked at in an account, what is expected there, and what to do where it is otherwise.

mod engines;

use serde_json::Value;

use crate::aws::{Answer, Aws};
use crate::rack::{Rack, text};
use crate::roles;

/// Executions of Lambda that are needed at once: the queues' nine, and one for who invokes a function.
const EXECUTIONS: u64 = 10;
/// How an endpoint that is not AWS says that it has no such operation.
const UNKNOWN: [&str; 3] = ["(InvalidAction)", "(NotImplemented)", "(UnknownOperation"];

/// One thing that was looked at.
#[derive(Debug)]
pub struct Check {
    /// What it is about.
    pub title: String,
    /// The command that looked.
    pub command: String,
    /// What is right.
    pub expected: String,
    /// What was there.
    pub seen: String,
    /// Whether it is right.
    pub verdict: Verdict,
}

/// Whether something is right.
#[derive(Debug)]
pub enum Verdict {
    /// It is.
    Ok,
    /// It is not, and this is to be done.
    Differs(String),
    /// Nobody said: the caller may not look, or the endpoint does not know.
    NotSeen,
}

/// Everything that was looked at.
#[derive(Debug)]
pub struct Checked {
    /// In order.
    pub checks: Vec<Check>,
    /// The Rack, if there is one.
    pub rack: Option<Rack>,
}

/// What is asked, and what is right.
pub struct Question<'a> {
    /// What it is about.
    pub title: &'a str,
    /// The command without `aws`.
    pub arguments: Vec<&'a str>,
    /// What is right.
    pub expected: String,
    /// What is to be done otherwise.
    pub otherwise: String,
}

impl Question<'_> {
    /// Asks. `judge` says what is there: in `Ok` what is right.
    pub fn ask(self, aws: &Aws, judge: impl FnOnce(&Value) -> Result<String, String>) -> Check {
        let command = aws.shown(&self.arguments);
        let (seen, verdict) = match aws.ask(&self.arguments) {
            Answer::Said(answer) => match judge(&answer) {
                Ok(seen) => (seen, Verdict::Ok),
                Err(seen) => (seen, Verdict::Differs(self.otherwise)),
            },
            Answer::NotAllowed => ("the caller may not look".to_owned(), Verdict::NotSeen),
            Answer::Refused(said) if UNKNOWN.iter().any(|code| said.contains(code)) => {
                (said, Verdict::NotSeen)
            }
            Answer::Refused(said) => (said, Verdict::Differs(self.otherwise)),
            Answer::None(why) => (why, Verdict::NotSeen),
        };
        Check {
            title: self.title.to_owned(),
            command,
            expected: self.expected,
            seen,
            verdict,
        }
    }

    /// Asks whether a member of the answer is what is expected; `none` is said where there is no such member.
    fn ask_whether(self, aws: &Aws, member: &str, none: &str) -> Check {
        let expected = self.expected.clone();
        self.ask(aws, |said| {
            let seen = said.pointer(member).and_then(Value::as_str);
            let seen = seen.unwrap_or(none).to_owned();
            judged(seen == expected, seen)
        })
    }
}

/// What is there, as right or not.
fn judged(right: bool, seen: String) -> Result<String, String> {
    if right { Ok(seen) } else { Err(seen) }
}

/// Looks at everything; at nothing more than the stacks where there is no such Rack.
pub fn all(aws: &Aws, name: &str) -> Checked {
    let mut checks = vec![caller(aws)];
    let (check, rack) = stack(aws, name);
    checks.push(check);
    if let Some(rack) = &rack {
        checks.extend([
            service_role(aws),
            executions(aws),
            cluster(aws, rack),
            subnets(aws, rack),
            versions_are_kept(aws, rack),
            writes_are_told(aws, rack),
            key(aws, rack),
        ]);
        checks.extend(bus(aws, rack));
        checks.extend(engines::all(aws));
        checks.extend(roles::all(aws, rack));
    }
    Checked { checks, rack }
}

fn caller(aws: &Aws) -> Check {
    let question = Question {
        title: "Who is asking",
        arguments: vec!["sts", "get-caller-identity"],
        expected: "the account that the Rack is in".to_owned(),
        otherwise: "choose another profile or other credentials".to_owned(),
    };
    question.ask(aws, |said| match said["Arn"].as_str() {
        Some(arn) => Ok(arn.to_owned()),
        None => Err("nobody".to_owned()),
    })
}

fn stack(aws: &Aws, name: &str) -> (Check, Option<Rack>) {
    let question = Question {
        title: "The Rack's stack",
        arguments: vec!["cloudformation", "describe-stacks"],
        expected: format!("one stack whose output RackName is {name}, created or updated without a failure"),
        otherwise: "deploy it, or name its region; where it failed, `aws cloudformation describe-stack-events` has the reason"
            .to_owned(),
    };
    let mut rack = None;
    let check = question.ask(aws, |said| {
        let mut racks = Rack::found(name, said);
        let seen: Vec<String> = racks
            .iter()
            .map(|rack| format!("{} {}", rack.stack, rack.status))
            .collect();
        let one = (racks.len() == 1).then(|| racks.pop()).flatten();
        let done = |rack: &Rack| ["CREATE_COMPLETE", "UPDATE_COMPLETE"].contains(&&*rack.status);
        let right = one.as_ref().is_some_and(done);
        rack = one;
        match (right, seen.is_empty()) {
            (true, _) => Ok(seen.join(", ")),
            (false, true) => Err("none".to_owned()),
            (false, false) => Err(seen.join(", ")),
        }
    });
    (check, rack)
}

/// ECS makes it with the first cluster, and often comes too early to use it.
fn service_role(aws: &Aws) -> Check {
    let question = Question {
        title: "ECS's service-linked role",
        arguments: vec![
            "iam",
            "list-roles",
            "--path-prefix",
            "/aws-service-role/ecs.amazonaws.com/",
        ],
        expected: "AWSServiceRoleForECS".to_owned(),
        otherwise: "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com"
            .to_owned(),
    };
    question.ask(aws, |said| {
        let role = said["Roles"].as_array().and_then(|roles| roles.first());
        role.map(|role| text(&role["RoleName"]))
            .ok_or_else(|| "none".to_owned())
    })
}

fn executions(aws: &Aws) -> Check {
    let question = Question {
        title: "Executions of Lambda at once",
        arguments: vec!["lambda", "get-account-settings"],
        expected: format!("at least {EXECUTIONS} that no function has reserved"),
        otherwise: "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000"
            .to_owned(),
    };
    question.ask(aws, |said| {
        let free = said.pointer("/AccountLimit/UnreservedConcurrentExecutions");
        match free.and_then(Value::as_u64) {
            Some(free) if free >= EXECUTIONS => Ok(free.to_string()),
            Some(free) => Err(free.to_string()),
            None => Err("no limit is named".to_owned()),
        }
    })
}

fn cluster(aws: &Aws, rack: &Rack) -> Check {
    let cluster = rack.parameter("Cluster");
    let fargate: &[&str] = match rack.parameter("LaunchType") {
        "EC2" => &[],
        _ => &["FARGATE", "FARGATE_SPOT"],
    };
    let question = Question {
        title: "The cluster",
        arguments: vec!["ecs", "describe-clusters", "--clusters", cluster],
        expected: ["ACTIVE"]
            .iter()
            .chain(fargate)
            .copied()
            .collect::<Vec<_>>()
            .join(", "),
        otherwise: format!(
            "correct the parameter Cluster; for the capacity providers: aws ecs put-cluster-capacity-providers --cluster {cluster} \
             --capacity-providers FARGATE FARGATE_SPOT --default-capacity-provider-strategy capacityProvider=FARGATE,weight=1"
        ),
    };
    question.ask(aws, |said| {
        let Some(found) = said["clusters"].as_array().and_then(|found| found.first()) else {
            return Err("it is not there".to_owned());
        };
        let has = found["capacityProviders"].as_array().into_iter().flatten();
        let seen: Vec<String> = std::iter::once(&found["status"])
            .chain(has)
            .map(text)
            .collect();
        let is_there = |wanted: &str| seen.iter().any(|one| one == wanted);
        let right = is_there("ACTIVE") && fargate.iter().all(|one| is_there(one));
        judged(right, seen.join(", "))
    })
}

fn subnets(aws: &Aws, rack: &Rack) -> Check {
    let ids = rack
        .parameter("Subnets")
        .split(',')
        .filter(|id| !id.is_empty());
    let ids: Vec<&str> = ids.collect();
    let vpc = rack.parameter("Vpc");
    let mut arguments = vec!["ec2", "describe-subnets", "--subnet-ids"];
    arguments.extend(&ids);
    let question = Question {
        title: "The subnets",
        arguments,
        expected: format!("in two Availability Zones, all in {vpc}"),
        otherwise: "name subnets of the VPC in two zones: databases and durable caches want that, and Fargate wants one".to_owned(),
    };
    question.ask(aws, |said| {
        let found: Vec<&Value> = said["Subnets"].as_array().into_iter().flatten().collect();
        let place = |subnet: &&Value| (text(&subnet["AvailabilityZone"]), text(&subnet["VpcId"]));
        let places: Vec<(String, String)> = found.iter().map(place).collect();
        let zones: std::collections::BTreeSet<&String> =
            places.iter().map(|(zone, _)| zone).collect();
        let right = !ids.is_empty() && zones.len() > 1 && places.iter().all(|(_, of)| of == vpc);
        let seen: Vec<String> = places
            .iter()
            .map(|(zone, of)| format!("{zone} of {of}"))
            .collect();
        judged(right, seen.join(", "))
    })
}

fn versions_are_kept(aws: &Aws, rack: &Rack) -> Check {
    let bucket = rack.output("SettingsBucket");
    let question = Question {
        title: "Versions of the settings bucket",
        arguments: vec!["s3api", "get-bucket-versioning", "--bucket", bucket],
        expected: "Enabled".to_owned(),
        otherwise: format!(
            "aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
        ),
    };
    question.ask_whether(aws, "/Status", "never")
}

fn writes_are_told(aws: &Aws, rack: &Rack) -> Check {
    let bucket = rack.output("SettingsBucket");
    let question = Question {
        title: "What the settings bucket tells EventBridge",
        arguments: vec!["s3api", "get-bucket-notification-configuration", "--bucket", bucket],
        expected: "EventBridgeConfiguration".to_owned(),
        otherwise: "somebody has written over the bucket's notifications; no upload promotes until EventBridge is among them again"
            .to_owned(),
    };
    question.ask(aws, |said| {
        let members = said.as_object().into_iter().flat_map(|all| all.keys());
        let seen = members.filter(|name| *name != "ResponseMetadata");
        let seen = seen.cloned().collect::<Vec<_>>().join(", ");
        judged(said["EventBridgeConfiguration"].is_object(), seen)
    })
}

fn key(aws: &Aws, rack: &Rack) -> Check {
    let key = rack.output("EnvironmentKeyArn");
    let question = Question {
        title: "The environment key",
        arguments: vec!["kms", "describe-key", "--key-id", key],
        expected: "Enabled".to_owned(),
        otherwise: format!(
            "aws kms cancel-key-deletion --key-id {key}; aws kms enable-key --key-id {key}"
        ),
    };
    question.ask_whether(aws, "/KeyMetadata/KeyState", "no state is named")
}

/// The bus of the commands; none where none is taken.
fn bus(aws: &Aws, rack: &Rack) -> Option<Check> {
    let bus = Some(rack.parameter("CommandBus")).filter(|bus| !bus.is_empty() && *bus != "none")?;
    let question = Question {
        title: "The bus of the commands",
        arguments: vec!["events", "describe-event-bus", "--name", bus],
        expected: "it is there; its policy decides who commands beside who has events:PutEvents"
            .to_owned(),
        otherwise: format!("aws events create-event-bus --name {bus}, or another CommandBus"),
    };
    Some(question.ask(aws, |said| {
        let policy = said["Policy"].as_str();
        Ok(format!(
            "{}, policy: {}",
            text(&said["Name"]),
            policy.unwrap_or("none")
        ))
    }))
}
