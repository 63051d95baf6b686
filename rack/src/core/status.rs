//! What runs of an App: which Release, since when, with which delivery, decided by whom.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use promotion::{Applied, Desired, Promotion, Work};
use serde::Serialize;

use super::history::time;
use super::report::{Fallback, SeenReport};
use super::services::SeenService;
use super::table::{facts, section, short, table};

/// The answer of `status`.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The Rack.
    pub rack: String,
    /// The App.
    pub app: String,
    /// What runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// The newest request, where it did not become what runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Wanted>,
    /// Its Services.
    pub services: Vec<ServiceRow>,
    /// Its Timers.
    pub timers: Vec<TimerRow>,
    /// What the promote of what runs had to say, and what could not be seen.
    pub warnings: Vec<String>,
}

/// What runs.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Live {
    /// The Release.
    pub release: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// The request that made it live.
    pub request_id: String,
    /// The S3 version of its environment.
    pub env_version_id: String,
    /// `SecretsManager` or `S3`.
    pub delivery: String,
    /// Which level decided that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Why it is S3 although Secrets Manager was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// The version of the App's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_version_id: Option<String>,
}

/// A request and what became of it.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// `promote` or `delete`.
    pub kind: &'static str,
    /// The Release, of a promote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// `pending`, `waiting`, `done` or `failed`.
    pub status: &'static str,
    /// Why it waits or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
}

/// A Service.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRow {
    /// The Service.
    pub name: String,
    /// Its ECS service.
    pub runs_as: String,
    /// What was applied.
    pub task_definition: String,
    /// The Release in which it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Under which addresses it is reached, where the report says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Which gateways of the cluster reach it: `PUBLIC`, `PRIVATE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<&'static str>,
    /// What ECS makes of it.
    #[serde(flatten)]
    pub in_ecs: InEcs,
}

/// What ECS makes of a Service.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "ecs", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum InEcs {
    /// It was not looked at.
    NotSeen,
    /// It is not there.
    Gone,
    /// It is there.
    Seen {
        /// Whether ECS runs, or moves to, what was applied.
        as_applied: bool,
        /// What it runs or moves to.
        runs: String,
        /// Tasks that run.
        running: i32,
        /// Tasks that are to run.
        desired: i32,
        /// How far its deployment is.
        #[serde(skip_serializing_if = "Option::is_none")]
        rollout: Option<String>,
        /// ECS's words.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The stage at which it waits for `rack promote --continue`.
        #[serde(skip_serializing_if = "Option::is_none")]
        paused: Option<String>,
    },
}

/// A Timer.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimerRow {
    /// The Timer.
    pub name: String,
    /// Its rule, or its schedule.
    pub runs_as: String,
    /// What was applied.
    pub task_definition: String,
    /// When it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The time zone of that, where EventBridge Scheduler runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

impl TimerRow {
    fn cells(&self) -> [String; 3] {
        [
            self.name.clone(),
            short(&self.task_definition).to_owned(),
            self.when().unwrap_or_default(),
        ]
    }

    /// When it runs, for people.
    #[must_use]
    pub fn when(&self) -> Option<String> {
        let schedule = self.schedule.as_ref()?;
        Some(match &self.timezone {
            None => schedule.clone(),
            Some(timezone) => format!("{schedule} {timezone}"),
        })
    }
}

/// What is known beside the state.
#[derive(Debug)]
pub struct Known {
    /// The report of the Release that runs.
    pub report: Option<SeenReport>,
    /// When it went live.
    pub since: Option<DateTime<Utc>>,
    /// The ECS services, or why they were not seen.
    pub services: Option<Result<Vec<SeenService>, String>>,
    /// The addresses that gateways have given Services, by Service, or why they were not seen.
    pub gateway_urls: Result<BTreeMap<String, Vec<String>>, String>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            report: None,
            since: None,
            services: None,
            gateway_urls: Ok(BTreeMap::new()),
        }
    }
}

