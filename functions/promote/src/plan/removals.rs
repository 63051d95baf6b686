//! What a promote takes away, and whether that can be meant. One Service that is left out is; a manifest that lost them all,
//! or a key that is misspelt, is far more often an accident.

use std::collections::{BTreeMap, BTreeSet};

use lambda::unwanted::Removals;
use manifest::{Manifest, NearMiss};
use promotion::Definition;
use release::app_stack::Before;
use release::problem::ReleaseProblem;
use yaml::{Unread, UnreadPart};

use super::checks::Checks;
use super::notice::Notice;
use super::problem::{OTHERWISE, PlanProblem};
use crate::facts::{Facts, Wanted};

/// More names than this help nobody.
const NAMED_MAX: usize = 20;
/// The keys of the top level that keep what runs.
const KEYS: [&str; 3] = ["services", "timers", "resources"];

/// The names that are applied or stand, and that convox.yml does not have.
#[derive(Debug, Clone, Default)]
struct Gone {
    services: BTreeSet<String>,
    timers: BTreeSet<String>,
    resources: BTreeSet<String>,
}

impl Checks {
    /// Refuses to remove what is probably not meant to go, unless the request says that it is.
    pub(super) fn removals(&mut self, wanted: &Wanted<'_>, facts: &Facts) {
        let manifest = &facts.release.manifest;
        let is_whole = !manifest.services.is_empty()
            && manifest.near_misses.is_empty()
            && manifest.unread.is_empty();
        if is_whole || wanted.allowed.removal {
            return;
        }
        let gone = Gone::of(wanted, facts);
        let problems = accident(manifest, &gone);
        self.problems.extend(problems);
    }
}

/// What the user should know of ECS services that app.json named: nobody removes them.
pub(super) fn warnings(wanted: &Wanted<'_>, facts: &Facts) -> Vec<String> {
    let applied = wanted
        .applied
        .into_iter()
        .flat_map(|applied| &applied.services);
    let left = applied.filter(|(name, known)| {
        facts.release.manifest.service(name).is_none() && is_lent(wanted, facts, &known.runs_as)
    });
    let mut warnings: Vec<String> = left
        .map(|(name, known)| {
            let left = Notice::NamedServiceLeft {
                service: name,
                ecs: &known.runs_as,
            };
            left.to_string()
        })
        .collect();
    if facts.release.manifest.services.is_empty() {
        let file = facts.release.manifest.file();
        warnings.push(Notice::NothingRuns { file }.to_string());
    }
    warnings
}

/// Whether what the applied Release was moved on is an ECS service that app.json named: by its name, or, where it is called
/// as one of ours would be, by its tags.
fn is_lent(wanted: &Wanted<'_>, facts: &Facts, runs_as: &str) -> bool {
    let mut untagged = facts.surroundings.unwanted.services.iter();
    !runs_as.starts_with(&wanted.id.service_prefix())
        || untagged.any(|found| found.name == runs_as && !wanted.id.owns(&found.tags))
}

impl Gone {
    /// By the state, and by what stands with the App's tags, in case that the state does not know of it.
    fn of(wanted: &Wanted<'_>, facts: &Facts) -> Self {
        let (id, manifest) = (wanted.id, &facts.release.manifest);
        let removals = Removals::of(id, &facts.surroundings.unwanted);
        let timers_gone = [removals.rules, removals.schedules].concat();
        let applied = wanted.applied;
        let services = applied.map(|applied| &applied.services);
        let timers = applied.map(|applied| &applied.timers);
        let stands = facts.stack.as_ref().filter(|stack| id.owns(&stack.tags));
        let stands = stands.map(|stack| Before::read(&stack.template));
        let kept: BTreeSet<&str> = manifest
            .resources
            .iter()
            .map(|resource| resource.name.as_str())
            .collect();
        let mut gone = Self {
            services: names(services, &removals.services, &id.service_prefix()),
            timers: names(timers, &timers_gone, &id.rule_prefix()),
            resources: stands.map_or_else(BTreeSet::new, |stands| stands.without(&kept)),
        };
        gone.services
            .retain(|name| manifest.service(name).is_none());
        let has_timer = |name: &String| {
            manifest
                .timers
                .iter()
                .any(|timer| timer.name.as_str() == name)
        };
        gone.timers.retain(|name| !has_timer(name));
        gone
    }

    fn is_empty(&self) -> bool {
        self.services.is_empty() && self.timers.is_empty() && self.resources.is_empty()
    }

