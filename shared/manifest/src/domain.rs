//! `domain` of a Service. Source: `convox/rack:pkg/manifest/yaml.go` (`ServiceDomains`).

use yaml::{Place, Reader, Scalar};

/// A name under which a Service is to be reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Domain {
    /// The name.
    pub name: String,
    /// What a message may show of it: `${NAME}` in place.
    pub shown: String,
}

impl Domain {
    fn of(name: &str, scalar: &Scalar) -> Self {
        let shown = if scalar.is_interpolated() {
            scalar.shown()
        } else {
            name.to_owned()
        };
        Self {
            name: name.to_owned(),
            shown,
        }
    }
}

/// A text with commas, or a list. An item that interpolates to nothing is left out with a warning; Convox refuses it.
pub(super) fn read(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> Vec<Domain> {
    let Some(place) = place else {
        return Vec::new();
    };
    if let Some(scalar) = place.scalar() {
        let names = scalar.text.split(',').map(str::trim);
        return names
            .filter(|name| !name.is_empty())
            .map(|name| Domain::of(name, scalar))
            .collect();
    }
    let Some(items) = place.items() else {
        reader.wrong(&place, "a domain, several with commas, or a list");
        return Vec::new();
    };
    let mut domains = Vec::new();
    for item in &items {
        match item.scalar() {
            Some(_) if item.node.is_null() => {
                let (path, shown) = (&item.path, item.node.shown());
                reader.warn(
                    item.node.line,
                    &format!("`{path}` is {shown} and is left out"),
                );
            }
            Some(scalar) if scalar.text.trim().is_empty() => {}
            Some(scalar) => domains.push(Domain::of(scalar.text.trim(), scalar)),
            None => reader.wrong(item, "a domain"),
        }
    }
    domains
}

#[cfg(test)]
mod tests {
    use super::super::tests::web;

    #[test]
    fn domains_are_a_text_with_commas_or_a_list() {
        for (domain, want) in [
            ("a.example.org", &["a.example.org"][..]),
            (
                "'a.example.org, b.example.org ,'",
                &["a.example.org", "b.example.org"],
            ),
            (
                "[' a.example.org', '*.example.org', '']",
                &["a.example.org", "*.example.org"],
            ),
            ("'${NOT_SET}'", &[]),
            ("['${A}', 'x']", &["on", "x"]),
        ] {
            let got = web(&format!("{{domain: {domain}}}"), "A=on\n").0.domains;
            let got: Vec<&str> = got.iter().map(|domain| domain.name.as_str()).collect();
            assert_eq!(got, want, "{domain}");
        }
        let shown = web("{domain: 'x.example.org,${A}.example.org'}", "A=on\n")
            .0
            .domains;
        assert_eq!(shown[1].name, "on.example.org");
        assert!(shown.iter().all(|it| it.shown.contains("${A}")));
        let (service, warnings) = web("{domain: [a, ~]}", "");
        assert_eq!(service.domains[0].name, "a");
        assert!(
            warnings[0].contains("`services.web.domain[1]` is `~` and is left out"),
            "{warnings:?}"
        );
    }
}
