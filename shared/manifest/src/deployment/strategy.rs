//! In which way requests come to the tasks of a new revision. Convox has none of these keys.
//!
//! Source: ECS API reference, `DeploymentConfiguration`, `CanaryConfiguration`, `LinearConfiguration`.

use serde::{Deserialize, Serialize};

use yaml::{Fields, Place, Reader};

/// The keys of `deployment` that are of it.
pub(super) const KEYS: [&str; 4] = ["bake", "canary", "linear", "strategy"];
/// Minutes between two steps, and after the last.
const MINUTES_MAX: u32 = 1440;
const MINUTES: &str = "a number of minutes from 0 to 1440";
/// Bounds of a share, in tenths of a percent.
const CANARY: (u32, u32) = (1, 1000);
const LINEAR: (u32, u32) = (30, 1000);
/// ECS wants the last bake of `blueGreen` said, and has no default for it.
const BAKE: u32 = 5;

/// ECS's deployment strategies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Strategy {
    /// Tasks are replaced a few at a time.
    #[default]
    Rolling,
    /// All requests move at once, to tasks that stand beside the old ones.
    BlueGreen {
        /// Minutes for which both stand after that.
        bake: u32,
    },
    /// A share moves first, then the rest.
    Canary {
        /// The share, in tenths of a percent.
        tenths: u32,
        /// Minutes before the rest moves.
        step_bake: u32,
        /// As above.
        bake: u32,
    },
    /// Equal shares move one after the other.
    Linear {
        /// A share, in tenths of a percent.
        tenths: u32,
        /// Minutes between two steps.
        step_bake: u32,
        /// As above.
        bake: u32,
    },
}

impl Strategy {
    /// Whether ECS moves requests from one target group to another.
    #[must_use]
    pub fn shifts(self) -> bool {
        self != Self::Rolling
    }

    /// As convox.yml spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::BlueGreen { .. } => "blueGreen",
            Self::Canary { .. } => "canary",
            Self::Linear { .. } => "linear",
        }
    }

    /// In how many steps requests move.
    #[must_use]
    pub fn steps(self) -> u32 {
        match self {
            Self::Rolling => 0,
            Self::BlueGreen { .. } => 1,
            Self::Canary { .. } => 2,
            Self::Linear { tenths, .. } => LINEAR.1.div_ceil(tenths.max(1)),
        }
    }

    /// The minutes that ECS waits by itself before a deployment is complete.
    #[must_use]
    pub fn minutes(self) -> u32 {
        match self {
            Self::Rolling => 0,
            Self::BlueGreen { bake } => bake,
            Self::Canary {
                step_bake, bake, ..
            } => step_bake.saturating_add(bake),
            Self::Linear {
                step_bake, bake, ..
            } => {
                let between = self.steps().saturating_sub(1);
                step_bake.saturating_mul(between).saturating_add(bake)
            }
        }
    }
}

/// What convox.yml says of it; `None` where that is nothing. `alone` is what must never run twice, in words.
pub(super) fn read(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    alone: Option<&str>,
) -> Option<Strategy> {
    let place = fields.get("strategy");
    let word = place.as_ref().and_then(|place| {
        let text = place.scalar().map(|scalar| scalar.text.trim().to_owned());
        let known = ["rolling", "blueGreen", "canary", "linear"];
        let known = text.filter(|text| known.contains(&text.as_str()));
        if known.is_none() {
            reader.wrong(
                place,
                "one of `rolling`, `blueGreen`, `canary` and `linear`",
            );
        }
        known
    });
    let word = word.as_deref();
    if let Some((place, alone)) = place.as_ref().zip(alone)
        && word.is_some_and(|word| word != "rolling")
    {
        let message = format!("runs both revisions at once, and this is {alone}");
        reader.problem_with_help(place, message, "leave it out, or write `rolling`");
    }
    let of_its_own = [("canary", CANARY, (50, 10)), ("linear", LINEAR, (100, 6))];
    let steps = of_its_own.map(|(key, bounds, default)| {
        let place = fields.get(key);
        let place = place.filter(|place| is_of(reader, place, word == Some(key), key));
        steps(reader, place, bounds, default)
    });
    let shifts = word.is_some_and(|word| word != "rolling");
    let bake = fields.get("bake");
    let bake = bake.filter(|place| is_of(reader, place, shifts, "blueGreen"));
    let bake = bake
        .and_then(|place| minutes(reader, &place))
        .unwrap_or(BAKE);
    let [(canary, canary_bake), (linear, linear_bake)] = steps;
    Some(match word? {
        "blueGreen" => Strategy::BlueGreen { bake },
        "canary" => Strategy::Canary {
            tenths: canary,
            step_bake: canary_bake,
            bake,
        },
        "linear" => Strategy::Linear {
            tenths: linear,
            step_bake: linear_bake,
            bake,
        },
        _ => Strategy::Rolling,
    })
}

/// Whether a key is that of the strategy, and otherwise a problem.
fn is_of(reader: &mut Reader<'_>, place: &Place<'_>, is_of: bool, strategy: &str) -> bool {
    if !is_of {
        let message = "is of another strategy than `strategy` says";
        let help = format!("write `strategy: {strategy}`, or leave it out");
        reader.problem_with_help(place, message, help);
    }
    is_of
}

