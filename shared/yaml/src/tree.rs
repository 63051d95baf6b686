//! YAML events -> [`Node`]s, within bounds: an alias bomb, a deep nest or a huge value is refused.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use crate::frame::{Built, Frame, Open};
use crate::interpolation::Names;
use crate::mapping::{Keyed, Repeated};
use crate::node::{Entry, Node, NodeKind, Scalar, Style};
use crate::syntax::{SyntaxError, explain};
use environment::Environment;

/// Deeper than any manifest, shallower than any stack.
const DEPTH_MAX: usize = 64;
/// How large the resolved document may be, each node counted as [`NODE_WEIGHT`] bytes and its text.
const WEIGHT_MAX: usize = 8 * 1024 * 1024;
const NODE_WEIGHT: usize = 64;
/// More repeated keys are not worth a warning each.
const REPEATED_MAX: usize = 50;

/// A document, and what happened on the way.
pub struct Document {
    /// Its node; none for nothing but comments.
    pub root: Option<Node>,
    /// The keys that stand twice in one mapping, by path.
    pub repeated: Vec<(String, Repeated)>,
    /// What `${}` can never put in, in words, and the line.
    pub never_set: BTreeSet<(usize, String)>,
    /// The keys of the top level that stand there twice, each with the place of the one that counts.
    pub repeated_at_top: Vec<(String, Repeated)>,
    /// Line and column of the next document with content, which nobody reads.
    pub more_at: Option<(usize, usize)>,
    /// The set variables whose values were put in.
    pub interpolated: BTreeSet<String>,
}

/// Parses the first document of the tokenized `text`.
pub fn parse(
    text: &str,
    names: &Names<'_>,
    environment: &Environment,
) -> Result<Document, SyntaxError> {
    let mut builder = Builder {
        names,
        environment,
        stack: Vec::new(),
        anchors: BTreeMap::new(),
        weight: 0,
        document: Document {
            root: None,
            repeated: Vec::new(),
            repeated_at_top: Vec::new(),
            never_set: BTreeSet::new(),
            more_at: None,
            interpolated: BTreeSet::new(),
        },
    };
    let mut events = Parser::new_from_str(text);
    for event in events.by_ref() {
        match event.map_err(|error| builder.scan_error(&error))? {
            (Event::DocumentEnd, _) => break,
            (event, span) => builder.event(event, span)?,
        }
    }
    let more = next_document(events).map_err(|error| builder.scan_error(&error))?;
    builder.document.more_at = more.map(|at| builder.place(at));
    Ok(builder.document)
}

/// Where the next document begins that says anything, or cannot be read: a `---` at the end begins one of nothing.
fn next_document<'t>(
    events: impl Iterator<Item = Result<(Event<'t>, Span), ScanError>>,
) -> Result<Option<Marker>, ScanError> {
    let mut begins = None;
    for event in events {
        match event {
            Ok((Event::DocumentStart(_), span)) => begins = Some(span.start),
            Ok((Event::DocumentEnd | Event::StreamEnd, _)) => {}
            Ok((Event::Scalar(text, ScalarStyle::Plain, ..), _))
                if matches!(&*text, "" | "~" | "null") => {}
            Ok((_, span)) => return Ok(begins.or(Some(span.start))),
            Err(error) if begins.is_none() => return Err(error),
            Err(_) => return Ok(begins),
        }
    }
    Ok(None)
}

