//! Target groups and listener rules as the template of an App's stack has them, in CloudFormation's shape, and what Elastic Load
//! Balancing would not take of them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use super::hosts;
use super::streams::{self, Stream};

const GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
/// Source: user guide for Application Load Balancers, "Quotas": condition values of a rule.
const VALUES_MAX: usize = 5;
const GROUPS_MAX: usize = 5;

/// What Elastic Load Balancing would not take, or what this stand-in does not know: a resource, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// What the template of a stack has of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Its target groups, by logical id.
    pub groups: BTreeMap<String, Group>,
    /// Its listener rules.
    pub rules: Vec<Rule>,
    /// The listeners of its Network Load Balancers.
    pub streams: Vec<Stream>,
}

/// A target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Whether requests are forwarded in plain HTTP/1.1, which is what is spoken here.
    pub is_plain: bool,
    /// Whether connections are passed on as they are, which Network Load Balancers do.
    pub is_stream: bool,
    /// How the health of targets is found out.
    pub check: Check,
    /// Whether a client stays with its target.
    pub is_sticky: bool,
    /// How long a target that is deregistered may finish requests.
    pub drain: Duration,
}

/// A health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The path that is asked for; none where a connection is enough.
    pub path: Option<String>,
    /// Seconds between two.
    pub interval: u32,
    /// Seconds until no answer is one.
    pub timeout: u32,
    /// Good answers in a row after which a target is healthy again.
    pub healthy: u32,
    /// Others in a row after which it is not.
    pub unhealthy: u32,
    /// Which codes are good answers.
    pub codes: Vec<RangeInclusive<u16>>,
}

/// A listener rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its logical id.
    pub id: String,
    /// The ARN of its listener.
    pub listener: String,
    /// Its place among the rules of that listener.
    pub priority: u32,
    /// The patterns of its `host-header` condition.
    pub hosts: Vec<String>,
    /// The logical ids of the groups that it forwards to, each with its weight.
    pub groups: Vec<(String, u32)>,
}

impl Rule {
    /// Whether it takes a request to that host.
    #[must_use]
    pub fn takes(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| hosts::fits(pattern, host))
    }

    /// A host that both take on the same listener, if there is one.
    #[must_use]
    pub fn shares(&self, other: &Self) -> Option<String> {
        let patterns = self.hosts.iter().flat_map(|one| {
            let others = other.hosts.iter();
            others.filter_map(move |other| hosts::taken_by_both(one, other))
        });
        let mut patterns = patterns.filter(|_| self.listener == other.listener);
        patterns.next()
    }
}

/// The first request that rules of two stacks take, as a sentence: of none of any two Apps there may be one. Also two rules of a
/// listener with one priority.
///
/// `stacks` are Apps by name, each with the template of its stack.
///
/// # Errors
///
/// [`Refused`] for a template that Elastic Load Balancing would not take.
pub fn conflict(stacks: &[(&str, &Value)]) -> Result<Option<String>, Refused> {
    let read = |(name, template): &(&str, &Value)| match read(template) {
        Ok(rendered) => Ok((name.to_string(), rendered.rules)),
        Err(Refused(why)) => Err(Refused(format!("{name}: {why}"))),
    };
    let stacks: Vec<(String, Vec<Rule>)> = stacks.iter().map(read).collect::<Result<_, _>>()?;
    for (number, (name, rules)) in stacks.iter().enumerate() {
        for (other, others) in stacks.iter().skip(number + 1) {
            for (one, two) in rules
                .iter()
                .flat_map(|one| others.iter().map(move |two| (one, two)))
            {
                if let Some(host) = one.shares(two) {
                    return Ok(Some(format!("{name} and {other} both take `{host}`")));
                }
                if (&one.listener, one.priority) == (&two.listener, two.priority) {
                    let priority = one.priority;
                    return Ok(Some(format!(
                        "{name} and {other} both have priority {priority}"
                    )));
                }
            }
        }
    }
    Ok(None)
}