impl Status {
    /// What state, report and ECS say.
    #[must_use]
    pub fn of(rack: &str, app: &str, state: &Promotion, known: Known) -> Self {
        let applied = state.applied.as_ref();
        let mut warnings = Vec::new();
        let seen = match known.services {
            Some(Ok(services)) => Some(services),
            Some(Err(why)) => {
                warnings.push(format!("ECS was not seen: {why}"));
                None
            }
            None => None,
        };
        let urls = known.gateway_urls.unwrap_or_else(|why| {
            warnings.push(format!("addresses at gateways were not seen: {why}"));
            BTreeMap::new()
        });
        let of_request = |applied: &Applied| {
            let report = known.report.as_ref();
            report.filter(|report| report.request_id == applied.request_id)
        };
        let live = applied.map(|applied| live(applied, of_request(applied), known.since));
        if let Some(report) = applied.and_then(of_request) {
            warnings.extend(report.warnings.iter().cloned());
        }
        Self {
            rack: rack.to_owned(),
            app: app.to_owned(),
            live,
            wanted: state
                .desired
                .as_ref()
                .and_then(|desired| wanted(desired, applied)),
            services: applied
                .map(|applied| services(applied, (of_request(applied), &urls), seen.as_deref()))
                .unwrap_or_default(),
            timers: applied.map(timers).unwrap_or_default(),
            warnings,
        }
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.facts();
        let parts = [
            self.services(),
            self.addresses(),
            self.timers(),
            (!self.warnings.is_empty()).then(|| section("Warnings", &self.warnings)),
        ];
        for part in parts.iter().flatten() {
            text.push('\n');
            text.push_str(part);
        }
        text
    }

    fn facts(&self) -> String {
        let live = self.live.as_ref();
        let since = live.map(|live| time(live.since));
        let environment = live.map(|live| &live.env_version_id);
        let secret = live.and_then(|live| live.secret_version_id.as_ref());
        let version = |id: &String| format!("version {id}");
        facts(&[
            ("Rack", Some(self.rack.clone())),
            ("App", Some(self.app.clone())),
            (
                "Release",
                Some(live.map_or("none".to_owned(), |live| live.release.clone())),
            ),
            ("since", since.filter(|since| !since.is_empty())),
            ("environment", environment.map(version)),
            ("delivery", live.map(Live::delivery)),
            ("secret", secret.map(version)),
            ("wanted", self.wanted.as_ref().map(Wanted::text)),
        ])
    }

    fn services(&self) -> Option<String> {
        let rows: Vec<[String; 5]> = self.services.iter().map(ServiceRow::cells).collect();
        let heads = ["SERVICE", "TASK DEFINITION", "OF", "TASKS", "ECS"];
        (!rows.is_empty()).then(|| table(heads, &rows))
    }

    fn addresses(&self) -> Option<String> {
        let rows = self.services.iter().flat_map(ServiceRow::addresses);
        let rows: Vec<[String; 2]> = rows.collect();
        (!rows.is_empty()).then(|| table(["SERVICE", "ADDRESS"], &rows))
    }

    fn timers(&self) -> Option<String> {
        let rows: Vec<[String; 3]> = self.timers.iter().map(TimerRow::cells).collect();
        let heads = ["TIMER", "TASK DEFINITION", "SCHEDULE"];
        (!rows.is_empty()).then(|| table(heads, &rows))
    }
}

impl Live {
    /// The delivery, who decided it, and what it stands in for.
    fn delivery(&self) -> String {
        let by = self.decided_by.as_ref();
        let by = by.map(|by| format!(", decided by {by}"));
        let fallback = self.fallback.as_ref();
        let fallback =
            fallback.map(|why| format!(", since Secrets Manager failed: {}", why.error_type));
        let (by, fallback) = (by.unwrap_or_default(), fallback.unwrap_or_default());
        format!("{}{by}{fallback}", self.delivery)
    }
}

fn live(applied: &Applied, report: Option<&SeenReport>, since: Option<DateTime<Utc>>) -> Live {
    Live {
        release: applied.release.to_string(),
        since,
        request_id: applied.request_id.clone(),
        env_version_id: applied.env_version_id.clone(),
        delivery: delivery(applied),
        decided_by: report.and_then(|report| report.decided_by.clone()),
        fallback: report.and_then(|report| report.fallback.clone()),
        secret_version_id: applied
            .secret
            .as_ref()
            .map(|secret| secret.version_id.clone()),
    }
}

/// As reports spell it.
#[must_use]
pub fn delivery(applied: &Applied) -> String {
    let spelled = serde_json::to_value(applied.delivery).unwrap_or_default();
    spelled.as_str().unwrap_or_default().to_owned()
}

fn wanted(desired: &Desired, applied: Option<&Applied>) -> Option<Wanted> {
    let request_id = &desired.order.request_id;
    if applied.is_some_and(|applied| applied.request_id == *request_id) {
        return None;
    }
    Some(asked(desired))
}

