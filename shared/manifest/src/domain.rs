//! `domain` of a Service. Source: `convox/rack:pkg/manifest/yaml.go` (`ServiceDomains`).

use yaml::{Place, Reader};

/// A text with commas, or a list. An item that interpolates to nothing is left out with a warning; Convox refuses it.
pub(super) fn read(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> Vec<String> {
    let Some(place) = place else {
        return Vec::new();
    };
    if let Some(scalar) = place.scalar() {
        let names = scalar.text.split(',').map(str::trim);
        return names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
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
            Some(scalar) => domains.push(scalar.text.trim().to_owned()),
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
            assert_eq!(got, want, "{domain}");
        }
        let (service, warnings) = web("{domain: [a, ~]}", "");
        assert_eq!(service.domains, ["a"]);
        assert!(
            warnings[0].contains("`services.web.domain[1]` is `~` and is left out"),
            "{warnings:?}"
        );
    }
}
