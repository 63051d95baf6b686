//! The roles of an App's tasks: what the Rack's own allow for all its Apps, for this one alone, and what its convox.yml
//! names.
//!
//! Their names are left to CloudFormation; their path is the Rack's, so that who may pass them can be limited to it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::boundary::BOUNDARY;
use super::logical_id::logical_id;
use super::rendering::Opened;
use super::statements::{enter, execution, task};
use super::template::{Template, get_att, object, set};
use super::{StackInputs, outputs};

pub(super) const EXECUTION_ROLE: &str = "ExecutionRole";
const TASK_ROLE: &str = "TaskRole";
/// Kinds of [`logical_id`].
const ROLE_OF_SERVICE: &str = "ServiceRole";
const ROLE_OF_TIMER: &str = "TimerRole";

/// Adds all roles; `opened` is what they open beside what every App's do.
pub(super) fn add(template: &mut Template, inputs: &StackInputs<'_>, opened: &Opened) {
    let execution = policy("start-tasks", execution(inputs, &opened.links));
    let mut add = |logical_id: &str, output: &str, role: Role<'_>| {
        let role = role.properties(inputs, template);
        template.add(logical_id, "AWS::IAM::Role", role);
        template.output(output, get_att(logical_id, "Arn"));
    };
    let starts = Role {
        description: "What ECS may do to start a task of the App",
        policy: execution,
        managed: None,
    };
    add(EXECUTION_ROLE, outputs::EXECUTION_ROLE, starts);
    let runs = |description, managed, is_entered: bool| {
        let mut statements = task(inputs, &opened.file_systems);
        statements.extend(is_entered.then(enter));
        Role {
            description,
            policy: policy("read-environments", statements),
            managed,
        }
    };
    let all = "What containers of the App may do";
    let is_entered = inputs.needs.enters_by_task_role();
    add(TASK_ROLE, outputs::TASK_ROLE, runs(all, None, is_entered));
    for (service, policies) in &inputs.needs.services {
        let name = service.as_str();
        add(
            &logical_id(name, ROLE_OF_SERVICE),
            &logical_id(name, outputs::ROLE_OF_SERVICE),
            runs(
                "What containers of one Service may do",
                Some(policies),
                inputs.needs.exec.contains(service),
            ),
        );
    }
    for (timer, policies) in &inputs.needs.timers {
        let name = timer.as_str();
        add(
            &logical_id(name, ROLE_OF_TIMER),
            &logical_id(name, outputs::ROLE_OF_TIMER),
            runs("What containers of one Timer may do", Some(policies), false),
        );
    }
}

struct Role<'a> {
    description: &'static str,
    policy: Value,
    managed: Option<&'a BTreeSet<String>>,
}

impl Role<'_> {
    fn properties(self, inputs: &StackInputs<'_>, template: &Template) -> Value {
        let path = format!("/convox/{}/", inputs.id.rack);
        let mut properties = object([
            ("Description", self.description.into()),
            ("Path", path.into()),
            ("AssumeRolePolicyDocument", trust()),
            (BOUNDARY, inputs.boundary_arn.into()),
            ("Policies", Value::Array(vec![self.policy])),
            ("Tags", template.tags()),
        ]);
        if let Some(arns) = self.managed {
            set(&mut properties, "ManagedPolicyArns", json!(arns));
        }
        properties
    }
}

/// Source: ECS developer guide, "Amazon ECS task execution IAM role" (the condition keeps other accounts' tasks out).
fn trust() -> Value {
    document(vec![json!({
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    })])
}

fn policy(name: &str, statements: Vec<Value>) -> Value {
    let document = document(statements);
    object([("PolicyName", name.into()), ("PolicyDocument", document)])
}

fn document(statements: Vec<Value>) -> Value {
    object([
        ("Version", "2012-10-17".into()),
        ("Statement", statements.into()),
    ])
}
