//! `deployment` of a Service. Source: `convox/rack:pkg/manifest/service.go`, `manifest.go` (defaults).

use super::reader::{Place, Reader};

/// How many of a Service's tasks run while ECS replaces them, in percent of the wanted count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployment {
    /// ECS's `minimumHealthyPercent`.
    pub minimum: u32,
    /// ECS's `maximumPercent`.
    pub maximum: u32,
}

impl Deployment {
    /// What Convox takes where nothing is said: `alone` is an agent or a singleton, which never runs twice.
    #[must_use]
    pub fn default_for(alone: bool) -> Self {
        let (minimum, maximum) = if alone { (0, 100) } else { (50, 200) };
        Self { minimum, maximum }
    }
}

/// An explicit 0 counts.
pub(super) fn read(reader: &mut Reader<'_>, place: Option<Place<'_>>, alone: bool) -> Deployment {
    let mut deployment = Deployment::default_for(alone);
    let Some(place) = place else {
        return deployment;
    };
    let fields = reader.fields(&place, &["maximum", "minimum"]);
    let what = "a percentage such as `50`";
    if let Some(minimum) = reader.number(fields.get("minimum"), what) {
        deployment.minimum = minimum;
    }
    if let Some(maximum) = reader.number(fields.get("maximum"), what) {
        deployment.maximum = maximum;
    }
    if deployment.minimum >= 100 && deployment.maximum <= 100 {
        let message = format!(
            "`{}` leaves ECS no room: it can neither stop a task first (`minimum` under 100) nor start one (`maximum` over 100)",
            place.path
        );
        reader.warn(place.node.line, &message);
    }
    deployment
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refused, web};

    #[test]
    fn percentages_have_defaults_and_zero_counts() {
        for (body, want) in [
            ("{}", (50, 200)),
            ("{deployment: }", (50, 200)),
            ("{agent: true}", (0, 100)),
            ("{singleton: true}", (0, 100)),
            ("{deployment: {minimum: 0}}", (0, 200)),
            ("{deployment: {maximum: '150'}}", (50, 150)),
            (
                "{singleton: yes, deployment: {minimum: 25, maximum: 65}}",
                (25, 65),
            ),
        ] {
            let got = web(body, "").0.deployment;
            assert_eq!((got.minimum, got.maximum), want, "{body}");
        }
        let error = refused("services: {web: {deployment: {minimum: half}}}", "");
        assert!(
            error.contains("`services.web.deployment.minimum` is `half`"),
            "{error}"
        );
    }

    #[test]
    fn percentages_that_stop_every_deployment_are_a_warning() {
        let warnings = web("{deployment: {minimum: 100, maximum: 100}}", "").1;
        assert!(warnings[0].contains("leaves ECS no room"), "{warnings:?}");
    }
}