/// A request and what became of it.
#[must_use]
pub fn asked(desired: &Desired) -> Wanted {
    let (status, reason) = match &desired.status {
        promotion::Status::Pending => ("pending", None),
        promotion::Status::Waiting { reason, .. } => ("waiting", Some(reason.clone())),
        promotion::Status::Done => ("done", None),
        promotion::Status::Failed { reason, .. } => ("failed", Some(reason.to_string())),
    };
    let (kind, release) = match &desired.work {
        Work::Promote { release, .. } => ("promote", Some(release.to_string())),
        Work::Delete => ("delete", None),
    };
    Wanted {
        kind,
        release,
        status,
        reason,
        requested_at: desired.order.requested_at,
    }
}

impl Wanted {
    fn text(&self) -> String {
        let release = self
            .release
            .as_deref()
            .map(|release| format!(" of {release}"));
        let reason = self.reason.as_deref().map(|reason| format!(": {reason}"));
        let (release, reason) = (release.unwrap_or_default(), reason.unwrap_or_default());
        format!(
            "{}{release} {}{reason} (asked for {})",
            self.kind,
            self.status,
            time(Some(self.requested_at))
        )
    }
}

fn services(
    applied: &Applied,
    (report, urls): (Option<&SeenReport>, &BTreeMap<String, Vec<String>>),
    seen: Option<&[SeenService]>,
) -> Vec<ServiceRow> {
    let addresses = |name: &String| {
        // What a gateway gives is known later than the report.
        let of_gateways = urls.get(name).filter(|urls| !urls.is_empty());
        if let Some(urls) = of_gateways {
            return Some(urls.clone());
        }
        let moved = report.and_then(|report| report.services.get(name));
        moved.map(|moved| moved.addresses.clone())
    };
    let rows = applied
        .services
        .iter()
        .map(|(name, definition)| ServiceRow {
            name: name.clone(),
            runs_as: definition.runs_as.clone(),
            task_definition: definition.arn.clone(),
            release: definition.release.as_ref().map(ToString::to_string),
            addresses: addresses(name).unwrap_or_default(),
            gateways: definition
                .connectors
                .iter()
                .flat_map(|connector| &connector.access_types)
                .map(|access| access.name())
                .collect(),
            in_ecs: seen.map_or(InEcs::NotSeen, |seen| {
                let called = definition.runs_as.rsplit('/').next();
                let service = seen
                    .iter()
                    .find(|service| Some(service.name.as_str()) == called);
                service.map_or(InEcs::Gone, |service| in_ecs(service, &definition.arn))
            }),
        });
    rows.collect()
}

fn in_ecs(service: &SeenService, applied: &str) -> InEcs {
    let primary = service.primary();
    let runs = primary
        .map(|primary| primary.task_definition.clone())
        .unwrap_or_default();
    InEcs::Seen {
        as_applied: runs == applied,
        runs,
        running: service.running,
        desired: service.desired,
        rollout: primary.and_then(|primary| primary.rollout.clone()),
        reason: primary.and_then(|primary| primary.reason.clone()),
        paused: service.paused.clone(),
    }
}

fn timers(applied: &Applied) -> Vec<TimerRow> {
    let rows = applied.timers.iter().map(|(name, definition)| TimerRow {
        name: name.clone(),
        runs_as: definition.runs_as.clone(),
        task_definition: definition.arn.clone(),
        schedule: definition.schedule.clone(),
        timezone: definition.timezone.clone(),
    });
    rows.collect()
}

impl ServiceRow {
    /// Its rows of addresses.
    fn addresses(&self) -> Vec<[String; 2]> {
        let row = |address: String| [self.name.clone(), address];
        if self.addresses.is_empty() && !self.gateways.is_empty() {
            return vec![row(unknown(&self.gateways))];
        }
        self.addresses.iter().cloned().map(row).collect()
    }

    fn cells(&self) -> [String; 5] {
        let (tasks, ecs) = match &self.in_ecs {
            InEcs::NotSeen => (String::new(), "not seen".to_owned()),
            InEcs::Gone => (String::new(), "its ECS service is gone".to_owned()),
            InEcs::Seen {
                as_applied,
                runs,
                running,
                desired,
                rollout,
                paused,
                ..
            } => {
                let rollout = rollout.as_deref().unwrap_or("ACTIVE").to_lowercase();
                let rollout = match paused {
                    Some(stage) => format!("paused at {stage}: rack promote --continue"),
                    None => rollout,
                };
                let other = if *as_applied {
                    String::new()
                } else {
                    format!(", runs {} instead", short(runs))
                };
                (format!("{running}/{desired}"), format!("{rollout}{other}"))
            }
        };
        [
            self.name.clone(),
            short(&self.task_definition).to_owned(),
            self.release.clone().unwrap_or_default(),
            tasks,
            ecs,
        ]
    }
}

