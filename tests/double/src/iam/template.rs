//! `template.yaml` as JSON, its intrinsic functions in their long form. SAM's own reader reads it.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

const PRINT: &str = "import json, sys; from samcli.yamlhelper import yaml_parse; \
                     print(json.dumps(yaml_parse(open(sys.argv[1]).read())))";
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.venv/sam/bin/python3");
const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");

/// The template, read once per process.
#[must_use]
pub fn template() -> &'static Value {
    static TEXT: OnceLock<Value> = OnceLock::new();
    TEXT.get_or_init(read)
}

fn read() -> Value {
    assert!(
        Path::new(PYTHON).exists(),
        "{PYTHON} is missing: run `make tools` once"
    );
    let output = Command::new(PYTHON).args(["-c", PRINT, TEMPLATE]).output();
    let output = output.expect("cannot run Python");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cannot read the template:\n{said}");
    serde_json::from_slice(&output.stdout).expect("Python prints JSON")
}