    /// Those that a key of the top level would have kept.
    fn under(&self, key: &str) -> &BTreeSet<String> {
        match key {
            "services" => &self.services,
            "timers" => &self.timers,
            _ => &self.resources,
        }
    }

    /// Those called `name`.
    fn called(&self, name: &str) -> Self {
        let called = |names: &BTreeSet<String>| names.get(name).cloned().into_iter().collect();
        Self {
            services: called(&self.services),
            timers: called(&self.timers),
            resources: called(&self.resources),
        }
    }

    /// Those of one key of the top level.
    fn of_kind(&self, key: &str) -> Self {
        let mut kind = Self::default();
        let names = self.under(key).clone();
        match key {
            "services" => kind.services = names,
            "timers" => kind.timers = names,
            _ => kind.resources = names,
        }
        kind
    }

    /// The problem of a part that nobody reads, if something goes that it may name.
    fn by(&self, unread: &Unread) -> Option<yaml::Problem> {
        let (gone, why, help) = match &unread.part {
            UnreadPart::Repeated(key) => (
                self.of_kind(key),
                "is there more than once and only one of them counts",
                format!("write `{key}` once, with all of it. {OTHERWISE}"),
            ),
            UnreadPart::Documents => (
                self.clone(),
                "another document begins here, and only the first of the file is read",
                format!("write one document, without this `---`. {OTHERWISE}"),
            ),
            UnreadPart::Key(name) => {
                let gone = self.called(name);
                let belongs = KEYS.into_iter().filter(|key| !gone.under(key).is_empty());
                let belongs = belongs.collect::<Vec<_>>().join("` or `");
                let help = format!(
                    "write it directly below `{belongs}`, with the indentation of the others \
                     there. {OTHERWISE}"
                );
                (gone, "is not a key of convox.yml here and is ignored", help)
            }
        };
        let removes = (!gone.is_empty()).then(|| gone.in_words())?;
        let message = format!("{why}, so this promote would remove {removes}");
        Some(unread.problem(message, help))
    }

    fn in_words(&self) -> String {
        let kinds = [
            ("the Services", &self.services, ""),
            ("the Timers", &self.timers, ""),
            ("the resources", &self.resources, " with their data"),
        ];
        let kinds = kinds.into_iter().filter(|(_, names, _)| !names.is_empty());
        let words: Vec<String> = kinds
            .map(|(kind, names, more)| format!("{kind} {}{more}", listed(names)))
            .collect();
        words.join(", ")
    }
}

/// Names of the state, and of what runs without standing there.
fn names(
    applied: Option<&BTreeMap<String, Definition>>,
    running: &[String],
    prefix: &str,
) -> BTreeSet<String> {
    let applied = applied.into_iter().flatten();
    let known: BTreeSet<&str> = applied
        .clone()
        .map(|(_, known)| known.runs_as.as_str())
        .collect();
    let unknown = running
        .iter()
        .filter(|name| !known.contains(name.as_str()))
        .map(|name| name.strip_prefix(prefix).unwrap_or(name).to_owned());
    applied
        .map(|(name, _)| name.clone())
        .chain(unknown)
        .collect()
}

fn accident(manifest: &Manifest, gone: &Gone) -> Option<ReleaseProblem> {
    let unread = manifest.unread.iter();
    let mut problems: Vec<_> = unread.filter_map(|unread| gone.by(unread)).collect();
    if manifest.services.is_empty() && problems.is_empty() {
        return (!gone.is_empty()).then(|| empty(manifest, gone));
    }
    let misses = manifest.near_misses.iter();
    problems.extend(misses.filter_map(|miss| {
        let lost = lost_by(manifest, miss, gone.under(miss.meant));
        let names = listed(&lost);
        (!lost.is_empty()).then(|| {
            let message = format!(
                "is not a key of convox.yml, and this promote would remove {names} of `{}`",
                miss.meant
            );
            miss.problem(message, OTHERWISE)
        })
    }));
    (!problems.is_empty()).then(|| {
        let error = manifest.invalid(problems);
        error.into()
    })
}

/// No Service at all; where a key was probably meant to be `services`, with its place.
fn empty(manifest: &Manifest, gone: &Gone) -> ReleaseProblem {
    let removes = gone.in_words();
    let mut misses = manifest.near_misses.iter();
    let Some(miss) = misses.find(|miss| miss.meant == "services") else {
        let (file, removes) = (manifest.file(), removes.as_str());
        return PlanProblem::EmptyManifest { file, removes }.into();
    };
    let message = format!(
        "is not a key of convox.yml, so there is no Service, and this promote would remove \
         {removes}"
    );
    let problem = miss.problem(message, OTHERWISE);
    PlanProblem::MisspeltServices(manifest.invalid(vec![problem])).into()
}

