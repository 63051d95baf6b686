//! Lists and mappings under construction.

use crate::node::{Entry, Node, NodeKind};
use crate::syntax::SyntaxError;

/// A finished node with the bounds it uses up each time it is repeated.
#[derive(Clone)]
pub struct Built {
    pub node: Node,
    pub weight: usize,
    pub depth: usize,
}

/// A list or mapping whose end has not come yet.
pub struct Frame {
    pub anchor: usize,
    pub line: usize,
    pub column: usize,
    pub open: Open,
    /// Its own weight and that of all in it.
    pub weight: usize,
    /// How deep the deepest in it is.
    pub depth: usize,
}

pub enum Open {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        /// The key whose value has not come yet.
        key: Option<Node>,
    },
}

impl Frame {
    /// Takes an item, a key, or the value of the last key.
    pub fn push(&mut self, built: Built) -> Result<(), SyntaxError> {
        self.weight = self.weight.saturating_add(built.weight);
        self.depth = self.depth.max(built.depth);
        match &mut self.open {
            Open::Sequence(items) => items.push(built.node),
            Open::Mapping { entries, key } => match key.take() {
                None => *key = Some(built.node),
                Some(key) => entries.push(entry(key, built.node)?),
            },
        }
        Ok(())
    }

    /// `path` and the place in this list or mapping that the next value takes.
    pub fn path(&self, path: &str) -> String {
        match &self.open {
            Open::Sequence(items) => format!("{path}[{}]", items.len()),
            Open::Mapping { key: None, .. } => path.to_owned(),
            Open::Mapping { key: Some(key), .. } => match &key.kind {
                NodeKind::Scalar(key) if path.is_empty() => key.shown(),
                NodeKind::Scalar(key) => format!("{path}.{}", key.shown()),
                _ => path.to_owned(),
            },
        }
    }
}

fn entry(key: Node, value: Node) -> Result<Entry, SyntaxError> {
    let Node { line, column, kind } = key;
    match kind {
        NodeKind::Scalar(key) => Ok(Entry {
            key,
            line,
            column,
            value,
        }),
        _ => Err(SyntaxError {
            line,
            column,
            message: "a key must be text, not a list or a mapping".to_owned(),
        }),
    }
}
