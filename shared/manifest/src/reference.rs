//! Names of Services and resources that something else refers to. Source: what Convox does with a name that is not there
//! is in each message.

use std::collections::BTreeMap;

use yaml::{Place, Reader, Scalar, closest};

/// How many names a message lists or compares at most.
const NAMED_MAX: usize = 20;

/// The names that something can refer to, each with what a message may show of it.
pub(super) type Names = BTreeMap<String, String>;

/// The names of the entries under `place`.
pub(super) fn names(place: Option<&Place<'_>>) -> Names {
    let entries = place.map(Place::entries).unwrap_or_default();
    let name = |entry: &yaml::Entry| (entry.key.text.clone(), entry.key.shown());
    entries.iter().map(name).collect()
}

/// Which of `names` is probably meant.
pub(super) fn meant(scalar: &Scalar, names: &Names) -> String {
    let known: Vec<&str> = names.values().take(NAMED_MAX).map(String::as_str).collect();
    match closest(scalar.source(), &known) {
        Some(close) => format!("did you mean `{close}`?"),
        None if known.is_empty() => "there is none".to_owned(),
        None => format!("use one of `{}`", known.join("`, `")),
    }
}

/// Warns of the links to no Service: Convox loads them, and cannot render the Release.
pub(super) fn links(reader: &mut Reader<'_>, place: Option<&Place<'_>>, services: &Names) {
    dangling(reader, place, services, |scalar| {
        let meant = meant(scalar, services);
        format!(
            "names the Service `{}`, which is not in `services`: {meant}",
            scalar.shown()
        )
    });
}

/// Warns of resources that are not there: Convox gives nothing for them, without a word.
pub(super) fn resources(reader: &mut Reader<'_>, place: Option<&Place<'_>>, resources: &Names) {
    dangling(reader, place, resources, |scalar| {
        let shown = scalar.shown();
        match scalar.text.split_once(':') {
            Some((name, _)) if resources.contains_key(name) => {
                format!(
                    "is `{shown}`: only convox/convox knows `name:VARIABLE`, and no resource has \
                     that name"
                )
            }
            _ => {
                let meant = meant(scalar, resources);
                format!("names the resource `{shown}`, which is not in `resources`: {meant}")
            }
        }
    });
}

fn dangling(
    reader: &mut Reader<'_>,
    place: Option<&Place<'_>>,
    names: &Names,
    message: impl Fn(&Scalar) -> String,
) {
    for item in place.into_iter().filter_map(Place::items).flatten() {
        let unknown = item
            .scalar()
            .filter(|scalar| !names.contains_key(&scalar.text));
        if let Some(scalar) = unknown.filter(|scalar| !scalar.text.is_empty()) {
            let message = format!("`{}` {}", item.path, message(scalar));
            reader.warn(item.node.line, &message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::loaded;

    #[test]
    fn a_reference_to_nothing_is_a_warning_with_the_nearest_name() {
        for (body, want) in [
            (
                "{links: [api]}",
                "`services.web.links[0]` names the Service `api`, which is not in `services`: use one of `web`, `worker`",
            ),
            (
                "{links: [wokrer]}",
                "which is not in `services`: did you mean `worker`?",
            ),
            (
                "{resources: [databse]}",
                "`services.web.resources[0]` names the resource `databse`, which is not in `resources`: did you mean `database`?",
            ),
            (
                "{resources: ['database:DB_URL']}",
                "is `database:DB_URL`: only convox/convox knows `name:VARIABLE`",
            ),
            (
                "{resources: ['${V}']}",
                "names the resource `${V}`, which is not in",
            ),
            (
                "{volumes: ['database:/data']}",
                "`services.web.volumes[0]` is `database:/data`: `database` is a resource, but not in `services.web.resources`",
            ),
        ] {
            let text = format!(
                "services:\n  web: {body}\n  worker: \nresources: {{database: {{type: efs}}}}\n"
            );
            let warnings = loaded(&text, "V=sesame\n").warnings;
            assert!(
                warnings[0].starts_with("convox.yml, line 2: "),
                "{warnings:?}"
            );
            assert!(warnings[0].contains(want), "{body}: {warnings:?}");
            assert!(!format!("{warnings:?}").contains("sesame"), "{warnings:?}");
        }
        let text =
            "services: {web: {links: [web], resources: [db]}}\nresources: {db: {type: redis}}\n";
        assert_eq!(loaded(text, "").warnings, [""; 0]);
    }
}
