//! What is known of the Rack that `up` or `web` left running.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::processes::Process;

/// The process that holds it, and what to print about it once it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// All else ends with it.
    pub holder: Process,
    /// None while it is being made.
    pub text: Option<String>,
}

impl Record {
    /// The one in that file, if there is one.
    pub fn read(file: &Path) -> Option<Self> {
        let record: Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        Some(Self {
            holder: Process {
                pid: record["pid"].as_i64()?.try_into().ok()?,
                started: record["started"].as_str()?.to_owned(),
            },
            text: record["text"].as_str().map(str::to_owned),
        })
    }

    /// Writes it, as a whole.
    pub fn write(&self, file: &Path) {
        let Process { pid, started } = &self.holder;
        let record = json!({"pid": pid, "started": started, "text": self.text});
        let new = file.with_extension("new");
        let written = fs::write(&new, format!("{record}\n"));
        let written = written.and_then(|()| fs::rename(&new, file));
        written.expect("cannot write the record of the Rack");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_half_of_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("running.json");
        assert_eq!(Record::read(&file), None);
        let holder = Process::own();
        for text in [None, Some("two\nlines".to_owned())] {
            let record = Record {
                holder: holder.clone(),
                text,
            };
            record.write(&file);
            assert_eq!(Record::read(&file), Some(record));
        }
        fs::write(&file, r#"{"pid": 1}"#).unwrap();
        assert_eq!(Record::read(&file), None);
    }
}
