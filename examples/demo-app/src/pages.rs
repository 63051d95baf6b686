//! The pages' contents: plain data in, HTML out.

use std::collections::BTreeMap;

use crate::html::{code, escaped, page, table};
use crate::metadata::{Metadata, Rates};
use crate::secrets::SECRETS;

type Variables = BTreeMap<String, String>;

/// Plain variables of the deploy environment, and where each stands.
const PLAIN: [(&str, &str); 6] = [
    ("STAGE", "the App’s environment"),
    (
        "GREETING",
        "the App’s environment, else a default of convox.yml",
    ),
    (
        "ACCENT",
        "the App’s environment, else a default of convox.yml",
    ),
    ("FEATURES", "an environment file that ECS reads"),
    ("RELEASE", "set by the promote"),
    ("AWS_REGION", "set by the promote"),
];

/// What this App is.
pub fn overview(variables: &Variables) -> String {
    let stage = escaped(stage(variables));
    let delivery = delivery(variables);
    framed(
        "/",
        &format!(
            "{} from {}",
            text(variables, "GREETING").unwrap_or("Hello"),
            self::stage(variables)
        ),
        variables,
        &format!(
            "<p>This task runs in the environment <strong>{stage}</strong>. Its App’s environment came through \
             {delivery}.</p>\n<ul class=\"cards\">\n\
             <li><a href=\"/environment\">Environment</a>: plain variables, and where each comes from</li>\n\
             <li><a href=\"/secrets\">Secrets</a>: which arrived, and how</li>\n\
             <li><a href=\"/task\">Task</a>: what ECS says of it</li>\n</ul>"
        ),
    )
}

/// Plain variables.
pub fn environment(variables: &Variables) -> String {
    let rows = PLAIN.map(|(name, origin)| {
        let value = text(variables, name).map_or_else(absent, code);
        vec![code(name), value, escaped(origin)]
    });
    let table = table(
        "Variables of the deploy environment",
        &["Variable", "Value", "Comes from"],
        &rows,
    );
    framed("/environment", "Environment", variables, &table)
}

/// Secrets: masked, and one of them shown where it is a dummy.
pub fn secrets(variables: &Variables, revealed: Option<&str>) -> String {
    let rows: Vec<Vec<String>> = SECRETS
        .iter()
        .map(|secret| {
            let asked = revealed == Some(secret.name);
            let value = code(&secret.shown(variables, asked));
            let link = match (secret.is_dummy(variables), asked) {
                (false, _) => String::new(),
                (true, false) => format!(
                    " <a href=\"/secrets?reveal={0}\" aria-label=\"Reveal {0}\">reveal</a>",
                    secret.name
                ),
                (true, true) => format!(
                    " <a href=\"/secrets\" aria-label=\"Hide {}\">hide</a>",
                    secret.name
                ),
            };
            vec![
                code(secret.name),
                escaped(secret.form),
                escaped(secret.way(variables)),
                value + &link,
            ]
        })
        .collect();
    let note = format!(
        "<p>The App’s environment came through {}. Values are masked; only this demo’s dummies can be revealed.</p>\n",
        delivery(variables)
    );
    let table = table(
        "Secrets of this task",
        &["Variable", "Asked for", "How it arrived", "Value"],
        &rows,
    );
    framed("/secrets", "Secrets", variables, &(note + &table))
}

/// What ECS says of the task; each of it may be missing.
pub fn task(variables: &Variables, metadata: &Metadata) -> String {
    let known = |value: &Option<String>| value.as_deref().map_or_else(absent, code);
    let revision = match (&metadata.family, &metadata.revision) {
        (Some(family), Some(revision)) => code(&format!("{family}:{revision}")),
        (family, _) => known(family),
    };
    let Rates { received, sent } = metadata.rates;
    let rate = |rate: Option<f64>| {
        rate.map_or_else(absent, |rate| escaped(&format!("{rate:.0} bytes a second")))
    };
    let rows = [
        ("Launch type", known(&metadata.launch_type)),
        ("Task definition", revision),
        ("Container ARN", known(&metadata.container_arn)),
        ("Log driver", known(&metadata.log_driver)),
        ("Network receive rate", rate(received)),
        ("Network transmit rate", rate(sent)),
    ]
    .map(|(name, value)| vec![escaped(name), value]);
    let note = match &metadata.problem {
        None => String::new(),
        Some(problem) => format!("<p role=\"status\">{}</p>\n", escaped(problem)),
    };
    let table = table("Task metadata", &["Field", "Value"], &rows);
    framed("/task", "Task", variables, &(note + &table))
}

/// There is no such page.
pub fn not_found(variables: &Variables) -> String {
    framed(
        "",
        "Not found",
        variables,
        "<p>There is no such page. <a href=\"/\">Overview</a></p>",
    )
}

fn framed(path: &str, heading: &str, variables: &Variables, content: &str) -> String {
    let accent = text(variables, "ACCENT").unwrap_or_default();
    page(path, heading, stage(variables), accent, content)
}

fn text<'v>(variables: &'v Variables, name: &str) -> Option<&'v str> {
    variables.get(name).map(String::as_str)
}

fn stage(variables: &Variables) -> &str {
    text(variables, "STAGE").unwrap_or("unknown")
}

fn delivery(variables: &Variables) -> &'static str {
    if variables.contains_key("CONVOX_ENV_URL") {
        "S3 and <code>convox-env</code>"
    } else {
        "Secrets Manager"
    }
}

fn absent() -> String {
    "<span class=\"absent\">not known</span>".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_metadata_may_be_missing() {
        let page = task(&Variables::new(), &Metadata::default());
        assert_eq!(page.matches("not known").count(), 6, "{page}");
        let metadata = Metadata {
            launch_type: Some("FARGATE".to_owned()),
            family: Some("rack_demo_web".to_owned()),
            revision: Some("3".to_owned()),
            rates: Rates {
                received: Some(12.4),
                sent: None,
            },
            ..Metadata::default()
        };
        let page = task(&Variables::new(), &metadata);
        assert!(
            page.contains("rack_demo_web:3") && page.contains("12 bytes a second"),
            "{page}"
        );
        assert_eq!(page.matches("not known").count(), 3, "{page}");
    }

    #[test]
    fn a_page_says_how_the_environment_came() {
        let mut variables = Variables::from([("API_TOKEN".to_owned(), "dummy-t".to_owned())]);
        assert!(secrets(&variables, None).contains("ECS read it from Secrets Manager"));
        assert!(!secrets(&variables, None).contains("dummy-t"));
        variables.insert("CONVOX_ENV_URL".to_owned(), "s3://b/k".to_owned());
        let page = secrets(&variables, Some("API_TOKEN"));
        assert!(
            page.contains("convox-env read it from S3") && page.contains("dummy-t"),
            "{page}"
        );
        assert_eq!(page.matches("it did not arrive").count(), 3);
    }
}
