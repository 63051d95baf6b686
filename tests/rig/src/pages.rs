//! The pages that users read: their blocks, by the words behind the fence, and whether what was printed is what one of them says.
//!
//! - `sh`: commands that the page's reader can type on a Rack of `make demo-up`; `sh exits-1`: which end so. A comment
//!   `<!-- sh` … `-->` holds commands that readers need not see.
//! - `sh make`: verbs of the Makefile that run elsewhere. `sh account`: what needs an account of AWS.
//! - `text` right behind `sh`: what its last command prints, `…` for whatever stands there.
//! - `yaml convox`: a convox.yml, or a part of one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tools;

/// Folders without pages of ours.
const NOT_OURS: [&str; 6] = [
    ".git",
    ".venv",
    ".aws-sam",
    "target",
    "definitions",
    "corpus",
];
/// What stands for any text.
const ANY: &str = "…";

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its name, from the project's folder on.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// A block of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The line that its text begins at, from 1 on.
    pub line: usize,
    /// The words behind the fence.
    pub words: String,
    /// Its text, without the indentation of its fence.
    pub text: String,
    /// Whether it begins right behind the one before.
    pub follows: bool,
}

/// Commands of a page, and what is to come of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// Where they stand.
    pub line: usize,
    /// The commands.
    pub text: String,
    /// With which number they end.
    pub code: u8,
    /// What the last one prints.
    pub prints: Option<String>,
}

impl Page {
    /// All pages of the project, in the order of their names.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut files = Vec::new();
        collect(tools::repository(), &mut files);
        files.sort();
        files.iter().map(|file| Self::read(file)).collect()
    }

    /// The page of that file.
    #[must_use]
    pub fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file);
        let text = text.unwrap_or_else(|err| panic!("{}: {err}", file.display()));
        let name = file.strip_prefix(tools::repository()).unwrap_or(file);
        Self {
            name: name.display().to_string(),
            text,
        }
    }

    /// Its blocks.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        blocks(&self.text)
    }

    /// What its reader can run.
    #[must_use]
    pub fn commands(&self) -> Vec<Commands> {
        let mut commands: Vec<Commands> = Vec::new();
        for block in self.blocks() {
            match block.code() {
                Some(code) => commands.push(Commands {
                    line: block.line,
                    text: block.text,
                    code,
                    prints: None,
                }),
                None if block.words == "text" && block.follows => {
                    if let Some(last) = commands.last_mut() {
                        last.prints = Some(block.text);
                    }
                }
                None => {}
            }
        }
        commands
    }

    /// The text without its blocks, line by line.
    #[must_use]
    pub fn prose(&self) -> Vec<(usize, &str)> {
        let mut is_open = false;
        let lines = self.text.lines().enumerate();
        let prose = lines.filter(|(_, line)| {
            let is_fence = line.trim_start().starts_with("```");
            is_open ^= is_fence;
            !is_fence && !is_open
        });
        prose.map(|(index, line)| (index + 1, line)).collect()
    }
}

