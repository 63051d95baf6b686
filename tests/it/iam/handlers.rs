//! What CloudFormation's handlers say that they call, for the types that Apps' templates have: the stacks' role allows it, and
//! nothing that none of them calls.
//!
//! `tests/handler_permissions.json` has the handlers' permissions; `make handlers` renews it. On which resources an action is
//! allowed comes from AWS's Service Authorization Reference, as cfn-lint brings it along.

mod excused;
mod things;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use double::iam::{Decision, Deployment, Need, Policy, Rule};
use serde_json::Value;

use super::{pages, policy};
use crate::app_stack;
use things::Handler;

const ROLE: &str = "AppStackRole";
/// What Services bring into a stack, beside what resources do.
const OF_SERVICES: [&str; 6] = [
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
];
const TABLE: &str = include_str!("../../handler_permissions.json");

/// One permission of a handler, and what of it a stack of an App needs.
#[derive(Debug)]
struct Call {
    resource_type: String,
    handler: String,
    permission: String,
    needs: Vec<Need>,
}

fn table() -> &'static BTreeMap<String, BTreeMap<String, Vec<String>>> {
    static TABLE_READ: OnceLock<BTreeMap<String, BTreeMap<String, Vec<String>>>> = OnceLock::new();
    TABLE_READ.get_or_init(|| {
        let table: Value = serde_json::from_str(TABLE).unwrap();
        serde_json::from_value(table["types"].clone()).unwrap()
    })
}

/// A stack with everything that adds a statement to the role.
async fn deployment() -> Deployment {
    super::deeds::deployment().await
}

/// Every permission of every handler that is not excused.
fn calls(of: &Deployment) -> Vec<Call> {
    calls_with(of, app_stack::has_rules_inside())
}

fn calls_with(of: &Deployment, rules_inside: bool) -> Vec<Call> {
    let mut calls = Vec::new();
    for (resource_type, handlers) in table() {
        for (handler, permissions) in handlers {
            let permissions = permissions.iter();
            for permission in
                permissions.filter(|permission| !excused::is(resource_type, permission))
            {
                let at_work = Handler {
                    of,
                    resource_type,
                    name: handler,
                    rules_inside,
                };
                calls.push(Call {
                    resource_type: resource_type.clone(),
                    handler: handler.clone(),
                    permission: permission.clone(),
                    needs: at_work.needs(permission),
                });
            }
        }
    }
    calls
}

/// What the role does not allow, a line each.
fn missing(policy: &Policy, calls: &[&Call], unlisted: &[Need]) -> Vec<String> {
    let refused = |need: &&Need| policy.decide(need) != Decision::Allowed;
    let of_handlers = calls.iter().flat_map(|call| {
        let needs = call.needs.iter().filter(refused);
        needs.map(|need| {
            let (resource_type, handler) = (&call.resource_type, &call.handler);
            let Need {
                action,
                resource,
                context,
                ..
            } = need;
            format!("{resource_type} {handler}: {action} on {resource} with {context:?}")
        })
    });
    let others = unlisted.iter().filter(refused);
    let others = others.map(|need| format!("{}: {need:?}", need.source));
    of_handlers.chain(others).collect()
}

#[tokio::test]
async fn the_role_of_stacks_may_do_what_every_handler_calls() {
    let of = deployment().await;
    let (calls, unlisted) = (calls(&of), excused::unlisted(&of));
    assert!(calls.len() > 150, "{}", calls.len());
    let calls: Vec<&Call> = calls.iter().collect();
    let missing = missing(&policy(&of, ROLE), &calls, &unlisted);
    assert_eq!(missing, Vec::<String>::new());
}

/// So no template may have them; each rule is a resource of its own, which comes after the group's tags.
#[tokio::test]
async fn the_role_of_stacks_lets_nobody_put_rules_into_a_group_that_has_no_tags_yet() {
    let of = deployment().await;
    let (calls, policy) = (calls_with(&of, true), policy(&of, ROLE));
    let calls: Vec<&Call> = calls.iter().collect();
    let missing = missing(&policy, &calls, &[]);
    let named = |action: &str| {
        let start = format!("AWS::EC2::SecurityGroup create: ec2:{action} ");
        missing
            .iter()
            .filter(|line| line.starts_with(&start))
            .count()
    };
    for action in [
        "AuthorizeSecurityGroupEgress",
        "AuthorizeSecurityGroupIngress",
        "RevokeSecurityGroupEgress",
    ] {
        assert_eq!(named(action), 1, "{action}: {missing:#?}");
    }
    assert_eq!(missing.len(), 3, "{missing:#?}");
    assert!(!app_stack::has_rules_inside());
}

