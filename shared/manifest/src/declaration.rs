//! `environment:` of convox.yml -> what a Service declares. Source: `convox/rack:pkg/manifest/yaml.go`, `environment.go`.

use std::collections::BTreeMap;
use std::fmt;

use yaml::{Entry, NodeKind, Place, Reader, Type};

/// One entry of an `environment:` list.
#[derive(Clone, PartialEq, Eq)]
pub enum Declaration {
    /// `*`: all variables of the environment.
    All,
    /// `KEY`: the environment must have it.
    Required(String),
    /// `KEY=value`: the value where the environment has none.
    Default {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
    },
}

impl Declaration {
    /// The name, `*` for all.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::All => "*",
            Self::Required(name) | Self::Default { name, .. } => name,
        }
    }
}

impl fmt::Debug for Declaration {
    /// The kind only: convox.yml can interpolate a secret into a name as well as into a value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "All",
            Self::Required(_) => "Required(..)",
            Self::Default { .. } => "Default(..)",
        })
    }
}

/// A list of declarations, and what a message calls a required name that was interpolated.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Declarations {
    pub list: Vec<Declaration>,
    pub shown: BTreeMap<String, String>,
}

impl Declarations {
    /// How much of memory a copy takes, about.
    pub(super) fn weight(&self) -> usize {
        let texts = self.list.iter().map(|declaration| match declaration {
            Declaration::Default { name, value } => name.len() + value.len(),
            declared => declared.name().len(),
        });
        texts.map(|length| length + size_of::<Declaration>()).sum()
    }

    /// These, then `own`.
    pub(super) fn followed_by(&self, own: Self) -> Self {
        let mut all = self.clone();
        all.list.extend(own.list);
        all.shown.extend(own.shown);
        all
    }

    fn read(&mut self, reader: &mut Reader<'_>, item: &Place<'_>) {
        let Some(scalar) = item
            .scalar()
            .filter(|scalar| scalar.yaml_type() == Type::Text)
        else {
            return dropped(reader, item);
        };
        let text = &scalar.text;
        let declaration = match text.split_once('=') {
            None if text == "*" => Declaration::All,
            None => Declaration::Required(text.clone()),
            Some((name, value)) => Declaration::Default {
                name: name.to_owned(),
                value: value.to_owned(),
            },
        };
        if declaration.name().is_empty() {
            let message = format!(
                "`{}` is ignored: it has no name, write `NAME` or `NAME=value`",
                item.path
            );
            return reader.warn(item.node.line, &message);
        }
        if scalar.is_interpolated() {
            self.shown
                .insert(declaration.name().to_owned(), scalar.shown());
        }
        self.list.push(declaration);
    }
}

/// Reads an `environment:` list; a list in it is flattened one level.
pub(super) fn read(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> Declarations {
    let mut declarations = Declarations::default();
    let Some(place) = place else {
        return declarations;
    };
    let Some(items) = place.items() else {
        let message = format!("is {}", place.node.shown());
        let help = format!("use a list, {}", list_form(&place));
        reader.problem_with_help(&place, message, help);
        return declarations;
    };
    for item in items {
        match item.items() {
            Some(nested) => nested
                .iter()
                .for_each(|item| declarations.read(reader, item)),
            None => declarations.read(reader, &item),
        }
    }
    declarations
}

/// How the first entry of a mapping is written in a list.
fn list_form(place: &Place<'_>) -> String {
    let name = match &place.node.kind {
        NodeKind::Mapping(entries) => entries.first().map(|entry| entry.key.shown()),
        _ => None,
    };
    format!("`- {}=value`", name.unwrap_or_else(|| "NAME".to_owned()))
}

/// An item that Convox drops without a word.
fn dropped(reader: &mut Reader<'_>, item: &Place<'_>) {
    let meant = match &item.node.kind {
        NodeKind::Mapping(entries) => match entries.as_slice() {
            [Entry { key, value, .. }] if value.is_null() => format!("write `- {}=`", key.shown()),
            [Entry { key, value, .. }] => match &value.kind {
                NodeKind::Scalar(value) => format!("write `- {}={}`", key.shown(), value.shown()),
                _ => format!("{} is probably meant", list_form(item)),
            },
            _ => "write one `- NAME=value` for each".to_owned(),
        },
        NodeKind::Sequence(_) => "lists are flattened one level only".to_owned(),
        NodeKind::Scalar(_) if item.node.is_null() => "write `NAME` or `NAME=value`".to_owned(),
        NodeKind::Scalar(_) => "put it in quotes if it is a name".to_owned(),
    };
    let (path, shown) = (&item.path, item.node.shown());
    reader.warn(
        item.node.line,
        &format!("`{path}` is {shown} and is ignored: {meant}"),
    );
}
