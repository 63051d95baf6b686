//! What is wrong at one place of a document: never with an interpolated value in it.

use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use crate::excerpt::Excerpt;
use crate::place::Place;

/// What a message calls the file where it is no mapping.
pub const WHOLE_FILE: &str = "the whole file";

/// One thing that is wrong. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the value.
    pub line: usize,
    /// The column of the value, in characters; 0 before [`Problem::find`] has looked it up.
    pub column: usize,
    /// Where in the document, such as `services.web.port`; empty for the document itself.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
    /// What is allowed or meant, where that is known.
    pub help: Option<String>,
    /// The line as it stands in the file.
    pub excerpt: Option<Excerpt>,
}

impl Problem {
    /// Something wrong with what a path names, which is in this line or below it.
    #[must_use]
    pub fn at(line: usize, path: String, message: String) -> Self {
        Self {
            line,
            column: 0,
            path,
            message,
            help: None,
            excerpt: None,
        }
    }

    /// Looks up where in the document its path leads, where that is not known.
    pub fn find(&mut self, top: &Place<'_>) {
        if self.column > 0 {
            return;
        }
        let nearest = top.clone().nearest(&self.path);
        if nearest.path == self.path || nearest.node.line > self.line {
            (self.line, self.column) = (nearest.node.line, nearest.node.column);
        } else {
            self.column = 1;
        }
    }

    /// As rustc draws it, in plain text.
    #[must_use]
    pub fn render(&self, file: &str) -> String {
        let title = Level::ERROR.primary_title(self.title());
        let origin = Origin::path(file).line(self.line).char_column(self.column);
        let mut group = match &self.excerpt {
            None => title.element(origin),
            Some(excerpt) => {
                let caret = AnnotationKind::Primary.span(excerpt.marked());
                let snippet = Snippet::source(excerpt.text())
                    .line_start(self.line)
                    .annotation(caret);
                // The crate counts the column from the start of the text, which then must be the start of the line.
                if excerpt.starts_line() {
                    title.element(snippet.path(file))
                } else {
                    title.element(origin).element(snippet)
                }
            }
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        Renderer::plain().render(&[group])
    }

    /// What is wrong, without the place in the file.
    fn title(&self) -> String {
        if self.path.is_empty() {
            return self.message.clone();
        }
        format!("`{}` {}", self.path, self.message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line,
            self.column,
            self.title()
        )?;
        match &self.help {
            Some(help) => write!(f, ": {help}"),
            None => Ok(()),
        }
    }
}

/// Gives each problem the piece of the file that it is about.
pub fn add_excerpts(source: &str, problems: &mut [Problem]) {
    let unix = source.replace("\r\n", "\n");
    let lines: Vec<&str> = unix.split(['\n', '\r']).collect();
    for problem in problems {
        // A file that is no manifest at all may be an environment: its lines are repeated nowhere.
        if problem.path.is_empty() && problem.message.starts_with(WHOLE_FILE) {
            continue;
        }
        let line = problem.line.checked_sub(1).and_then(|line| lines.get(line));
        problem.excerpt = line.and_then(|line| Excerpt::cut(line, problem.column));
    }
}

#[cfg(test)]
mod tests {
    use environment::Environment;

    use super::*;

    #[test]
    fn a_problem_is_found_by_its_path_or_the_nearest_that_stands() {
        let source = "services:\n  web:\n    domain: [a, b]\n    health:\n      path: ${P}\n";
        let document = crate::parse(source, &Environment::default()).unwrap();
        let root = document.root.unwrap();
        for (path, want) in [
            ("services.web.domain[1]", (3, 17)),
            ("services.web.domain", (3, 13)),
            ("services.web.health.path", (5, 13)),
            ("services.web.health.interval", (5, 7)),
            // Where a mapping begins.
            ("services.web.port", (3, 5)),
            // Not below the line: the line that is known.
            ("services.webs.health", (2, 1)),
        ] {
            let mut problem = Problem::at(2, path.to_owned(), "is wrong".to_owned());
            problem.find(&Place::top(&root));
            assert_eq!((problem.line, problem.column), want, "{path}");
            problem.find(&Place::top(&root));
            assert_eq!((problem.line, problem.column), want, "{path}, once more");
        }
    }
}