#[tokio::test]
async fn no_permission_of_a_handler_can_be_taken_from_the_role_unnoticed() {
    let of = deployment().await;
    let (calls, whole) = (calls(&of), policy(&of, ROLE));
    let permissions: BTreeSet<&str> = calls.iter().map(|call| &*call.permission).collect();
    assert!(permissions.len() > 100, "{}", permissions.len());
    for permission in permissions {
        let mut less = whole.clone();
        less.rules.retain(|rule| rule.action != *permission);
        let of_it = calls.iter().filter(|call| call.permission == permission);
        let of_it: Vec<&Call> = of_it.collect();
        let missing = missing(&less, &of_it, &[]);
        let named = missing.iter().any(|line| line.contains(permission));
        assert!(named, "nobody misses {permission}");
    }
}

/// By action and by resource of each statement: the product of both is not always needed.
#[tokio::test]
async fn the_role_of_stacks_may_do_nothing_that_no_handler_calls() {
    let of = deployment().await;
    let (calls, unlisted) = (calls(&of), excused::unlisted(&of));
    let whole = policy(&of, ROLE);
    let mut parts = BTreeSet::new();
    for (_, rule) in whole.allowing() {
        parts.insert((rule.sid.clone(), rule.action.clone()));
        parts.insert((rule.sid.clone(), rule.resource.clone()));
    }
    let needs = calls.iter().flat_map(|call| &call.needs).chain(&unlisted);
    let needs: Vec<&Need> = needs.collect();
    let idle = parts.iter().filter(|(sid, part)| {
        let is_part =
            |rule: &Rule| rule.sid == *sid && [&rule.action, &rule.resource].contains(&part);
        let (gone, rest): (Vec<Rule>, Vec<Rule>) =
            whole.rules.iter().cloned().partition(|rule| is_part(rule));
        let rest = Policy {
            rules: rest,
            ..whole.clone()
        };
        let mut met = needs
            .iter()
            .filter(|need| gone.iter().any(|rule| rule.fits(need)));
        met.all(|need| rest.decide(need) == Decision::Allowed)
    });
    let idle: Vec<_> = idle.collect();
    assert!(idle.is_empty(), "nobody needs {idle:#?}");
}

#[test]
fn what_is_excused_is_what_a_handler_says() {
    let stale: Vec<_> = excused::all()
        .filter(|(resource_type, permission)| {
            let handlers = table().get(*resource_type);
            let mut permissions = handlers.into_iter().flat_map(BTreeMap::values).flatten();
            !permissions.any(|listed| listed == permission)
        })
        .collect();
    assert!(stale.is_empty(), "no handler calls {stale:#?}");
}

/// CloudFormation writes the secrets of resources, with the key of now and of before.
#[tokio::test]
async fn keys_of_ones_own_leave_to_the_role_what_secrets_of_resources_need() {
    let whole = deployment().await;
    let missing_under = |document: &Value| {
        let of = pages::under_keys_of_ones_own(&whole, document);
        let unlisted = excused::unlisted(&of);
        let of_keys = unlisted.into_iter();
        let of_keys = of_keys.filter(|need| of.key_policies.contains_key(&need.resource));
        let of_keys: Vec<Need> = of_keys.collect();
        assert_eq!(of_keys.len(), 4, "{of_keys:?}");
        missing(&policy(&of, ROLE), &[], &of_keys)
    };
    assert_eq!(missing_under(&pages::key_policy()), Vec::<String>::new());
    for (action, less) in pages::key_policies_with_less() {
        let lacks = missing_under(&less);
        let named = lacks.iter().any(|line| line.contains(&action));
        assert!(named, "without {action}: {lacks:?}");
    }
}

/// The role has nothing of KMS for databases, so the policy of such a key admits it to all that the handler calls.
#[test]
fn a_key_of_ones_own_admits_the_role_to_what_databases_need_of_it() {
    let page = include_str!("../../../docs/databases.md");
    let (_, statement) = page.split_once("```json\n").unwrap();
    let (statement, _) = statement.split_once("```").unwrap();
    let statement: Value = serde_json::from_str(statement).unwrap();
    let role = statement["Principal"]["AWS"].as_str().unwrap();
    assert!(role.contains("AppStackRole"), "{role}");
    let via = "rds.us-east-1.amazonaws.com";
    assert_eq!(
        statement["Condition"]["StringEquals"]["kms:ViaService"],
        via
    );
    let admitted: BTreeSet<String> = serde_json::from_value(statement["Action"].clone()).unwrap();
    let handlers = &table()["AWS::RDS::DBInstance"];
    let called = handlers.values().flatten();
    let called = called.filter(|permission| permission.starts_with("kms:"));
    assert_eq!(admitted, called.cloned().collect());
}

/// Else a type that a template gets would be one that nobody looked up.
#[test]
fn the_table_has_the_types_that_templates_have() {
    let mut rendered = app_stack::types();
    rendered.extend(OF_SERVICES.map(str::to_owned));
    let listed: BTreeSet<String> = table().keys().cloned().collect();
    assert_eq!(
        listed, rendered,
        "renew the table: `make handlers ADD=\"TYPE ...\"`"
    );
}
