//! The lines that one warning is about.

/// More of them tell nobody anything; the rest is counted.
const SHOWN_MAX: usize = 20;

/// Lines in order, neighbours joined.
#[derive(Default)]
pub(super) struct Places {
    runs: Vec<Run>,
}

struct Run {
    first: usize,
    last: usize,
    /// The key of its only line, where that can be shown.
    key: Option<String>,
}

impl Places {
    /// Adds a line after all others, with its key where that can be shown.
    pub fn add(&mut self, line: usize, key: Option<&str>) {
        match self.runs.last_mut() {
            Some(run) if run.last + 1 == line => {
                run.last = line;
                run.key = None;
            }
            _ => self.runs.push(Run {
                first: line,
                last: line,
                key: key.map(str::to_owned),
            }),
        }
    }

    /// One warning for all of them, if there are any: what `one` or `many` of them are, and what to do.
    pub fn warning(&self, one: &str, many: &str, instead: &str) -> Option<String> {
        let (lines, are) = match self.runs.as_slice() {
            [] => return None,
            [run] if run.first == run.last => ("line", one),
            _ => ("lines", many),
        };
        let shown = self.runs.iter().take(SHOWN_MAX).map(Run::shown);
        let mut places = shown.collect::<Vec<_>>().join(", ");
        if self.runs.len() > SHOWN_MAX {
            let more = self.runs.len() - SHOWN_MAX;
            places = format!("{places} and {more} more places");
        }
        Some(format!("{lines} {places} {are}; {instead}"))
    }
}

impl Run {
    fn shown(&self) -> String {
        match (&self.key, self.first == self.last) {
            (Some(key), true) => format!("{} (`{key}`)", self.first),
            (None, true) => self.first.to_string(),
            (_, false) => format!("{}-{}", self.first, self.last),
        }
    }
}
