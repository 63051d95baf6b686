//! What is told while somebody waits: to standard error, so that the answer alone is on standard output.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _, stderr};

/// Lines about what is under way.
#[derive(Debug, Default)]
pub struct Progress {
    shown: Vec<String>,
    is_terminal: bool,
}

impl Progress {
    /// On this process's standard error.
    #[must_use]
    pub fn new() -> Self {
        let is_terminal = stderr().is_terminal();
        Self {
            shown: Vec::new(),
            is_terminal,
        }
    }

    /// Shows how it stands. On a terminal the lines replace those before; elsewhere only what is new is written.
    pub fn show(&mut self, lines: Vec<String>) {
        if lines == self.shown {
            return;
        }
        let mut text = String::new();
        if self.is_terminal && !self.shown.is_empty() {
            let _ = write!(text, "\x1b[{}A\x1b[J", self.shown.len());
        }
        for line in &lines {
            if self.is_terminal || !self.shown.contains(line) {
                text.push_str(line);
                text.push('\n');
            }
        }
        let _ = stderr().write_all(text.as_bytes()); // whoever reads it may be gone
        self.shown = lines;
    }
}
