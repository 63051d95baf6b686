//! A template in the form that the emulator does the right thing with.
//!
//! Five things are different there (1.5.33): `Ref` of a secret is its name and not its ARN; of the rules for generated
//! passwords it knows only `ExcludeCharacters`; it has no single rules of security groups; it takes listener rules of its
//! own listeners only; and it scales nothing.

use serde_json::{Value, json};

use super::text;

const SECRET: &str = "AWS::SecretsManager::Secret";
const LISTENER_RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
/// Nothing refers to them by value but to listener rules, which get ARNs here.
const LEFT_OUT: [&str; 5] = [
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    LISTENER_RULE,
];
/// What each rule of `GenerateSecretString` excludes.
///
/// Source: CloudFormation template reference, `AWS::SecretsManager::Secret GenerateSecretString`.
const EXCLUDED: [(&str, &str); 4] = [
    ("ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"),
    ("ExcludeNumbers", "0123456789"),
    ("ExcludePunctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    ("ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
];

/// The template for the emulator.
#[must_use]
pub fn as_the_emulator_knows_it(template: &Value) -> Value {
    let mut template = template.clone();
    let (mut secrets, mut rules) = (Vec::new(), Vec::new());
    let resources = template.get_mut("Resources").and_then(Value::as_object_mut);
    if let Some(resources) = resources {
        let all = resources.iter();
        let all = all.filter(|(_, resource)| text(resource, "Type") == LISTENER_RULE);
        rules.extend(all.map(|(name, _)| name.clone()));
        resources.retain(|_, resource| !LEFT_OUT.contains(&text(resource, "Type")));
        let names: Vec<String> = resources.keys().cloned().collect();
        for (name, resource) in resources.iter_mut() {
            if let Some(needed) = resource.get_mut("DependsOn").and_then(Value::as_array_mut) {
                needed.retain(|one| names.iter().any(|name| *one == name.as_str()));
            }
            if text(resource, "Type") == SECRET {
                secrets.push(name.clone());
                if let Some(rules) = resource.pointer_mut("/Properties/GenerateSecretString") {
                    exclude(rules);
                }
            }
        }
    }
    refer_by_arn(&mut template, &secrets);
    refer_to_rules(&mut template, &rules);
    template
}

fn refer_to_rules(value: &mut Value, rules: &[String]) {
    match value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| refer_to_rules(item, rules)),
        Value::Object(members) => {
            let of = members.get("Ref").and_then(Value::as_str);
            if let Some(of) = of.filter(|of| rules.iter().any(|rule| rule == of)) {
                *value = json!(rule_arn(of));
                return;
            }
            members
                .values_mut()
                .for_each(|member| refer_to_rules(member, rules));
        }
        _ => {}
    }
}

/// An ARN as one of a listener rule is.
pub(crate) fn rule_arn(id: &str) -> String {
    format!(
        "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/balancer/0a1b2c3d4e5f6071/0a1b2c3d4e5f6072/{id}"
    )
}

fn exclude(generated: &mut Value) {
    let Some(rules) = generated.as_object_mut() else {
        return;
    };
    let excludes = |rule: &str| {
        rules
            .get(rule)
            .is_some_and(|on| *on == true || *on == "true")
    };
    let more = EXCLUDED.iter().filter(|(rule, _)| excludes(rule));
    let more: String = more.map(|(_, characters)| *characters).collect();
    let own = rules.get("ExcludeCharacters").and_then(Value::as_str);
    let all = own.unwrap_or_default().to_owned() + &more;
    rules.insert("ExcludeCharacters".to_owned(), all.into());
}

fn refer_by_arn(value: &mut Value, secrets: &[String]) {
    match value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| refer_by_arn(item, secrets)),
        Value::Object(members) => {
            let of = members.get("Ref").and_then(Value::as_str);
            if let Some(of) = of.filter(|of| secrets.iter().any(|secret| secret == of)) {
                *value = json!({"Fn::GetAtt": [of, "Arn"]});
                return;
            }
            for (name, member) in members.iter_mut() {
                match (name.as_str(), &mut *member) {
                    ("Fn::Sub", Value::String(text)) => *text = with_arns(text, secrets),
                    ("Fn::Sub", Value::Array(parts)) => {
                        if let Some(Value::String(text)) = parts.first_mut() {
                            *text = with_arns(text, secrets);
                        }
                        parts
                            .iter_mut()
                            .skip(1)
                            .for_each(|part| refer_by_arn(part, secrets));
                    }
                    _ => refer_by_arn(member, secrets),
                }
            }
        }
        _ => {}
    }
}

fn with_arns(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        text = text.replace(&format!("${{{secret}}}"), &format!("${{{secret}.Arn}}"));
    }
    text
}
