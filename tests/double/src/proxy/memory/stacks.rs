//! What operations on stacks do: the outputs of roles and log groups. Nothing else of them can be asked for here.

use std::collections::BTreeMap;

use serde_json::Value;

use super::text;
use crate::REGION;
use crate::stacks::{Effect, rule_arn};

/// The effect of an operation on the stack `name` of an account.
pub(super) fn effect(account: &str, operation: &str, name: &str, body: &Value) -> Effect {
    if operation == "DeleteStack" {
        return Effect::default();
    }
    let template: Value =
        serde_json::from_str(text(body, "TemplateBody")).expect("the rules let only JSON pass");
    let attribute = |value: &Value| {
        let of_part = |part: &Value| part.as_str().unwrap_or_default().to_owned();
        let get = &value["Fn::GetAtt"];
        let (id, attribute) = match value["Ref"].as_str() {
            Some(id) => (id.to_owned(), "Ref".to_owned()),
            None => (of_part(&get[0]), of_part(&get[1])),
        };
        let resource = &template["Resources"][&id];
        physical(account, name, &id, resource, &attribute)
    };
    let outputs = template["Outputs"].as_object().into_iter().flatten();
    let outputs = outputs.map(|(key, output)| match &output["Value"] {
        Value::String(text) => (key.clone(), text.clone()),
        value => (key.clone(), attribute(value)),
    });
    Effect {
        outputs: outputs.collect::<BTreeMap<_, _>>(),
        failure: None,
    }
}

fn physical(account: &str, stack: &str, id: &str, resource: &Value, attribute: &str) -> String {
    let properties = &resource["Properties"];
    let path = properties["Path"].as_str().unwrap_or("/");
    match (text(resource, "Type"), attribute) {
        ("AWS::IAM::Role", "Arn") => {
            format!("arn:aws:iam::{account}:role{path}{stack}-{id}-MEMORY")
        }
        ("AWS::Logs::LogGroup", "Ref") => match properties["LogGroupName"].as_str() {
            Some(name) => name.to_owned(),
            None => format!("{stack}-{id}-MEMORY"),
        },
        ("AWS::Logs::LogGroup", "Arn") => {
            format!("arn:aws:logs:{REGION}:{account}:log-group:{stack}-{id}-MEMORY:*")
        }
        ("AWS::ElasticLoadBalancingV2::TargetGroup", "Ref") => format!(
            "arn:aws:elasticloadbalancing:{REGION}:{account}:targetgroup/{stack}-{id}/0123456789abcdef"
        ),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "DNSName") => {
            format!("{stack}-{id}-0123456789abcdef.elb.{REGION}.amazonaws.com")
        }
        ("AWS::ElasticLoadBalancingV2::ListenerRule", "Ref") => rule_arn(id),
        ("AWS::EC2::SecurityGroup", "GroupId") => "sg-0123456789abcdef0".to_owned(),
        (resource_type, _) => panic!(
            "nothing behind the proxy knows {attribute} of {resource_type}: add it to tests/double/src/proxy/memory/stacks.rs"
        ),
    }
}
