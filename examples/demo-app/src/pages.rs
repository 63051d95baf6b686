//! The pages' contents: plain data in, HTML out.

use std::collections::BTreeMap;

use crate::html::{code, escaped, page, table};
use crate::metadata::{Metadata, Rates};
use crate::resources::{self, DATABASE, FILES, FILES_PATH};
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
             <li><a href=\"/resources\">Resources</a>: the database and the file system of the App</li>\n\
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

/// What the database and the file system gave to this task; `has_folder`: there is one at the volume's path.
pub fn resources(variables: &Variables, metadata: &Metadata, has_folder: bool) -> String {
    let rows = resources::VARIABLES.map(|(name, meaning)| {
        vec![
            code(name),
            escaped(meaning),
            escaped(resources::way(variables, name)),
            code(resources::shown(variables, name)),
        ]
    });
    let database = table(
        &format!("Variables of the database {DATABASE}"),
        &["Variable", "What it is", "How it arrived", "Value"],
        &rows,
    );
    let listed = match resources::volume(&metadata.volumes) {
        Some(volume) if volume.name.is_empty() => "listed in its metadata".to_owned(),
        Some(volume) => format!("listed in its metadata as {}", code(&volume.name)),
        None => "<span class=\"absent\">not listed in its metadata</span>".to_owned(),
    };
    let folder = if has_folder {
        "there".to_owned()
    } else {
        "<span class=\"absent\">not there; outside of ECS nothing is mounted</span>".to_owned()
    };
    let files = table(
        "Volumes of this task",
        &["File system", "Path", "Task", "Folder"],
        &[vec![code(FILES), code(FILES_PATH), listed, folder]],
    );
    let note = "<p>The App has a database and a file system: six lines of its convox.yml. Whatever delivers its environment, ECS \
                reads the database’s variables from a secret of the database’s own. None is shown here.</p>\n";
    let content = [note, &database, "\n", &problem(metadata), &files].concat();
    framed("/resources", "Resources", variables, &content)
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
    let table = table("Task metadata", &["Field", "Value"], &rows);
    framed("/task", "Task", variables, &(problem(metadata) + &table))
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

/// Why nothing is known of the task, where that is so.
fn problem(metadata: &Metadata) -> String {
    let problem = metadata.problem.as_ref();
    problem.map_or_else(String::new, |problem| {
        format!("<p role=\"status\">{}</p>\n", escaped(problem))
    })
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
    use crate::metadata::Volume;

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
    fn a_volume_is_what_the_metadata_and_the_path_say() {
        let mut metadata = Metadata::default();
        let page = resources(&Variables::new(), &metadata, false);
        assert!(page.contains("not listed in its metadata") && page.contains("not there"));
        assert_eq!(page.matches("it did not arrive").count(), 6, "{page}");
        metadata.volumes = ["/other", "/uploads"]
            .map(|path| Volume {
                name: format!("ecs-at-{path}"),
                destination: path.to_owned(),
            })
            .into();
        let page = resources(&Variables::new(), &metadata, true);
        assert!(
            page.contains("listed in its metadata as <code>ecs-at-/uploads"),
            "{page}"
        );
        assert!(!page.contains("not listed") && !page.contains("not there"));
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
