//! What is deployed: bytes of each binary, and of its zip.

use std::fs;
use std::process::Command;

use crate::repository;
use crate::row::{Figure, Goal, Row};

const PART: &str = "size";
const FUNCTIONS: [&str; 4] = ["promote", "app-deletion", "failure-count", "process-run"];
/// A zip with the file `bootstrap`, packed as tightly as zip can.
const PACK: &str = "import io, sys, zipfile
packed = io.BytesIO()
with zipfile.ZipFile(packed, 'w', zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    archive.write(sys.argv[1], 'bootstrap')
print(len(packed.getvalue()))";

/// The lines of this part.
#[must_use]
pub fn rows() -> Vec<Row> {
    FUNCTIONS.iter().flat_map(|name| of(name)).collect()
}

fn of(name: &str) -> [Row; 2] {
    let file = repository().join("target/release").join(name);
    let binary = fs::metadata(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let packed = Command::new("python3")
        .args(["-c", PACK])
        .arg(&file)
        .output();
    let packed = packed.expect("cannot run python3").stdout;
    let packed: f64 = String::from_utf8_lossy(&packed)
        .trim()
        .parse()
        .expect("python3 packs the file");
    #[expect(
        clippy::cast_precision_loss,
        reason = "a file's size is far below 2^52 bytes"
    )]
    let binary = binary.len() as f64;
    [
        Row::new(
            PART,
            format!("{name}: binary"),
            Figure::exact(binary / 1e6),
            "MB",
        ),
        Row::new(
            PART,
            format!("{name}: zip"),
            Figure::exact(packed / 1e6),
            "MB",
        )
        .goal(Goal::AtMost(4.0)),
    ]
}
