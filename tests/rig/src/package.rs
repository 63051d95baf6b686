//! Functions as Lambda gets them: what `sam build` and `sam package` make of `template.yaml`, with what cargo has built.

mod zip;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{binaries, tools};

const CODE_URI: &str = "CodeUri: functions/";

/// `template.yaml` as it stands.
#[must_use]
pub fn template() -> String {
    let path = tools::repository().join("template.yaml");
    fs::read_to_string(path).expect("cannot read template.yaml")
}

/// The names of the template's functions, which are those of their folders.
#[must_use]
pub fn functions(template: &str) -> Vec<String> {
    let names = template.lines().filter_map(function);
    names.map(str::to_owned).collect()
}

/// The template with another source for each function, which is all that SAM CLI changes in it.
#[must_use]
pub fn with_sources(template: &str, source: impl Fn(&str) -> String) -> String {
    let lines = template.lines().map(|line| match function(line) {
        Some(name) => line.replace(&format!("functions/{name}"), &source(name)),
        None => line.to_owned(),
    });
    lines.map(|line| line + "\n").collect()
}

/// The template in the form that the emulator does the right thing with: of what conditions are made of it knows no `Fn::Split`
/// (1.5.33), which tells how many certificates there are beside the first. It has no resource for those either.
#[must_use]
pub fn as_the_emulator_reads(template: &str) -> String {
    let lines = template.lines().map(|line| match line.split_once(": ") {
        Some((name, condition)) if condition.contains("!Equals [!Select") => {
            format!("{name}: !Equals [never, true]")
        }
        _ => line.to_owned(),
    });
    lines.map(|line| line + "\n").collect()
}

/// Its conditions in that form.
#[must_use]
pub fn conditions_as_the_emulator_reads(template: &Value) -> Value {
    let mut conditions = template["Conditions"].clone();
    for condition in conditions.as_object_mut().into_iter().flatten() {
        if condition.1.to_string().contains("Fn::Split") {
            *condition.1 = json!({"Fn::Equals": ["never", "true"]});
        }
    }
    conditions
}

fn function(line: &str) -> Option<&str> {
    line.trim().strip_prefix(CODE_URI)
}

/// A zip of one executable, `bootstrap`; the first call for a function makes it.
#[must_use]
pub fn zipped(function: &str) -> Arc<Vec<u8>> {
    static ZIPPED: Mutex<BTreeMap<String, Zip>> = Mutex::new(BTreeMap::new());
    let zip = {
        let mut zipped = ZIPPED.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(zipped.entry(function.to_owned()).or_default())
    };
    let made = zip.get_or_init(|| Arc::new(made(function)));
    Arc::clone(made)
}

/// The zip of a function, once it is made.
type Zip = Arc<OnceLock<Arc<Vec<u8>>>>;

fn made(function: &str) -> Vec<u8> {
    let folder = TempDir::new().expect("cannot create a folder for a package");
    stripped(function, folder.path());
    let bootstrap = fs::read(folder.path().join("bootstrap"));
    zip::of_program(
        "bootstrap",
        &bootstrap.expect("the function was just copied"),
    )
}

/// Copies a function into a folder as `bootstrap`, stripped where that can be done: an unoptimized build is mostly symbols.
pub fn stripped(function: &str, folder: &Path) {
    let bootstrap = folder.join("bootstrap");
    let copied = fs::copy(binaries::built(function), &bootstrap);
    copied.expect("cannot copy a function");
    let _ = Command::new("strip").arg(&bootstrap).output();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_of_the_template_gets_its_source_and_nothing_else_changes() {
        let template = template();
        let names = functions(&template);
        assert!(names.contains(&"promote".to_owned()), "{names:?}");
        let packaged = with_sources(&template, |name| format!("s3://artifacts/{name}.zip"));
        let changed: Vec<&str> = packaged
            .lines()
            .zip(template.lines())
            .filter_map(|(after, before)| (after != before).then_some(after.trim()))
            .collect();
        let want = names
            .iter()
            .map(|name| format!("CodeUri: s3://artifacts/{name}.zip"));
        assert_eq!(changed, want.collect::<Vec<_>>());
        assert_eq!(packaged.lines().count(), template.lines().count());
    }

    #[test]
    fn of_the_conditions_the_emulator_misses_those_of_more_certificates_alone() {
        let template = template();
        let read = as_the_emulator_reads(&template);
        let changed = read.lines().zip(template.lines());
        let changed = changed.filter(|(after, before)| after != before);
        let changed: Vec<&str> = changed.map(|(after, _)| after.trim()).collect();
        let want = (2..=5).map(|number| format!("HasCertificate{number}: !Equals [never, true]"));
        assert_eq!(changed, want.collect::<Vec<_>>());
    }
}