/// What a misspelt key would remove: all that is gone of its kind, or, beside the right key, what both name.
fn lost_by(manifest: &Manifest, miss: &NearMiss, gone: &BTreeSet<String>) -> BTreeSet<String> {
    let has_others = match miss.meant {
        "services" => !manifest.services.is_empty(),
        "timers" => !manifest.timers.is_empty(),
        _ => !manifest.resources.is_empty(),
    };
    let lost = gone.iter();
    lost.filter(|name| !has_others || miss.names.contains(*name))
        .cloned()
        .collect()
}

fn listed(names: &BTreeSet<String>) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(NAMED_MAX)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = names.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use environment::Environment;

    use names::error_type::ErrorType;

    use super::*;

    fn set(names: &str) -> BTreeSet<String> {
        names.split_whitespace().map(str::to_owned).collect()
    }

    fn problem(text: &str, [services, timers, resources]: [&str; 3]) -> Option<ReleaseProblem> {
        let manifest = manifest::load("convox.yml", text.as_bytes(), &Environment::default());
        let gone = Gone {
            services: set(services),
            timers: set(timers),
            resources: set(resources),
        };
        accident(&manifest.unwrap(), &gone)
    }

    const WEB: &str = "services: {web: {image: a}}\n";

    #[test]
    fn a_manifest_without_services_removes_nothing_that_is_applied() {
        for text in [
            "",
            "\n\n",
            "# generated\n",
            "null\n",
            "{}\n",
            "---\n",
            "services:\n",
            "services: {}\n",
            "params: {A: 1}\n",
            "resources: {db: {type: postgres}}\n",
        ] {
            let found = problem(text, ["web worker", "nightly", "cache"]).unwrap();
            assert_eq!(found.error_type, ErrorType::EmptyManifest, "{text:?}");
            for part in [
                "convox.yml names no Service",
                "the Services `web`, `worker`",
                "the Timers `nightly`",
                "the resources `cache` with their data",
                "allowRemoval",
                "App Deleted",
            ] {
                let message = &found.message;
                assert!(message.contains(part), "{text:?}: {part}: {message}");
            }
            assert_eq!(problem(text, ["", "", ""]), None, "{text:?}");
            for gone in [["web", "", ""], ["", "nightly", ""], ["", "", "db"]] {
                assert!(problem(text, gone).is_some(), "{text:?} {gone:?}");
            }
        }
    }

    #[test]
    fn a_misspelt_services_is_named_with_its_place() {
        for key in ["servicess", "service", "Services", "srevices", "sevice"] {
            let text = format!("params: {{A: 1}}\n{key}: {{web: {{image: a}}}}\n");
            let found = problem(&text, ["web", "", ""]).unwrap();
            let message = &found.message;
            assert_eq!(
                found.error_type,
                ErrorType::EmptyManifest,
                "{key}: {message}"
            );
            for part in ["convox.yml:2:1", "did you mean `services`?", "`web`"] {
                assert!(message.contains(part), "{key}: {part}: {message}");
            }
        }
    }

    #[test]
    fn a_misspelt_key_beside_services_removes_nothing() {
        for (more, gone, want) in [
            ("timer: {nightly: {}}\n", ["", "nightly", ""], "`timers`"),
            ("tiemrs: {}\n", ["", "nightly", ""], "`timers`"),
            ("resource: {db: {}}\n", ["", "", "db"], "`resources`"),
            ("service: {worker: {}}\n", ["worker", "", ""], "`services`"),
        ] {
            let found = problem(&format!("{WEB}{more}"), gone).unwrap();
            assert_eq!(found.error_type, ErrorType::InvalidManifest, "{more}");
            for part in [
                "convox.yml:2:1",
                &format!("did you mean {want}?"),
                "allowRemoval",
            ] {
                let message = &found.message;
                assert!(message.contains(part), "{more}: {part}: {message}");
            }
        }
    }

    #[test]
    fn what_nobody_reads_of_a_manifest_removes_nothing() {
        let twice = "is there more than once and only one of them counts";
        let document = "another document begins here, and only the first of the file is read";
        for (text, gone, place, wants) in [
            (
                format!("services: {{worker: {{image: b}}}}\n{WEB}"),
                ["worker", "", ""],
                "convox.yml:2:1",
                [twice, "the Services `worker`", "write `services` once"],
            ),
            (
                "services: {web: {image: a}}\nservices:\n".to_owned(),
                ["web", "", ""],
                "convox.yml:2:1",
                [twice, "the Services `web`", "write `services` once"],
            ),
            (
                format!(
                    "{WEB}timers: {{nightly: {{schedule: '0 3 * * ?', command: c, service: web}}}}\ntimers: {{}}\n"
                ),
                ["", "nightly", ""],
                "convox.yml:3:1",
                [twice, "the Timers `nightly`", "write `timers` once"],
            ),
            (
                format!(
                    "resources: {{db: {{type: postgres}}}}\n{WEB}resources: {{q: {{type: redis}}}}\n"
                ),
                ["", "", "db"],
                "convox.yml:3:1",
                [
                    twice,
                    "the resources `db` with their data",
                    "write `resources` once",
                ],
            ),
            (
                "x: &x {services: {web: {image: a}}}\nservices: {worker: {image: b}}\n<<: *x\n"
                    .to_owned(),
                ["worker", "", ""],
                "convox.yml:3:1",
                [twice, "the Services `worker`", "write `services` once"],
            ),
            (
                format!(
                    "{WEB}---\ntimers: {{nightly: {{schedule: '0 3 * * ?', command: c, service: web}}}}\n"
                ),
                ["", "nightly", ""],
                "convox.yml:2:1",
                [document, "the Timers `nightly`", "without this `---`"],
            ),
            (
                format!("params: {{A: 1}}\n---\n{WEB}"),
                ["web", "", ""],
                "convox.yml:2:1",
                [document, "the Services `web`", "without this `---`"],
            ),
        ] {
            let found = problem(&text, gone).expect(&text);
            assert_eq!(found.error_type, ErrorType::InvalidManifest, "{text}");
            for part in wants.into_iter().chain([place, "allowRemoval"]) {
                let message = &found.message;
                assert!(message.contains(part), "{text}: {part}: {message}");
            }
            let kept = problem(&text, ["", "", ""]);
            assert!(kept.is_none(), "{text}: {kept:?}");
        }
    }

    #[test]
    fn what_is_named_at_another_depth_is_not_removed() {
        let timer = "{schedule: '0 3 * * ?', command: c, service: web}";
        for (text, gone, want) in [
            (
                "services: {web: {image: a, worker: {image: b}}}\n".to_owned(),
                ["worker", "", ""],
                "`services.web.worker` is not a key of convox.yml here",
            ),
            (
                "services: {web: {image: a, scale: {count: 1, worker: {image: b}}}}\n".to_owned(),
                ["worker", "", ""],
                "`services.web.scale.worker` is not a key",
            ),
            (
                format!("{WEB}worker: {{image: b}}\n"),
                ["worker", "", ""],
                "`worker` is not a key",
            ),
            (
                format!("services: {{web: {{image: a, nightly: {timer}}}}}\n"),
                ["", "nightly", ""],
                "directly below `timers`",
            ),
            (
                format!(
                    "{WEB}timers: {{a: {{schedule: '0 3 * * ?', command: c, service: web, nightly: {timer}}}}}\n"
                ),
                ["", "nightly", ""],
                "`timers.a.nightly` is not a key",
            ),
            (
                format!("{WEB}resources: {{db: {{type: postgres, cache: {{type: redis}}}}}}\n"),
                ["", "", "cache"],
                "the resources `cache` with their data",
            ),
        ] {
            let found = problem(&text, gone).expect(&text);
            assert_eq!(found.error_type, ErrorType::InvalidManifest, "{text}");
            for part in [want, "allowRemoval"] {
                let message = &found.message;
                assert!(message.contains(part), "{text}: {part}: {message}");
            }
            let others = problem(&text, ["old", "hourly", "queue"]);
            assert!(others.is_none(), "{text}: {others:?}");
        }
    }

    #[test]
    fn what_is_left_out_of_a_whole_manifest_is_meant() {
        let gone = ["worker", "nightly", "db"];
        for text in [
            WEB.to_owned(),
            // A place to keep an anchor names nothing that goes.
            format!("service: &base {{image: a}}\n{WEB}"),
            format!("{WEB}labels: {{nightly: 1}}\n"),
            // An empty document says nothing.
            format!("{WEB}---\n"),
            format!("---\n{WEB}...\n"),
        ] {
            assert_eq!(problem(&text, gone), None, "{text}");
        }
        let beside = format!(
            "{WEB}timers: {{a: {{schedule: '0 3 * * ?', command: c, service: web}}}}\ntimer: {{b: 1}}\n"
        );
        assert_eq!(problem(&beside, gone), None);
    }
}