impl Block {
    /// With which number its commands end, where they are to be run.
    #[must_use]
    pub fn code(&self) -> Option<u8> {
        let mut words = self.words.split(' ');
        if words.next() != Some("sh") {
            return None;
        }
        match words.next() {
            None => Some(0),
            Some(word) => word.strip_prefix("exits-")?.parse().ok(),
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("cannot list a folder of the project");
    for entry in entries {
        let path = entry.expect("cannot list a folder of the project").path();
        let name = path.file_name().unwrap_or_default();
        let is_ours = !NOT_OURS.iter().any(|other| name == *other);
        if path.is_dir() && is_ours {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "md") {
            files.push(path);
        }
    }
}

/// The blocks of a text in Markdown, and its comments that hold one.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = text.lines().enumerate();
    let mut ended = None;
    while let Some((index, line)) = lines.next() {
        let bare = line.trim_start();
        let opened = match bare.strip_prefix("```") {
            Some(words) => Some((words, "```")),
            None => bare.strip_prefix("<!-- ").map(|words| (words, "-->")),
        };
        let Some((words, end)) = opened else {
            if !bare.is_empty() {
                ended = None;
            }
            continue;
        };
        if end == "-->" && bare.contains(end) {
            continue; // a comment of one line
        }
        let indent = line.len() - bare.len();
        let within = lines.by_ref().map(|(_, line)| line);
        let within = within.take_while(|line| line.trim() != end);
        let within = within.map(|line| {
            let spaces = line.len() - line.trim_start().len();
            format!("{}\n", &line[spaces.min(indent)..])
        });
        blocks.push(Block {
            line: index + 2,
            words: words.trim().to_owned(),
            text: within.collect(),
            follows: ended.is_some(),
        });
        ended = Some(());
    }
    blocks
}

/// Whether a text is what a block says: line by line, but for blanks at their ends. `…` stands for any text of a line, and alone in
/// one for any lines.
#[must_use]
pub fn is_said(block: &str, text: &str) -> bool {
    let lines = |text: &str| -> Vec<String> {
        let text = text.trim_matches('\n').lines();
        text.map(|line| line.trim_end().to_owned()).collect()
    };
    lines_fit(&lines(block), &lines(text))
}

fn lines_fit(block: &[String], text: &[String]) -> bool {
    match block.split_first() {
        None => text.is_empty(),
        Some((first, rest)) if first.trim() == ANY => {
            (0..=text.len()).any(|from| lines_fit(rest, &text[from..]))
        }
        Some((first, rest)) => text
            .split_first()
            .is_some_and(|(line, others)| fits(first, line) && lines_fit(rest, others)),
    }
}

fn fits(pattern: &str, line: &str) -> bool {
    let Some((start, rest)) = pattern.split_once(ANY) else {
        return pattern == line;
    };
    let Some(behind) = line.strip_prefix(start) else {
        return false;
    };
    let places = behind.char_indices().map(|(place, _)| place);
    let mut places = places.chain([behind.len()]);
    places.any(|place| fits(rest, &behind[place..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# A page

```sh
first
second
```

```text
two
```

Words.

```text
just text
```

1. A step:

   ```sh exits-2
   third \\
     more
   ```

<!-- sh
hidden
-->

<!-- a remark -->

```sh account
aws sts get-caller-identity
```
";

    fn page() -> Page {
        Page {
            name: "page.md".to_owned(),
            text: PAGE.to_owned(),
        }
    }

    #[test]
    fn commands_are_found_in_order_with_what_they_print_and_how_they_end() {
        let commands = page().commands();
        let all: Vec<_> = commands
            .iter()
            .map(|it| (it.line, it.text.as_str(), it.code, it.prints.as_deref()))
            .collect();
        assert_eq!(
            all,
            [
                (4, "first\nsecond\n", 0, Some("two\n")),
                (21, "third \\\n  more\n", 2, None),
                (26, "hidden\n", 0, None),
            ]
        );
    }

    #[test]
    fn prose_is_what_stands_in_no_block() {
        let page = page();
        let prose = page.prose();
        assert_eq!(prose[0], (1, "# A page"));
        assert!(prose.contains(&(12, "Words.")));
        assert!(!prose.iter().any(|(_, line)| line.contains("just text")));
    }

    #[test]
    fn an_ellipsis_stands_for_any_text_and_any_lines() {
        for (block, text, want) in [
            ("a\nb\n", "a\nb\n", true),
            ("a\nb\n", "a\n", false),
            ("a\n", "a\nb\n", false),
            ("R… is live\n", "R0f1 is live\n", true),
            ("R… is live\n", "R0f1 is stuck\n", false),
            ("… of … bytes\n", "12 of 34 bytes", true),
            ("a\n…\nz\n", "a\nb\nc\nz\n", true),
            ("a\n…\nz\n", "a\nz\n", true),
            ("…\n", "", true),
            ("a\n…\n", "b\n", false),
            ("\na  \n", "a\n\n", true),
        ] {
            assert_eq!(is_said(block, text), want, "{block:?} {text:?}");
        }
    }
}