/// In the place of an address that such gateways have not given yet.
#[must_use]
pub fn unknown(gateways: &[&str]) -> String {
    let gateways = gateways.join(", ");
    format!("at gateways of the cluster ({gateways}), which give the address")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::services::tests::service;
    use super::*;

    fn state(desired_request: &str) -> Promotion {
        serde_json::from_value(json!({
            "desired": {"kind": "promote", "release": "R2", "envVersionId": "v2", "requestedAt": "2026-01-01T00:00:00Z",
                "requestId": desired_request, "order": {"key": "k"}, "interrupted": false, "status": "failed", "reason": "NoImage",
                "deadline": "2026-01-01T00:00:00Z"},
            "applied": {"release": "R1", "requestId": "1", "envVersionId": "v1", "delivery": "S3", "timers": {},
                "services": {"web": {"arn": "arn/new", "digest": "d", "runsAs": "r_shop_web"}}},
            "outcomes": []})).unwrap()
    }

    #[test]
    fn what_ecs_runs_is_told_beside_what_was_applied() {
        let look = |services| {
            Status::of(
                "r",
                "shop",
                &state("2"),
                Known {
                    services,
                    ..Known::default()
                },
            )
        };
        let other = look(Some(Ok(vec![service(
            &[("arn/old", Some("COMPLETED"))],
            2,
            true,
        )])));
        assert!(matches!(
            other.services[0].in_ecs,
            InEcs::Seen {
                as_applied: false,
                ..
            }
        ));
        assert!(
            other.text().contains("runs old instead"),
            "{}",
            other.text()
        );
        assert_eq!(look(Some(Ok(Vec::new()))).services[0].in_ecs, InEcs::Gone);
        let unseen = look(Some(Err("AccessDenied".to_owned())));
        assert_eq!(unseen.services[0].in_ecs, InEcs::NotSeen);
        assert_eq!(unseen.warnings, ["ECS was not seen: AccessDenied"]);
        let text = unseen.text();
        assert!(text.contains("promote of R2 failed: NoImage"), "{text}");
    }

    #[test]
    fn the_address_at_a_gateway_is_what_ecs_says_now() {
        let mut state = state("1");
        let connectors = json!([{"portName": "gateway", "accessTypes": ["PUBLIC"], "path": "/", "interval": 5, "timeout": 4, "grace": 5}]);
        let web = state.applied.as_mut().unwrap().services.get_mut("web");
        web.unwrap().connectors = serde_json::from_value(connectors).unwrap();
        let url = "https://a1b2.example".to_owned();
        let seen = || BTreeMap::from([("web".to_owned(), vec![url.clone()])]);
        for (gateway_urls, want, warned) in [
            (Ok(seen()), url.as_str(), None),
            (
                Ok(BTreeMap::new()),
                "at gateways of the cluster (PUBLIC), which give the address",
                None,
            ),
            (
                Err("AccessDenied".to_owned()),
                "at gateways of the cluster (PUBLIC)",
                Some("addresses at gateways were not seen: AccessDenied"),
            ),
        ] {
            let known = Known {
                gateway_urls,
                ..Known::default()
            };
            let status = Status::of("r", "shop", &state, known);
            let text = status.text();
            assert!(text.contains(&format!("web      {want}")), "{text}");
            assert_eq!(status.warnings.first().map(String::as_str), warned);
            assert_eq!(status.services[0].gateways, ["PUBLIC"]);
        }
    }

    #[test]
    fn a_request_that_is_applied_is_not_wanted_any_more() {
        let known = Known {
            report: serde_json::from_value(
                json!({"requestId": "1", "decidedBy": "Rack", "warnings": ["w"]}),
            )
            .ok(),
            ..Known::default()
        };
        let status = Status::of("r", "shop", &state("1"), known);
        assert_eq!(status.wanted, None);
        assert_eq!(status.live.unwrap().decided_by.as_deref(), Some("Rack"));
        assert_eq!(status.warnings, ["w"]);
        let none = Status::of("r", "shop", &Promotion::default(), Known::default());
        assert!(none.text().contains("Release  none"), "{}", none.text());
    }
}