/// What a template has.
///
/// # Errors
///
/// [`Refused`] for what Elastic Load Balancing would not take.
pub fn read(template: &Value) -> Result<Rendered, Refused> {
    let mut rendered = Rendered::default();
    let mut network = Vec::new();
    let resources = template["Resources"].as_object().into_iter().flatten();
    for (id, resource) in resources {
        let properties = Properties {
            id,
            all: &resource["Properties"],
        };
        match resource["Type"].as_str() {
            Some(GROUP) => {
                rendered.groups.insert(id.clone(), properties.group()?);
            }
            Some(RULE) => rendered.rules.push(properties.rule()?),
            Some(streams::LISTENER) => rendered.streams.push(properties.stream()?),
            Some(streams::LOAD_BALANCER) => network.push(properties.network_load_balancer()?),
            _ => {}
        }
    }
    streams::check(&rendered, &network)?;
    for rule in &rendered.rules {
        let known = |(group, _): &&(String, u32)| {
            let group = rendered.groups.get(group);
            group.is_none_or(|group| group.is_stream)
        };
        if let Some((group, _)) = rule.groups.iter().find(known) {
            return Err(Refused(format!(
                "{}: there is no target group {group}",
                rule.id
            )));
        }
        let twin = rendered.rules.iter().find(|other| {
            other.id != rule.id
                && (&other.listener, other.priority) == (&rule.listener, rule.priority)
        });
        if let Some(twin) = twin {
            return Err(Refused(format!(
                "{}: {} has the same priority",
                rule.id, twin.id
            )));
        }
    }
    Ok(rendered)
}

/// The properties of one resource.
pub(super) struct Properties<'p> {
    pub(super) id: &'p str,
    pub(super) all: &'p Value,
}

