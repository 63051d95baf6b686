//! Where in a document a value stands: its node and its path.

use crate::node::{Entry, Node, NodeKind, Scalar};

/// A node and the path it has in the document.
#[derive(Clone)]
pub struct Place<'a> {
    /// Where in the document, such as `services.web.port`; empty for the document itself.
    pub path: String,
    /// What stands there.
    pub node: &'a Node,
}

impl<'a> Place<'a> {
    /// The whole document.
    #[must_use]
    pub fn top(node: &'a Node) -> Self {
        Self {
            path: String::new(),
            node,
        }
    }

    /// The value of an entry.
    #[must_use]
    pub fn child(&self, entry: &'a Entry) -> Self {
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

    /// What a path such as `services.web.domain[0]` names below this place, or the nearest that stands above it.
    #[must_use]
    pub fn nearest(self, path: &str) -> Self {
        let is_on_the_way = |child: &Self| {
            let rest = path.strip_prefix(&child.path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let named = self.entries().iter().map(|entry| self.child(entry));
        let children: Vec<Self> = named.chain(self.items().unwrap_or_default()).collect();
        match children.into_iter().find(is_on_the_way) {
            Some(child) => child.nearest(path),
            None => self,
        }
    }

    /// The text, number or boolean that stands there, if it is one.
    #[must_use]
    pub fn scalar(&self) -> Option<&'a Scalar> {
        match &self.node.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The entries of a mapping; none for anything else.
    #[must_use]
    pub fn entries(&self) -> &'a [Entry] {
        match &self.node.kind {
            NodeKind::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list, each with its number from 0.
    #[must_use]
    pub fn items(&self) -> Option<Vec<Self>> {
        let NodeKind::Sequence(items) = &self.node.kind else {
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
pub struct Fields<'a> {
    /// The mapping.
    pub place: Place<'a>,
}

impl<'a> Fields<'a> {
    /// The value as it is written, also where that is nothing.
    #[must_use]
    pub fn written(&self, key: &str) -> Option<Place<'a>> {
        let NodeKind::Mapping(entries) = &self.place.node.kind else {
            return None;
        };
        let entry = entries.iter().find(|entry| entry.key.text == key)?;
        Some(self.place.child(entry))
    }

    /// The value of a key that says something.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Place<'a>> {
        self.written(key).filter(|place| !place.node.is_null())
    }
}
