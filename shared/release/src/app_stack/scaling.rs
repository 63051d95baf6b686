//! What scales the App's ECS services between the numbers of convox.yml. Source: CloudFormation template reference,
//! `AWS::ApplicationAutoScaling::ScalableTarget` and `ScalingPolicy`; Application Auto Scaling API reference,
//! `TargetTrackingScalingPolicyConfiguration`.
//!
//! Application Auto Scaling takes a target only of an ECS service that stands, so no other is named here.

use serde_json::{Value, json};

use super::ingress::{Ingress, rule_id, target_group_id};
use super::logical_id::logical_id;
use super::needs::{DYNAMIC, dynamic};
use super::rendering::Rendering;
use super::template::{get_att, object, reference, set};
use manifest::{Metric, Service};
use names::hash8;
use yaml::Problem;

const TARGET: &str = "AWS::ApplicationAutoScaling::ScalableTarget";
const POLICY: &str = "AWS::ApplicationAutoScaling::ScalingPolicy";

/// A Service whose ECS service stands and is scaled.
#[derive(Clone, Copy)]
pub struct Scaled<'a> {
    /// The Service.
    pub service: &'a Service,
    /// Its ECS service.
    pub ecs_service: &'a str,
    /// The name of the cluster.
    pub cluster: &'a str,
}

/// What one policy holds at a value.
struct Policy {
    /// Tells it from the others of its Service.
    kind: String,
    value: Value,
    metric: (&'static str, Value),
    /// What has to be there before.
    depends_on: Vec<String>,
}

/// Whether load balancers send to a Service, so that its requests can be counted.
#[must_use]
pub fn counts_requests(ingress: Option<&Ingress<'_>>, service: &Service) -> bool {
    ingress.is_some_and(|ingress| counted(ingress, service).is_some())
}

impl Rendering<'_> {
    /// Adds target and policies of each Service that is scaled.
    pub(super) fn add_scaling(&mut self) {
        for scaled in self.inputs.scaled {
            let policies = self.policies_of(scaled.service);
            if policies.is_empty() {
                continue;
            }
            let scale = &scaled.service.scale;
            let name = scaled.service.name.as_str();
            let target = logical_id(name, "ScalableTarget");
            let (cluster, ecs_service) = (scaled.cluster, scaled.ecs_service);
            let properties = json!({
                "MaxCapacity": scale.max,
                "MinCapacity": scale.min,
                "ResourceId": format!("service/{cluster}/{ecs_service}"),
                "ScalableDimension": "ecs:service:DesiredCount",
                "ServiceNamespace": "ecs",
            });
            self.template.add(&target, TARGET, properties);
            for policy in policies {
                let (member, metric) = policy.metric;
                let configuration = object([
                    (member, metric),
                    ("ScaleInCooldown", scale.cooldown.down.into()),
                    ("ScaleOutCooldown", scale.cooldown.up.into()),
                    ("TargetValue", policy.value),
                ]);
                let properties = json!({
                    "PolicyName": format!("{ecs_service}-{}", policy.kind),
                    "PolicyType": "TargetTrackingScaling",
                    "ScalingTargetId": reference(&target),
                    "TargetTrackingScalingPolicyConfiguration": configuration,
                });
                let id = logical_id(name, &format!("ScalesBy{}", capitalized(&policy.kind)));
                let mut resource = object([("Type", POLICY.into()), ("Properties", properties)]);
                if !policy.depends_on.is_empty() {
                    set(&mut resource, "DependsOn", json!(policy.depends_on));
                }
                self.template.insert(&id, resource);
            }
        }
    }