struct Builder<'a> {
    names: &'a Names<'a>,
    environment: &'a Environment,
    stack: Vec<Frame>,
    anchors: BTreeMap<usize, Built>,
    weight: usize,
    document: Document,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), SyntaxError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text =
                    tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let style = match style {
                    ScalarStyle::Plain if is_text => Style::Quoted,
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                let built = self.scalar(&text, style, span.start)?;
                self.finish(built, anchor, span.start)
            }
            Event::SequenceStart(anchor, _) => {
                self.open(Open::Sequence(Vec::new()), anchor, span.start)
            }
            Event::MappingStart(anchor, _) => {
                let open = Open::Mapping {
                    entries: Vec::new(),
                    key: None,
                };
                self.open(open, anchor, span.start)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span.start),
            Event::Alias(anchor) => self.repeat(anchor, span.start),
            _ => Ok(()),
        }
    }

    fn scalar(&mut self, text: &str, style: Style, at: Marker) -> Result<Built, SyntaxError> {
        let values = self.names.value_bytes(text, self.environment);
        let weight = NODE_WEIGHT
            .saturating_add(text.len())
            .saturating_add(values);
        self.charge(weight, at)?;
        let scalar = if self.names.is_in(text) {
            let used = &mut self.document.interpolated;
            let resolved = self.names.resolve(text, self.environment, used);
            let (line, _) = self.place(at);
            let never_set = self.names.never_set(text, self.environment);
            let never_set = never_set.map(|message| (line, message));
            let room = REPEATED_MAX.saturating_sub(self.document.never_set.len());
            self.document.never_set.extend(never_set.take(room));
            Scalar {
                text: resolved,
                style,
                uninterpolated: Some(self.names.show(text)),
            }
        } else {
            Scalar {
                text: text.to_owned(),
                style,
                uninterpolated: None,
            }
        };
        let node = self.node(NodeKind::Scalar(scalar), at);
        Ok(Built {
            node,
            weight,
            depth: 0,
        })
    }

    /// Puts the node of an anchor here once more.
    fn repeat(&mut self, anchor: usize, at: Marker) -> Result<(), SyntaxError> {
        let Some(weight) = self.anchors.get(&anchor).map(|built| built.weight) else {
            return Err(self.error(at, "an alias stands inside the value that it names"));
        };
        self.charge(weight, at)?;
        match self.anchors.get(&anchor).cloned() {
            Some(built) => self.finish(built, 0, at),
            None => Ok(()),
        }
    }

    fn open(&mut self, open: Open, anchor: usize, at: Marker) -> Result<(), SyntaxError> {
        if self.stack.len() >= DEPTH_MAX {
            return Err(self.too_deep(at));
        }
        self.charge(NODE_WEIGHT, at)?;
        let (line, column) = self.place(at);
        self.stack.push(Frame {
            anchor,
            line,
            column,
            open,
            weight: NODE_WEIGHT,
            depth: 0,
        });
        Ok(())
    }

    fn close(&mut self, at: Marker) -> Result<(), SyntaxError> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let Frame {
            anchor,
            line,
            column,
            open,
            weight,
            depth,
        } = frame;
        let kind = match open {
            Open::Sequence(items) => NodeKind::Sequence(items),
            Open::Mapping { entries, .. } => NodeKind::Mapping(self.keyed(entries)?),
        };
        let node = Node { line, column, kind };
        let depth = depth + 1;
        let built = Built {
            node,
            weight,
            depth,
        };
        self.finish(built, anchor, at)
    }

    fn keyed(&mut self, entries: Vec<Entry>) -> Result<Vec<Entry>, SyntaxError> {
        let keyed = Keyed::from(entries)?;
        if self.stack.is_empty() {
            let repeated = keyed.repeated.iter();
            let repeated = repeated.map(|(key, repeated)| (key.text.clone(), *repeated));
            self.document.repeated_at_top.extend(repeated);
        }
        let room = REPEATED_MAX.saturating_sub(self.document.repeated.len());
        for (key, repeated) in keyed.repeated.into_iter().take(room) {
            let key = key.shown();
            let path = self
                .stack
                .iter()
                .fold(String::new(), |path, frame| frame.path(&path));
            let path = if path.is_empty() {
                key
            } else {
                format!("{path}.{key}")
            };
            self.document.repeated.push((path, repeated));
        }
        Ok(keyed.entries)
    }

    /// Gives a finished node to its anchor and to what it stands in.
    fn finish(&mut self, built: Built, anchor: usize, at: Marker) -> Result<(), SyntaxError> {
        if self.stack.len() + built.depth > DEPTH_MAX {
            return Err(self.too_deep(at));
        }
        if anchor > 0 {
            self.charge(built.weight, at)?;
            self.anchors.insert(anchor, built.clone());
        }
        if let Some(frame) = self.stack.last_mut() {
            return frame.push(built);
        }
        self.document.root = Some(built.node);
        Ok(())
    }

    /// Counts `weight` against the bound.
    fn charge(&mut self, weight: usize, at: Marker) -> Result<(), SyntaxError> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight > WEIGHT_MAX {
            let what = "with its aliases and the values of its `${}` the document grows too large";
            return Err(self.error(at, what));
        }
        Ok(())
    }

    fn node(&self, kind: NodeKind, at: Marker) -> Node {
        let (line, column) = self.place(at);
        Node { line, column, kind }
    }

    fn place(&self, at: Marker) -> (usize, usize) {
        (self.names.source_line(at.line()), at.col() + 1)
    }

    fn error(&self, at: Marker, message: &str) -> SyntaxError {
        let (line, column) = self.place(at);
        SyntaxError {
            line,
            column,
            message: message.to_owned(),
        }
    }

    fn too_deep(&self, at: Marker) -> SyntaxError {
        self.error(
            at,
            &format!("lists and mappings stand in each other more than {DEPTH_MAX} deep"),
        )
    }

    fn scan_error(&self, error: &ScanError) -> SyntaxError {
        self.error(*error.marker(), &explain(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpolation::tokenize;
    use crate::mapping::RepeatedKind;
    use crate::tests::{environment, lines};

    fn parsed(source: &str, values: &str) -> Result<Document, SyntaxError> {
        let (text, names) = tokenize(source).unwrap();
        parse(&text, &names, &environment(values))
    }

    /// A compact form of a document, for tables.
    fn compact(node: &Node) -> String {
        match &node.kind {
            NodeKind::Scalar(scalar) if scalar.style == Style::Plain => scalar.text.clone(),
            NodeKind::Scalar(scalar) => format!("{:?}", scalar.text),
            NodeKind::Sequence(items) => format!(
                "[{}]",
                items.iter().map(compact).collect::<Vec<_>>().join(",")
            ),
            NodeKind::Mapping(entries) => {
                let entries = entries
                    .iter()
                    .map(|entry| format!("{}:{}", entry.key.text, compact(&entry.value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
            }
        }
    }

    #[test]
    fn documents_become_nodes() {
        for (source, want) in [
            ("a: 1\nb: [x, 'y', \"z\"]\n", "{a:1,b:[x,\"y\",\"z\"]}"),
            ("a: 1\r\nb:\r\n  - x\r\n", "{a:1,b:[x]}"),
            ("a: |\n  x\n  y\n", "{a:\"x\\ny\\n\"}"),
            ("a:\nb: ~\n", "{a:,b:~}"),
            ("a: !!str 1", "{a:\"1\"}"),
            ("a: &x {b: 1}\nc: *x\n", "{a:{b:1},c:{b:1}}"),
            (
                "x: &x {a: 1, b: 1}\ny: {b: 2, <<: *x, c: 3}",
                "{x:{a:1,b:1},y:{b:1,a:1,c:3}}",
            ),
            ("y: {<<: [{a: 1}, {a: 2, b: 2}]}", "{y:{a:1,b:2}}"),
            ("y: {'<<': {a: 1}}", "{y:{a:1}}"),
            ("a: 1\nb: 2\na: 3", "{a:3,b:2}"),
        ] {
            let document = parsed(source, "").unwrap();
            assert_eq!(
                document.root.as_ref().map(compact).as_deref(),
                Some(want),
                "{source}"
            );
        }
        for source in ["", "# nothing\n", "\n\n", "---\n..."] {
            let root = parsed(source, "").unwrap().root;
            assert!(root.is_none_or(|root| root.is_null()), "{source}");
        }
    }

    #[test]
    fn values_never_become_structure() {
        let values = r#"{"A": "x: y\n- z # w", "Q": "\"'", "N": "", "K": "key"}"#;
        for (source, want) in [
            ("a: ${A}", "{a:x: y\n- z # w}"),
            ("- ${A}", "[x: y\n- z # w]"),
            ("a: \"<${Q}>\"", "{a:\"<\\\"'>\"}"),
            ("a: [${A}, ${N}]", "{a:[x: y\n- z # w,]}"),
            ("a: |\n  ${A}\n", "{a:\"x: y\\n- z # w\\n\"}"),
            ("${K}: 1 # ${A}\n", "{key:1}"),
        ] {
            let document = parsed(source, values).unwrap();
            assert_eq!(
                document.root.as_ref().map(compact).as_deref(),
                Some(want),
                "{source}"
            );
            assert!(
                !document.interpolated.contains("A") || source.starts_with(['a', '-']),
                "{source}"
            );
        }
    }

    #[test]
    fn repeated_keys_are_named_by_path() {
        let source = "s:\n  web:\n    - {}\n    - a: 1\n      a: 2\n  web: 1\n";
        let want = [("s.web[1].a", 5), ("s.web", 6)].map(|(path, line)| {
            let kind = RepeatedKind::Own;
            (path.to_owned(), (line, kind))
        });
        let repeated = parsed(source, "").unwrap().repeated.into_iter();
        let repeated = repeated.map(|(path, it)| (path, (it.line, it.kind)));
        assert_eq!(repeated.collect::<Vec<_>>(), want);
    }

    #[test]
    fn places_are_the_sources() {
        let root = parsed("a: ${LONG_NAME}\nbc: [x, y]", "LONG_NAME=1\n")
            .unwrap()
            .root;
        let Some(Node {
            kind: NodeKind::Mapping(entries),
            ..
        }) = root
        else {
            panic!("a mapping");
        };
        let NodeKind::Sequence(items) = &entries[1].value.kind else {
            panic!("a list");
        };
        assert_eq!((entries[0].value.line, entries[0].value.column), (1, 4));
        assert_eq!((entries[1].line, entries[1].column), (2, 1));
        assert_eq!((items[1].line, items[1].column), (2, 9));
    }

    #[test]
    fn what_is_no_document_says_where_and_why() {
        for (source, line, message) in [
            ("a: 1\nb: ]", 2, "misplaced bracket"),
            ("a: *nothing", 1, "unknown anchor"),
            (
                "a: &x [*x]",
                1,
                "an alias stands inside the value that it names",
            ),
            ("a: 1\n? [b]\n: 1\n", 2, "a key must be text"),
            ("a: 1\nb: {<<: 1}", 2, "`<<` takes a mapping"),
            ("a:\n  - *\n", 2, "such as `\"*\"`"),
            ("a: b: c\n", 1, "contains `: ` needs quotes"),
            (&"[".repeat(65), 1, "more than 64 deep"),
        ] {
            let error = parsed(source, "").err().unwrap();
            assert_eq!(error.line, line, "{source}: {error:?}");
            let help = crate::syntax::help(&error.message);
            let said = format!("{} {}", error.message, help.unwrap_or_default());
            assert!(said.contains(message), "{source}: {error:?}");
        }
    }

    #[test]
    fn bombs_are_refused() {
        let nine = |name: &str| vec![format!("*{name}"); 9].join(",");
        let chain = ["a", "b", "c", "d", "e", "f", "g"];
        let laughs = lines(6, |i| {
            format!("{}: &{} [{}]", chain[i + 1], chain[i + 1], nine(chain[i]))
        });
        let laughs = format!("a: &a [x,x,x,x,x,x,x,x,x]\n{laughs}");
        let ladder = lines(9999, |i| format!("- &a{} [*a{i}]", i + 1));
        let long = format!("A={}\n", "x".repeat(60_000));
        for (source, values, message) in [
            (laughs, "", "grows too large"),
            (format!("- &a0 []\n{ladder}"), "", "64 deep"),
            ("- ${A}\n".repeat(1000), &*long, "grows too large"),
            ("- \n".repeat(150_000), "", "grows too large"),
        ] {
            let error = parsed(&source, values).err().unwrap();
            assert!(error.message.contains(message), "{error:?}");
        }
    }

    #[test]
    fn only_the_first_document_is_read() {
        let document = parsed("a: 1\n---\nb: 1\n", "").unwrap();
        assert_eq!(compact(&document.root.unwrap()), "{a:1}");
        assert_eq!(document.more_at, Some((2, 1)));
        for none in [
            "a: 1\n...\n",
            "a: 1\n---\n",
            "a: 1\n---\n# nothing\n---\nnull\n",
        ] {
            assert_eq!(parsed(none, "").unwrap().more_at, None, "{none}");
        }
        for unreadable in ["a: 1\n---\n[", "a: 1\n---\n\n--- b\n"] {
            let more_at = parsed(unreadable, "").unwrap().more_at;
            assert!(more_at.is_some(), "{unreadable}");
        }
    }
}
