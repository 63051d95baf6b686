//! Which form an environment object has that is none of the three: what its writer probably meant.

/// A form that others read, and how the same is written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LikelyForm {
    /// `KEY: value`
    #[error(
        "this looks like YAML (`KEY: value`), write `KEY=value` lines or one JSON object of strings"
    )]
    Yaml,
    /// `[{"name": "KEY", "value": "value"}]`
    #[error(
        "this looks like a JSON list, write one JSON object of strings, such as {{\"KEY\": \"value\"}}"
    )]
    JsonList,
    /// `export KEY=value`
    #[error("this looks like a shell script (`export KEY=value`), write `KEY=value` lines")]
    Shell,
}

/// What was seen of lines that are no pairs.
#[derive(Default)]
pub(super) struct Form {
    /// `KEY: value`, `KEY:` and `- item`.
    yaml: usize,
    /// `export KEY=value`.
    pub shell: usize,
    /// The first line that is not empty opens a JSON list.
    list: bool,
    others: usize,
    has_begun: bool,
}

impl Form {
    /// Looks at a line that is no pair; `text` is without the blanks around it.
    pub fn see(&mut self, text: &str) {
        if !self.has_begun && opens_list(text) {
            self.list = true;
        }
        self.has_begun = true;
        if is_yaml(text) {
            self.yaml += 1;
        } else {
            self.others += 1;
        }
    }

    /// Looks at a line that is a pair.
    pub fn see_pair(&mut self) {
        self.has_begun = true;
    }

    /// The form that most of it has.
    pub fn likely(&self) -> Option<LikelyForm> {
        if self.list {
            Some(LikelyForm::JsonList)
        } else if self.yaml > self.others && self.yaml > self.shell {
            Some(LikelyForm::Yaml)
        } else {
            (self.shell > 0 && self.shell >= self.others).then_some(LikelyForm::Shell)
        }
    }
}

/// `[` and then nothing, or what JSON has in a list; `[section]` is none.
fn opens_list(text: &str) -> bool {
    let inner = text.strip_prefix('[').map(str::trim_start);
    inner.is_some_and(|inner| inner.is_empty() || inner.starts_with(['{', '"', ']']))
}

fn is_yaml(text: &str) -> bool {
    let text = text.strip_prefix("- ").unwrap_or(text);
    let Some((key, value)) = text.split_once(':') else {
        return false;
    };
    let of_key = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let key = key.trim_matches(['"', '\'']);
    !key.is_empty()
        && key.bytes().all(of_key)
        && (value.is_empty() || value.starts_with([' ', '\t']))
}