    fn policies_of(&mut self, service: &Service) -> Vec<Policy> {
        let targets = &service.scale.targets;
        let predefined = |kind: &str, value: u32, name: &str| Policy {
            kind: kind.to_owned(),
            value: value.into(),
            metric: (
                "PredefinedMetricSpecification",
                json!({"PredefinedMetricType": name}),
            ),
            depends_on: Vec::new(),
        };
        let mut policies = Vec::new();
        if targets.cpu > 0 {
            policies.push(predefined(
                "cpu",
                targets.cpu,
                "ECSServiceAverageCPUUtilization",
            ));
        }
        if targets.memory > 0 {
            let name = "ECSServiceAverageMemoryUtilization";
            policies.push(predefined("memory", targets.memory, name));
        }
        let ingress = self.inputs.ingress.as_ref();
        let led = ingress.and_then(|ingress| counted(ingress, service));
        let led = led.filter(|(_, rules)| rules.iter().all(|rule| self.template.has(rule)));
        if let Some((label, rules)) = led.filter(|_| targets.requests > 0) {
            let mut policy = predefined("requests", targets.requests, "ALBRequestCountPerTarget");
            set(&mut policy.metric.1, "ResourceLabel", label);
            policy.depends_on = rules;
            policies.push(policy);
        }
        for metric in &targets.custom {
            policies.extend(self.custom(service, metric));
        }
        policies
    }

    /// `None` only with a problem noted.
    fn custom(&mut self, service: &Service, metric: &Metric) -> Option<Policy> {
        let line = service.scale.line.unwrap_or(service.line);
        let path = format!("services.{}.scale.targets.custom", service.name);
        let dimensions = metric.dimensions.iter();
        let mut texts = dimensions.flat_map(|(name, value)| [name, value]);
        let own = [&metric.namespace, &metric.name];
        if own
            .into_iter()
            .chain(&mut texts)
            .any(|it| it.contains(DYNAMIC))
        {
            self.problems.push(dynamic(line, path));
            return None;
        }
        let mut wrong = |message: &str| {
            self.problems
                .push(Problem::at(line, path.clone(), message.to_owned()));
            None
        };
        if metric.namespace.is_empty() || metric.name.is_empty() {
            return wrong("has a metric without a namespace: write `namespace/name`");
        }
        let value: f64 = metric.value.parse().ok()?;
        if value <= 0.0 {
            return wrong("has a `value` that is not more than 0, which nothing can be held at");
        }
        let Some(statistic) = statistic(&metric.aggregate) else {
            return wrong(
                "has an `aggregate` that is none of `avg`, `max`, `min`, `samplecount` and `sum`",
            );
        };
        let dimensions = metric.dimensions.iter();
        let dimensions: Vec<Value> = dimensions
            .map(|(name, value)| json!({"Name": name, "Value": value}))
            .collect();
        let mut specification = json!({
            "MetricName": metric.name,
            "Namespace": metric.namespace,
            "Statistic": statistic,
        });
        if !dimensions.is_empty() {
            set(&mut specification, "Dimensions", dimensions.into());
        }
        Some(Policy {
            kind: format!(
                "metric{}",
                hash8(&format!("{}/{}", metric.namespace, metric.name))
            ),
            value: json!(value),
            metric: ("CustomizedMetricSpecification", specification),
            depends_on: Vec::new(),
        })
    }
}

/// What tells Application Auto Scaling whose requests it counts, and the rules that lead there: before them the load balancer
/// knows nothing of the target group.
fn counted(ingress: &Ingress<'_>, service: &Service) -> Option<(Value, Vec<String>)> {
    let entrance = ingress.entrance?;
    let mut routes = ingress.routes.list.iter();
    let route = routes.find(|route| route.service == service.name && !route.rules.is_empty())?;
    // `…:listener/app/{name}/{id}/{listener}`.
    let listener = entrance.listener(route.side)?;
    let (_, path) = listener.split_once(":listener/")?;
    let (load_balancer, _) = path.rsplit_once('/')?;
    let group = get_att(&target_group_id(route), "TargetGroupFullName");
    let label = json!({"Fn::Join": ["/", [load_balancer, group]]});
    let rules = route.rules.iter();
    let rules = rules.map(|rule| rule_id(&route.service, route.side, &rule.part));
    Some((label, rules.collect()))
}

/// As Convox spells them, and as `CloudWatch` does.
fn statistic(aggregate: &str) -> Option<&'static str> {
    match aggregate.to_ascii_lowercase().as_str() {
        "" | "avg" | "average" => Some("Average"),
        "max" | "maximum" => Some("Maximum"),
        "min" | "minimum" => Some("Minimum"),
        "samplecount" => Some("SampleCount"),
        "sum" => Some("Sum"),
        _ => None,
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
