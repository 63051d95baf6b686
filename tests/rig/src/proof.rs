//! What a proof covered: the test prints it, and `make test` collects it, since the harness shows nothing of a test that
//! passes.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

/// Writes one line to standard output and to `target/tests-proofs.txt`.
///
/// # Panics
///
/// When the file cannot be written.
pub fn covered(line: &str) {
    println!("{line}");
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = package.join("../../target");
    fs::create_dir_all(&folder).expect("cannot create target/");
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("tests-proofs.txt"));
    let mut file = file.expect("cannot open target/tests-proofs.txt");
    writeln!(file, "{line}").expect("cannot write target/tests-proofs.txt");
}
