//! `resources:` of convox.yml. Source: `convox/rack:pkg/manifest/resource.go`, `validate.go`.

use std::collections::BTreeMap;
use std::fmt;

use yaml::{Entry, Place, PlacedText, Reader};

const TYPES: &str = "such as `postgres`, `redis` or `efs`";

/// A database, a cache or a file system that Services use.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its name. Convox checks nothing here.
    pub name: String,
    /// What a message may call it: `${NAME}` in place.
    pub shown: String,
    /// The line of its name.
    pub line: usize,
    /// The column of its name.
    pub column: usize,
    /// `type`: `postgres`, `mysql`, `mariadb`, `redis`, `valkey`, `memcached`, `efs`; the loader takes any.
    pub resource_type: PlacedText,
    /// `options`: any key. A value is the text that Convox makes of it: `8.0` is `8`, `0777` is `511`, `yes` is
    /// `true`, nothing is empty; what stands in quotes stays as it is.
    pub options: BTreeMap<String, PlacedText>,
    /// `tags`, the same way.
    pub tags: BTreeMap<String, PlacedText>,
}

impl fmt::Debug for Resource {
    /// Its name as it may be shown, and its type no more: convox.yml can interpolate secrets into all the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("name", &self.shown)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// Reads one resource. `None` only with a problem noted.
pub(super) fn read(reader: &mut Reader<'_>, place: &Place<'_>, entry: &Entry) -> Option<Resource> {
    let fields = reader.fields(place, &["options", "tags", "type"]);
    let options = reader.placed_texts(fields.get("options"));
    let tags = reader.placed_texts(fields.get("tags"));
    let resource_type = resource_type(reader, place);
    if resource_type.is_none() {
        let at = (entry.line, entry.column);
        reader.lacks(&fields, at, "type", format!("say what it is, {TYPES}"));
    }
    Some(Resource {
        name: entry.key.text.clone(),
        shown: entry.key.shown(),
        line: entry.line,
        column: entry.column,
        resource_type: resource_type?,
        options,
        tags,
    })
}

fn resource_type(reader: &mut Reader<'_>, place: &Place<'_>) -> Option<PlacedText> {
    let entry = place
        .entries()
        .iter()
        .find(|entry| entry.key.text == "type")?;
    let value = place.child(entry);
    let text = reader.text(&value)?;
    let written = value.scalar().filter(|_| !text.trim().is_empty())?;
    Some(PlacedText::new(&value, entry, written))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{loaded, refused};

    #[test]
    fn options_become_the_text_that_convox_makes_of_them() {
        for (value, want) in [
            ("8.0", "8"),
            ("'8.0'", "8.0"),
            ("9.60", "9.6"),
            ("10.4.1", "10.4.1"),
            ("14", "14"),
            ("0777", "511"),
            ("'0777'", "0777"),
            ("0x1F", "31"),
            ("1_000", "1000"),
            ("1000000.0", "1e+06"),
            ("0.00001", "1e-05"),
            ("1e3", "1000"),
            ("-0.5", "-0.5"),
            ("yes", "true"),
            ("off", "false"),
            ("'yes'", "yes"),
            ("~", ""),
            ("", ""),
            ("db.t3.micro", "db.t3.micro"),
            ("${V}", "13"),
            ("'${V}'", "13.0"),
        ] {
            let text = format!("resources: {{db: {{type: postgres, options: {{a: {value}}}}}}}");
            assert_eq!(
                loaded(&text, "V=13.0\n").resources[0].options["a"].value,
                want,
                "{value}"
            );
        }
    }

    #[test]
    fn a_resource_has_a_type_options_and_tags() {
        let text = "resources:\n  db:\n    type: postgres\n    options: {class: db.t3.micro}\n    tags: {Team: 1.0}\n";
        let resource = loaded(text, "").resources[0].clone();
        assert_eq!(
            (
                resource.name.as_str(),
                resource.resource_type.value.as_str()
            ),
            ("db", "postgres")
        );
        assert_eq!(
            (resource.line, resource.tags["Team"].value.as_str()),
            (2, "1")
        );
        assert_eq!(resource.options["class"].value, "db.t3.micro");
        let unset = refused("resources: {db: {type: '${NOT_SET}'}}", "");
        let want = "`resources.db.type` is `${NOT_SET}`, which is empty: set the variable";
        assert!(unset.contains(want), "{unset}");
        for body in ["", "{}", "{type: }", "{type: ' '}"] {
            let error = refused(&format!("resources: {{db: {body}}}"), "");
            assert!(
                error.contains("`resources.db` has no `type`"),
                "{body}: {error}"
            );
        }
        for (body, want) in [
            ("{type: [a]}", "`resources.db.type` is a list: use a text"),
            (
                "{type: a, options: [b]}",
                "`resources.db.options` is a list: use a mapping",
            ),
            (
                "{type: a, options: {b: [c]}}",
                "`resources.db.options.b` is a list: use a text",
            ),
        ] {
            let error = refused(&format!("resources: {{db: {body}}}"), "");
            assert!(error.contains(want), "{body}: {error}");
        }
    }
}
