//! `allow_cidr` of a listener. Source: `convox/rack:pkg/manifest/validate.go`.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use yaml::{Place, Reader};

const NETWORK: &str = "an IPv4 network such as `10.0.0.0/8`";

/// Reads a list of IPv4 networks, each once and in its shortest form.
pub(super) fn read(reader: &mut Reader<'_>, place: Option<Place<'_>>) -> Vec<String> {
    let Some(place) = place else {
        return Vec::new();
    };
    let Some(items) = place.items() else {
        reader.wrong(&place, &format!("a list of networks, each {NETWORK}"));
        return Vec::new();
    };
    let mut networks = Vec::new();
    let mut seen = BTreeSet::new();
    for item in &items {
        let text = item.scalar().map(|scalar| scalar.text.trim());
        match text.and_then(parse) {
            None => reader.wrong(item, NETWORK),
            Some(canonical) if Some(canonical.as_str()) != text => {
                reader.wrong(
                    item,
                    "the network's own address, with no bit set behind the prefix",
                );
            }
            Some(canonical) if !seen.insert(canonical.clone()) => {
                reader.problem(item, "stands there twice");
            }
            Some(canonical) => networks.push(canonical),
        }
    }
    networks
}

/// The network in its canonical form.
fn parse(text: &str) -> Option<String> {
    let (address, length) = text.split_once('/')?;
    let address: Ipv4Addr = address.parse().ok()?;
    let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    let network = Ipv4Addr::from(u32::from(address) & mask);
    Some(format!("{network}/{length}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refused, web};

    #[test]
    fn networks_are_canonical_ipv4_and_there_once() {
        for (cidr, want) in [
            ("10.0.0.0/8", None),
            ("0.0.0.0/0", None),
            ("192.168.1.1/32", None),
            ("10.0.0.1/8", Some("with no bit set behind the prefix")),
            ("10.0.0.0/08", Some("with no bit set")),
            ("10.0.0.0", Some("use an IPv4 network")),
            ("10.0.0.0/33", Some("use an IPv4 network")),
            ("10.0.0/8", Some("use an IPv4 network")),
            ("fd00::/8", Some("use an IPv4 network")),
            (
                "1.1.1.1/32, 1.1.1.1/32",
                Some("allow_cidr[1]` stands there twice"),
            ),
        ] {
            let body = format!(
                "{{nlb: [{{port: 1, allow_cidr: [{}]}}]}}",
                cidr.replace("fd00::/8", "'fd00::/8'")
            );
            match want {
                None => assert_eq!(web(&body, "").0.nlb[0].allow_cidr, [cidr]),
                Some(want) => {
                    let error = refused(&format!("services: {{web: {body}}}"), "");
                    assert!(error.contains(want), "{cidr}: {error}");
                }
            }
        }
    }
}
