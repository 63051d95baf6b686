//! Where in a document a value stands: its node and its path.

use super::node::{Entry, Kind, Node, Scalar};

/// A node and the path it has in the document.
#[derive(Clone)]
pub(super) struct Place<'a> {
    pub path: String,
    pub node: &'a Node,
}

impl<'a> Place<'a> {
    pub(super) fn top(node: &'a Node) -> Self {
        Self {
            path: String::new(),
            node,
        }
    }

    /// The value of an entry.
    pub(super) fn child(&self, entry: &'a Entry) -> Self {
        let key = entry.key.shown();
        let path = if self.path.is_empty() {
            key
        } else {
            format!("{}.{key}", self.path)
        };
        Self {
            path,
            node: &entry.value,
        }
    }

    pub(super) fn scalar(&self) -> Option<&'a Scalar> {
        match &self.node.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &'a [Entry] {
        match &self.node.kind {
            Kind::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list, each with its number from 0.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        let Kind::Sequence(items) = &self.node.kind else {
            return None;
        };
        let place = |(index, node)| Self {
            path: format!("{}[{index}]", self.path),
            node,
        };
        Some(items.iter().enumerate().map(place).collect())
    }
}

/// The values of a mapping, by key. A value that is nothing counts as absent.
pub(super) struct Fields<'a> {
    pub place: Place<'a>,
}

impl<'a> Fields<'a> {
    /// The value as it is written, also where that is nothing.
    pub(super) fn written(&self, key: &str) -> Option<Place<'a>> {
        let Kind::Mapping(entries) = &self.place.node.kind else {
            return None;
        };
        let entry = entries.iter().find(|entry| entry.key.text == key)?;
        Some(self.place.child(entry))
    }

    pub(super) fn get(&self, key: &str) -> Option<Place<'a>> {
        self.written(key).filter(|place| !place.node.is_null())
    }
}