impl Properties<'_> {
    pub(super) fn refuse<T>(&self, why: impl fmt::Display) -> Result<T, Refused> {
        Err(Refused(format!("{}: {why}", self.id)))
    }

    /// A text; a default where it is not there.
    pub(super) fn text<'d>(&'d self, name: &str, default: &'d str) -> &'d str {
        self.all[name].as_str().unwrap_or(default)
    }

    /// A whole number within bounds; CloudFormation takes it as a text too.
    pub(super) fn number(
        &self,
        name: &str,
        default: u32,
        bounds: RangeInclusive<u32>,
    ) -> Result<u32, Refused> {
        let number = match &self.all[name] {
            Value::Null => Some(default),
            value => number(value),
        };
        match number {
            Some(number) if bounds.contains(&number) => Ok(number),
            _ => self.refuse(format!(
                "{name} is between {} and {}",
                bounds.start(),
                bounds.end()
            )),
        }
    }

    pub(super) fn nothing_but(&self, known: &[&str]) -> Result<(), Refused> {
        let mut names = self
            .all
            .as_object()
            .into_iter()
            .flat_map(serde_json::Map::keys);
        match names.find(|name| !known.contains(&name.as_str())) {
            Some(name) => self.refuse(format!("{name} is not known here")),
            None => Ok(()),
        }
    }

    fn group(&self) -> Result<Group, Refused> {
        self.nothing_but(&[
            "HealthCheckEnabled",
            "HealthCheckIntervalSeconds",
            "HealthCheckPath",
            "HealthCheckPort",
            "HealthCheckProtocol",
            "HealthCheckTimeoutSeconds",
            "HealthyThresholdCount",
            "Matcher",
            "Port",
            "Protocol",
            "ProtocolVersion",
            "Tags",
            "TargetGroupAttributes",
            "TargetType",
            "UnhealthyThresholdCount",
            "VpcId",
        ])?;
        let protocol = self.text("Protocol", "");
        let version = self.text("ProtocolVersion", "HTTP1");
        let is_stream = protocol == streams::PROTOCOL;
        if is_stream {
            self.check_stream_group()?;
        } else if !["HTTP", "HTTPS"].contains(&protocol)
            || !["HTTP1", "HTTP2", "GRPC"].contains(&version)
        {
            return self.refuse(format!("no Protocol {protocol} {version}"));
        }
        if !["ip", "instance"].contains(&self.text("TargetType", "instance")) {
            return self.refuse("TargetType is ip or instance");
        }
        if self.text("VpcId", "").is_empty() {
            return self.refuse("VpcId is missing");
        }
        self.number("Port", 0, 1..=65_535)?;
        let is_plain = (protocol, version) == ("HTTP", "HTTP1");
        let mut group = Group {
            check: self.check(is_plain && self.text("HealthCheckProtocol", protocol) == "HTTP")?,
            is_plain,
            is_stream,
            is_sticky: false,
            drain: Duration::from_mins(5),
        };
        for attribute in self.all["TargetGroupAttributes"]
            .as_array()
            .into_iter()
            .flatten()
        {
            self.attribute(attribute, &mut group)?;
        }
        Ok(group)
    }

    /// Source: API reference, `CreateTargetGroup`, for bounds and defaults.
    fn check(&self, asks: bool) -> Result<Check, Refused> {
        let interval = self.number("HealthCheckIntervalSeconds", 30, 5..=300)?;
        let timeout = self.number("HealthCheckTimeoutSeconds", 5, 2..=120)?;
        if timeout >= interval {
            return self.refuse(format!(
                "Health check timeout '{timeout}' must be smaller than the interval '{interval}'"
            ));
        }
        let path = self.text("HealthCheckPath", "/");
        if !path.starts_with('/') || path.len() > 1024 {
            return self.refuse("HealthCheckPath begins with a slash");
        }
        let matcher = self.all["Matcher"]["HttpCode"].as_str().unwrap_or("200");
        let Some(codes) = codes(matcher) else {
            return self.refuse(format!("no Matcher {matcher}"));
        };
        Ok(Check {
            path: asks.then(|| path.to_owned()),
            interval,
            timeout,
            healthy: self.number("HealthyThresholdCount", 5, 2..=10)?,
            unhealthy: self.number("UnhealthyThresholdCount", 2, 2..=10)?,
            codes,
        })
    }

    fn attribute(&self, attribute: &Value, group: &mut Group) -> Result<(), Refused> {
        let (key, value) = (attribute["Key"].as_str(), attribute["Value"].as_str());
        let (Some(key), Some(value)) = (key, value) else {
            return self.refuse(format!(
                "an attribute has Key and Value, as texts: {attribute}"
            ));
        };
        let seconds = value.parse::<u32>().ok();
        if group.is_stream && streams::has_attribute(key, value) {
            return Ok(());
        }
        if group.is_stream && !key.starts_with("deregistration_delay.") {
            return self.refuse(format!("no attribute {key} of a TCP group is {value}"));
        }
        match (key, value, seconds) {
            ("deregistration_delay.timeout_seconds", _, Some(seconds @ 0..=3600)) => {
                group.drain = Duration::from_secs(seconds.into());
            }
            ("stickiness.enabled", "true", _) => group.is_sticky = true,
            ("stickiness.lb_cookie.duration_seconds", _, Some(1..=604_800))
            | ("slow_start.duration_seconds", _, Some(0 | 30..=900))
            | ("stickiness.enabled", "false", _)
            | ("stickiness.type", "lb_cookie", _)
            | ("load_balancing.algorithm.type", "round_robin" | "least_outstanding_requests", _) => {
            }
            _ => return self.refuse(format!("no attribute {key} is {value}")),
        }
        Ok(())
    }

    fn rule(&self) -> Result<Rule, Refused> {
        self.nothing_but(&["Actions", "Conditions", "ListenerArn", "Priority", "Tags"])?;
        let listener = self.text("ListenerArn", "");
        if !listener.contains(":listener/app/") {
            return self.refuse("ListenerArn is no listener of an Application Load Balancer");
        }
        if self.all["Priority"].is_null() {
            return self.refuse("Priority is missing");
        }
        Ok(Rule {
            id: self.id.to_owned(),
            listener: listener.to_owned(),
            priority: self.number("Priority", 0, 1..=50_000)?,
            hosts: self.hosts()?,
            groups: self.forwarded()?,
        })
    }

    fn hosts(&self) -> Result<Vec<String>, Refused> {
        let [condition] = self.all["Conditions"]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
        else {
            return self.refuse("one condition is known here, host-header");
        };
        let values = match condition["Field"].as_str() {
            Some("host-header") => condition["HostHeaderConfig"]["Values"].as_array(),
            _ => None,
        };
        let values = values.map_or(&[][..], Vec::as_slice).iter();
        let hosts: Vec<String> = values
            .filter_map(|host| host.as_str().map(str::to_owned))
            .collect();
        if hosts.is_empty() || hosts.len() > VALUES_MAX {
            return self.refuse(format!("a rule has between 1 and {VALUES_MAX} hosts"));
        }
        let wrong = hosts
            .iter()
            .find_map(|host| Some((host, hosts::wrong(host)?)));
        match wrong {
            Some((host, why)) => self.refuse(format!("`{host}` is no host: {why}")),
            None => Ok(hosts),
        }
    }

    fn forwarded(&self) -> Result<Vec<(String, u32)>, Refused> {
        let [action] = self.all["Actions"]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
        else {
            return self.refuse("one action is known here, forward");
        };
        let plain = action.get("TargetGroupArn").map(|arn| (arn, 1));
        let weighted = action["ForwardConfig"]["TargetGroups"].as_array();
        let weighted = weighted.into_iter().flatten().map(|one| {
            let weight = one.get("Weight").map_or(Some(1), number);
            (&one["TargetGroupArn"], weight.unwrap_or(u32::MAX))
        });
        let all: Vec<(&Value, u32)> = plain.into_iter().chain(weighted).collect();
        let is_forward = action["Type"] == "forward";
        if !is_forward
            || all.is_empty()
            || all.len() > GROUPS_MAX
            || all.iter().any(|one| one.1 > 999)
        {
            return self.refuse(format!("no action {action}"));
        }
        let named = all
            .into_iter()
            .map(|(arn, weight)| match arn["Ref"].as_str() {
                Some(group) => Ok((group.to_owned(), weight)),
                None => self.refuse(format!("{arn} is no target group of this stack")),
            });
        named.collect()
    }
}