fn steps(
    reader: &mut Reader<'_>,
    place: Option<Place<'_>>,
    bounds: (u32, u32),
    (share, wait): (u32, u32),
) -> (u32, u32) {
    let Some(place) = place else {
        return (share, wait);
    };
    let fields = reader.fields(&place, &["bake", "percent"]);
    let tenths = fields.get("percent").and_then(|place| {
        let text = place.scalar().map(|scalar| scalar.text.trim().to_owned());
        let tenths = text.and_then(|text| tenths(&text));
        let tenths = tenths.filter(|tenths| (bounds.0..=bounds.1).contains(tenths));
        if tenths.is_none() {
            let (least, most) = (decimal(bounds.0), decimal(bounds.1));
            reader.wrong(
                &place,
                &format!("a percentage from {least} to {most}, in tenths"),
            );
        }
        tenths
    });
    let bake = fields.get("bake");
    let bake = bake.and_then(|place| minutes(reader, &place));
    (tenths.unwrap_or(share), bake.unwrap_or(wait))
}

fn minutes(reader: &mut Reader<'_>, place: &Place<'_>) -> Option<u32> {
    let minutes = place.scalar().and_then(yaml::integer);
    let minutes = minutes.filter(|minutes| *minutes <= MINUTES_MAX);
    if minutes.is_none() {
        reader.wrong(place, MINUTES);
    }
    minutes
}

/// A decimal number with one digit after the point at most.
fn tenths(text: &str) -> Option<u32> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(rest) || rest.len() > 1 {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    whole.checked_mul(10)?.checked_add(rest.parse().ok()?)
}

/// Tenths as a decimal number.
pub(super) fn decimal(tenths: u32) -> String {
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        rest => format!("{}.{rest}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{refused, web};
    use super::*;

    fn strategy(body: &str) -> Strategy {
        let deployment = web(&format!("{{deployment: {body}}}"), "").0.deployment;
        deployment.course.unwrap_or_default().strategy
    }

    #[test]
    fn each_strategy_has_ecss_own_defaults_and_its_keys() {
        let canary = |tenths, step_bake, bake| Strategy::Canary {
            tenths,
            step_bake,
            bake,
        };
        let linear = |tenths, step_bake, bake| Strategy::Linear {
            tenths,
            step_bake,
            bake,
        };
        for (body, want, minutes) in [
            ("{}", Strategy::Rolling, 0),
            ("{strategy: rolling}", Strategy::Rolling, 0),
            ("{strategy: blueGreen}", Strategy::BlueGreen { bake: 5 }, 5),
            (
                "{strategy: blueGreen, bake: 0}",
                Strategy::BlueGreen { bake: 0 },
                0,
            ),
            ("{strategy: canary}", canary(50, 10, 5), 15),
            (
                "{strategy: canary, bake: 1440, canary: {percent: 0.1, bake: 1440}}",
                canary(1, 1440, 1440),
                2880,
            ),
            ("{strategy: linear}", linear(100, 6, 5), 59),
            (
                "{strategy: linear, linear: {percent: '33.4', bake: 2}}",
                linear(334, 2, 5),
                9,
            ),
            (
                "{strategy: linear, linear: {percent: 100}, bake: 1}",
                linear(1000, 6, 1),
                1,
            ),
        ] {
            assert_eq!(strategy(body), want, "{body}");
            assert_eq!(want.minutes(), minutes, "{body}");
        }
    }

    #[test]
    fn what_a_strategy_does_not_take_is_refused_with_its_place() {
        for (service, path, says) in [
            (
                "deployment: {strategy: green}",
                "strategy",
                "one of `rolling`",
            ),
            ("deployment: {bake: 5}", "bake", "leave it out"),
            (
                "deployment: {strategy: rolling, bake: 5}",
                "bake",
                "leave it out",
            ),
            (
                "deployment: {strategy: canary, bake: 1441}",
                "bake",
                "0 to 1440",
            ),
            (
                "deployment: {strategy: linear, canary: {percent: 5}}",
                "canary",
                "strategy: canary",
            ),
            (
                "deployment: {strategy: canary, canary: {percent: 0.05}}",
                "canary.percent",
                "from 0.1 to 100",
            ),
            (
                "deployment: {strategy: linear, linear: {percent: 2.9}}",
                "linear.percent",
                "from 3 to 100",
            ),
            (
                "deployment: {strategy: canary, canary: {bake: -1}}",
                "canary.bake",
                "0 to 1440",
            ),
            (
                "agent: true, deployment: {strategy: canary}",
                "strategy",
                "an agent",
            ),
            (
                "singleton: true, deployment: {strategy: blueGreen}",
                "strategy",
                "a singleton",
            ),
            (
                "deployment: {strategy: blueGreen, minimum: 50}",
                "minimum",
                "rolling deployments",
            ),
            (
                "deployment: {strategy: blueGreen, maximum: 50}",
                "maximum",
                "rolling deployments",
            ),
            (
                "deployment: {strategy: linear, breaker: {count: 3}}",
                "breaker",
                "rolling deployments",
            ),
            (
                "deployment: {strategy: linear, resetOnHealthyTask: true}",
                "resetOnHealthyTask",
                "rolling deployments",
            ),
        ] {
            let error = refused(&format!("services: {{web: {{{service}}}}}"), "");
            let path = format!("`services.web.deployment.{path}`");
            assert!(
                error.contains(&path) && error.contains(says),
                "{service}: {error}"
            );
        }
        let rolling = "{singleton: true, deployment: {strategy: rolling}}";
        assert_eq!(web(rolling, "").0.deployment.minimum, 0);
    }
}
