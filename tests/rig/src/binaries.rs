//! The workspace's programs, built before they are used: a stale one is never tested.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::tools;

static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
static TRUSTED: AtomicBool = AtomicBool::new(false);

/// From now on nothing is built: whoever started this process has built everything before.
pub fn trust_those_beside() {
    TRUSTED.store(true, Ordering::Relaxed);
}

/// The program of that name in the workspace, built by cargo in the profile of the running test, once per process.
pub fn built(package: &str) -> PathBuf {
    if TRUSTED.load(Ordering::Relaxed) {
        return beside(package);
    }
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.get(package) {
        return path.clone();
    }
    build(package);
    let path = beside(package);
    built.insert(package.to_owned(), path.clone());
    path
}

/// The program next to the running one, as it is.
#[must_use]
pub fn beside(name: &str) -> PathBuf {
    let path = tools::profile_folder().join(name);
    assert!(
        path.exists(),
        "{} is missing: `make build` makes it",
        path.display()
    );
    path
}

fn build(package: &str) {
    let folder = tools::profile_folder();
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Of the whole workspace, as `make build` and `make test` do it: cargo then chooses the same features of every shared
    // crate, and builds nothing twice.
    command
        .args(["build", "--quiet", "--workspace", "--bin", package])
        .args(["--profile", profile, "--target-dir"])
        .arg(
            folder
                .parent()
                .expect("a profile's folder is in the target folder"),
        )
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    // What `cargo test` sets for us would make build scripts that look at it run again.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    let output = command.output().expect("cannot run cargo");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "`{package}` does not build:\n{said}"
    );
}