fn number(value: &Value) -> Option<u32> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|number| number.try_into().ok()),
    }
}

/// `200`, `200,202` or `200-399`.
fn codes(matcher: &str) -> Option<Vec<RangeInclusive<u16>>> {
    let one = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (200 <= first && first <= last && last <= 499).then_some(first..=last)
    };
    matcher.split(',').map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LISTENER: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/a/1/2";

    fn template(group: &Value, rule: &Value) -> Value {
        let mut all = json!({
            "Group": {"Type": GROUP, "Properties": {"Protocol": "HTTP", "Port": 3000, "TargetType": "ip", "VpcId": "vpc-1"}},
            "Rule": {"Type": RULE, "Properties": {
                "ListenerArn": LISTENER,
                "Priority": 1,
                "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": ["web.example.com"]}}],
                "Actions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Group"}}],
            }},
        });
        for (id, changes) in [("Group", group), ("Rule", rule)] {
            for (name, value) in changes.as_object().unwrap() {
                all[id]["Properties"][name] = value.clone();
            }
        }
        json!({"Resources": all})
    }

    #[test]
    fn what_is_not_said_has_the_defaults_of_elastic_load_balancing() {
        let rendered = read(&template(&json!({}), &json!({}))).unwrap();
        let group = &rendered.groups["Group"];
        assert_eq!(
            group.check,
            Check {
                path: Some("/".to_owned()),
                interval: 30,
                timeout: 5,
                healthy: 5,
                unhealthy: 2,
                codes: vec![200..=200],
            }
        );
        assert!(group.is_plain && !group.is_sticky);
        assert_eq!(group.drain, Duration::from_mins(5));
        assert_eq!(rendered.rules[0].groups, [("Group".to_owned(), 1)]);
    }

    #[test]
    fn what_is_said_counts_as_number_or_text() {
        let group = json!({
            "HealthCheckPath": "/health", "HealthCheckIntervalSeconds": "10", "HealthCheckTimeoutSeconds": 9,
            "HealthyThresholdCount": 2, "Matcher": {"HttpCode": "200-299,401"},
            "TargetGroupAttributes": [
                {"Key": "deregistration_delay.timeout_seconds", "Value": "0"},
                {"Key": "stickiness.enabled", "Value": "true"},
                {"Key": "stickiness.type", "Value": "lb_cookie"},
            ],
        });
        let forward = json!({"Priority": "7", "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": [
            {"TargetGroupArn": {"Ref": "Group"}, "Weight": 90},
        ]}}]});
        let rendered = read(&template(&group, &forward)).unwrap();
        let group = &rendered.groups["Group"];
        assert_eq!((group.check.interval, group.check.timeout), (10, 9));
        assert_eq!(group.check.codes, [200..=299, 401..=401]);
        assert!(group.is_sticky);
        assert_eq!(group.drain, Duration::ZERO);
        assert_eq!(rendered.rules[0].priority, 7);
        assert_eq!(rendered.rules[0].groups, [("Group".to_owned(), 90)]);
    }

    #[test]
    fn what_elastic_load_balancing_does_not_take_is_refused_by_name() {
        let none = json!({});
        let hosts = |hosts: &[&str]| json!({"Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": hosts}}]});
        let attribute = |key: &str, value: &str| json!({"TargetGroupAttributes": [{"Key": key, "Value": value}]});
        for (group, rule, named) in [
            (
                json!({"HealthCheckIntervalSeconds": 5}),
                none.clone(),
                "must be smaller than the interval '5'",
            ),
            (
                json!({"HealthCheckIntervalSeconds": 4}),
                none.clone(),
                "HealthCheckIntervalSeconds is between 5 and 300",
            ),
            (
                json!({"HealthyThresholdCount": 1}),
                none.clone(),
                "HealthyThresholdCount",
            ),
            (
                json!({"HealthCheckPath": "health"}),
                none.clone(),
                "begins with a slash",
            ),
            (
                json!({"Matcher": {"HttpCode": "200-600"}}),
                none.clone(),
                "no Matcher",
            ),
            (json!({"Protocol": "UDP"}), none.clone(), "no Protocol UDP"),
            (
                json!({"Protocol": "TCP"}),
                none.clone(),
                "no target group Group",
            ),
            (json!({"VpcId": null}), none.clone(), "VpcId"),
            (json!({"Colour": "red"}), none.clone(), "Colour"),
            (
                attribute("stickiness.type", "none"),
                none.clone(),
                "stickiness.type",
            ),
            (
                attribute("deregistration_delay.timeout_seconds", "3601"),
                none.clone(),
                "3601",
            ),
            (none.clone(), json!({"Priority": 0}), "Priority is between"),
            (
                none.clone(),
                json!({"Priority": null}),
                "Priority is missing",
            ),
            (none.clone(), json!({"ListenerArn": "x"}), "ListenerArn"),
            (none.clone(), hosts(&[]), "between 1 and 5 hosts"),
            (none.clone(), hosts(&["a.b"; 6]), "between 1 and 5 hosts"),
            (
                none.clone(),
                hosts(&["localhost"]),
                "`localhost` is no host: it has a dot",
            ),
            (
                none.clone(),
                json!({"Actions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Other"}}]}),
                "no target group Other",
            ),
            (
                none.clone(),
                json!({"Actions": [{"Type": "redirect"}]}),
                "no action",
            ),
        ] {
            let Refused(why) = read(&template(&group, &rule)).unwrap_err();
            assert!(why.contains(named), "{named}: {why}");
        }
        let mut twice = template(&none, &none);
        twice["Resources"]["Twin"] = twice["Resources"]["Rule"].clone();
        let Refused(why) = read(&twice).unwrap_err();
        assert!(why.contains("same priority"), "{why}");
    }

    #[test]
    fn a_request_that_rules_of_two_apps_take_is_named() {
        let of = |host: &str, priority: u32| {
            let hosts = json!([{"Field": "host-header", "HostHeaderConfig": {"Values": [host]}}]);
            template(
                &json!({}),
                &json!({"Priority": priority, "Conditions": hosts}),
            )
        };
        for (one, other, want) in [
            (("a.example.com", 1), ("b.example.com", 2), None),
            (
                ("a.example.com", 1),
                ("A.example.com", 2),
                Some("`a.example.com`"),
            ),
            (
                ("*.example.com", 1),
                ("a.example.com", 2),
                Some("`a.example.com`"),
            ),
            (
                ("a.example.com", 1),
                ("b.example.com", 1),
                Some("priority 1"),
            ),
        ] {
            let (one, other) = (of(one.0, one.1), of(other.0, other.1));
            let found = conflict(&[("shop", &one), ("blog", &other)]).unwrap();
            match want {
                None => assert_eq!(found, None),
                Some(named) => assert!(
                    found.as_ref().is_some_and(|it| it.contains(named)),
                    "{found:?}"
                ),
            }
        }
    }
}
